//! The pictures on the sheets: made so that whatever is moved, turned, bent or coloured wrongly is seen.

use super::super::super::geometry::Size;
use super::super::super::picture::Picture;
use super::super::sources::{BLUE, GREEN, RED, SAND};

/// The target that README.md describes.
pub(super) fn target(width: u32, height: u32) -> Picture {
    painted(width, height, |_, _, colour| colour)
}

/// The target with its ring's inside clear (and magenta, should anybody see it) and its lower half lets a third through.
pub(super) fn clear_target(width: u32, height: u32) -> Picture {
    painted(width, height, |from_centre, lower, [red, green, blue, _]| match (from_centre < 25, lower) {
        (true, _) => [255, 0, 255, 0],
        (false, true) => [red, green, blue, 160],
        (false, false) => [red, green, blue, 255],
    })
}

/// The target, its colours changed by: the square of the distance from the middle, in hundredths of the shorter side's;
/// whether the pixel is in the lower half; the colour.
fn painted(width: u32, height: u32, change: impl Fn(u32, bool, [u8; 4]) -> [u8; 4]) -> Picture {
    let shorter = width.min(height);
    // In small pictures the frame leaves room for the quarters.
    let frame = if shorter < 20 { u32::from(shorter > 5) } else { 2 };
    let colour = |x: u32, y: u32| {
        let from_centre =
            100 * ((2 * x + 1).abs_diff(width).pow(2) + (2 * y + 1).abs_diff(height).pow(2)) / shorter.pow(2);
        let right = x * 2 >= width;
        let lower = y * 2 >= height;
        let quarter = [[RED, GREEN], [BLUE, SAND]][usize::from(lower)][usize::from(right)];
        let [red, green, blue, _] =
            quarter.map(|level| if (x / 8 + y / 8) % 2 == 1 { (u32::from(level) * 3 / 4) as u8 } else { level });
        let edge = x < frame || y < frame || x + frame >= width || y + frame >= height;
        let colour = match from_centre {
            _ if edge => [20, 20, 20, 255],
            25..49 => [250, 250, 250, 255],
            _ => [red, green, blue, 255],
        };
        change(from_centre, lower, colour)
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| colour(x, y)).collect();
    Picture::rgba(Size { width, height }, pixels).without_idle_alpha()
}

pub(super) fn mapped(picture: &Picture, change: impl Fn([u8; 4]) -> [u8; 4]) -> Picture {
    let picture = picture.clone().with_alpha();
    let pixels = picture.pixels.as_chunks::<4>().0.iter().flat_map(|pixel| change(*pixel)).collect();
    Picture::rgba(picture.size, pixels).without_idle_alpha()
}

pub(super) fn luma([red, green, blue, _]: [u8; 4]) -> u8 {
    ((u32::from(red) * 299 + u32::from(green) * 587 + u32::from(blue) * 114 + 500) / 1000) as u8
}

pub(super) fn grey(picture: &Picture) -> Picture {
    mapped(picture, |pixel| [luma(pixel), luma(pixel), luma(pixel), pixel[3]])
}
