//! The one tag of EXIF that changes how a picture looks, read and written.

use super::super::orientation::Orientation;
use super::take_array;

/// The tag `Orientation` of CIPA DC-008 §4.6.5.
const ORIENTATION: u16 = 0x0112;
/// The types of TIFF that it may be written in: one short, or for some writers one long.
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// The orientation that a block of EXIF (a TIFF file, with or without the `Exif\0\0` before it) asks for. A block
/// that does not parse asks for nothing: viewers ignore it too.
///
/// Reads the first directory's entries up to the tag, and nothing else. A reader of all of EXIF follows offsets that
/// the file chooses, and directories that lie over each other make it do work by the square of the file (DOS-2).
pub(in super::super) fn orientation_of(block: &[u8]) -> Orientation {
    let tiff = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
    Orientation::from_exif(read_orientation(tiff).unwrap_or(1))
}

fn read_orientation(tiff: &[u8]) -> Option<u32> {
    let big = match tiff.first_chunk::<4>()? {
        b"MM\0\x2a" => true,
        b"II\x2a\0" => false,
        _ => return None,
    };
    let short = |bytes: [u8; 2]| if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let long = |bytes: [u8; 4]| if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
    let offset = usize::try_from(long(*tiff.get(4..)?.first_chunk()?)).ok()?;
    let mut rest = tiff.get(offset..)?;
    for _ in 0..short(take_array(&mut rest)?) {
        let (tag, kind) = (short(take_array(&mut rest)?), short(take_array(&mut rest)?));
        let count = long(take_array(&mut rest)?);
        let value: [u8; 4] = take_array(&mut rest)?;
        match (tag, kind, count) {
            (ORIENTATION, SHORT, 1) => return Some(u32::from(short([value[0], value[1]]))),
            (ORIENTATION, LONG, 1) => return Some(long(value)),
            _ => {}
        }
    }
    None
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
    fn little_endian_and_other_entries_before_it() {
        let block = b"Exif\0\0II\x2a\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0abc\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0";
        assert_eq!(orientation_of(block).exif(), 8);
    }

    #[test]
    fn rubbish_is_upright() {
        for block in [&b""[..], b"Exif\0\0", b"MM\0\x2a\xff\xff\xff\xff", b"II\x2a\0\x08\0\0\0\xff\xff"] {
            assert!(orientation_of(block).is_upright());
        }
    }
}
