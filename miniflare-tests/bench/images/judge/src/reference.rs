//! What a resize should have given: the source's pixels in f32 by Lanczos3, nothing rounded between.
//!
//! On sRGB values, as sharp, Pillow and Sealpix resize, or on light, as oximg does. Either is laid on white where it is
//! transparent.

use std::error::Error;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::F32x4;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// What the resize works on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum On {
    /// The values as they are stored.
    Values,
    /// The light that they stand for.
    Light,
}

/// Pixels of three or four channels of a byte each.
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Pixels {
    /// On white, from 0 to 1.
    pub(crate) fn on_white(&self) -> Vec<[f32; 3]> {
        self.unit().map(|[red, green, blue, alpha]| [red, green, blue].map(|value| over_white(value, alpha))).collect()
    }

    fn unit(&self) -> impl Iterator<Item = [f32; 4]> {
        self.bytes.chunks_exact(self.channels).map(|pixel| {
            let alpha = pixel.get(3).copied().unwrap_or(255);
            [pixel[0], pixel[1], pixel[2], alpha].map(|byte| f32::from(byte) / 255.0)
        })
    }
}

/// `source` at this size: all of it, or for `cover` its middle of this aspect.
pub(crate) fn resized(
    source: &Pixels,
    (width, height): (u32, u32),
    cover: bool,
    on: On,
) -> Result<Vec<[f32; 3]>, Box<dyn Error>> {
    let pixels: Vec<F32x4> = source
        .unit()
        .map(|[red, green, blue, alpha]| {
            let [red, green, blue] =
                [red, green, blue].map(|value| alpha * if on == On::Light { light(value) } else { value });
            F32x4::new([red, green, blue, alpha])
        })
        .collect();
    let from = TypedImageRef::new(source.width, source.height, &pixels)?;
    let mut to = TypedImage::<F32x4>::new(width, height);
    // The pixels are premultiplied already.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(false);
    let options = if cover { options.fit_into_destination(Some((0.5, 0.5))) } else { options };
    Resizer::new().resize_typed(&from, &mut to, &options)?;
    Ok(to
        .pixels()
        .iter()
        .map(|pixel| {
            let [red, green, blue, alpha] = pixel.0;
            let alpha = alpha.clamp(0.0, 1.0);
            [red, green, blue].map(|value| {
                let value = if alpha > 0.0 { (value / alpha).clamp(0.0, 1.0) } else { 0.0 };
                over_white(if on == On::Light { stored(value) } else { value }, alpha)
            })
        })
        .collect())
}

fn over_white(value: f32, alpha: f32) -> f32 {
    value * alpha + 1.0 - alpha
}

/// IEC 61966-2-1, from the stored value to light.
fn light(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// And back.
fn stored(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkered() -> Pixels {
        let bytes = (0..64 * 64).flat_map(|at| [if (at % 64 + at / 64) % 2 == 0 { 0 } else { 255 }; 3]).collect();
        Pixels { width: 64, height: 64, channels: 3, bytes }
    }

    #[test]
    fn a_checkered_picture_becomes_grey_of_half_the_value_or_half_the_light() {
        let middle = |on| resized(&checkered(), (16, 16), false, on).unwrap()[8 * 16 + 8][0];
        assert!((middle(On::Values) - 0.5).abs() < 0.01, "{}", middle(On::Values));
        assert!((middle(On::Light) - 0.735).abs() < 0.01, "{}", middle(On::Light));
    }

    #[test]
    fn what_is_transparent_is_white_whatever_it_hides() {
        let bytes = [0, 0, 0, 0].repeat(32 * 32);
        let clear = Pixels { width: 32, height: 32, channels: 4, bytes };
        let resized = resized(&clear, (8, 8), false, On::Values).unwrap();
        assert!(resized.iter().chain(&clear.on_white()).all(|pixel| *pixel == [1.0; 3]));
    }

    #[test]
    fn cover_takes_the_middle() {
        let bytes = (0..48 * 16).flat_map(|at| [if (16..32).contains(&(at % 48)) { 200 } else { 0 }; 3]).collect();
        let wide = Pixels { width: 48, height: 16, channels: 3, bytes };
        let covered = resized(&wide, (16, 16), true, On::Values).unwrap();
        assert!(covered.iter().all(|pixel| (pixel[0] - 200.0 / 255.0).abs() < 0.01));
    }
}
