//! WebP by libwebp: lossy, with a lossless alpha plane where there is alpha.

use super::super::codec::webp::{self, Pixels};
use super::super::error::ImageError;
use super::super::metadata::Kept;
use super::super::picture::{Channels, Picture};
use super::super::planes::Planes;
use super::Encoder;

/// libwebp.
pub(super) struct Libwebp;

impl Encoder for Libwebp {
    fn default_quality(&self) -> Option<u8> {
        Some(84)
    }

    fn nanos_per_pixel(&self) -> u64 {
        60
    }

    fn pixels(&self, picture: &Picture, quality: u8, _kept: &Kept) -> Result<Vec<u8>, ImageError> {
        encode(picture, quality)
    }

    fn planes(&self, planes: &Planes, quality: u8) -> Result<Vec<u8>, ImageError> {
        encode_planes(planes, quality)
    }
}

pub(super) fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let pixels = match picture.channels {
        Channels::Rgb => Pixels::Rgb(&picture.pixels),
        Channels::Rgba => Pixels::Rgba(&picture.pixels),
    };
    webp::encode(&pixels, picture.size, quality)
}

/// Encodes planes in full range, chroma halved or absent. WebP's own are in video range (RFC 9649 §1), so every sample
/// is moved to it.
fn encode_planes(planes: &Planes, quality: u8) -> Result<Vec<u8>, ImageError> {
    let size = planes.size;
    let chroma_pixels = (size.width.div_ceil(2) as usize) * (size.height.div_ceil(2) as usize);
    let luma = moved(&planes.luma, |sample| 16.0 + sample * 219.0 / 255.0);
    let chroma = |plane: &[u8]| moved(plane, |sample| 128.0 + (sample - 128.0) * 224.0 / 255.0);
    let (u, v) = match &planes.chroma {
        Some((u, v)) => (chroma(u), chroma(v)),
        None => (vec![128; chroma_pixels], vec![128; chroma_pixels]),
    };
    webp::encode(&Pixels::Yuv420 { y: &luma, u: &u, v: &v }, size, quality)
}

/// Every sample by a table of `to`, rounded half up.
fn moved(plane: &[u8], to: impl Fn(f32) -> f32) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both ranges lie within a byte's")]
    let table: Vec<u8> = (0..=u8::MAX).map(|sample| (to(f32::from(sample)) + 0.5) as u8).collect();
    plane.iter().map(|sample| table[usize::from(*sample)]).collect()
}
