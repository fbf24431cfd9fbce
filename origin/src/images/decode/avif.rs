//! AVIF: the container's picture and alpha, decoded apart and put together as 8-bit pixels.

use super::super::codec::av1::{self, Planes};
use super::super::codec::container::{Colours, Container};
use super::super::colour::Profile;
use super::super::error::ImageError;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::{Decoded, Decoder, Wanted, embedded_profile, zeroed};

/// dav1d, its container by `mp4parse`.
pub(super) struct Dav1d;

impl Decoder for Dav1d {
    fn nanos_per_pixel(&self) -> u64 {
        40
    }

    fn decode(&self, source: &[u8], probe: &Probe, _wanted: Wanted, _limits: &Limits) -> Result<Decoded, ImageError> {
        let container = Container::read(source)?;
        let planes = av1::decode(container.picture(), probe.size)?;
        // The container's word counts before the stream's (AVIF §2.1, MIAF §7.3.6.4).
        let colours = container.colours.unwrap_or(planes.colours);
        let mut pixels = zeroed(probe, if probe.alpha { 4 } else { 3 })?;
        let converter = Converter::new(&planes, colours)?;
        if probe.alpha {
            converter.fill(pixels.as_chunks_mut::<4>().0);
        } else {
            converter.fill(pixels.as_chunks_mut::<3>().0);
        }
        drop(planes);
        let profile = match &probe.profile {
            Some(_) => embedded_profile(probe).filter(|profile| !profile.is_cmyk()),
            None => Profile::from_code_points(colours),
        };
        let Some(alpha) = container.alpha() else {
            return Ok(Decoded { picture: Picture::rgb(probe.size, pixels), profile });
        };
        let alpha = av1::decode(alpha, probe.size)?;
        let range = Range::of(alpha.bits, alpha.colours.full_range);
        let samples = alpha.planes.first().into_iter().flatten();
        for (pixel, sample) in pixels.as_chunks_mut::<4>().0.iter_mut().zip(samples) {
            pixel[3] = byte(range.luma(*sample) * 255.0);
        }
        Ok(Decoded { picture: Picture::rgba(probe.size, pixels), profile })
    }
}

/// Samples to fractions (ITU-T H.273 §8.3, `VideoFullRangeFlag`).
#[derive(Clone, Copy)]
struct Range {
    floor: f32,
    luma_span: f32,
    middle: f32,
    chroma_span: f32,
}

impl Range {
    fn of(bits: u8, full: bool) -> Self {
        let unit = f32::from(1u16 << (bits - 8));
        let most = 256.0 * unit - 1.0;
        let middle = 128.0 * unit;
        if full {
            Self { floor: 0.0, luma_span: most, middle, chroma_span: most }
        } else {
            Self { floor: 16.0 * unit, luma_span: 219.0 * unit, middle, chroma_span: 224.0 * unit }
        }
    }

    /// Luma, or a colour of the identity matrix, or alpha: 0 to 1.
    fn luma(self, sample: u16) -> f32 {
        (f32::from(sample) - self.floor) / self.luma_span
    }

    /// Chroma: -0.5 to 0.5.
    fn chroma(self, sample: u16) -> f32 {
        (f32::from(sample) - self.middle) / self.chroma_span
    }
}

/// Planes to pixels. A chroma sample stands for all the pixels that it covers.
struct Converter<'a> {
    planes: &'a Planes,
    range: Range,
    /// The weights of red and blue in luma; `None` when the planes are green, blue, red.
    weights: Option<(f32, f32)>,
}

impl<'a> Converter<'a> {
    fn new(planes: &'a Planes, colours: Colours) -> Result<Self, ImageError> {
        // ITU-T H.273 table 4. Unspecified is read as BT.601, as browsers and libavif do.
        let weights = match colours.matrix {
            0 if planes.chroma_shift == Some((0, 0)) => None,
            1 => Some((0.2126, 0.0722)),
            2 | 5 | 6 => Some((0.299, 0.114)),
            4 => Some((0.30, 0.11)),
            7 => Some((0.212, 0.087)),
            9 => Some((0.2627, 0.0593)),
            _ => return Err(ImageError::FormatUnsupported("avif with this colour matrix")),
        };
        Ok(Self { planes, range: Range::of(planes.bits, colours.full_range), weights })
    }

    fn fill<const COUNT: usize>(&self, pixels: &mut [[u8; COUNT]]) {
        let columns = self.planes.size.width as usize;
        let (across, down) = self.planes.chroma_shift.unwrap_or((0, 0));
        let chroma_columns = self.planes.plane_size(1).width as usize;
        for (row, target) in pixels.chunks_exact_mut(columns).enumerate() {
            let luma = &self.planes.planes[0][row * columns..(row + 1) * columns];
            let start = (row >> down) * chroma_columns;
            let chroma =
                |index: usize| self.planes.planes.get(index).map(|plane| &plane[start..start + chroma_columns]);
            let (first, second) = (chroma(1), chroma(2));
            for (column, (pixel, sample)) in target.iter_mut().zip(luma).enumerate() {
                let at = |row: Option<&[u16]>| row.map(|row| row[column >> across]);
                let colour = match (at(first), at(second)) {
                    (Some(first), Some(second)) => self.colour(*sample, first, second),
                    _ => [self.range.luma(*sample); 3],
                };
                pixel[..3].copy_from_slice(&colour.map(|channel| byte(channel * 255.0)));
                if let Some(alpha) = pixel.get_mut(3) {
                    *alpha = 255;
                }
            }
        }
    }

    fn colour(&self, luma: u16, first: u16, second: u16) -> [f32; 3] {
        let Some((red, blue)) = self.weights else {
            return [self.range.luma(second), self.range.luma(luma), self.range.luma(first)];
        };
        let luma = self.range.luma(luma);
        let (cb, cr) = (self.range.chroma(first), self.range.chroma(second));
        let r = luma + 2.0 * (1.0 - red) * cr;
        let b = luma + 2.0 * (1.0 - blue) * cb;
        [r, (luma - red * r - blue * b) / (1.0 - red - blue), b]
    }
}

/// A channel to its byte, rounded half up and held to its bounds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a byte's range before")]
fn byte(value: f32) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}
