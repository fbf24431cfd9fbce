//! The operations `_`: the coded pixels untouched, metadata removed without re-encoding.
//!
//! Each format's file copies a list of what is part of the picture and drops the rest, so that a place for metadata
//! nobody thought of is dropped too. What follows the picture's end in the file is never copied: a polyglot's second
//! half does not pass. Orientation and colour profile stay, because the coded pixels need them to be seen right.

mod gif;
mod jpeg;
mod png;
mod webp;

pub(super) use self::jpeg::push as push_segment;
pub(super) use self::png::push as push_chunk;
pub(super) use self::webp::push as push_riff;
use super::error::ImageError;
use super::format::Format;
use super::probe::{Probe, avif_holds_metadata};

/// The source without its metadata.
pub(super) fn clean(source: &[u8], probe: &Probe) -> Result<Vec<u8>, ImageError> {
    match probe.format() {
        Format::Jpeg => jpeg::clean(source, probe.orientation),
        Format::Png => png::clean(source, probe.orientation),
        Format::Webp => webp::clean(source, probe),
        Format::Gif => gif::clean(source),
        Format::Avif if avif_holds_metadata(source) => {
            Err(ImageError::FormatUnsupported("avif with metadata, without re-encoding"))
        }
        Format::Avif => Ok(source.to_vec()),
        // The one is no source, the other never passed on (SVG-1).
        Format::Json | Format::Svg => Err(ImageError::FormatUnsupported("svg")),
    }
}
