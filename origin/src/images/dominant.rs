//! The colour that most of some pixels have.

use super::picture::Picture;

/// Bits of a channel that tell the bins apart: 4096 bins, as sharp's `dominant` has.
const BIN_BITS: u32 = 4;

/// The mean of the pixels in the fullest bin of like colours, alpha being the weight; `None` where nothing can be seen.
/// Of bins that are level, the darkest in red, then green, then blue.
pub(super) fn dominant(pixels: impl Iterator<Item = [u8; 4]>) -> Option<[u8; 3]> {
    // Red, green, blue and the weight.
    let mut bins = vec![[0u64; 4]; 1 << (3 * BIN_BITS)];
    for [red, green, blue, alpha] in pixels {
        let high = [red, green, blue].map(|sample| usize::from(sample >> (8 - BIN_BITS)));
        let bin = &mut bins[(high[0] << (2 * BIN_BITS)) | (high[1] << BIN_BITS) | high[2]];
        for (sum, sample) in bin.iter_mut().zip([red, green, blue, 1]) {
            *sum += u64::from(sample) * u64::from(alpha);
        }
    }
    let [red, green, blue, weight] = bins.into_iter().rev().max_by_key(|[.., weight]| *weight)?;
    let mean = |sum: u64| u8::try_from((sum + weight / 2) / weight).unwrap_or(u8::MAX);
    (weight > 0).then(|| [mean(red), mean(green), mean(blue)])
}

/// The colour at the edge of a picture, opaque: its background where it has one. Where most of the edge is transparent,
/// black or white, whichever can be told from the picture.
pub(super) fn edge_colour(picture: &Picture) -> [u8; 4] {
    let (count, alpha) =
        edge(picture).fold((0u64, 0u64), |(count, sum), [.., alpha]| (count + 1, sum + u64::from(alpha)));
    if alpha * 2 >= count * 255
        && let Some([red, green, blue]) = dominant(edge(picture))
    {
        return [red, green, blue, 255];
    }
    match dominant(picture.colours()) {
        Some(colour) if brightness(colour) > 127 => [0, 0, 0, 255],
        _ => [255; 4],
    }
}

/// What a colour weighs to the eye, 0 to 255: the luma of BT.601.
pub(super) fn brightness([red, green, blue]: [u8; 3]) -> u32 {
    (u32::from(red) * 77 + u32::from(green) * 150 + u32::from(blue) * 29) / 256
}

/// The pixels of the four sides; those in the corners twice.
fn edge(picture: &Picture) -> impl Iterator<Item = [u8; 4]> {
    let (right, bottom) = (picture.size.width - 1, picture.size.height - 1);
    let rows = (0..=right).flat_map(move |x| [(x, 0), (x, bottom)]);
    let columns = (0..=bottom).flat_map(move |y| [(0, y), (right, y)]);
    rows.chain(columns).map(|(x, y)| picture.colour_at(x, y))
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Size;
    use super::*;

    #[test]
    fn the_fullest_bin_wins_and_gives_its_mean() {
        let mixed = [[200, 10, 10, 255], [202, 12, 14, 255], [0, 0, 255, 255], [0, 255, 0, 100], [0, 255, 0, 100]];
        assert_eq!(dominant(mixed.into_iter()), Some([201, 11, 12]));
        let shared = [[0, 0, 255, 255], [255, 0, 0, 255]];
        assert_eq!(dominant(shared.into_iter()), Some([0, 0, 255]), "level bins: the darkest in red");
        assert_eq!(dominant([[9, 9, 9, 0]; 3].into_iter()), None, "IMG-3: what cannot be seen has no colour");
        assert_eq!(dominant([[9, 9, 9, 1]].into_iter()), Some([9, 9, 9]));
    }

    #[test]
    fn the_edge_is_what_the_picture_stands_on() {
        let framed = |edge: [u8; 4], inner: [u8; 4]| {
            let colour = move |x: u32, y: u32| if (1..7).contains(&x) && (1..5).contains(&y) { inner } else { edge };
            let pixels = (0..6).flat_map(|y| (0..8).flat_map(move |x| colour(x, y))).collect();
            Picture::rgba(Size { width: 8, height: 6 }, pixels)
        };
        for (edge, inner, expected) in [
            ([250, 248, 240, 255], [10, 20, 30, 255], [250, 248, 240, 255]),
            ([250, 248, 240, 200], [10, 20, 30, 255], [250, 248, 240, 255]),
            ([1, 1, 1, 0], [10, 20, 30, 255], [255; 4]),
            ([255, 255, 255, 0], [240, 240, 200, 255], [0, 0, 0, 255]),
            ([9, 9, 9, 20], [240, 240, 200, 255], [0, 0, 0, 255]),
            ([9, 9, 9, 0], [9, 9, 9, 0], [255; 4]),
        ] {
            assert_eq!(edge_colour(&framed(edge, inner)), expected, "{inner:?} on {edge:?}");
        }
        let one = Picture::rgb(Size { width: 1, height: 1 }, vec![5, 6, 7]);
        assert_eq!(edge_colour(&one), [5, 6, 7, 255]);
    }
}
