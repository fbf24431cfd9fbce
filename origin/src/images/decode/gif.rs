//! GIF by `gif`: what the logical screen shows at each of its pictures (GIF89a §18, §20, §23).

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Frame, MemoryLimit};

use super::super::animation::Plays;
use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::picture::Picture;
use super::super::probe::{Probe, gif_looping};
use super::{Shown, zeroed};

const BROKEN: ImageError = ImageError::Broken("the GIF data is damaged or cut short");

/// A picture may have as many pixels as the screen, or this many bytes of them: what stands beside the screen is not seen, and
/// the estimate of memory knows the screen only (DOS-11).
const LEAST_PICTURE_BYTES: u64 = 1 << 20;

/// The screen, from picture to picture.
pub(in super::super) struct Screen<'a> {
    decoder: Decoder<&'a [u8]>,
    size: Size,
    /// What the next picture is drawn on.
    pixels: Vec<u8>,
    is_fresh: bool,
}

impl<'a> Screen<'a> {
    pub(super) fn open(source: &'a [u8], probe: &Probe) -> Result<Self, ImageError> {
        let most = (probe.size.pixels() * 4).max(LEAST_PICTURE_BYTES);
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        options.set_memory_limit(NonZeroU64::new(most).map_or(MemoryLimit::Unlimited, MemoryLimit::Bytes));
        let decoder = options.read_info(source).map_err(|_| BROKEN)?;
        Ok(Self { decoder, size: probe.size, pixels: zeroed(probe, 4)?, is_fresh: true })
    }

    /// Draws the next picture and answers what is seen then.
    pub(super) fn next(&mut self) -> Result<Shown, ImageError> {
        let (kept, frame, size, is_fresh) = self.advance()?;
        let delay_millis = u32::from(frame.delay) * 10;
        let stays = matches!(frame.dispose, DisposalMethod::Any | DisposalMethod::Keep);
        if stays {
            draw(kept, size, frame, is_fresh);
        }
        let mut seen = kept.clone();
        if !stays {
            draw(&mut seen, size, frame, is_fresh);
        }
        if frame.dispose == DisposalMethod::Background {
            clear(kept, size, frame);
        }
        Ok(Shown { picture: Picture::rgba(size, seen), delay_millis })
    }

    /// Passes over a picture; one that is to be undone leaves no trace and is not drawn.
    pub(super) fn skip(&mut self) -> Result<(), ImageError> {
        let (kept, frame, size, is_fresh) = self.advance()?;
        match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => draw(kept, size, frame, is_fresh),
            DisposalMethod::Background => clear(kept, size, frame),
            DisposalMethod::Previous => {}
        }
        Ok(())
    }

    fn advance(&mut self) -> Result<(&mut Vec<u8>, &Frame<'static>, Size, bool), ImageError> {
        let is_fresh = std::mem::replace(&mut self.is_fresh, false);
        let frame = self.decoder.read_next_frame().map_err(|_| BROKEN)?.ok_or(BROKEN)?;
        Ok((&mut self.pixels, frame, self.size, is_fresh))
    }
}

/// How often it is played: once without the looping extension, which counts the times after the first.
pub(super) fn plays(source: &[u8]) -> Plays {
    match gif_looping(source) {
        None => Plays::times(1),
        Some((_, 0)) => Plays::Forever,
        Some((_, again)) => Plays::times(u32::from(again) + 1),
    }
}

/// Draws a picture; its clear pixels leave what is there, but on a fresh screen they keep their colour, which only a filter
/// that forgets alpha would see.
fn draw(screen: &mut [u8], size: Size, frame: &Frame<'_>, is_fresh: bool) {
    paint(screen, size, frame, |pixel| (is_fresh || pixel[3] != 0).then_some(pixel));
}

fn clear(screen: &mut [u8], size: Size, frame: &Frame<'_>) {
    paint(screen, size, frame, |_| Some([0; 4]));
}

/// Puts what `paint` makes of a picture's pixels on its place; parts beyond the screen are not shown.
fn paint(screen: &mut [u8], size: Size, frame: &Frame<'_>, paint: impl Fn([u8; 4]) -> Option<[u8; 4]>) {
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
