//! The one tag of EXIF that changes how a picture looks, read and written.

use exif::{In, Reader, Tag};

use super::super::orientation::Orientation;

/// The orientation that a block of EXIF (a TIFF file, with or without the `Exif\0\0` before it) asks for. A block
/// that does not parse asks for nothing: viewers ignore it too.
pub(in super::super) fn orientation_of(block: &[u8]) -> Orientation {
    let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    let read = Reader::new().continue_on_error(true).read_raw(tiff.to_vec());
    let exif = read.or_else(|error| error.distill_partial_result(|_| ()));
    let value = exif.ok().and_then(|exif| exif.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0));
    Orientation::from_exif(value.unwrap_or(1))
}

/// A block of EXIF that holds the orientation and nothing else: a big-endian TIFF of one entry.
pub(in super::super) fn minimal_exif(orientation: Orientation) -> [u8; 26] {
    let mut tiff = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    tiff[19] = orientation.exif();
    tiff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for value in 1..=8 {
            let orientation = Orientation::from_exif(value);
            assert_eq!(orientation_of(&minimal_exif(orientation)), orientation);
        }
    }

    #[test]
    fn rubbish_is_upright() {
        for block in [&b""[..], b"Exif\0\0", b"MM\0\x2a\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\xff\xff"] {
            assert!(orientation_of(block).is_upright());
        }
    }
}
