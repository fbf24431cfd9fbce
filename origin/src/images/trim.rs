//! `trim`: takes a uniform border away. What is border is judged by the pixel in the top left corner of the picture, as in
//! other image servers: a row or column of the edge goes when all of it is within the tolerance of that pixel.

use super::geometry::Rect;
use super::picture::{Channels, Picture};

/// What is left of a part of a picture without its border; the part itself where all of it is border.
///
/// `corner` is the pixel whose colour the border has. `tolerance` is in percent of a channel's range; colours are compared
/// premultiplied, so that what cannot be seen does not differ (IMG-3).
pub(super) fn trimmed(picture: &Picture, part: Rect, corner: (u32, u32), tolerance: u32) -> Rect {
    match picture.channels {
        Channels::Rgb => Border::<3>::new(picture, corner, tolerance).inside(part),
        Channels::Rgba => Border::<4>::new(picture, corner, tolerance).inside(part),
    }
}

/// Pixels, and which of them are border.
struct Border<'a, const CHANNELS: usize> {
    pixels: &'a [[u8; CHANNELS]],
    stride: usize,
    colour: [u32; CHANNELS],
    /// In 100ths of 255ths of a channel's step: the tolerance's own unit.
    tolerance: u32,
}

impl<'a, const CHANNELS: usize> Border<'a, CHANNELS> {
    fn new(picture: &'a Picture, (x, y): (u32, u32), tolerance: u32) -> Self {
        let (pixels, _) = picture.pixels.as_chunks::<CHANNELS>();
        let stride = picture.size.width as usize;
        let colour = seen(pixels[y as usize * stride + x as usize]);
        Self { pixels, stride, colour, tolerance: tolerance * 255 * 255 }
    }

    fn inside(&self, part: Rect) -> Rect {
        let (left, right) = (part.x, part.x + part.width);
        let mut rows = part.y..part.y + part.height;
        let row = |y: u32| self.row(y, left, right).iter().all(|pixel| self.is_border(*pixel));
        let Some(top) = rows.find(|y| !row(*y)) else { return part };
        let bottom = rows.rev().find(|y| !row(*y)).unwrap_or(top) + 1;
        // Row by row, which is how they lie in memory: the columns of every row up to its first and last other pixel.
        let (mut first, mut last) = (right, left);
        for y in top..bottom {
            let inked = |pixel: &[u8; CHANNELS]| !self.is_border(*pixel);
            let before = self.row(y, left, first).iter().position(inked);
            first = before.and_then(|count| u32::try_from(count).ok()).map_or(first, |count| left + count);
            let after = self.row(y, last, right).iter().rposition(inked);
            last = after.and_then(|count| u32::try_from(count).ok()).map_or(last, |count| last + count + 1);
        }
        Rect { x: first, y: top, width: last - first, height: bottom - top }
    }

    fn row(&self, y: u32, left: u32, right: u32) -> &[[u8; CHANNELS]] {
        let start = y as usize * self.stride;
        &self.pixels[start + left as usize..start + right as usize]
    }

    fn is_border(&self, pixel: [u8; CHANNELS]) -> bool {
        seen(pixel).iter().zip(self.colour).all(|(one, other)| one.abs_diff(other) * 100 <= self.tolerance)
    }
}

/// A pixel's channels, premultiplied, in 255ths of a step.
fn seen<const CHANNELS: usize>(pixel: [u8; CHANNELS]) -> [u32; CHANNELS] {
    let mut channels = pixel.map(u32::from);
    let alpha = channels.get(3).copied().unwrap_or(255);
    for (index, channel) in channels.iter_mut().enumerate() {
        *channel *= if index == 3 { 255 } else { alpha };
    }
    channels
}
