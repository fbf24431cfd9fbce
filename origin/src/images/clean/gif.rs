//! GIF: pictures with their control extensions, and how often to loop.

use super::super::error::ImageError;
use super::super::probe::{GifBlock, gif_blocks};

pub(super) fn clean(source: &[u8]) -> Result<Vec<u8>, ImageError> {
    let mut cleaned = Vec::with_capacity(source.len());
    for block in gif_blocks(source) {
        match block {
            Ok(GifBlock::Header(bytes) | GifBlock::Picture(bytes)) => cleaned.extend_from_slice(bytes),
            Ok(GifBlock::Extension(0xf9, _, whole)) => cleaned.extend_from_slice(whole),
            Ok(GifBlock::Extension(0xff, b"NETSCAPE2.0" | b"ANIMEXTS1.0", whole)) => push_loop(&mut cleaned, whole),
            Ok(GifBlock::Extension(..)) => {}
            // A file that ends without a trailer is given one; the probe saw that it has a picture.
            Ok(GifBlock::Trailer) | Err(_) => break,
        }
    }
    cleaned.push(0x3b);
    Ok(cleaned)
}

/// The looping extension's fixed part: its other sub-blocks could hold anything.
fn push_loop(cleaned: &mut Vec<u8>, whole: &[u8]) {
    if let Some(fixed @ [.., 3, 1, _, _]) = whole.get(..18) {
        cleaned.extend_from_slice(fixed);
        cleaned.push(0);
    }
}
