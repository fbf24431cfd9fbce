//! From coded bytes to pixels. Every decoder is held to the size that the probe found.

mod avif;
mod frames;
mod gif;
mod huffman;
pub(super) mod jpeg;
pub(super) mod means;
mod png;
mod skim;
mod svg;
mod webp;

use std::time::Duration;

use super::colour::Profile;
use super::error::ImageError;
use super::limits::Limits;
use super::picture::Picture;
use super::probe::{Coding, Probe};

pub(super) use self::frames::{Frames, Shown, plays, profile as profile_of_frames};

/// Pixels, and what their colours mean where that is not sRGB.
pub(super) struct Decoded {
    pub(super) picture: Picture,
    pub(super) profile: Option<Profile>,
}

/// Reads one coding; another codec takes a place in [`of`] by one line.
trait Decoder {
    /// About how long a pixel takes on one core of an ordinary server, in nanoseconds: what decoding is held against before it
    /// begins. Measured by `tests/codecs.rs`.
    fn nanos_per_pixel(&self) -> u64;

    /// One frame as coded, whole.
    fn decode(&self, source: &[u8], probe: &Probe, wanted: Wanted, limits: &Limits) -> Result<Decoded, ImageError>;
}

/// Which pixels are asked for.
#[derive(Clone, Copy)]
struct Wanted {
    /// Counted from 0.
    frame: u32,
    /// One of so many, where the coding can shrink on load.
    shrink: u32,
}

/// The decoder of each coding.
fn of(coding: &Coding) -> &'static dyn Decoder {
    match coding {
        Coding::Jpeg { .. } => &jpeg::Turbo,
        Coding::Png { .. } => &png::Png,
        Coding::Webp { animated: false } => &webp::Still,
        Coding::Gif | Coding::Webp { animated: true } => &frames::Moving,
        Coding::Avif => &avif::Dav1d,
        Coding::Svg => &svg::Resvg,
    }
}

/// About how long the decoding of a frame takes, counted from 0: what an animation shows then is drawn over all before it.
pub(super) fn time(probe: &Probe, frame: u32) -> Duration {
    let pixels = probe.size.pixels().saturating_mul(u64::from(frame) + 1);
    Duration::from_nanos(of(&probe.coding).nanos_per_pixel().saturating_mul(pixels))
}

/// Decodes the first frame as coded, before orientation. A JPEG is shrunk on load by `shrink`.
#[cfg(test)]
pub(super) fn decode(source: &[u8], probe: &Probe, shrink: u32, limits: &Limits) -> Result<Decoded, ImageError> {
    decode_frame(source, probe, 0, shrink, limits)
}

/// Decodes one frame, counted from 0, as coded: what an animation shows at that time, whole. A JPEG is shrunk on load by
/// `shrink`. Frames of PNG are not read.
pub(super) fn decode_frame(
    source: &[u8],
    probe: &Probe,
    frame: u32,
    shrink: u32,
    limits: &Limits,
) -> Result<Decoded, ImageError> {
    if frame > 0 && !matches!(probe.coding, Coding::Gif | Coding::Webp { animated: true }) {
        return Err(ImageError::Unsupported("page"));
    }
    of(&probe.coding).decode(source, probe, Wanted { frame, shrink }, limits)
}

/// The embedded profile of the probe, if it is one to convert from.
fn embedded_profile(probe: &Probe) -> Option<Profile> {
    probe.profile.as_deref().and_then(Profile::from_icc)
}

/// `count` zeroed bytes for each pixel of the source.
fn zeroed(probe: &Probe, count: usize) -> Result<Vec<u8>, ImageError> {
    let pixels = usize::try_from(probe.size.pixels()).map_err(|_| ImageError::SourceTooLarge)?;
    Ok(vec![0; pixels.checked_mul(count).ok_or(ImageError::SourceTooLarge)?])
}
