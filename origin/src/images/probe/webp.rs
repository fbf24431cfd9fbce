//! WebP's chunks (RFC 9649): which of the three codings it is, and what stands around it.

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::orientation::Orientation;
use super::{Coding, Probe, orientation_of, take, take_array};

/// The chunks of a RIFF body: name, body without padding, and the whole with it.
pub(in super::super) fn chunks(body: &[u8]) -> impl Iterator<Item = Result<Chunk<'_>, ImageError>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let chunk = take_chunk(&mut rest);
        if chunk.is_none() {
            rest = &[];
        }
        Some(chunk.ok_or(ImageError::Broken("the WebP file ends within a chunk")))
    })
}

/// One chunk.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Chunk<'a> {
    pub(in super::super) name: [u8; 4],
    pub(in super::super) body: &'a [u8],
}

fn take_chunk<'a>(rest: &mut &'a [u8]) -> Option<Chunk<'a>> {
    let name = take_array(rest)?;
    let length = usize::try_from(u32::from_le_bytes(take_array(rest)?)).ok()?;
    let body = take(rest, length)?;
    if length % 2 == 1 {
        // A padding byte that is missing at the very end harms nobody.
        take(rest, 1.min(rest.len()))?;
    }
    Some(Chunk { name, body })
}

/// A 24-bit little-endian number.
fn take_u24(bytes: &mut &[u8]) -> Option<u32> {
    take_array::<3>(bytes).map(|[low, middle, high]| u32::from_le_bytes([low, middle, high, 0]))
}

pub(super) fn probe(source: &[u8]) -> Result<Probe, ImageError> {
    let mut probe = Probe {
        size: Size { width: 0, height: 0 },
        orientation: Orientation::default(),
        alpha: false,
        frames: 0,
        profile: None,
        coding: Coding::Webp { animated: false },
        drawing: None,
    };
    let short = ImageError::Broken("a WebP header is too short");
    let mut canvas = None;
    for chunk in chunks(riff_body(source)?) {
        let chunk = chunk?;
        match &chunk.name {
            b"VP8X" => {
                let mut body = chunk.body;
                let [flags, ..] = take_array::<4>(&mut body).ok_or(short)?;
                probe.alpha |= flags & 0x10 != 0;
                probe.coding = Coding::Webp { animated: flags & 0x02 != 0 };
                let (width, height) = (take_u24(&mut body).ok_or(short)?, take_u24(&mut body).ok_or(short)?);
                canvas = Some(Size { width: width + 1, height: height + 1 });
            }
            b"VP8 " => {
                probe.frames += 1;
                probe.size = lossy_size(chunk.body).ok_or(short)?;
            }
            b"VP8L" => {
                probe.frames += 1;
                let (size, alpha) = lossless_size(chunk.body).ok_or(short)?;
                probe.size = size;
                probe.alpha |= alpha;
            }
            b"ANMF" => {
                // What the first frame leaves free of the canvas is transparent, whatever the header says.
                probe.alpha |= probe.frames == 0 && frame_size(chunk.body) != canvas;
                probe.frames += 1;
            }
            b"ICCP" => probe.profile = Some(chunk.body.to_vec()),
            b"EXIF" => probe.orientation = orientation_of(chunk.body),
            _ => {}
        }
    }
    if probe.frames == 0 {
        return Err(ImageError::Broken("the WebP file has no picture"));
    }
    probe.size = canvas.unwrap_or(probe.size);
    Ok(probe)
}

/// What the RIFF header spans: the file may go on after it, and that is not part of the picture.
pub(in super::super) fn riff_body(source: &[u8]) -> Result<&[u8], ImageError> {
    let cut_short = ImageError::Broken("the WebP file is shorter than its header says");
    let length = source.get(4..8).and_then(<[u8]>::first_chunk).copied().map(u32::from_le_bytes).ok_or(cut_short)?;
    let end = usize::try_from(length).ok().and_then(|length| length.checked_add(8)).ok_or(cut_short)?;
    source.get(12..end).ok_or(cut_short)
}

/// The size of an animation's frame (RFC 9649 §2.7.1.1).
fn frame_size(mut body: &[u8]) -> Option<Size> {
    take(&mut body, 6)?;
    Some(Size { width: take_u24(&mut body)? + 1, height: take_u24(&mut body)? + 1 })
}

/// The sizes that the bitstreams of a still say of themselves.
pub(in super::super) fn bitstreams(source: &[u8]) -> Result<impl Iterator<Item = Option<Size>>, ImageError> {
    Ok(chunks(riff_body(source)?).map_while(Result::ok).filter_map(|chunk| match &chunk.name {
        b"VP8 " => Some(lossy_size(chunk.body)),
        b"VP8L" => Some(lossless_size(chunk.body).map(|(size, _)| size)),
        _ => None,
    }))
}

/// The frame tag and start code of a key frame (RFC 6386 §9.1).
fn lossy_size(body: &[u8]) -> Option<Size> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *body else { return None };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some(Size { width: side(w0, w1), height: side(h0, h1) })
}

/// The image header of the lossless coding (RFC 9649 §3.4).
fn lossless_size(body: &[u8]) -> Option<(Size, bool)> {
    let [0x2f, b0, b1, b2, b3, ..] = *body else { return None };
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    let size = Size { width: (bits & 0x3fff) + 1, height: (bits >> 14 & 0x3fff) + 1 };
    Some((size, bits >> 28 & 1 == 1))
}
