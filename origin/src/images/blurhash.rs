//! BlurHash: a picture as a few cosines, in some thirty characters (woltapp/blurhash, `Algorithm.md`).
//!
//! Ours, because the crate of that name rounds twice on the way back to sRGB, and so writes colours one step too light.

use super::geometry::Size;

const DIGITS: &[u8; 83] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";

/// The hash of opaque pixels by this many components across and down, each from 1 to 9.
pub(super) fn hash(pixels: &[[u8; 3]], size: Size, (across, down): (u32, u32)) -> String {
    let light: Vec<[f64; 3]> = pixels.iter().map(|pixel| pixel.map(linear)).collect();
    let mut waves = (0..down).flat_map(|v| (0..across).map(move |u| (u, v))).map(|wave| amplitude(&light, size, wave));
    let mean = waves.next().unwrap_or_default();
    let waves: Vec<[f64; 3]> = waves.collect();
    let highest = waves.iter().flatten().fold(0.0, |highest: f64, part| highest.max(part.abs()));
    let scale = step(highest * 166.0 - 0.5, 82);

    let mut text = String::new();
    write(&mut text, across - 1 + (down - 1) * 9, 1);
    write(&mut text, scale, 1);
    write(&mut text, mean.into_iter().fold(0, |sum, part| sum * 256 + step(srgb(part) * 255.0 + 0.5, 255)), 4);
    let scale = f64::from(scale + 1) / 166.0;
    for wave in waves {
        let parts = wave.map(|part| (part.abs() / scale).sqrt().copysign(part));
        write(&mut text, parts.into_iter().fold(0, |sum, part| sum * 19 + step(part * 9.0 + 9.5, 18)), 2);
    }
    text
}

/// How much of one cosine is in the picture.
fn amplitude(light: &[[f64; 3]], size: Size, (u, v): (u32, u32)) -> [f64; 3] {
    let cosines = |wave: u32, side: u32| -> Vec<f64> {
        (0..side).map(|at| (std::f64::consts::PI * f64::from(wave * at) / f64::from(side)).cos()).collect()
    };
    let (columns, rows) = (cosines(u, size.width), cosines(v, size.height));
    let mut sum = [0.0; 3];
    let places = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column));
    for (pixel, weight) in light.iter().zip(places) {
        for (sum, part) in sum.iter_mut().zip(pixel) {
            *sum += part * weight;
        }
    }
    let twice = if (u, v) == (0, 0) { 1.0 } else { 2.0 };
    sum.map(|sum| sum * twice / f64::from(size.width) / f64::from(size.height))
}

/// sRGB to light (IEC 61966-2-1).
fn linear(sample: u8) -> f64 {
    let value = f64::from(sample) / 255.0;
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

fn srgb(light: f64) -> f64 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

/// A number cut to a whole step from 0 to the highest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to its steps before")]
fn step(value: f64, highest: u32) -> u32 {
    value.clamp(0.0, f64::from(highest)) as u32
}

/// A number in this many digits of base 83.
fn write(text: &mut String, value: u32, digits: u32) {
    text.extend((0..digits).rev().map(|place| char::from(DIGITS[(value / 83u32.pow(place) % 83) as usize])));
}
