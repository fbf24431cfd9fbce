//! What of the source is worked on, and which way up: `page`, `crop`, `rot`, `flip`.
//!
//! A turn is an orientation like that of EXIF, and is put after it; a crop is a window on the coded picture. So the planes of a
//! JPEG and its shrinking on load serve both: what follows sees a picture of the window's size, already upright.

use sealpix::operations::{Crop, Flip, Operations, Rotation};

use super::error::ImageError;
use super::geometry::{Rect, Size};
use super::orientation::Orientation;
use super::probe::Probe;

/// What of the source is worked on, and which way up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    /// Which frame, from 0.
    pub(super) frame: u32,
    /// From the coded picture to the result: EXIF's orientation, then `rot`, then `flip`.
    pub(super) orientation: Orientation,
    /// The coded picture's size.
    coded: Size,
    /// The part that is kept, in the coded picture.
    pub(super) window: Rect,
    /// The pixel of the coded picture that `crop` leaves in the top left corner, before `rot` and `flip`.
    pub(super) corner: (u32, u32),
}

impl View {
    /// Reads the operations for this source.
    ///
    /// # Errors
    ///
    /// [`ImageError::OutsideSource`] for a page that the source does not have, and for a crop beside the picture.
    pub(super) fn new(probe: &Probe, operations: &Operations) -> Result<Self, ImageError> {
        let page = operations.page.map_or(1, |page| page.get());
        if page > probe.frames.max(1) {
            return Err(ImageError::OutsideSource("page"));
        }
        let (exif, shown) = (probe.orientation, probe.shown());
        let kept = match operations.crop {
            Some(crop) => cropped(crop, shown).ok_or(ImageError::OutsideSource("part"))?,
            None => Rect::whole(shown),
        };
        let corner = exif.rect_to_coded(Rect { width: 1, height: 1, ..kept }, probe.size);
        Ok(Self {
            frame: page - 1,
            orientation: exif.then(turn(operations)),
            coded: probe.size,
            window: exif.rect_to_coded(kept, probe.size),
            corner: (corner.x, corner.y),
        })
    }

    /// The window, in the coordinates of the whole source as the result shows it.
    pub(super) fn shown_window(&self) -> Rect {
        self.orientation.inverse().rect_to_coded(self.window, self.orientation.turn(self.coded))
    }
}

/// `rot`, then `flip`.
fn turn(operations: &Operations) -> Orientation {
    let rotation = match operations.rotate {
        None => 1,
        Some(Rotation::Quarter) => 6,
        Some(Rotation::Half) => 3,
        Some(Rotation::ThreeQuarters) => 8,
    };
    let flip = match operations.flip {
        None => 1,
        Some(Flip::Horizontal) => 2,
        Some(Flip::Vertical) => 4,
        Some(Flip::Both) => 3,
    };
    Orientation::from_exif(rotation).then(Orientation::from_exif(flip))
}

/// The part of the picture that a crop keeps; `None` where they do not meet. Edges in fractions go to the nearest
/// pixel's, and leave one pixel at least.
fn cropped(crop: Crop, shown: Size) -> Option<Rect> {
    let (across, down) = match crop {
        Crop::Pixels(x, y, width, height) => ((x, x.saturating_add(width)), (y, y.saturating_add(height))),
        Crop::Fractions(x, y, width, height) => (
            edges(x.thousandths(), width.thousandths(), shown.width),
            edges(y.thousandths(), height.thousandths(), shown.height),
        ),
    };
    let length = |(from, to): (u32, u32), side: u32| to.min(side).checked_sub(from).filter(|length| *length > 0);
    Some(Rect { x: across.0, y: down.0, width: length(across, shown.width)?, height: length(down, shown.height)? })
}

/// Where a part begins and ends on a side: `from` and `length` in thousandths.
fn edges(from: u32, length: u32, side: u32) -> (u32, u32) {
    let nearest = |thousandths: u32| {
        let edge = (u64::from(thousandths) * u64::from(side) * 2 + 1000) / 2000;
        u32::try_from(edge).unwrap_or(side)
    };
    // The grammar has the beginning within the picture; rounding may put it on the far edge.
    let begin = nearest(from).min(side.saturating_sub(1));
    (begin, nearest(from + length).max(begin + 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn kept(operations: &str, width: u32, height: u32) -> Option<(u32, u32, u32, u32)> {
        let crop = Operations::read(operations).unwrap().crop.unwrap();
        cropped(crop, Size { width, height }).map(|Rect { x, y, width, height }| (x, y, width, height))
    }

    #[test]
    fn a_crop_is_clamped_to_the_picture() {
        for (operations, expected) in [
            ("crop_0:0:400:300", Some((0, 0, 400, 300))),
            ("crop_10:20:30:40", Some((10, 20, 30, 40))),
            ("crop_390:290:30:40", Some((390, 290, 10, 10))),
            ("crop_399:299:1:1", Some((399, 299, 1, 1))),
            ("crop_65535:0:65535:1", None),
            ("crop_400:0:1:1", None),
            ("crop_0:300:1:1", None),
            ("crop_f:0.5:0.25:0.5:0.5", Some((200, 75, 200, 150))),
            ("crop_f:0.5:0.5:1:1", Some((200, 150, 200, 150))),
            ("crop_f:0.333:0:0.333:1", Some((133, 0, 133, 300))),
            ("crop_f:0.999:0.999:0.001:0.001", Some((399, 299, 1, 1))),
            ("crop_f:0.001:0.001:0.001:0.001", Some((0, 0, 1, 1))),
        ] {
            assert_eq!(kept(operations, 400, 300), expected, "{operations}");
        }
        assert_eq!(kept("crop_f:0.999:0.999:0.001:0.001", 1, 1), Some((0, 0, 1, 1)));
    }

    /// Parts side by side leave no pixel out and share none.
    #[test]
    fn fractions_that_meet_meet_in_pixels() {
        for side in [7, 100, 333, 4001] {
            for cut in [125, 250, 333, 500, 667] {
                let (first, second) = (edges(0, cut, side), edges(cut, 1000 - cut, side));
                assert_eq!((first.0, first.1, second.1), (0, second.0, side), "{side} at {cut}");
            }
        }
    }
}
