//! Blocks of metadata into encoded pictures of ours.

use super::super::clean::{push_chunk, push_riff, push_segment};
use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::probe::{JpegSegment, JpegSegments, PNG_SIGNATURE, png_chunks, riff_body, webp_chunks};
use super::{XMP_KEYWORD, XMP_NAMESPACE};

/// The flags of `VP8X` (RFC 9649 §2.7.1).
const EXIF_FLAG: u8 = 0x08;
const XMP_FLAG: u8 = 0x04;

/// As segments after JFIF's, which comes first.
pub(super) fn jpeg(encoded: &[u8], exif: &[u8], xmp: &[u8]) -> Result<Vec<u8>, ImageError> {
    let jfif_bytes = match JpegSegments::of(encoded).next() {
        Some(Ok(JpegSegment::Marker(0xe0, body))) => body.len() + 4,
        _ => 0,
    };
    let (head, rest) = encoded.split_at_checked(2 + jfif_bytes).ok_or(ImageError::Broken("the JPEG encoder failed"))?;
    let mut written = head.to_vec();
    for (name, block) in [(&b"Exif\0\0"[..], exif), (XMP_NAMESPACE, xmp)] {
        if !block.is_empty() {
            push_segment(&mut written, 0xe1, &[name, block].concat())?;
        }
    }
    written.extend_from_slice(rest);
    Ok(written)
}

/// As chunks before the pixels.
pub(super) fn png(encoded: &[u8], exif: &[u8], xmp: &[u8]) -> Result<Vec<u8>, ImageError> {
    let mut written = PNG_SIGNATURE.to_vec();
    let mut pending = true;
    for chunk in png_chunks(encoded) {
        let chunk = chunk?;
        if pending && &chunk.name == b"IDAT" {
            pending = false;
            if !exif.is_empty() {
                push_chunk(&mut written, *b"eXIf", exif)?;
            }
            if !xmp.is_empty() {
                push_chunk(&mut written, *b"iTXt", &[XMP_KEYWORD, xmp].concat())?;
            }
        }
        written.extend_from_slice(chunk.whole);
    }
    Ok(written)
}

/// As chunks at the end, with the extended header that announces them.
pub(super) fn webp(encoded: &[u8], size: Size, exif: &[u8], xmp: &[u8]) -> Result<Vec<u8>, ImageError> {
    let flags = if exif.is_empty() { 0 } else { EXIF_FLAG } | if xmp.is_empty() { 0 } else { XMP_FLAG };
    let mut written = b"RIFF\0\0\0\0WEBP".to_vec();
    let mut extended = false;
    for chunk in webp_chunks(riff_body(encoded)?) {
        let chunk = chunk?;
        if let (b"VP8X", [had, fixed @ ..]) = (&chunk.name, chunk.body) {
            push_riff(&mut written, chunk.name, &[&[had | flags], fixed].concat())?;
        } else {
            if !extended {
                push_riff(&mut written, *b"VP8X", &extended_header(flags, size))?;
            }
            push_riff(&mut written, chunk.name, chunk.body)?;
        }
        extended = true;
    }
    for (name, block) in [(*b"EXIF", exif), (*b"XMP ", xmp)] {
        if !block.is_empty() {
            push_riff(&mut written, name, block)?;
        }
    }
    let length = u32::try_from(written.len() - 8).map_err(|_| ImageError::ResultTooLarge)?;
    written[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(written)
}

/// Flags, three reserved bytes, each side less one in 24 bits.
fn extended_header(flags: u8, size: Size) -> [u8; 10] {
    let [w0, w1, w2, _] = (size.width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (size.height - 1).to_le_bytes();
    [flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]
}
