//! WebP by `image-webp`, or by libwebp where that is set: the still, or what the canvas of an animation shows at each of its frames (RFC 9649 §2.7.1).
//!
//! The library decodes bitstreams; frames are put on the canvas here. Its own canvas forgets to clear frames that ask for it.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::super::animation::Plays;
use super::super::codec::webp as libwebp;
use super::super::error::ImageError;
use super::super::geometry::{Rect, Size};
use super::super::limits::Limits;
use super::super::picture::{Channels, Picture, blend};
use super::super::probe::{Probe, WebpChunk, riff_body, webp_bitstreams, webp_chunks};
use super::super::settings::Settings;
use super::{Decoded, Decoder, Shown, Wanted, frames, zeroed};

const BROKEN: ImageError = ImageError::Broken("the WebP data is damaged or cut short");

/// One picture.
pub(super) struct Still;

impl Decoder for Still {
    fn nanos_per_pixel(&self) -> u64 {
        25
    }

    fn decode(&self, source: &[u8], probe: &Probe, _wanted: Wanted, limits: &Limits) -> Result<Decoded, ImageError> {
        let picture = decode_still(source, probe.size, limits.memory_bytes, limits.settings)?;
        Ok(Decoded { picture, profile: frames::profile(probe) })
    }
}

fn decode_still(file: &[u8], size: Size, memory_bytes: u64, settings: Settings) -> Result<Picture, ImageError> {
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(|_| BROKEN)?;
    decoder.set_memory_limit(usize::try_from(memory_bytes).unwrap_or(usize::MAX));
    // The library allocates what the bitstream says of itself, whatever the canvas around it says (DOS-1).
    if decoder.dimensions() != (size.width, size.height) || !webp_bitstreams(file)?.all(|of| of == Some(size)) {
        return Err(BROKEN);
    }
    let pixels = if settings.libwebp {
        libwebp::decode(file, size, decoder.has_alpha()).ok_or(BROKEN)?
    } else {
        let mut pixels = vec![0; decoder.output_buffer_size().ok_or(ImageError::SourceTooLarge)?];
        decoder.read_image(&mut pixels).map_err(|_| BROKEN)?;
        pixels
    };
    Ok(if decoder.has_alpha() { Picture::rgba(size, pixels) } else { Picture::rgb(size, pixels) })
}

/// The canvas, from frame to frame.
pub(in super::super) struct Canvas<'a> {
    chunks: Box<dyn Iterator<Item = Result<WebpChunk<'a>, ImageError>> + 'a>,
    size: Size,
    has_alpha: bool,
    pixels: Vec<u8>,
    /// The part that the last frame leaves to be cleared.
    to_clear: Option<Rect>,
    settings: Settings,
}

impl<'a> Canvas<'a> {
    pub(super) fn open(source: &'a [u8], probe: &Probe, settings: Settings) -> Result<Self, ImageError> {
        let chunks = Box::new(webp_chunks(riff_body(source)?));
        Ok(Self {
            chunks,
            size: probe.size,
            has_alpha: probe.alpha,
            pixels: zeroed(probe, 4)?,
            to_clear: None,
            settings,
        })
    }

    /// Draws the next frame and answers what is seen then.
    pub(super) fn next(&mut self) -> Result<Shown, ImageError> {
        let chunk = loop {
            let chunk = self.chunks.next().ok_or(BROKEN)??;
            if &chunk.name == b"ANMF" {
                break chunk;
            }
        };
        let frame = Frame::read(chunk.body, self.size)?;
        if let Some(part) = self.to_clear.take() {
            self.each(part, |pixel, _| *pixel = [0; 4]);
        }
        let decoded = decode_still(&frame.file(), frame.part.size(), u64::MAX, self.settings)?;
        match decoded.channels {
            Channels::Rgb => {
                let (pixels, _) = decoded.pixels.as_chunks::<3>();
                self.each(frame.part, |pixel, at| {
                    let [red, green, blue] = pixels[at];
                    *pixel = [red, green, blue, 255];
                });
            }
            Channels::Rgba => {
                let (pixels, _) = decoded.pixels.as_chunks::<4>();
                self.each(frame.part, |pixel, at| {
                    *pixel = if frame.blends { blend(pixels[at], *pixel) } else { pixels[at] };
                });
            }
        }
        self.to_clear = frame.clears.then_some(frame.part);
        let seen = Picture::rgba(self.size, self.pixels.clone());
        let picture = if self.has_alpha { seen } else { seen.without_alpha() };
        Ok(Shown { picture, delay_millis: frame.delay_millis })
    }

    /// Calls for every pixel of a part, with its number there.
    fn each(&mut self, part: Rect, mut change: impl FnMut(&mut [u8; 4], usize)) {
        let (canvas, _) = self.pixels.as_chunks_mut::<4>();
        let (width, left) = (part.width as usize, part.x as usize);
        let rows = canvas.chunks_exact_mut(self.size.width as usize).skip(part.y as usize);
        for (number, row) in rows.take(part.height as usize).enumerate() {
            let pixels = row.iter_mut().skip(left).take(width);
            pixels.enumerate().for_each(|(column, pixel)| change(pixel, number * width + column));
        }
    }
}

/// One frame's chunk.
struct Frame<'a> {
    part: Rect,
    delay_millis: u32,
    blends: bool,
    clears: bool,
    /// The picture's own chunks.
    chunks: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(body: &'a [u8], canvas: Size) -> Result<Self, ImageError> {
        let (head, chunks) = body.split_first_chunk::<16>().ok_or(BROKEN)?;
        let field = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], 0]);
        let part = Rect { x: field(0) * 2, y: field(3) * 2, width: field(6) + 1, height: field(9) + 1 };
        if part.x + part.width > canvas.width || part.y + part.height > canvas.height {
            return Err(ImageError::Broken("a frame of the WebP file lies beside its canvas"));
        }
        let flags = head[15];
        Ok(Self { part, delay_millis: field(12), blends: flags & 2 == 0, clears: flags & 1 == 1, chunks })
    }

    /// The frame as a file of its own, for a decoder of stills.
    fn file(&self) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WEBP".to_vec();
        if self.chunks.starts_with(b"ALPH") {
            file.extend(b"VP8X\x0a\0\0\0\x10\0\0\0");
            file.extend(&(self.part.width - 1).to_le_bytes()[..3]);
            file.extend(&(self.part.height - 1).to_le_bytes()[..3]);
        }
        file.extend(self.chunks);
        // The container bounds a chunk to 32 bits.
        let length = u32::try_from(file.len() - 8).unwrap_or(u32::MAX).to_le_bytes();
        file[4..8].copy_from_slice(&length);
        file
    }
}

/// How often it is played.
pub(super) fn plays(source: &[u8]) -> Plays {
    let chunks = riff_body(source).into_iter().flat_map(webp_chunks).map_while(Result::ok);
    let count = chunks.filter(|chunk| &chunk.name == b"ANIM").find_map(|chunk| match *chunk.body {
        [_, _, _, _, low, high, ..] => Some(u16::from_le_bytes([low, high])),
        _ => None,
    });
    match count {
        Some(0) => Plays::Forever,
        count => Plays::times(count.map_or(1, u32::from)),
    }
}
