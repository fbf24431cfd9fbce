//! What a source is, from its header alone: no pixel is decoded and nothing of a size that the file claims is
//! allocated (DOS-1, DOS-2). Each format's file reads as far as it must, in safe Rust, with every length checked.

mod avif;
mod exif;
mod gif;
mod jpeg;
mod png;
mod webp;

use super::error::ImageError;
use super::format::Format;
use super::geometry::Size;
use super::orientation::Orientation;
use super::settings::Settings;
use super::svg::{self, Drawing};

pub(super) use avif::{holds_metadata as avif_holds_metadata, whole_boxes as avif_whole_boxes};
pub(super) use exif::{minimal_exif, orientation_of};
pub(super) use gif::{Block as GifBlock, blocks as gif_blocks, looping as gif_looping};
pub(super) use jpeg::{Segment as JpegSegment, Segments as JpegSegments};
pub(super) use png::{SIGNATURE as PNG_SIGNATURE, chunks as png_chunks};
pub(super) use webp::{Chunk as WebpChunk, bitstreams as webp_bitstreams, chunks as webp_chunks, riff_body};

/// What the header says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Probe {
    /// The size as coded, before orientation.
    pub(super) size: Size,
    /// How the coded picture is turned to be shown.
    pub(super) orientation: Orientation,
    /// Whether pixels may be transparent.
    pub(super) alpha: bool,
    /// How many frames; 1 for a still.
    pub(super) frames: u32,
    /// The embedded colour profile, where it lies open in the file.
    pub(super) profile: Option<Vec<u8>>,
    /// What only this format has.
    pub(super) coding: Coding,
    /// An SVG, which is read as a whole.
    pub(super) drawing: Option<Drawing>,
}

/// What only one format has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// JPEG.
    Jpeg {
        /// All coefficients are kept until the last scan.
        progressive: bool,
        /// 1 grey, 3 colour, 4 CMYK.
        components: u8,
        /// Samples of all components to 64 pixels: 64 for grey, 96 for 4:2:0, 192 for 4:4:4.
        samples_64ths: u16,
        /// An Adobe segment is present: CMYK is stored inverted.
        adobe: bool,
    },
    /// PNG.
    Png {
        /// Bits of a sample.
        bit_depth: u8,
    },
    /// GIF.
    Gif,
    /// WebP.
    Webp {
        /// The picture is made of frames on a canvas, though there may be only one.
        animated: bool,
    },
    /// AVIF.
    Avif,
    /// SVG.
    Svg,
}

/// What is said of a page, and of an SVG behind a long preface.
const A_PAGE: ImageError = ImageError::NotAnImage("it is a page of markup");

impl Probe {
    /// Reads the header of any format that the engine knows, and that the settings admit.
    pub(super) fn read_by(settings: Settings, source: &[u8]) -> Result<Self, ImageError> {
        match recognise(source) {
            Err(ImageError::FormatUnsupported("svg")) if settings.svg => svg::probe(source),
            Err(A_PAGE) if settings.svg => svg::probe(source).map_err(|error| match error {
                // A page is seldom XML.
                ImageError::Broken(_) | ImageError::NotAnImage(_) => A_PAGE,
                error => error,
            }),
            _ => Self::read(source),
        }
    }

    /// Reads the header of any format that the engine knows.
    pub(super) fn read(source: &[u8]) -> Result<Self, ImageError> {
        let probe = match recognise(source)? {
            Format::Jpeg => jpeg::probe(source),
            Format::Png => png::probe(source),
            Format::Gif => gif::probe(source),
            Format::Webp => webp::probe(source),
            Format::Avif => avif::probe(source),
            // Nothing is recognised as one.
            Format::Json | Format::Svg => return Err(ImageError::FormatUnsupported("svg")),
        }?;
        if probe.size.width == 0 || probe.size.height == 0 {
            return Err(ImageError::Broken("a side of the picture is 0"));
        }
        Ok(probe)
    }

    /// The format of the source.
    pub(super) fn format(&self) -> Format {
        match self.coding {
            Coding::Jpeg { .. } => Format::Jpeg,
            Coding::Png { .. } => Format::Png,
            Coding::Gif => Format::Gif,
            Coding::Webp { .. } => Format::Webp,
            Coding::Avif => Format::Avif,
            Coding::Svg => Format::Svg,
        }
    }

    /// The size as shown.
    pub(super) fn shown(&self) -> Size {
        self.orientation.turn(self.size)
    }
}

/// The format by its first bytes; nothing else is believed, neither a name nor a media type.
pub(super) fn recognise(source: &[u8]) -> Result<Format, ImageError> {
    let unsupported = |name| Err(ImageError::FormatUnsupported(name));
    match source {
        [] => Err(ImageError::Empty),
        [0xff, 0xd8, 0xff, ..] => Ok(Format::Jpeg),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Ok(Format::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(Format::Webp),
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.first_chunk::<4>() {
            Some(b"avif" | b"mif1" | b"miaf") if avif::is_compatible(source) => Ok(Format::Avif),
            Some(b"avis" | b"msf1") => unsupported("animated avif"),
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"mif1") => unsupported("heic"),
            _ => unsupported("video"),
        },
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => unsupported("tiff"),
        [b'B', b'M', ..] => unsupported("bmp"),
        [0, 0, 1, 0, ..] => unsupported("ico"),
        [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => unsupported("jpeg xl"),
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => unsupported("jpeg 2000"),
        [b'8', b'B', b'P', b'S', ..] => unsupported("psd"),
        [b'%', b'P', b'D', b'F', ..] => unsupported("pdf"),
        _ if source.starts_with(&png::SIGNATURE) => Ok(Format::Png),
        _ => markup(source),
    }
}

/// Markup is told apart for the message's sake: an SVG is a picture that is never passed on, a page is none.
fn markup(source: &[u8]) -> Result<Format, ImageError> {
    let head = source.get(..1024).unwrap_or(source).to_ascii_lowercase();
    let holds = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head).trim_ascii_start();
    if !head.starts_with(b"<") {
        return Err(ImageError::NotAnImage("its first bytes are those of no image format"));
    }
    let svg = holds(b"<svg") || (head.starts_with(b"<?xml") && !holds(b"<html"));
    Err(if svg { ImageError::FormatUnsupported("svg") } else { A_PAGE })
}

/// Splits `count` bytes off the front.
pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(count)?;
    *bytes = tail;
    Some(head)
}

/// Splits a fixed number of bytes off the front.
pub(super) fn take_array<const COUNT: usize>(bytes: &mut &[u8]) -> Option<[u8; COUNT]> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(*head)
}
