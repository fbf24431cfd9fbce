//! PNG: the chunks that hold pixels, animate them or say how to show them (W3C PNG §11).

use super::super::error::ImageError;
use super::super::orientation::Orientation;
use super::super::probe::{PNG_SIGNATURE, minimal_exif, png_chunks};

/// What is kept. Text, time, EXIF, suggested palettes and private chunks are not.
const KEPT: [&[u8; 4]; 18] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"acTL", b"fcTL", b"fdAT", b"cHRM", b"gAMA", b"iCCP", b"sRGB",
    b"cICP", b"mDCV", b"cLLI", b"sBIT", b"bKGD", b"pHYs",
];

pub(super) fn clean(source: &[u8], orientation: Orientation) -> Result<Vec<u8>, ImageError> {
    let mut cleaned = Vec::with_capacity(source.len());
    cleaned.extend_from_slice(&PNG_SIGNATURE);
    let mut needs_orientation = !orientation.is_upright();
    let mut has_pixels = false;
    for chunk in png_chunks(source) {
        let chunk = chunk?;
        if needs_orientation && &chunk.name == b"IDAT" {
            push(&mut cleaned, *b"eXIf", &minimal_exif(orientation))?;
            needs_orientation = false;
        }
        has_pixels |= &chunk.name == b"IDAT";
        if KEPT.contains(&&chunk.name) {
            cleaned.extend_from_slice(chunk.whole);
        }
    }
    if has_pixels { Ok(cleaned) } else { Err(ImageError::Broken("the PNG file has no picture data")) }
}

/// Writes a chunk with its length and its checksum.
pub(in super::super) fn push(cleaned: &mut Vec<u8>, name: [u8; 4], body: &[u8]) -> Result<(), ImageError> {
    let length = u32::try_from(body.len()).map_err(|_| ImageError::SourceTooLarge)?;
    cleaned.extend_from_slice(&length.to_be_bytes());
    cleaned.extend_from_slice(&name);
    cleaned.extend_from_slice(body);
    let checksum = crc32(name.iter().chain(body));
    cleaned.extend_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// The checksum of a chunk (W3C PNG annex D), bit by bit: it is taken of metadata alone.
fn crc32<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(super::crc32(b"IEND".iter()), 0xae42_6082);
    }
}
