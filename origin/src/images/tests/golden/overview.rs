//! The product on sheets that a person can look over: every kind by every fit of every aspect, in small.

use super::super::super::geometry::Size;
use super::families::{Kind, jpegs, pngs_and_gifs, webps_and_avifs};
use super::fits::{ASPECTS, FITS};
use super::moving_kinds::{Moving, moving};
use super::sheet::{Cell, FRAME_GAP_PIXELS, Row, Sheet};

/// For each of the aspects a box of another, and one that `fit_outside` covers within a cell.
const BOXES: [(&str, &str); ASPECTS.len()] = [
    ("w_20,h_20", "w_12,h_12"),
    ("w_20,h_10", "w_12,h_6"),
    ("w_10,h_20", "w_9,h_18"),
    ("w_20,h_10", "w_10,h_2"),
    ("w_20,h_20", "w_2,h_2"),
];

/// Width and height of a cell that holds any result here.
const CELL: (u32, u32) = (20, 20);

pub(super) fn sheets() -> Vec<Sheet> {
    vec![
        overview(
            "product-jpeg",
            "Every JPEG by every fit of every aspect. In a column all are alike but for the grey one.",
            jpegs,
            ",q_95",
        ),
        overview(
            "product-png-gif",
            "Every PNG and GIF by every fit of every aspect. In a column all of a name without alpha, grey or 1 bit are alike.",
            pngs_and_gifs,
            ",f_png",
        ),
        overview(
            "product-webp-avif",
            "Every WebP and AVIF by every fit of every aspect. In a column all of a name without alpha are alike.",
            webps_and_avifs,
            ",f_png",
        ),
        animations(),
    ]
}

/// `ending` is of the operations.
fn overview(name: &'static str, about: &'static str, family: fn(Size) -> Vec<Kind>, ending: &str) -> Sheet {
    let by_aspect = ASPECTS.map(|(_, (width, height))| family(Size { width, height }));
    let row = |index: usize| {
        let cells = FITS.iter().flat_map(|fit| {
            let cell = |aspect: usize| {
                Cell::new(&by_aspect[aspect][index].source, format!("{}{fit}{ending}", sides(fit, aspect)))
            };
            (0..ASPECTS.len()).map(cell).collect::<Vec<_>>()
        });
        Row { name: by_aspect[0][index].name.clone(), cells: cells.collect() }
    };
    Sheet {
        name,
        about,
        cell: CELL,
        columns: FITS.iter().flat_map(|_| ASPECTS.map(|(aspect, _)| aspect.to_owned())).collect(),
        rows: (0..by_aspect[0].len()).map(row).collect(),
    }
}

fn animations() -> Sheet {
    let row = |aspect: usize, Moving { name, source, format, .. }: Moving| {
        let operations = |fit: &&str| format!("{}{fit}{format}", sides(fit, aspect));
        Row {
            name: format!("{} {name}", ASPECTS[aspect].0),
            cells: FITS.iter().map(|fit| Cell::new(&source, operations(fit))).collect(),
        }
    };
    let rows = (0..ASPECTS.len()).flat_map(|aspect| {
        let (width, height) = ASPECTS[aspect].1;
        moving(Size { width, height }).into_iter().map(move |animation| row(aspect, animation)).collect::<Vec<_>>()
    });
    Sheet {
        name: "product-animations",
        about: "Every animation by every fit of every aspect. The second frame has the right half upside down, the third also the \
                lower half mirrored.",
        cell: (3 * CELL.0 + 2 * FRAME_GAP_PIXELS, CELL.1),
        columns: FITS.map(|fit| if fit.is_empty() { "contain".to_owned() } else { fit[1..].to_owned() }).to_vec(),
        rows: rows.collect(),
    }
}

fn sides(fit: &str, aspect: usize) -> &'static str {
    let (others, outside) = BOXES[aspect];
    if fit == ",fit_outside" { outside } else { others }
}
