//! GIF by `gif`: a still, or an animation whose frames hold what has changed (GIF89a §18, §20, §23).
//!
//! A pixel is opaque or clear. A frame is written once the next one is known: where that one clears pixels, which no drawing
//! can, this one is drawn over all of them and taken away by its disposal. One palette serves all frames as far as it goes;
//! it stands in the header and is put there last.

use std::borrow::Cow;

use gif::{DisposalMethod, Frame, Repeat};

use super::super::animation::{Changes, Plays, clear, same};
use super::super::error::ImageError;
use super::super::geometry::{Rect, Size};
use super::super::metadata::Kept;
use super::super::picture::Picture;
use super::Encoder;
use super::palette::{Palette, Quantiser};

const FAILED: ImageError = ImageError::Broken("the GIF encoder failed");

/// The header and the largest palette, which the final one takes the place of.
const HEADER_BYTES: usize = 13;
const PALETTE_BYTES: usize = 768;

/// From this alpha on a pixel is opaque.
const OPAQUE: u8 = 128;

/// Shortest delay, in hundredths of a second: shorter ones are not meant, see [`super::super::animation`].
const SHORTEST: u64 = 2;

/// The `gif` crate, with our palettes.
pub(super) struct Gif;

impl Encoder for Gif {
    fn nanos_per_pixel(&self) -> u64 {
        150
    }

    fn pixels(&self, picture: &Picture, _quality: u8, _kept: &Kept) -> Result<Vec<u8>, ImageError> {
        let mut animation = Animation::new(picture.size, Plays::Times(1))?;
        animation.add(picture.clone().with_alpha(), 0)?;
        animation.write(DisposalMethod::Keep, 0)?;
        animation.whole()
    }
}

/// An animation as far as it is written.
pub(in super::super) struct Animation {
    encoder: gif::Encoder<Vec<u8>>,
    size: Size,
    /// Of all frames that have none of their own.
    palette: Palette,
    /// How many places of it frames speak of.
    places: usize,
    quantiser: Option<Quantiser>,
    waiting: Option<Waiting>,
    /// Hundredths of a second that are written, and the milliseconds that they stand for.
    written: u64,
    millis: u64,
}

/// A frame that is not written yet.
struct Waiting {
    /// What it is drawn on.
    under: Picture,
    picture: Picture,
    part: Rect,
}

impl Animation {
    pub(in super::super) fn new(size: Size, plays: Plays) -> Result<Self, ImageError> {
        let side = |side: u32| u16::try_from(side).map_err(|_| ImageError::ResultTooLarge);
        let room = [0; PALETTE_BYTES];
        let mut encoder =
            gif::Encoder::new(Vec::new(), side(size.width)?, side(size.height)?, &room).map_err(|_| FAILED)?;
        let repeat = match plays {
            Plays::Forever => Repeat::Infinite,
            // More plays than can be told are as good as for ever.
            Plays::Times(count) => u16::try_from(count.saturating_sub(1)).map_or(Repeat::Infinite, Repeat::Finite),
        };
        encoder.set_repeat(repeat).map_err(|_| FAILED)?;
        let (palette, quantiser, waiting) = (Palette::default(), None, None);
        Ok(Self { encoder, size, palette, places: 0, quantiser, waiting, written: 0, millis: 0 })
    }

    /// How much is written.
    pub(in super::super) fn bytes(&self) -> usize {
        self.encoder.get_ref().len()
    }

    /// Shows a picture with alpha for a time; one like the last prolongs that.
    pub(in super::super) fn add(&mut self, mut picture: Picture, millis: u32) -> Result<(), ImageError> {
        for pixel in picture.pixels.as_chunks_mut::<4>().0 {
            *pixel = if pixel[3] < OPAQUE { [0; 4] } else { [pixel[0], pixel[1], pixel[2], 255] };
        }
        let next = match &mut self.waiting {
            None => {
                let nothing = Picture::rgba(self.size, vec![0; picture.pixels.len()]);
                let part = Rect::whole(self.size);
                Waiting { under: nothing, picture, part }
            }
            Some(waiting) => {
                let cleared = Changes::cleared(&waiting.picture, &picture);
                let mut under = waiting.picture.clone();
                let disposal = match &cleared {
                    None => DisposalMethod::Keep,
                    Some(cleared) => {
                        waiting.part = waiting.part.with(cleared.part);
                        clear(&mut under, waiting.part);
                        DisposalMethod::Background
                    }
                };
                let changes = Changes::between(&under, &picture);
                if changes.is_none() && cleared.is_none() {
                    self.millis += u64::from(millis);
                    return Ok(());
                }
                // A frame has a part, if only to be there for its time.
                let part = changes.map_or(Rect { x: 0, y: 0, width: 1, height: 1 }, |changes| changes.part);
                self.write(disposal, SHORTEST)?;
                Waiting { under, picture, part }
            }
        };
        self.millis += u64::from(millis);
        self.waiting = Some(next);
        Ok(())
    }

    /// The whole file.
    pub(in super::super) fn finish(mut self) -> Result<Vec<u8>, ImageError> {
        self.write(DisposalMethod::Keep, SHORTEST)?;
        self.whole()
    }

