//! PNG's chunks (W3C PNG §5): the header, and the few chunks that say how to show it.

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::orientation::Orientation;
use super::{Coding, Probe, orientation_of, take, take_array};

/// The first eight bytes of every PNG.
pub(in super::super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// The chunks up to and with `IEND`, each as name, body, and the whole of it with length and checksum.
pub(in super::super) fn chunks(source: &[u8]) -> impl Iterator<Item = Result<Chunk<'_>, ImageError>> {
    let mut rest = source.get(SIGNATURE.len()..).unwrap_or_default();
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let whole_rest = rest;
        let chunk = take_chunk(&mut rest, whole_rest);
        ended = chunk.as_ref().is_none_or(|chunk| &chunk.name == b"IEND");
        Some(chunk.ok_or(ImageError::Broken("the PNG file ends within a chunk")))
    })
}

/// One chunk.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Chunk<'a> {
    pub(in super::super) name: [u8; 4],
    pub(in super::super) body: &'a [u8],
    pub(in super::super) whole: &'a [u8],
}

fn take_chunk<'a>(rest: &mut &'a [u8], whole_rest: &'a [u8]) -> Option<Chunk<'a>> {
    let length = usize::try_from(u32::from_be_bytes(take_array(rest)?)).ok()?;
    let name = take_array(rest)?;
    let body = take(rest, length)?;
    take(rest, 4)?;
    Some(Chunk { name, body, whole: whole_rest.get(..length + 12)? })
}

pub(super) fn probe(source: &[u8]) -> Result<Probe, ImageError> {
    let mut header = None;
    let (mut orientation, mut alpha, mut frames) = (Orientation::default(), false, 1);
    for chunk in chunks(source) {
        // A file that ends early is judged by its header first: too large is too large (DOS-1), and the damage is found
        // when it is decoded.
        let Ok(chunk) = chunk else { break };
        match &chunk.name {
            b"IHDR" if header.is_none() => {
                header = Some(read_header(chunk.body)?);
                alpha = matches!(chunk.body.get(9), Some(4 | 6));
            }
            _ if header.is_none() => return Err(ImageError::Broken("the PNG file does not begin with its header")),
            // The decoder relies on it (PNG §11.2.2).
            b"PLTE" if chunk.body.len() % 3 != 0 || !(3..=768).contains(&chunk.body.len()) => {
                return Err(ImageError::Broken("the PNG palette is of an impossible length"));
            }
            b"tRNS" => alpha = true,
            b"eXIf" => orientation = orientation_of(chunk.body),
            b"acTL" => {
                let count = chunk.body.first_chunk().ok_or(ImageError::Broken("a PNG chunk is too short"))?;
                frames = u32::from_be_bytes(*count).max(1);
            }
            _ => {}
        }
    }
    let (size, bit_depth) = header.ok_or(ImageError::Broken("the PNG file has no header"))?;
    Ok(Probe { size, orientation, alpha, frames, profile: None, coding: Coding::Png { bit_depth }, drawing: None })
}

fn read_header(body: &[u8]) -> Result<(Size, u8), ImageError> {
    let [w3, w2, w1, w0, h3, h2, h1, h0, bit_depth, ..] = *body else {
        return Err(ImageError::Broken("the PNG header is too short"));
    };
    let size = Size { width: u32::from_be_bytes([w3, w2, w1, w0]), height: u32::from_be_bytes([h3, h2, h1, h0]) };
    Ok((size, bit_depth))
}
