//! GIF by `gif`: what the logical screen shows at one of its pictures (GIF89a §18, §20, §23).
//!
//! A picture that is to be undone once its time is over leaves no trace in later ones, so it is not drawn for them and
//! nothing is remembered of the screen before it.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DisposalMethod, Frame, MemoryLimit};

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::{Decoded, zeroed};

const BROKEN: ImageError = ImageError::Broken("the GIF data is damaged or cut short");

pub(super) fn decode(source: &[u8], probe: &Probe, wanted: u32, limits: &Limits) -> Result<Decoded, ImageError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.set_memory_limit(NonZeroU64::new(limits.memory_bytes).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
    let mut decoder = options.read_info(source).map_err(|_| BROKEN)?;
    let mut screen = zeroed(probe, 4)?;
    for number in 0..=wanted {
        let frame = decoder.read_next_frame().map_err(|_| BROKEN)?.ok_or(BROKEN)?;
        let shown = number == wanted;
        match frame.dispose {
            DisposalMethod::Previous if !shown => {}
            DisposalMethod::Background if !shown => draw(&mut screen, probe.size, frame, |_| Some([0; 4])),
            // The first picture's clear pixels keep their colour, which only a filter that forgets alpha would see.
            _ if number == 0 => draw(&mut screen, probe.size, frame, Some),
            _ => draw(&mut screen, probe.size, frame, |pixel| (pixel[3] != 0).then_some(pixel)),
        }
    }
    Ok(Decoded { picture: Picture::rgba(probe.size, screen), profile: None })
}

/// Puts what `paint` makes of a picture's pixels on its place; parts beyond the screen are not shown.
fn draw(screen: &mut [u8], size: Size, frame: &Frame<'_>, paint: impl Fn([u8; 4]) -> Option<[u8; 4]>) {
    let (columns, rows) = (size.width as usize, size.height as usize);
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let width = usize::from(frame.width).max(1);
    let (screen, _) = screen.as_chunks_mut::<4>();
    let (pixels, _) = frame.buffer.as_chunks::<4>();
    let placed = screen.chunks_exact_mut(columns).skip(top).zip(pixels.chunks_exact(width)).take(rows);
    for (target, source) in placed {
        for (target, pixel) in target.iter_mut().skip(left).zip(source) {
            if let Some(painted) = paint(*pixel) {
                *target = painted;
            }
        }
    }
}
