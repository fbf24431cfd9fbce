//! Animations, all frames of them.

use std::rc::Rc;

use super::super::moving::{lively_gif, lively_webp};
use super::sheet::{Cell, Row, Sheet};

pub(super) fn sheet() -> Sheet {
    let columns = [
        "w_24",
        "w_24,f_webp",
        "w_24,f_gif",
        "w_24,h_24,fit_cover",
        "frames_3,rot_90,w_20",
        "page_5,w_24,f_png",
        "frames_1,w_24",
    ];
    let row = |name: &str, source: Vec<u8>| {
        let source = Rc::new(source);
        Row { name: name.to_owned(), cells: columns.iter().map(|operations| Cell::new(&source, *operations)).collect() }
    };
    Sheet {
        name: "animations",
        about: "Six frames with every way to dispose of one, offsets and clear parts, in GIF and in WebP.",
        cell: (160, 32),
        columns: columns.map(str::to_owned).to_vec(),
        rows: vec![row("GIF", lively_gif()), row("WebP, lossy and lossless frames", lively_webp(0))],
    }
}
