//! GIF: pictures with their control extensions, and how often to loop.

use super::super::error::ImageError;
use super::super::probe::{GifBlock, gif_blocks, gif_looping};

pub(super) fn clean(source: &[u8]) -> Result<Vec<u8>, ImageError> {
    let mut cleaned = Vec::with_capacity(source.len());
    for block in gif_blocks(source) {
        match block {
            Ok(GifBlock::Header(bytes)) => {
                cleaned.extend_from_slice(bytes);
                if let Some((looping, _)) = gif_looping(source) {
                    cleaned.extend_from_slice(looping);
                    cleaned.push(0);
                }
            }
            Ok(GifBlock::Picture(bytes)) => cleaned.extend_from_slice(bytes),
            Ok(GifBlock::Extension(0xf9, _, whole)) => cleaned.extend_from_slice(whole),
            Ok(GifBlock::Extension(..)) => {}
            // A file that ends without a trailer is given one.
            Ok(GifBlock::Trailer) => break,
            Err(error) => return Err(error),
        }
    }
    cleaned.push(0x3b);
    Ok(cleaned)
}
