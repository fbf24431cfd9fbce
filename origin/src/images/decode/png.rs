//! PNG by `png`: every depth, palette, transparency and interlace to 8-bit pixels.

use std::io::Cursor;

use png::{ColorType, DecodeOptions, Limits as PngLimits, Transformations};

use super::super::colour::Profile;
use super::super::error::ImageError;
use super::super::limits::Limits;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::{Decoded, Decoder, Wanted};

const BROKEN: ImageError = ImageError::Broken("the PNG data is damaged or cut short");

/// Most bytes that chunks beside the pixels may inflate to, the colour profile above all (DOS-2): the largest
/// profiles in use, of printing presses, have some 4 MB. Pixels are bounded by the probe.
const CHUNK_BYTES: usize = 16 << 20;

/// The `png` crate.
pub(super) struct Png;

impl Decoder for Png {
    fn nanos_per_pixel(&self) -> u64 {
        15
    }

    fn decode(&self, source: &[u8], probe: &Probe, _wanted: Wanted, _limits: &Limits) -> Result<Decoded, ImageError> {
        let mut options = DecodeOptions::default();
        // Text is never used, and may be compressed a thousandfold (DOS-2).
        options.set_ignore_text_chunk(true);
        let mut decoder = png::Decoder::new_with_options(Cursor::new(source), options);
        // The library counts its own rows towards the same limit: at most eight bytes a pixel.
        decoder.set_limits(PngLimits { bytes: CHUNK_BYTES + 8 * probe.size.width as usize });
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        let mut reader = decoder.read_info().map_err(|_| BROKEN)?;
        let info = reader.info();
        if (info.width, info.height) != (probe.size.width, probe.size.height) {
            return Err(BROKEN);
        }
        // A gamma chunk without a profile is passed over, as browsers do when sRGB or ICC chunks are absent or present.
        let profile = info.icc_profile.as_deref().and_then(Profile::from_icc).filter(|profile| !profile.is_cmyk());
        let mut pixels = vec![0; reader.output_buffer_size().ok_or(ImageError::SourceTooLarge)?];
        let frame = reader.next_frame(&mut pixels).map_err(|_| BROKEN)?;
        if (frame.width, frame.height) != (probe.size.width, probe.size.height) {
            return Err(ImageError::FormatUnsupported("png whose first frame is not the whole picture"));
        }
        let size = probe.size;
        let picture = match frame.color_type {
            ColorType::Rgb => Picture::rgb(size, pixels),
            ColorType::Rgba => Picture::rgba(size, pixels),
            ColorType::Grayscale => Picture::rgb(size, pixels.iter().flat_map(|grey| [*grey; 3]).collect()),
            ColorType::GrayscaleAlpha => {
                let (pairs, _) = pixels.as_chunks::<2>();
                Picture::rgba(size, pairs.iter().flat_map(|[grey, alpha]| [*grey, *grey, *grey, *alpha]).collect())
            }
            ColorType::Indexed => return Err(BROKEN),
        };
        Ok(Decoded { picture, profile })
    }
}
