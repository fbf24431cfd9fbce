//! WebP by `image-webp`: the still, or what an animation shows at one of its frames.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::super::error::ImageError;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::{Decoded, embedded_profile};

const BROKEN: ImageError = ImageError::Broken("the WebP data is damaged or cut short");

pub(super) fn decode(source: &[u8], probe: &Probe, frame: u32, limits: &Limits) -> Result<Decoded, ImageError> {
    let mut decoder = WebPDecoder::new(Cursor::new(source)).map_err(|_| BROKEN)?;
    decoder.set_memory_limit(usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX));
    if decoder.dimensions() != (probe.size.width, probe.size.height) {
        return Err(BROKEN);
    }
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(ImageError::SourceTooLarge)?];
    if frame == 0 {
        decoder.read_image(&mut pixels).map_err(|_| BROKEN)?;
    } else if decoder.is_animated() {
        // Each frame is drawn on what the ones before it left.
        for _ in 0..=frame {
            decoder.read_frame(&mut pixels).map_err(|_| BROKEN)?;
        }
    } else {
        return Err(BROKEN);
    }
    let size = probe.size;
    let picture = if decoder.has_alpha() { Picture::rgba(size, pixels) } else { Picture::rgb(size, pixels) };
    Ok(Decoded { picture, profile: embedded_profile(probe).filter(|profile| !profile.is_cmyk()) })
}
