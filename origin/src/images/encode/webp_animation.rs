//! Animated WebP (RFC 9649 §2.7.1): frames by libwebp, put together here. A frame holds the part of the canvas that has
//! changed, and is drawn on what was there.
//!
//! libwebp's own `WebPAnimEncoder` compares each picture with the one before within a tolerance, so that what changes slowly
//! never changes; it holds four canvases. Here a pixel is left out only if it is exactly what the viewer has.

use super::super::animation::{Changes, Plays, same};
use super::super::error::ImageError;
use super::super::geometry::{Rect, Size};
use super::super::picture::Picture;
use super::super::probe::{riff_body, webp_chunks};
use super::webp;

const FAILED: ImageError = ImageError::Broken("the WebP encoder failed");

/// Longest duration that the format has, some four hours.
const MAX_MILLIS: u32 = 0xff_ffff;

/// Side of the blocks that are left out whole: those of WebP's chroma, which a finer mask would blend at every edge.
const BLOCK: usize = 16;

/// One of this many blocks must be unchanged for a mask to be worth its bytes.
const WORTH_ONE_OF: usize = 8;

/// An animation as far as it is written.
pub(in super::super) struct Animation {
    size: Size,
    plays: Plays,
    quality: u8,
    /// What the viewer sees by now.
    seen: Option<Picture>,
    frames: Vec<u8>,
    /// Where in `frames` the last duration stands, and its value.
    last: (usize, u32),
    has_alpha: bool,
}

impl Animation {
    pub(in super::super) fn new(size: Size, plays: Plays, quality: u8) -> Self {
        Self { size, plays, quality, seen: None, frames: Vec::new(), last: (0, 0), has_alpha: false }
    }

    /// How much is written.
    pub(in super::super) fn bytes(&self) -> usize {
        self.frames.len()
    }

    /// Shows a picture with alpha for a time; one like the last prolongs that.
    pub(in super::super) fn add(&mut self, picture: Picture, millis: u32) -> Result<(), ImageError> {
        let (part, drawn, blends) = match &self.seen {
            None => (Rect::whole(picture.size), picture.clone(), false),
            Some(seen) => {
                let Some(changes) = Changes::between(seen, &picture) else {
                    self.write_duration(self.last.1.saturating_add(millis));
                    return Ok(());
                };
                let part = on_even_corner(changes.part);
                let (drawn, blends) = drawing(seen.part(part), picture.part(part));
                (part, drawn, blends)
            }
        };
        self.write_frame(part, drawn, blends, millis)?;
        self.seen = Some(picture);
        Ok(())
    }

    fn write_frame(&mut self, part: Rect, drawn: Picture, blends: bool, millis: u32) -> Result<(), ImageError> {
        let still = webp::encode(&drawn.without_idle_alpha(), self.quality)?;
        let chunks: Vec<_> = webp_chunks(riff_body(&still)?).collect::<Result<_, _>>()?;
        let chunks = chunks.iter().filter(|chunk| matches!(&chunk.name, b"ALPH" | b"VP8 " | b"VP8L"));
        let begun = self.frames.len();
        self.frames.extend(b"ANMF\0\0\0\0");
        for field in [part.x / 2, part.y / 2, part.width - 1, part.height - 1, 0] {
            self.frames.extend(&field.to_le_bytes()[..3]);
        }
        self.last.0 = self.frames.len() - 3;
        self.frames.push(if blends { 0 } else { 2 });
        for chunk in chunks {
            self.has_alpha |= &chunk.name == b"ALPH";
            push_chunk(&mut self.frames, chunk.name, chunk.body)?;
        }
        let length = u32::try_from(self.frames.len() - begun - 8).map_err(|_| FAILED)?;
        self.frames[begun + 4..begun + 8].copy_from_slice(&length.to_le_bytes());
        self.write_duration(millis);
        Ok(())
    }

    fn write_duration(&mut self, millis: u32) {
        let (at, millis) = (self.last.0, millis.min(MAX_MILLIS));
        self.frames[at..at + 3].copy_from_slice(&millis.to_le_bytes()[..3]);
        self.last.1 = millis;
    }

    /// The whole file.
    pub(in super::super) fn finish(self) -> Result<Vec<u8>, ImageError> {
        let mut head = b"RIFF\0\0\0\0WEBP".to_vec();
        let mut extended = vec![if self.has_alpha { 0x12 } else { 0x02 }, 0, 0, 0];
        for side in [self.size.width, self.size.height] {
            extended.extend(&(side - 1).to_le_bytes()[..3]);
        }
        push_chunk(&mut head, *b"VP8X", &extended)?;
        // More plays than can be told are as good as for ever.
        let times = match self.plays {
            Plays::Forever => 0,
            Plays::Times(count) => u16::try_from(count).unwrap_or(0),
        };
        let [low, high] = times.to_le_bytes();
        push_chunk(&mut head, *b"ANIM", &[0, 0, 0, 0, low, high])?;
        let mut file = self.frames;
        file.splice(..0, head);
        let length = u32::try_from(file.len() - 8).map_err(|_| FAILED)?;
        file[4..8].copy_from_slice(&length.to_le_bytes());
        Ok(file)
    }
}

fn push_chunk(file: &mut Vec<u8>, name: [u8; 4], body: &[u8]) -> Result<(), ImageError> {
    file.extend(name);
    file.extend(u32::try_from(body.len()).map_err(|_| FAILED)?.to_le_bytes());
    file.extend(body);
    file.extend(std::iter::repeat_n(0, body.len() % 2));
    Ok(())
}

/// The part grown to a corner that the format can name.
fn on_even_corner(part: Rect) -> Rect {
    let (left, up) = (part.x % 2, part.y % 2);
    Rect { x: part.x - left, y: part.y - up, width: part.width + left, height: part.height + up }
}

/// What is drawn to make one picture of another, and whether it is blended: blocks in which nothing changes are left
/// out where that saves something, and where nothing else is seen through.
fn drawing(seen: Picture, mut picture: Picture) -> (Picture, bool) {
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    let (before, _) = seen.pixels.as_chunks::<4>();
    let (pixels, _) = picture.pixels.as_chunks_mut::<4>();
    if pixels.iter().any(|pixel| pixel[3] != 255) {
        return (picture, false);
    }
    let mut unchanged = Vec::new();
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            let (bottom, right) = ((top + BLOCK).min(height), (left + BLOCK).min(width));
            let row = |y: usize| y * width + left..y * width + right;
            let alike = |y: usize| before[row(y)].iter().zip(&pixels[row(y)]).all(|(one, other)| same(*one, *other));
            if (top..bottom).all(alike) {
                unchanged.push((top..bottom, left..right));
            }
        }
    }
    let blocks = height.div_ceil(BLOCK) * width.div_ceil(BLOCK);
    if unchanged.len() * WORTH_ONE_OF < blocks {
        return (picture, false);
    }
    for (rows, columns) in unchanged {
        for y in rows {
            // Their colour stays: the chroma of their neighbours borders on it.
            pixels[y * width + columns.start..y * width + columns.end].iter_mut().for_each(|pixel| pixel[3] = 0);
        }
    }
    (picture, true)
}
