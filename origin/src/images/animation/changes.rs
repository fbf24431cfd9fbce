//! What of one picture is not as in another of its size: a frame needs to tell no more. Both have alpha.

use super::super::geometry::Rect;
use super::super::picture::Picture;

/// Whether nobody sees a difference between two pixels.
pub(in super::super) fn same(one: [u8; 4], other: [u8; 4]) -> bool {
    one == other || (one[3] == 0 && other[3] == 0)
}

/// Where two pictures differ.
pub(in super::super) struct Changes {
    /// The smallest part that holds all differences.
    pub(in super::super) part: Rect,
}

impl Changes {
    /// Finds them; `None` where there are none.
    pub(in super::super) fn between(one: &Picture, other: &Picture) -> Option<Self> {
        Self::where_pixels(one, other, |one, other| !same(one, other))
    }

    /// Finds what a drawing cannot do: pixels of the first picture that are seen through in the other.
    pub(in super::super) fn cleared(one: &Picture, other: &Picture) -> Option<Self> {
        Self::where_pixels(one, other, |one, other| one[3] != 0 && other[3] == 0)
    }

    fn where_pixels(one: &Picture, other: &Picture, differ: impl Fn([u8; 4], [u8; 4]) -> bool) -> Option<Self> {
        let width = one.size.width as usize;
        let rows =
            one.pixels.as_chunks::<4>().0.chunks_exact(width).zip(other.pixels.as_chunks::<4>().0.chunks_exact(width));
        let (mut left, mut right) = (width, 0);
        let (mut top, mut bottom) = (None, 0);
        for (y, (one, other)) in (0u32..).zip(rows) {
            if one == other {
                continue;
            }
            let differ = |(one, other): (&[u8; 4], &[u8; 4])| differ(*one, *other);
            let Some(first) = one.iter().zip(other).position(differ) else { continue };
            let last = one.iter().zip(other).rposition(differ).unwrap_or(first);
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.or(Some(y)), y + 1);
        }
        let (x, end) = (u32::try_from(left).ok()?, u32::try_from(right).ok()?);
        let y = top?;
        Some(Self { part: Rect { x, y, width: end - x, height: bottom - y } })
    }
}

/// Clears a part of a picture.
pub(in super::super) fn clear(picture: &mut Picture, part: Rect) {
    let row = picture.size.width as usize * 4;
    let (left, width) = (part.x as usize * 4, part.width as usize * 4);
    for row in picture.pixels.chunks_exact_mut(row).skip(part.y as usize).take(part.height as usize) {
        row[left..left + width].fill(0);
    }
}
