//! From pixels to coded bytes, without metadata: a result carries neither EXIF nor a profile (IMG-1, IMG-2, IMG-6).

mod avif;
mod jpeg;
mod png;
mod webp;

use super::error::ImageError;
use super::format::Format;
use super::picture::Picture;

pub(super) use jpeg::{FULL_CHROMA_QUALITY, encode_planes as jpeg_of_planes};
pub(super) use webp::encode_planes as webp_of_planes;

/// The quality of a format when `q` is absent.
///
/// Meant to be of about equal SSIMULACRA2 to JPEG's 80. JPEG 80 and WebP 80 are the common defaults of image servers
/// and image libraries, near each other in published comparisons; AVIF's 65 on this encoder's own scale is a first
/// estimate after its documentation and the share of bytes it saves. None of the three was measured here yet: they
/// are to be replaced by the medians of a run over the photographs of the benchmark.
pub(super) fn default_quality(format: Format) -> u8 {
    match format {
        Format::Jpeg | Format::Webp => 80,
        Format::Avif => 65,
        // Without loss.
        Format::Png | Format::Gif => 100,
    }
}

/// Encodes; a picture for JPEG has no alpha any more.
pub(super) fn encode(picture: &Picture, format: Format, quality: u8) -> Result<Vec<u8>, ImageError> {
    match format {
        Format::Jpeg => jpeg::encode(picture, quality),
        Format::Png => png::encode(picture),
        Format::Webp => webp::encode(picture, quality),
        Format::Avif => avif::encode(picture, quality),
        Format::Gif => Err(ImageError::Unsupported("f")),
    }
}
