//! Every format that is written, of opaque pictures and of alpha, by quality.

use std::rc::Rc;

use image::Rgba;

use super::super::sources::{photo, png};
use super::compare::strayed;
use super::made_elsewhere;
use super::sheet::{Cell, Row, Sheet, frames};
use super::targets::{clear_target, target};

pub(super) fn sheets() -> Vec<Sheet> {
    let sources = [
        ("1 MP JPEG", photo("freespace-1mp.jpg"), "w_48"),
        ("12 MP JPEG", photo("sunset-12mp-progressive.jpg"), "w_48"),
        ("`q_20`", made_elsewhere("photo.jpg"), "w_48,q_20"),
        ("`q_95`", made_elsewhere("photo.jpg"), "w_48,q_95"),
        ("`q_auto`", made_elsewhere("photo.jpg"), "w_48,q_auto"),
        ("target", png(&target(96, 64)), "w_48"),
        ("alpha", png(&clear_target(96, 64)), "w_48"),
        ("alpha `q_20`", png(&clear_target(96, 64)), "w_48,q_20"),
    ]
    .map(|(name, source, operations)| (name, Rc::new(source), operations));
    let row = |format: &str| Row {
        name: format!("`f_{format}`"),
        cells: sources
            .iter()
            .map(|(_, source, operations)| Cell::new(source, format!("{operations},f_{format}")))
            .collect(),
    };
    vec![Sheet {
        name: "outputs",
        about: "Every format out, read back by another decoder (AVIF by the engine's own).",
        cell: (48, 40),
        columns: sources.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        rows: ["jpg", "png", "webp", "avif", "gif"].map(row).into(),
    }]
}

/// What the kept sheet is worth: alpha that is dropped, and alpha that is doubled, stray from it.
#[test]
fn img3_lost_alpha_is_seen() {
    let sheet = &sheets()[0];
    let column = sheet.columns.iter().position(|name| name == "alpha").unwrap();
    let golden = super::open_sheet(sheet.name);
    for (index, row) in sheet.rows.iter().enumerate().filter(|(_, row)| row.name != "`f_jpg`") {
        let shown = frames(&row.cells[column].made()).swap_remove(0);
        let kept = sheet.cell_of(&golden, index, column);
        let strays = |change: fn(u8) -> u8| {
            let mut changed = shown.clone();
            changed.pixels_mut().for_each(|Rgba([.., alpha])| *alpha = change(*alpha));
            strayed(&kept, &sheet.drawn(&[changed], &row.name)).is_some()
        };
        assert!(!strays(|alpha| alpha) && strays(|_| 255) && strays(|alpha| 255 - alpha), "{}", row.name);
        assert!(strays(|alpha| alpha.saturating_mul(2)) || row.name == "`f_gif`", "{}", row.name);
    }
}
