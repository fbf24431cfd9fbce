//! Fits, gravities and boxes on five aspects (IMG-9).

use std::rc::Rc;

use turbojpeg::Subsamp;

use super::super::sources::{jpeg, png};
use super::compare::strayed_by;
use super::sheet::{Cell, Row, Sheet, frames};
use super::targets::target;
use super::work;

pub(super) const ASPECTS: [(&str, (u32, u32)); 5] =
    [("3:2", (96, 64)), ("2:3", (64, 96)), ("1:1", (72, 72)), ("10:1", (200, 20)), ("1:10", (20, 200))];

const GRAVITIES: [&str; 13] = [
    "g_center",
    "g_n",
    "g_ne",
    "g_e",
    "g_se",
    "g_s",
    "g_sw",
    "g_w",
    "g_nw",
    "g_fp:0:0",
    "g_fp:0.3:0.3",
    "g_fp:1:0.8",
    "g_smart",
];

/// Every fit, as it is written after a box.
pub(super) const FITS: [&str; 5] = ["", ",fit_cover", ",fit_fill", ",fit_pad,bg_336699", ",fit_outside"];

/// Square, wide, tall, and of no aspect that a source has.
const BOXES: [&str; 4] = ["w_48,h_48", "w_60,h_30", "w_30,h_60", "w_47,h_31"];

/// What covers these is no larger than a cell.
const COVERED_BOXES: [&str; 3] = ["w_12,h_12", "w_12,h_6", "w_6,h_12"];

/// Every fit with a square, a wide and a tall box, as they are on the sheets here.
pub(super) fn fits_and_boxes() -> Vec<(&'static str, &'static str)> {
    let boxes = |fit| if fit == ",fit_outside" { &COVERED_BOXES[..] } else { &BOXES[..3] };
    FITS.iter().flat_map(|fit| boxes(*fit).iter().map(|sides| (*fit, *sides))).collect()
}

pub(super) fn sheets() -> Vec<Sheet> {
    vec![boxes(), outside(), small(), gravities()]
}

fn boxes() -> Sheet {
    let contain = BOXES.into_iter().chain(["w_24,h_24,dpr_2", "w_6", "h_6"]).map(str::to_owned);
    let others = FITS[1..4].iter().flat_map(|fit| BOXES.map(|sides| format!("{sides}{fit}")));
    Sheet {
        name: "fits",
        about: "Every fit in boxes of several aspects. Only `fit_fill` may bend the ring; only `fit_cover` may cut the frame. \
                What is smaller than the box is not enlarged: `cover` and `fill` then keep the box's aspect.",
        cell: (64, 64),
        columns: aspects(),
        rows: contain.chain(others).map(|operations| row(&operations, &sources(1))).collect(),
    }
}

fn outside() -> Sheet {
    let large = COVERED_BOXES.map(|sides| row(&format!("{sides},fit_outside"), &sources(1)));
    let small = ["w_10,h_8,fit_outside", "w_10,h_8,fit_outside,up_1"].map(|operations| row(operations, &sources(10)));
    Sheet {
        name: "outside",
        about: "`fit_outside`: the smallest picture of the source's aspect that covers the box. The last two rows are of sources \
                a tenth as large, without and with `up_1`.",
        cell: (128, 128),
        columns: aspects(),
        rows: large.into_iter().chain(small).collect(),
    }
}

fn small() -> Sheet {
    let sources = sources(4);
    let row = |operations: String| row(&operations, &sources);
    Sheet {
        name: "enlarged",
        about: "Sources a quarter as large, without and with `up_1`.",
        cell: (64, 64),
        columns: aspects(),
        rows: FITS[..4]
            .iter()
            .flat_map(|fit| [format!("w_60,h_48{fit}"), format!("w_60,h_48,up_1{fit}")])
            .map(row)
            .collect(),
    }
}

fn gravities() -> Sheet {
    let sources = sources(1);
    let fits = ["w_32,h_32,fit_cover", "w_32,h_32,fit_pad"];
    let columns = fits.iter().flat_map(|fit| ASPECTS.map(|(name, _)| format!("{name} `{fit}`"))).collect();
    let row = |gravity: &str| {
        let cells =
            fits.iter().flat_map(|fit| sources.iter().map(move |source| Cell::new(source, format!("{fit},{gravity}"))));
        Row { name: format!("`{gravity}`"), cells: cells.collect() }
    };
    Sheet {
        name: "gravities",
        about: "What `fit_cover` keeps and where `fit_pad` puts the picture. The dark frame shows which edge was kept.",
        cell: (32, 32),
        columns,
        rows: GRAVITIES.into_iter().map(row).collect(),
    }
}

fn aspects() -> Vec<String> {
    ASPECTS.map(|(name, (width, height))| format!("{name} ({width}x{height})")).to_vec()
}

fn sources(smaller: u32) -> Vec<Rc<Vec<u8>>> {
    ASPECTS.map(|(_, (width, height))| Rc::new(png(&target(width / smaller, height / smaller)))).to_vec()
}

fn row(operations: &str, sources: &[Rc<Vec<u8>>]) -> Row {
    Row { name: format!("`{operations}`"), cells: sources.iter().map(|source| Cell::new(source, operations)).collect() }
}

#[test]
fn img9_the_planar_road_draws_the_same() {
    for sheet in [boxes(), outside(), small()] {
        for row in &sheet.rows {
            for (cell, (aspect, _)) in row.cells.iter().zip(ASPECTS) {
                let source = jpeg(&super::super::open_bytes(&cell.source), Subsamp::None);
                let operations = format!("{},q_100", cell.operations);
                let drawn = |frames: &[image::RgbaImage]| sheet.drawn(frames, &operations);
                let planar = drawn(&frames(&work(&source, None, &operations).unwrap()));
                let why = strayed_by(&drawn(&frames(&cell.made())), &planar, 14.0, 36.0);
                assert_eq!(why, None, "{} {aspect}", row.name);
            }
        }
    }
}

#[test]
fn img9_gravity_moves_nothing_where_nothing_is_cut_or_padded() {
    for source in sources(1) {
        for fit in ["fit_contain", "fit_fill", "fit_outside"] {
            let made = |gravity: &str| work(&source, None, &format!("w_24,h_12,{fit},{gravity}")).unwrap();
            assert!(GRAVITIES.iter().all(|gravity| made(gravity) == made("g_center")), "{fit}");
        }
    }
}
