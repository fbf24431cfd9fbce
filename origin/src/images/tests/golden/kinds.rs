//! Kinds of sources through operations that take each road: as they come, cut, turned, by planes and by pixels.
//!
//! All cells of a kind must look like those that a plain PNG of its picture gives: the kept sheets are not only the same
//! as yesterday but right. `product.rs` holds every kind to that in every aspect through every fit.

use std::rc::Rc;

use image::DynamicImage;

use super::super::super::geometry::Size;
use super::super::super::picture::Channels;
use super::super::sources::png;
use super::compare::strayed_by;
use super::families::{Kind, jpegs, pngs_and_gifs, webps_and_avifs};
use super::sheet::{Cell, Row, Sheet, frames, of};

/// As it comes and at the usual quality; cut and turned; by planes and by pixels, where there is a choice.
const OPERATIONS: [&str; 4] = ["w_40", "w_40,h_40,fit_cover,f_png", "crop_20:12:40:36,q_95", "rot_90,w_24,f_webp,q_95"];

const SIZE: Size = Size { width: 96, height: 64 };

pub(super) fn sheets() -> Vec<Sheet> {
    let sheet = |name, about, kinds: Vec<Kind>| {
        let row = |kind: Kind| Row {
            name: kind.name,
            cells: OPERATIONS.map(|operations| Cell::new(&kind.source, operations)).to_vec(),
        };
        let columns = OPERATIONS.map(str::to_owned).to_vec();
        Sheet { name, about, cell: (40, 40), columns, rows: kinds.into_iter().map(row).collect() }
    };
    vec![
        sheet(
            "kinds-jpeg",
            "JPEG of every coding and orientation. All rows are upright and alike; the grey one is grey.",
            jpegs(SIZE),
        ),
        sheet(
            "kinds-png-gif",
            "PNG and GIF of every coding. Rows of a name without alpha or grey are alike.",
            pngs_and_gifs(SIZE),
        ),
        sheet(
            "kinds-webp-avif",
            "WebP and AVIF of every coding and orientation. All rows are upright and alike.",
            webps_and_avifs(SIZE),
        ),
    ]
}

#[test]
fn img1_img2_img3_img4_every_kind_shows_the_picture_that_it_is() {
    let paper = &sheets()[0];
    for Kind { name, source, picture, .. } in
        [jpegs(SIZE), pngs_and_gifs(SIZE), webps_and_avifs(SIZE)].into_iter().flatten()
    {
        let plain = Rc::new(png(&picture));
        // At the usual quality, what the encoder does to this target's edges would hide what the decoder did.
        for operations in ["w_40,q_95"].iter().chain(&OPERATIONS[1..]) {
            let drawn = |source| paper.drawn(&frames(&Cell::new(source, *operations).made()), operations);
            let why = strayed_by(&drawn(&plain), &drawn(&source), 12.0, 32.0);
            assert_eq!(why, None, "{name}, {operations}");
        }
        if picture.channels == Channels::Rgba {
            continue;
        }
        // And the plain one is right: the whole picture, in its own colours.
        let expected = DynamicImage::from(of(picture)).resize_exact(36, 24, image::imageops::FilterType::Triangle);
        let shown = frames(&Cell::new(&plain, "w_36,f_png").made());
        let drawn = |frame| paper.drawn(&[frame], &name);
        assert_eq!(strayed_by(&drawn(expected.into_rgba8()), &drawn(shown[0].clone()), 8.0, 60.0), None, "{name}");
    }
}
