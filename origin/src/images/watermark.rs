//! `wm`: a registered picture laid over the finished result, after its borders and corners, before the encoder.
//!
//! The mark keeps its aspect. Its width is `SCALE` percent of the result's, less where it would be higher than the result
//! otherwise, so that all of it is seen; it is enlarged as readily as it is shrunk. What is transparent in it stays so, and
//! `OPACITY` thins the rest. It is laid on the upright picture, so no orientation turns it (IMG-1).

use sealpix::operations::{Gravity, Operations, WatermarkPlace};

use super::error::ImageError;
use super::format::{Derivative, Format};
use super::geometry::{Rect, Size, inside, rounded};
use super::limits::Limits;
use super::picture::{Channels, Picture, blend};
use super::probe::Probe;
use super::{caught, colour, decode, derivative, encode, resize};

/// A watermark as decoded: upright, in sRGB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark(Picture);

impl Mark {
    /// Most pixels of a watermark. 4 million: one that covers an HD screen twice over, and 16 MB once decoded.
    pub const MAX_PIXELS: u64 = 4_000_000;

    /// Decodes a watermark of any format that the engine reads.
    ///
    /// # Errors
    ///
    /// [`ImageError::FormatUnsupported`] of an animation too, [`ImageError::SourceTooLarge`] above
    /// [`Mark::MAX_PIXELS`], and the others of a source that is none.
    pub fn open(bytes: &[u8]) -> Result<Self, ImageError> {
        caught(|| {
            let limits = Limits { source_pixels: Self::MAX_PIXELS, ..Limits::default() };
            let probe = Probe::read(bytes)?;
            if probe.frames > 1 {
                return Err(ImageError::FormatUnsupported("an animation"));
            }
            limits.admit_source(&probe)?;
            limits.admit_decoding(&probe)?;
            let decoded = decode::decode_frame(bytes, &probe, 0, 1, &limits)?;
            let picture = match &decoded.profile {
                Some(profile) => colour::to_srgb(decoded.picture, profile),
                None => decoded.picture,
            };
            Ok(Self(picture.turned(probe.orientation).without_idle_alpha()))
        })
    }

    /// The mark as a PNG of nothing but its pixels.
    ///
    /// # Errors
    ///
    /// [`ImageError::Broken`] where the encoder fails.
    pub fn to_png(&self) -> Result<Derivative, ImageError> {
        let bytes = caught(|| encode::png_of(&self.0))?;
        Ok(derivative(bytes, Format::Png, self.0.size))
    }

    /// The bytes that it holds.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.0.pixels.len()
    }
}

/// The size that a mark has in a result.
fn size_in(canvas: Size, mark: Size, scale: u32) -> Size {
    let width = rounded(canvas.width.into(), scale.into(), 100);
    inside(mark, Size { width, height: canvas.height })
}

/// What is known of a mark before it is laid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    scale: u32,
    mark: Option<Size>,
}

impl Weight {
    /// Of the watermark that operations name, if they do.
    pub(super) fn of(operations: &Operations) -> Option<Self> {
        operations.watermark.as_ref().map(|asked| Self { scale: asked.scale, mark: None })
    }

    /// Of this mark.
    pub(super) fn with(self, mark: Option<&Mark>) -> Self {
        Self { mark: mark.map(|mark| mark.0.size), ..self }
    }

    /// The most bytes that are held, beside the result and the mark itself, while it is laid: its premultiplied copy, the
    /// resize's first pass, and the mark at its size twice. Of a mark that is not at hand, what none takes more than.
    pub(super) fn bytes(self, canvas: Size) -> u64 {
        let pixels = self.mark.map_or(Mark::MAX_PIXELS, Size::pixels);
        let any = Size { width: rounded(canvas.width.into(), self.scale.into(), 100), ..canvas };
        let laid = self.mark.map_or(any, |mark| size_in(canvas, mark, self.scale)).pixels();
        4 * pixels + 4 * pixels.max(laid) + 8 * laid
    }
}

/// A mark at its size and opacity for results of one size: made once, laid on each frame.
pub(super) struct Stamp {
    size: Size,
    /// Red, green, blue, alpha; alpha not premultiplied.
    pixels: Vec<u8>,
    /// The part of the result that it covers, over and over where it is smaller.
    area: Rect,
}

