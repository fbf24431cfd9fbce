//! JPEG by libjpeg-turbo: baseline with optimal Huffman tables, from pixels or from planes.

use std::borrow::Cow;

use turbojpeg::{Compressor, Image, OutputBuf, PixelFormat, Subsamp, YuvPlanesImage};

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::super::metadata::Kept;
use super::super::picture::{Channels, Picture};
use super::super::planes::Planes;
use super::Encoder;

const FAILED: ImageError = ImageError::Broken("the JPEG encoder failed");

/// From this quality on chroma keeps its full resolution: who asks for it looks at edges of colour. libvips draws the
/// line at the same number.
pub(in super::super) const FULL_CHROMA_QUALITY: u8 = 90;

/// libjpeg-turbo.
pub(super) struct Turbo;

impl Encoder for Turbo {
    fn default_quality(&self) -> Option<u8> {
        Some(80)
    }

    fn nanos_per_pixel(&self) -> u64 {
        8
    }

    fn pixels(&self, picture: &Picture, quality: u8, _kept: &Kept) -> Result<Vec<u8>, ImageError> {
        encode(picture, quality)
    }

    fn planes(&self, planes: &Planes, quality: u8) -> Result<Vec<u8>, ImageError> {
        encode_planes(planes, quality)
    }
}

fn encode(picture: &Picture, quality: u8) -> Result<Vec<u8>, ImageError> {
    let format = match picture.channels {
        Channels::Rgb => PixelFormat::RGB,
        Channels::Rgba => return Err(FAILED),
    };
    let mut compressor = compressor(quality)?;
    let subsamp = if quality >= FULL_CHROMA_QUALITY { Subsamp::None } else { Subsamp::Sub2x2 };
    compressor.set_subsamp(subsamp).map_err(|_| FAILED)?;
    compress(&mut compressor, &picture.pixels, picture.size, format)
}

/// Encodes planes in full range; chroma is full or halved on both sides, or absent.
fn encode_planes(planes: &Planes, quality: u8) -> Result<Vec<u8>, ImageError> {
    let mut compressor = compressor(quality)?;
    let Some((u_plane, v_plane)) = &planes.chroma else {
        compressor.set_subsamp(Subsamp::Gray).map_err(|_| FAILED)?;
        return compress(&mut compressor, &planes.luma, planes.size, PixelFormat::GRAY);
    };
    let (width, height) = (planes.size.width as usize, planes.size.height as usize);
    let subsamp = if planes.halved { Subsamp::Sub2x2 } else { Subsamp::None };
    let chroma_stride = width.div_ceil(subsamp.width());
    let luma = evened(&planes.luma, width, height, subsamp);
    let image = YuvPlanesImage {
        y_plane: &luma[..],
        u_plane: &u_plane[..],
        v_plane: &v_plane[..],
        width,
        height,
        y_stride: width.next_multiple_of(subsamp.width()),
        u_stride: chroma_stride,
        v_stride: chroma_stride,
        subsamp,
    };
    let mut output = OutputBuf::new_owned();
    compressor.compress_yuv_planes(&image, &mut output).map_err(|_| FAILED)?;
    Ok(output.to_vec())
}

/// Luma under halved chroma, for the library's sake: an odd side repeats its last row or column.
fn evened(luma: &[u8], width: usize, height: usize, subsamp: Subsamp) -> Cow<'_, [u8]> {
    let (wide, tall) = (width.next_multiple_of(subsamp.width()), height.next_multiple_of(subsamp.height()));
    if (wide, tall) == (width, height) {
        return Cow::Borrowed(luma);
    }
    let mut evened = Vec::with_capacity(wide * tall);
    for row in luma.chunks_exact(width) {
        evened.extend_from_slice(row);
        evened.extend(row.last().into_iter().cycle().take(wide - width));
    }
    evened.extend_from_within((height - 1) * wide..(height - 1) * wide + (tall - height) * wide);
    Cow::Owned(evened)
}

fn compressor(quality: u8) -> Result<Compressor, ImageError> {
    let mut compressor = Compressor::new().map_err(|_| FAILED)?;
    compressor.set_quality(i32::from(quality)).map_err(|_| FAILED)?;
    compressor.set_optimize(true).map_err(|_| FAILED)?;
    Ok(compressor)
}

fn compress(
    compressor: &mut Compressor,
    pixels: &[u8],
    size: Size,
    format: PixelFormat,
) -> Result<Vec<u8>, ImageError> {
    let (width, height) = (size.width as usize, size.height as usize);
    let image = Image { pixels, width, pitch: width * format.size(), height, format };
    compressor.compress_to_vec(image).map_err(|_| FAILED)
}