    /// Writes the frame that waits.
    fn write(&mut self, dispose: DisposalMethod, shortest: u64) -> Result<(), ImageError> {
        let Some(Waiting { under, picture, part }) = self.waiting.take() else { return Ok(()) };
        let delay = (self.millis / 10).saturating_sub(self.written).clamp(shortest, u64::from(u16::MAX));
        self.written = (self.written + delay).max(self.millis / 10);
        let (under, picture) = (under.into_part(part), picture.into_part(part));
        let (under, _) = under.pixels.as_chunks::<4>();
        let (pixels, _) = picture.pixels.as_chunks::<4>();
        let new: Vec<bool> = under.iter().zip(pixels).map(|(under, pixel)| !same(*under, *pixel)).collect();
        let drawn = |kept: fn(bool, [u8; 4]) -> bool| {
            let drawn = pixels.iter().zip(&new).filter(|(pixel, new)| kept(**new, **pixel));
            drawn.map(|([red, green, blue, _], _)| [*red, *green, *blue]).collect::<Vec<_>>()
        };
        let mut frame = self.frame(&drawn(|new, _| new), |at| new[at], part)?;
        frame.make_lzw_pre_encoded();
        // To draw what is there already may make for longer runs, which are shorter when compressed; but not in other colours.
        if new.iter().zip(pixels).any(|(new, pixel)| !new && pixel[3] != 0) {
            let all = drawn(|_, pixel| pixel[3] != 0);
            if let Some(places) = self.exact_places(&all, part) {
                let mut all = self.placed(places, |at| pixels[at][3] != 0, part)?;
                all.make_lzw_pre_encoded();
                if bytes(&all) < bytes(&frame) {
                    frame = all;
                }
            }
        }
        frame.dispose = dispose;
        frame.delay = u16::try_from(delay).unwrap_or(u16::MAX);
        self.encoder.write_lzw_pre_encoded_frame(&frame).map_err(|_| FAILED)
    }

    /// A frame of these colours on the pixels that are `drawn`, the others clear.
    fn frame(
        &mut self,
        colours: &[[u8; 3]],
        drawn: impl Fn(usize) -> bool,
        part: Rect,
    ) -> Result<Frame<'static>, ImageError> {
        let places = self.exact_places(colours, part).unwrap_or_else(|| self.nearest_places(colours));
        self.placed(places, drawn, part)
    }

    /// The places of colours, with the palette that they are places of if it is not the common one.
    fn exact_places(&mut self, colours: &[[u8; 3]], part: Rect) -> Option<(Vec<u8>, Option<Palette>)> {
        let most = if colours.len() as u64 == part.size().pixels() { 256 } else { 255 };
        if self.palette.colours.len() <= most
            && let Some(places) = self.palette.admit(colours, most)
        {
            return Some((places, None));
        }
        let mut own = Palette::default();
        own.admit(colours, most).map(|places| (places, Some(own)))
    }

    /// The same for more colours than a palette has, each at the place of a near one.
    fn nearest_places(&mut self, colours: &[[u8; 3]]) -> (Vec<u8>, Option<Palette>) {
        if let Some(known) = &mut self.quantiser
            && let Some(places) = known.knows(colours)
        {
            let is_common = known.colours() == self.palette.colours;
            return (places, (!is_common).then(|| known.palette()));
        }
        let (quantiser, places) = Quantiser::learn(colours);
        let learnt = quantiser.palette();
        self.quantiser = Some(quantiser);
        if self.palette.colours.is_empty() {
            self.palette = learnt;
            return (places, None);
        }
        (places, Some(learnt))
    }

    /// A frame whose pixels that are `drawn` have these places in turn, the others clear.
    fn placed(
        &mut self,
        (places, own): (Vec<u8>, Option<Palette>),
        drawn: impl Fn(usize) -> bool,
        part: Rect,
    ) -> Result<Frame<'static>, ImageError> {
        let count = usize::try_from(part.size().pixels()).map_err(|_| FAILED)?;
        let has_clear = places.len() < count;
        let used = own.as_ref().unwrap_or(&self.palette).colours.len();
        // A place that no colour of this frame has; the palette may yet give it to one of a later frame.
        let clear = has_clear.then(|| u8::try_from(used).unwrap_or(u8::MAX));
        if own.is_none() {
            self.places = self.places.max(used + usize::from(has_clear));
        }
        let mut places = places.into_iter();
        let mut place = |at| if drawn(at) { places.next() } else { clear };
        let buffer: Vec<u8> = (0..count).map(|at| place(at).unwrap_or(0)).collect();
        let side = |side: u32| u16::try_from(side).map_err(|_| FAILED);
        Ok(Frame {
            transparent: clear,
            left: side(part.x)?,
            top: side(part.y)?,
            width: side(part.width)?,
            height: side(part.height)?,
            palette: own.map(|own| padded(&own.colours, used + usize::from(has_clear))),
            buffer: Cow::Owned(buffer),
            ..Frame::default()
        })
    }

    /// The file with its palette in the header.
    fn whole(self) -> Result<Vec<u8>, ImageError> {
        let mut file = self.encoder.into_inner().map_err(|_| FAILED)?;
        let palette = padded(&self.palette.colours, self.places);
        // Two to the power of one more than the field's three bits say (§18).
        let bits = u8::try_from((palette.len() / 3).trailing_zeros()).unwrap_or(8) - 1;
        file[10] = 0x80 | bits << 4 | bits;
        file.splice(HEADER_BYTES..HEADER_BYTES + PALETTE_BYTES, palette);
        Ok(file)
    }
}

/// What a frame takes of the file, but for what all do.
fn bytes(frame: &Frame<'_>) -> usize {
    frame.buffer.len() + frame.palette.as_ref().map_or(0, Vec::len)
}

/// Colours as the format has them: a power of two, two at least, of at least `places`.
fn padded(colours: &[[u8; 3]], places: usize) -> Vec<u8> {
    let mut palette = colours.as_flattened().to_vec();
    palette.resize(places.max(colours.len()).clamp(2, 256).next_power_of_two() * 3, 0);
    palette
}
