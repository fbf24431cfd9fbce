//! How far a cell may stray: as far as a codec's next version moves it, not as far as a mistake does.
//!
//! The size of what is drawn is exact. The mean difference of a channel over all of it is bounded, and so is that over
//! each block of 4x4 pixels, which a cut that is off by a pixel passes wherever the picture has an edge.

use image::{Rgb, RgbImage};

use super::sheet::PAPER;

/// Of 255 levels, over all that is drawn. Another version of an encoder moves a picture of a usual quality by 1 or less.
const MEAN: f64 = 3.0;

/// Of 255 levels, over a block.
const BLOCK: f64 = 12.0;

const BLOCK_PIXELS: u32 = 4;

/// Why a cell is not the same, if it is not.
pub(super) fn strayed(golden: &RgbImage, drawn: &RgbImage) -> Option<String> {
    strayed_by(golden, drawn, MEAN, BLOCK)
}

/// The same with other bounds, for pictures that are alike but not the same.
pub(super) fn strayed_by(golden: &RgbImage, drawn: &RgbImage, most: f64, most_of_block: f64) -> Option<String> {
    let (before, now) = (extent(golden), extent(drawn));
    if before != now {
        return Some(format!("it was {before:?} large and is {now:?}"));
    }
    let (width, height) = now;
    let mean = mean(golden, drawn, (0, 0), now);
    let side = |length: u32| length.min(BLOCK_PIXELS);
    // The last block of a row or column reaches back, so that none is smaller than the others.
    let starts = |length: u32| (0..length).step_by(BLOCK_PIXELS as usize).map(move |at| at.min(length - side(length)));
    let blocks = starts(height).flat_map(|y| starts(width).map(move |x| (x, y)));
    let of_block = |at| self::mean(golden, drawn, at, (side(width), side(height)));
    let worst = blocks.map(of_block).fold(0.0, f64::max);
    (mean > most || worst > most_of_block).then(|| format!("mean difference {mean:.1}, of a block up to {worst:.1}"))
}

/// The size of what is drawn on the paper.
pub(super) fn extent(cell: &RgbImage) -> (u32, u32) {
    let drawn = cell.enumerate_pixels().filter(|(_, _, pixel)| **pixel != PAPER);
    drawn.fold((0, 0), |(width, height), (x, y, _)| (width.max(x + 1), height.max(y + 1)))
}

/// The mean difference of a channel over a part.
fn mean(one: &RgbImage, other: &RgbImage, (left, top): (u32, u32), (width, height): (u32, u32)) -> f64 {
    let places = (top..top + height).flat_map(|y| (left..left + width).map(move |x| (x, y)));
    let sum: u32 = places
        .map(|(x, y)| apart(one.get_pixel(x, y), other.get_pixel(x, y)).0.map(u32::from).iter().sum::<u32>())
        .sum();
    f64::from(sum) / (f64::from(width) * f64::from(height) * 3.0)
}

fn apart(one: &Rgb<u8>, other: &Rgb<u8>) -> Rgb<u8> {
    Rgb([0, 1, 2].map(|channel| one.0[channel].abs_diff(other.0[channel])))
}

/// What differs between two sheets of a size, four times as strong.
pub(super) fn difference(one: &RgbImage, other: &RgbImage) -> RgbImage {
    RgbImage::from_fn(one.width(), one.height(), |x, y| {
        Rgb(apart(one.get_pixel(x, y), other.get_pixel(x, y)).0.map(|level| level.saturating_mul(4)))
    })
}
