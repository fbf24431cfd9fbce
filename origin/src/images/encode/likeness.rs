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
use super::{Drawn, default_quality};

/// Side of a block in pixels.
const BLOCK: usize = 8;

/// How alike the encoded picture is to what was drawn.
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

/// How unlike two planes of luma are: the fourth root of the mean fourth power, over blocks, of one less their structural
/// similarity (SSIM, Wang et al. 2004, equation 13). The power makes the worst blocks count, as they do to the eye.
fn unlikeness(one: &[u8], other: &[u8], width: usize) -> f64 {
    let (mut sum, mut blocks) = (0.0, 0u32);
    for (one, other) in one.chunks(BLOCK * width).zip(other.chunks(BLOCK * width)) {
        for left in (0..width).step_by(BLOCK) {
            let columns = left..width.min(left + BLOCK);
            let rows = one.chunks_exact(width).zip(other.chunks_exact(width));
            let block = rows.map(|(one, other)| (&one[columns.clone()], &other[columns.clone()]));
            sum += (1.0 - similarity(block)).powi(4);
            blocks += 1;
        }
    }
    (sum / f64::from(blocks.max(1))).powf(0.25)
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

/// What the default quality misses on the average photograph, and how many steps of quality twice as much is worth.
const fn scale(format: Format) -> (f64, f64) {
    match format {
        Format::Jpeg => (0.2, 20.0),
        Format::Webp => (0.2, 20.0),
        _ => (0.2, 20.0),
    }
}

/// Qualities are moved at most so far from the default.
const FURTHEST: f64 = 15.0;

/// The quality at which a picture that is so unlike at the default quality is as like as the average one.
pub(super) fn quality(format: Format, unlikeness: f64) -> u8 {
    let (wanted, doubling) = scale(format);
    let steps = ((unlikeness / wanted).log2() * doubling).round().clamp(-FURTHEST, FURTHEST);
    let default = default_quality(format);
    let most = 89;
    (1..=most).find(|quality| f64::from(*quality) - f64::from(default) >= steps).unwrap_or(most)
}