impl Stamp {
    /// What the operations lay on results of this size; nothing where they name no watermark.
    ///
    /// # Errors
    ///
    /// [`ImageError::Unsupported`] where they name one that is not at hand.
    pub(super) fn of(operations: &Operations, mark: Option<&Mark>, canvas: Size) -> Result<Option<Self>, ImageError> {
        let Some(asked) = &operations.watermark else { return Ok(None) };
        let Mark(mark) = mark.ok_or(ImageError::Unsupported("wm"))?;
        let size = size_in(canvas, mark.size, asked.scale);
        let window = Rect::whole(mark.size);
        let sized = resize::picture(mark, window, window.area(), size)?;
        let area = match asked.place {
            WatermarkPlace::Tile => Rect::whole(canvas),
            WatermarkPlace::At(gravity) => {
                let (x, y) = corner(canvas, size, gravity);
                Rect { x, y, width: size.width, height: size.height }
            }
        };
        Ok(Some(Self { size, pixels: thinned(sized, asked.opacity), area }))
    }

    /// Lays the mark on a result, which has the size that the stamp was made for. An opaque one stays opaque.
    pub(super) fn lay(&self, picture: &mut Picture) {
        match picture.channels {
            Channels::Rgb => self.lay_on::<3>(picture, |over, [red, green, blue]| {
                let [red, green, blue, _] = blend(over, [red, green, blue, 255]);
                [red, green, blue]
            }),
            Channels::Rgba => self.lay_on::<4>(picture, blend),
        }
    }

    fn lay_on<const CHANNELS: usize>(
        &self,
        picture: &mut Picture,
        blended: impl Fn([u8; 4], [u8; CHANNELS]) -> [u8; CHANNELS],
    ) {
        let (stamp, _) = self.pixels.as_chunks::<4>();
        let (pixels, _) = picture.pixels.as_chunks_mut::<CHANNELS>();
        let Rect { x, y, width, height } = self.area;
        let rows = pixels.chunks_exact_mut(picture.size.width as usize).skip(y as usize).take(height as usize);
        let lines = stamp.chunks_exact(self.size.width as usize).cycle();
        for (row, line) in rows.zip(lines) {
            let covered = row.iter_mut().skip(x as usize).take(width as usize);
            for (pixel, over) in covered.zip(line.iter().cycle()) {
                if over[3] > 0 {
                    *pixel = blended(*over, *pixel);
                }
            }
        }
    }
}

/// A picture's pixels with alpha, of which so many percent are left.
fn thinned(picture: Picture, opacity: u32) -> Vec<u8> {
    let left = |alpha: u8| u8::try_from((u32::from(alpha) * opacity + 50) / 100).unwrap_or(u8::MAX);
    match picture.channels {
        Channels::Rgb => {
            let (pixels, _) = picture.pixels.as_chunks::<3>();
            pixels.iter().flat_map(|[red, green, blue]| [*red, *green, *blue, left(255)]).collect()
        }
        Channels::Rgba => {
            let mut pixels = picture.pixels;
            pixels.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel[3] = left(pixel[3]));
            pixels
        }
    }
}

/// Where the mark's top left corner comes to stand. A compass point is where it lies flush; around a point it is centred, as
/// far as it goes. What is `smart` for a cut, looking at the picture, is for a mark the corner where marks commonly are.
fn corner(canvas: Size, mark: Size, gravity: Gravity) -> (u32, u32) {
    let (left_x, left_y) = (canvas.width - mark.width, canvas.height - mark.height);
    // Thousandths, rounded half up.
    let share =
        |left: u32, share: u32| u32::try_from((u64::from(left) * u64::from(share) + 500) / 1000).unwrap_or(left);
    let around = |left: u32, side: u32, own: u32, at: u32| {
        let before = (i64::from(side) * i64::from(at) * 2 - i64::from(own) * 1000 + 1000).div_euclid(2000);
        u32::try_from(before.max(0)).unwrap_or(left).min(left)
    };
    match gravity {
        Gravity::Compass { x, y, .. } => (share(left_x, x), share(left_y, y)),
        Gravity::Point(x, y) => (
            around(left_x, canvas.width, mark.width, x.thousandths()),
            around(left_y, canvas.height, mark.height, y.thousandths()),
        ),
        Gravity::Smart => (left_x, left_y),
    }
}
