//! From pixels or planes to coded bytes. A result carries no profile, and of metadata what `meta` keeps (IMG-1, IMG-2,
//! IMG-6).

mod avif;
mod gif;
mod jpeg;
mod likeness;
mod order;
mod palette;
mod png;
mod webp;
mod webp_animation;

use std::time::Duration;

use super::error::ImageError;
use super::format::Format;
use super::geometry::Size;
use super::metadata::Kept;
use super::picture::Picture;
use super::planes::Planes;

pub(super) use gif::Animation as GifAnimation;
pub(super) use jpeg::FULL_CHROMA_QUALITY;
pub(super) use order::Order;
pub(super) use png::encode as png_of;
pub(super) use webp_animation::Animation as WebpAnimation;

/// What is encoded, finished.
pub(super) enum Drawn {
    /// Pixels; for JPEG without alpha.
    Pixels(Picture),
    /// Planes for JPEG or WebP.
    Planes(Planes),
}

impl Drawn {
    fn size(&self) -> Size {
        match self {
            Self::Pixels(picture) => picture.size,
            Self::Planes(planes) => planes.size,
        }
    }
}

/// Writes one format. Whatever else makes results asks [`of`], so that another codec takes a place there by one line, and
/// is measured beside the one that has it (`tests/codecs.rs`).
pub(super) trait Encoder {
    /// The quality when `q` is absent, see [`default_quality`]; none of a format without loss.
    fn default_quality(&self) -> Option<u8> {
        None
    }

    /// About how long a pixel takes on one core of an ordinary server, in nanoseconds: what the next encode is held against
    /// before it begins. Measured by `make bench`'s tasks and `tests/codecs.rs`.
    fn nanos_per_pixel(&self) -> u64;

    /// Encodes pixels; for a format without alpha there is none. `kept` is for an encoder that writes metadata itself,
    /// where [`Kept::written_into`] does not.
    fn pixels(&self, picture: &Picture, quality: u8, kept: &Kept) -> Result<Vec<u8>, ImageError>;

    /// Encodes planes, if the format's own are such.
    fn planes(&self, _planes: &Planes, _quality: u8) -> Result<Vec<u8>, ImageError> {
        Err(ImageError::Broken("the format is not encoded from planes"))
    }
}

/// The encoder of each format.
pub(super) fn of(format: Format) -> Result<&'static dyn Encoder, ImageError> {
    Ok(match format {
        Format::Jpeg => &jpeg::Turbo,
        Format::Png => &png::Png,
        Format::Webp => &webp::Libwebp,
        Format::Avif => &avif::Ravif,
        Format::Gif => &gif::Gif,
        // No picture, and described before this; never written.
        Format::Json | Format::Svg => return Err(ImageError::Unsupported("f")),
    })
}

/// Whether a format has a quality to choose.
pub(super) fn has_quality(format: Format) -> bool {
    of(format).is_ok_and(|encoder| encoder.default_quality().is_some())
}

/// The quality of a format when `q` is absent: of equal mean SSIMULACRA2 to JPEG's 80, the common default of image
/// servers; the highest of one without loss.
///
/// Measured over the six photographs of the demo at 800 pixels, against this engine's own PNG of the same size
/// (`ssimulacra2` 0.5, decoded by libvips). The scale is this engine's: encoders' numbers mean nothing to each other.
///
/// | | score | bytes |
/// |---|---|---|
/// | JPEG 80 | 77.5 | 80 348 |
/// | WebP 84 | 77.3 | 76 228 |
/// | AVIF 82, 84 | 75.7, 79.2 | 54 294, 63 974 |
pub(super) fn default_quality(format: Format) -> u8 {
    of(format).ok().and_then(Encoder::default_quality).unwrap_or(100)
}

/// About how long the encode of a picture takes.
pub(super) fn time(format: Format, pixels: u64) -> Duration {
    Duration::from_nanos(of(format).map_or(0, Encoder::nanos_per_pixel).saturating_mul(pixels))
}

/// Encodes, and writes the metadata that is kept.
fn encode(drawn: &Drawn, format: Format, quality: u8, kept: &Kept) -> Result<Vec<u8>, ImageError> {
    let encoder = of(format)?;
    let encoded = match drawn {
        Drawn::Pixels(picture) => encoder.pixels(picture, quality, kept)?,
        Drawn::Planes(planes) => encoder.planes(planes, quality)?,
    };
    kept.written_into(encoded, format, drawn.size())
}
