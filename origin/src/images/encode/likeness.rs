//! `q_auto`: a quality for each picture, so that results look equally good.
//!
//! The picture is encoded at the default quality, decoded again and compared with the pixels that the encoder was given;
//! by how far it misses the likeness that the default has on the average photograph, quality is moved.

use super::super::decode;
use super::super::error::ImageError;
use super::super::format::Format;
use super::super::limits::Limits;
use super::super::picture::{Channels, Picture};
use super::super::probe::Probe;
use super::{Drawn, FULL_CHROMA_QUALITY, default_quality};

/// Side of a block in pixels.
const BLOCK: usize = 8;

/// How unlike the encoded picture is to what was drawn: 0 is equal.
pub(super) fn of(drawn: &Drawn, encoded: &[u8], limits: &Limits) -> Result<f64, ImageError> {
    let probe = Probe::read(encoded)?;
    let decoded = luma(&decode::decode_frame(encoded, &probe, 0, 1, limits)?.picture);
    let width = probe.size.width as usize;
    Ok(match drawn {
        Drawn::Planes(planes) => unlikeness(&planes.luma, &decoded, width),
        Drawn::Pixels(picture) => unlikeness(&luma(picture), &decoded, width),
    })
}

/// Luma by BT.601, as the encoders have it; what is transparent is black.
fn luma(picture: &Picture) -> Vec<u8> {
    let weighed =
        |pixel: &[u8]| (77 * u32::from(pixel[0]) + 150 * u32::from(pixel[1]) + 29 * u32::from(pixel[2])) / 256;
    let byte = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    match picture.channels {
        Channels::Rgb => picture.pixels.as_chunks::<3>().0.iter().map(|pixel| byte(weighed(pixel))).collect(),
        Channels::Rgba => {
            let pixels = picture.pixels.as_chunks::<4>().0.iter();
            pixels.map(|pixel| byte(weighed(pixel) * u32::from(pixel[3]) / 255)).collect()
        }
    }
}

/// How unlike two planes of luma are: one less the mean of their blocks' structural similarity (SSIM, Wang et al. 2004,
/// equation 13). 0 is equal.
fn unlikeness(one: &[u8], other: &[u8], width: usize) -> f64 {
    let (mut sum, mut blocks) = (0.0, 0u32);
    for (one, other) in one.chunks(BLOCK * width).zip(other.chunks(BLOCK * width)) {
        for left in (0..width).step_by(BLOCK) {
            let columns = left..width.min(left + BLOCK);
            let rows = one.chunks_exact(width).zip(other.chunks_exact(width));
            let block = rows.map(|(one, other)| (&one[columns.clone()], &other[columns.clone()]));
            sum += 1.0 - similarity(block);
            blocks += 1;
        }
    }
    sum / f64::from(blocks.max(1))
}

/// SSIM of one block, given by its rows.
fn similarity<'a>(block: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> f64 {
    // The sums of 64 samples, of their squares and of their products are exact in 32 bits.
    let (mut count, mut x, mut y, mut xx, mut yy, mut xy) = (0u32, 0u32, 0u32, 0u32, 0u32, 0u32);
    for (one, other) in block {
        for (one, other) in one.iter().zip(other) {
            let (one, other) = (u32::from(*one), u32::from(*other));
            count += 1;
            x += one;
            y += other;
            xx += one * one;
            yy += other * other;
            xy += one * other;
        }
    }
    let mean = |sum: u32| f64::from(sum) / f64::from(count.max(1));
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (variance_x, variance_y) = (mean(xx) - mean_x * mean_x, mean(yy) - mean_y * mean_y);
    let covariance = mean(xy) - mean_x * mean_y;
    // (0.01 * 255)^2 and (0.03 * 255)^2, the constants of the paper.
    let (c1, c2) = (6.5025, 58.5225);
    (2.0 * mean_x * mean_y + c1) * (2.0 * covariance + c2)
        / ((mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2))
}

/// What the default quality misses on the average photograph, and by how many steps quality is moved for a picture that
/// misses e times as much.
///
/// Measured over the six photographs of the demo at 800 pixels: the deviation of their SSIMULACRA2 scores, and the mean
/// of their bytes. More steps make SSIM equal and SSIMULACRA2 less so.
///
/// | | default: score, deviation, bytes | `q_auto` |
/// |---|---|---|
/// | JPEG | 78.1, 3.2, 80 186 | 78.2, 2.3, 83 446 |
/// | WebP | 78.2, 1.9, 75 728 | 78.3, 1.2, 75 450 |
/// | AVIF | 77.3, 1.4, 58 216 | 77.6, 0.9, 59 501 |
fn scale(format: Format) -> (f64, f64) {
    match format {
        Format::Jpeg => (0.0254, 8.0),
        Format::Webp => (0.02, 4.0),
        Format::Avif | Format::Png | Format::Gif | Format::Json | Format::Svg => (0.0246, 2.0),
    }
}

/// Quality is moved at most so far from the default, and in JPEG never to where chroma is whole.
const FURTHEST: f64 = 15.0;

/// The quality for a picture that is so unlike at the default quality.
pub(super) fn quality(format: Format, unlikeness: f64) -> u8 {
    let (wanted, steps) = scale(format);
    let steps = ((unlikeness / wanted).ln() * steps).round().clamp(-FURTHEST, FURTHEST);
    let default = f64::from(default_quality(format));
    let most = if format == Format::Jpeg { FULL_CHROMA_QUALITY - 1 } else { 100 };
    (1..=most).find(|quality| f64::from(*quality) >= default + steps).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_falls_as_errors_grow() {
        let plane: Vec<u8> = (0..=255).cycle().take(20 * 30).collect();
        let with_errors =
            |by: u8| plane.iter().zip([0, by].into_iter().cycle()).map(|(s, e)| s ^ e).collect::<Vec<_>>();
        let unlike = |by| unlikeness(&plane, &with_errors(by), 20);
        assert!(unlike(0).abs() < 1e-9);
        assert!(unlike(0) < unlike(4) && unlike(4) < unlike(16) && unlike(16) < unlike(64));
    }

    #[test]
    fn a_picture_like_the_average_stays_at_the_default() {
        for format in [Format::Jpeg, Format::Webp, Format::Avif] {
            let (wanted, _) = scale(format);
            assert_eq!(quality(format, wanted), default_quality(format));
            assert!(quality(format, wanted * 2.0) > default_quality(format));
            assert!(quality(format, 0.0) < quality(format, wanted / 2.0));
        }
        assert_eq!(quality(Format::Jpeg, 1.0), FULL_CHROMA_QUALITY - 1);
    }
}
