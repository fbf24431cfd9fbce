//! GIF by `gif`: the first picture, on its place of the logical screen.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::super::error::ImageError;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::{Decoded, zeroed};

const BROKEN: ImageError = ImageError::Broken("the GIF data is damaged or cut short");

pub(super) fn decode(source: &[u8], probe: &Probe, limits: &Limits) -> Result<Decoded, ImageError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(NonZeroU64::new(limits.memory_bytes).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(source).map_err(|_| BROKEN)?;
    let frame = decoder.read_next_frame().map_err(|_| BROKEN)?.ok_or(BROKEN)?;
    let mut screen = zeroed(probe, 4)?;
    let (columns, rows) = (probe.size.width as usize, probe.size.height as usize);
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    // Parts beyond the screen are not shown.
    let shown = usize::from(frame.width).min(columns.saturating_sub(left));
    let width = usize::from(frame.width).max(1);
    for (row, pixels) in frame.buffer.chunks_exact(width * 4).enumerate().take(rows.saturating_sub(top)) {
        let start = ((top + row) * columns + left) * 4;
        if let Some(target) = screen.get_mut(start..start + shown * 4) {
            target.copy_from_slice(&pixels[..shown * 4]);
        }
    }
    Ok(Decoded { picture: Picture::rgba(probe.size, screen), profile: None })
}
