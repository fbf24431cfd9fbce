//! What a result keeps of its source's metadata: nothing, unless `meta` asks for it (IMG-6).
//!
//! - `meta_copyright`: the EXIF lines Artist and Copyright, as cleaned text in a block of EXIF that we write. No byte of the
//!   source's block is copied as it is.
//! - `meta_keep`: the block of EXIF, place and maker's notes included, and the XMP packet. The pixels are upright in sRGB by
//!   then, so orientation says upright and no profile goes along. The thumbnail goes: it shows what was cropped away.
//!
//! Read from JPEG, PNG and WebP; written into these, and EXIF into AVIF. What is not well-formed, or longer than one
//! segment of JPEG, is left out: a picture is never refused for its metadata.

mod exif;
mod write;

use sealpix::operations::Metadata;

use super::error::ImageError;
use super::format::Format;
use super::geometry::Size;
use super::probe::{JpegSegment, JpegSegments, png_chunks, riff_body, webp_chunks};

/// What an XMP packet in JPEG begins with (XMP part 3, §1.1.3).
const XMP_NAMESPACE: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
/// What an XMP packet in PNG begins with (XMP part 3, §1.1.5): the keyword, not compressed, no language.
const XMP_KEYWORD: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";
/// Longest block of each kind: what one segment of JPEG holds beside its length and the name before an XMP packet.
const MAX_BLOCK_BYTES: usize = 65_533 - XMP_NAMESPACE.len();

/// Blocks to write into the result; an empty one is none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    /// A TIFF file without the `Exif\0\0` that some formats put before it.
    exif: Vec<u8>,
    /// A packet of XMP.
    xmp: Vec<u8>,
}

impl Kept {
    /// What `meta` keeps of a source.
    pub(super) fn of(source: &[u8], format: Format, asked: Option<Metadata>) -> Self {
        let found = match asked {
            None | Some(Metadata::Strip) => return Self::default(),
            Some(Metadata::Copyright | Metadata::Keep) => found(source, format),
        };
        let (exif, xmp) = found;
        match asked {
            Some(Metadata::Keep) => Self {
                exif: bounded(exif).and_then(exif::upright).unwrap_or_default(),
                xmp: bounded(xmp).and_then(without_thumbnails).map(upright_packet).unwrap_or_default(),
            },
            _ => Self { exif: bounded(exif).and_then(exif::credits).unwrap_or_default(), xmp: Vec::new() },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exif.is_empty() && self.xmp.is_empty()
    }

    /// The block of EXIF, for an encoder that writes it itself.
    pub(super) fn exif(&self) -> Option<&[u8]> {
        (!self.exif.is_empty()).then_some(&self.exif)
    }

    /// An encoded picture with the blocks in it.
    pub(super) fn written_into(&self, encoded: Vec<u8>, format: Format, size: Size) -> Result<Vec<u8>, ImageError> {
        if self.is_empty() {
            return Ok(encoded);
        }
        match format {
            Format::Jpeg => write::jpeg(&encoded, &self.exif, &self.xmp),
            Format::Png => write::png(&encoded, &self.exif, &self.xmp),
            Format::Webp => write::webp(&encoded, size, &self.exif, &self.xmp),
            Format::Avif | Format::Gif | Format::Json | Format::Svg => Ok(encoded),
        }
    }
}

/// The first block of EXIF and the first packet of XMP; what follows damage in the file is not looked for.
fn found(source: &[u8], format: Format) -> (&[u8], &[u8]) {
    let (mut exif, mut xmp): (&[u8], &[u8]) = (&[], &[]);
    let mut note = |is_exif: bool, body| {
        let place = if is_exif { &mut exif } else { &mut xmp };
        if place.is_empty() {
            *place = body;
        }
    };
    match format {
        Format::Jpeg => {
            for segment in JpegSegments::of(source).map_while(Result::ok) {
                match segment {
                    JpegSegment::Marker(0xda, _) => break,
                    JpegSegment::Marker(0xe1, body) => match body.strip_prefix(XMP_NAMESPACE) {
                        Some(packet) => note(false, packet),
                        None if body.starts_with(b"Exif\0\0") => note(true, body),
                        None => {}
                    },
                    _ => {}
                }
            }
        }
        Format::Png => {
            for chunk in png_chunks(source).map_while(Result::ok) {
                match (&chunk.name, chunk.body.strip_prefix(XMP_KEYWORD)) {
                    (b"eXIf", _) => note(true, chunk.body),
                    (b"iTXt", Some(packet)) => note(false, packet),
                    _ => {}
                }
            }
        }
        Format::Webp => {
            for chunk in webp_chunks(riff_body(source).unwrap_or_default()).map_while(Result::ok) {
                match &chunk.name {
                    b"EXIF" => note(true, chunk.body),
                    b"XMP " => note(false, chunk.body),
                    _ => {}
                }
            }
        }
        Format::Avif | Format::Gif | Format::Json | Format::Svg => {}
    }
    (exif.strip_prefix(b"Exif\0\0").unwrap_or(exif), xmp)
}

fn bounded(block: &[u8]) -> Option<&[u8]> {
    (!block.is_empty() && block.len() <= MAX_BLOCK_BYTES).then_some(block)
}

/// A packet whose thumbnails are empty (XMP part 2, §1.2.2.4); none where they cannot be told from the rest.
fn without_thumbnails(packet: &[u8]) -> Option<Vec<u8>> {
    const NAMESPACE: &[u8] = b"http://ns.adobe.com/xap/1.0/g/img/";
    const NAME: &[u8] = b"xmpGImg:image";
    if after(packet, 0, NAMESPACE).is_some() && after(packet, 0, b"xmlns:xmpGImg=").is_none() {
        return None;
    }
    let mut packet = packet.to_vec();
    let mut from = 0;
    while let Some(at) = after(&packet, from, NAME) {
        from = at;
        let value = packet[from..].iter_mut().skip_while(|byte| b"=\"'> \t\r\n".contains(byte));
        value.take_while(|byte| !b"<\"'".contains(byte)).for_each(|byte| *byte = b' ');
    }
    Some(packet)
}

/// The place behind the next name.
fn after(packet: &[u8], from: usize, name: &[u8]) -> Option<usize> {
    packet[from..].windows(name.len()).position(|window| window == name).map(|at| from + at + name.len())
}

/// A packet that says upright wherever it says an orientation, as attribute or as element.
fn upright_packet(mut packet: Vec<u8>) -> Vec<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut from = 0;
    while let Some(at) = after(&packet, from, NAME) {
        from = at;
        let rest = packet[from..].iter_mut().skip_while(|byte| b"=\"'> \t\r\n".contains(byte));
        rest.take_while(|byte| byte.is_ascii_digit()).for_each(|digit| *digit = b'1');
    }
    packet
}
