//! What the tolerance is worth: each kept cell against what a mistake would make of it, and against what it forgives.

use image::{RgbImage, imageops};

use super::compare::{extent, strayed};
use super::{open_sheet, sheets};

type Mistake = (&'static str, fn(&RgbImage) -> RgbImage, usize);

/// A mistake's name, what it makes of a result, and on which share of all results, in percent, it must be found. The
/// rest has nothing that it could change: greys, flat colours, strong blurs, results of a line.
const MISTAKES: [Mistake; 8] = [
    ("a cut that is off by a pixel", |shown| moved(shown, 1, 0), 98),
    ("a cut that is off by a line", |shown| moved(shown, 0, 1), 98),
    ("a mirror", imageops::flip_horizontal, 98),
    ("upside down", imageops::flip_vertical, 98),
    ("a half turn", imageops::rotate180, 98),
    ("a swap of red and blue", swapped, 94),
    ("a picture that is too bright", |shown| imageops::brighten(shown, 12), 98),
    ("a line less", |shown| imageops::crop_imm(shown, 0, 0, shown.width(), shown.height() - 1).to_image(), 100),
];

fn moved(shown: &RgbImage, right: u32, down: u32) -> RgbImage {
    let from = |at: u32, by: u32| at.saturating_sub(by);
    RgbImage::from_fn(shown.width(), shown.height(), |x, y| *shown.get_pixel(from(x, right), from(y, down)))
}

fn swapped(shown: &RgbImage) -> RgbImage {
    let mut swapped = shown.clone();
    swapped.pixels_mut().for_each(|pixel| pixel.0.swap(0, 2));
    swapped
}

/// A cell with what it shows replaced.
fn with(cell: &RgbImage, shown: &RgbImage) -> RgbImage {
    let mut changed = RgbImage::from_pixel(cell.width(), cell.height(), super::sheet::PAPER);
    imageops::replace(&mut changed, shown, 0, 0);
    changed
}

/// All kept cells with their names, and what each shows.
fn kept_cells() -> Vec<(String, RgbImage, RgbImage)> {
    let mut cells = Vec::new();
    for sheet in sheets() {
        let golden = open_sheet(sheet.name);
        for (row, column) in sheet.places() {
            let cell = sheet.cell_of(&golden, row, column);
            let (width, height) = extent(&cell);
            let shown = imageops::crop_imm(&cell, 0, 0, width, height).to_image();
            cells.push((format!("{} {} / {}", sheet.name, row + 1, column + 1), cell, shown));
        }
    }
    cells
}

#[test]
fn mistakes_are_found() {
    let cells = kept_cells();
    for (mistake, make, share) in MISTAKES {
        let passes =
            |(_, cell, shown): &&(String, RgbImage, RgbImage)| strayed(cell, &with(cell, &make(shown))).is_none();
        let missed: Vec<&str> = cells.iter().filter(passes).map(|(name, ..)| name.as_str()).collect();
        let found = cells.len() - missed.len();
        assert!(found * 100 >= cells.len() * share, "{mistake} is missed in {missed:?}");
    }
}

/// An encoder's next version: another error in every pixel, of the size that a step of quality makes.
#[test]
fn another_codec_is_forgiven() {
    for (name, cell, shown) in kept_cells() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i16::from(state.to_be_bytes()[0] % 9) - 4
        };
        let mut recoded = shown.clone();
        for pixel in recoded.pixels_mut() {
            pixel.0 = pixel.0.map(|level| (i16::from(level) + noise()).clamp(0, 255) as u8);
        }
        assert_eq!(strayed(&cell, &with(&cell, &recoded)), None, "{name}");
    }
}
