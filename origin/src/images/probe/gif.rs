//! GIF's blocks (GIF89a specification): the logical screen, and how many pictures follow.

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::orientation::Orientation;
use super::{Coding, Probe, take, take_array};

/// One block of the stream, as its bytes.
#[derive(Debug, Clone, Copy)]
pub(in super::super) enum Block<'a> {
    /// Signature, logical screen and global palette.
    Header(&'a [u8]),
    /// An extension: its label, its first sub-block's bytes, the whole.
    Extension(u8, &'a [u8], &'a [u8]),
    /// A picture with its own palette and data.
    Picture(&'a [u8]),
    /// The end.
    Trailer,
}

/// The blocks up to and with the trailer.
pub(in super::super) fn blocks(source: &[u8]) -> impl Iterator<Item = Result<Block<'_>, ImageError>> {
    let (mut rest, mut started, mut ended) = (source, false, false);
    std::iter::from_fn(move || {
        // Files without a trailer are common, some with other bytes in its place, and every viewer shows them.
        let is_over = started && !matches!(rest.first(), Some(0x21 | 0x2c | 0x3b));
        if ended || is_over {
            return None;
        }
        let block = if started { take_block(&mut rest) } else { take_header(&mut rest) };
        started = true;
        ended = matches!(block, None | Some(Block::Trailer));
        Some(block.ok_or(ImageError::Broken("the GIF file ends within a block")))
    })
}

/// The first looping extension's fixed part, and the count in it: how often the animation is played after the first time,
/// 0 for ever. Its other sub-blocks could hold anything.
pub(in super::super) fn looping(source: &[u8]) -> Option<(&[u8], u16)> {
    blocks(source).map_while(Result::ok).find_map(|block| match block {
        Block::Extension(0xff, b"NETSCAPE2.0" | b"ANIMEXTS1.0", whole) => match whole.get(..18)? {
            fixed @ [.., 3, 1, low, high] => Some((fixed, u16::from_le_bytes([*low, *high]))),
            _ => None,
        },
        _ => None,
    })
}

/// The bytes of a palette that a packed field announces.
fn palette_bytes(packed: u8) -> usize {
    if packed & 0x80 == 0 { 0 } else { 3 << ((packed & 7) + 1) }
}

fn take_header<'a>(rest: &mut &'a [u8]) -> Option<Block<'a>> {
    let packed = *rest.get(10)?;
    take(rest, 13 + palette_bytes(packed)).map(Block::Header)
}

fn take_block<'a>(rest: &mut &'a [u8]) -> Option<Block<'a>> {
    let whole = *rest;
    let [kind] = take_array(rest)?;
    let length = |rest: &&[u8]| whole.len() - rest.len();
    match kind {
        0x21 => {
            let [label] = take_array(rest)?;
            let first = take_sub_blocks(rest)?;
            Some(Block::Extension(label, first, whole.get(..length(rest))?))
        }
        0x2c => {
            let descriptor = take(rest, 9)?;
            take(rest, palette_bytes(*descriptor.last()?) + 1)?;
            take_sub_blocks(rest)?;
            Some(Block::Picture(whole.get(..length(rest))?))
        }
        0x3b => Some(Block::Trailer),
        _ => None,
    }
}

/// Passes over sub-blocks and their terminator; answers the first one's bytes.
fn take_sub_blocks<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut first = None;
    loop {
        let [size] = take_array(rest)?;
        let body = take(rest, usize::from(size))?;
        first = first.or(Some(body));
        if size == 0 {
            return first;
        }
    }
}

pub(super) fn probe(source: &[u8]) -> Result<Probe, ImageError> {
    let mut size = Size { width: 0, height: 0 };
    let mut frames: u32 = 0;
    for block in blocks(source) {
        match block {
            Ok(Block::Header(header)) => {
                let side = |at: usize| header.get(at..).and_then(<[u8]>::first_chunk).copied().map(u16::from_le_bytes);
                size = Size { width: side(6).unwrap_or(0).into(), height: side(8).unwrap_or(0).into() };
            }
            Ok(Block::Picture(_)) => frames = frames.saturating_add(1),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    if frames == 0 {
        return Err(ImageError::Broken("the GIF file has no picture"));
    }
    Ok(Probe {
        size,
        orientation: Orientation::default(),
        alpha: true,
        frames,
        profile: None,
        coding: Coding::Gif,
        drawing: None,
    })
}
