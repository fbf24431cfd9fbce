//! WebP: pictures, frames, alpha and profile, with the flags of the extended header set to what is there.

use super::super::error::ImageError;
use super::super::probe::{Probe, minimal_exif, riff_body, webp_chunks};

/// The flags of `VP8X` (RFC 9649 §2.7.1) for what may be dropped.
const EXIF_FLAG: u8 = 0x08;
const XMP_FLAG: u8 = 0x04;

pub(super) fn clean(source: &[u8], probe: &Probe) -> Result<Vec<u8>, ImageError> {
    let turned = !probe.orientation.is_upright();
    let mut cleaned = b"RIFF\0\0\0\0WEBP".to_vec();
    let mut extended = false;
    for chunk in webp_chunks(riff_body(source)?) {
        let chunk = chunk?;
        match &chunk.name {
            b"VP8X" => {
                let mut header = chunk.body.get(..10).unwrap_or(chunk.body).to_vec();
                if let Some(flags) = header.first_mut() {
                    *flags = *flags & !(EXIF_FLAG | XMP_FLAG) | if turned { EXIF_FLAG } else { 0 };
                }
                extended = true;
                push(&mut cleaned, chunk.name, &header)?;
            }
            b"ANMF" => push(&mut cleaned, chunk.name, &frame(chunk.body)?)?,
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ICCP" => push(&mut cleaned, chunk.name, chunk.body)?,
            _ => {}
        }
    }
    if turned && extended {
        push(&mut cleaned, *b"EXIF", &minimal_exif(probe.orientation))?;
    }
    let length = u32::try_from(cleaned.len() - 8).map_err(|_| ImageError::SourceTooLarge)?;
    cleaned[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(cleaned)
}

/// A frame's header and the chunks of its picture.
fn frame(body: &[u8]) -> Result<Vec<u8>, ImageError> {
    let short = ImageError::Broken("a WebP frame is too short");
    let (header, chunks) = body.split_at_checked(16).ok_or(short)?;
    let mut cleaned = header.to_vec();
    for chunk in webp_chunks(chunks) {
        let chunk = chunk?;
        if matches!(&chunk.name, b"ALPH" | b"VP8 " | b"VP8L") {
            push(&mut cleaned, chunk.name, chunk.body)?;
        }
    }
    Ok(cleaned)
}

/// Writes a chunk with its length and its padding.
pub(in super::super) fn push(cleaned: &mut Vec<u8>, name: [u8; 4], body: &[u8]) -> Result<(), ImageError> {
    cleaned.extend_from_slice(&name);
    let length = u32::try_from(body.len()).map_err(|_| ImageError::SourceTooLarge)?;
    cleaned.extend_from_slice(&length.to_le_bytes());
    cleaned.extend_from_slice(body);
    if body.len() % 2 == 1 {
        cleaned.push(0);
    }
    Ok(())
}
