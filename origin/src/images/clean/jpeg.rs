//! JPEG: tables, frames and scans, with the segments that say how to read them: JFIF, Adobe, the ICC profile.

use super::super::error::ImageError;
use super::super::orientation::Orientation;
use super::super::probe::{JpegSegment, JpegSegments, minimal_exif};

pub(super) fn clean(source: &[u8], orientation: Orientation) -> Result<Vec<u8>, ImageError> {
    let mut cleaned = Vec::with_capacity(source.len());
    cleaned.extend_from_slice(&[0xff, 0xd8]);
    let mut needs_orientation = !orientation.is_upright();
    for segment in JpegSegments::of(source) {
        match segment? {
            JpegSegment::End => {
                cleaned.extend_from_slice(&[0xff, 0xd9]);
                return Ok(cleaned);
            }
            JpegSegment::Scan(bytes) => cleaned.extend_from_slice(bytes),
            JpegSegment::Marker(code, body) => {
                // The JFIF segment must come first; EXIF follows it or stands in its place.
                let is_jfif = code == 0xe0 && body.starts_with(b"JFIF\0");
                if needs_orientation && !is_jfif {
                    let exif = minimal_exif(orientation);
                    push(&mut cleaned, 0xe1, &[&b"Exif\0\0"[..], &exif].concat())?;
                    needs_orientation = false;
                }
                match (code, body) {
                    // Without the thumbnail that may follow the fourteen fixed bytes.
                    (0xe0, _) if is_jfif => {
                        let mut fixed = body.get(..12).unwrap_or(body).to_vec();
                        fixed.resize(14, 0);
                        push(&mut cleaned, code, &fixed)?;
                    }
                    (0xe2, _) if body.starts_with(b"ICC_PROFILE\0") => push(&mut cleaned, code, body)?,
                    (0xee, _) if body.starts_with(b"Adobe") => {
                        push(&mut cleaned, code, body.get(..12).unwrap_or(body))?
                    }
                    // Other application segments, comments, and markers that nothing uses.
                    (0xe0..=0xef | 0xfe | 0x01..=0xbf | 0xf0..=0xfd, _) => {}
                    // Markers that stand alone have no place between segments.
                    (0xd0..=0xd8, _) => {}
                    _ => push(&mut cleaned, code, body)?,
                }
            }
        }
    }
    Err(ImageError::Broken("the JPEG file ends within its data"))
}

/// Writes a segment with its length.
pub(in super::super) fn push(cleaned: &mut Vec<u8>, code: u8, body: &[u8]) -> Result<(), ImageError> {
    let too_long = ImageError::Broken("a JPEG segment is too long");
    let length = u16::try_from(body.len() + 2).map_err(|_| too_long)?;
    cleaned.extend_from_slice(&[0xff, code]);
    cleaned.extend_from_slice(&length.to_be_bytes());
    cleaned.extend_from_slice(body);
    Ok(())
}
