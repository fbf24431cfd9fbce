//! Resizing by `fast_image_resize`: Lanczos3, alpha premultiplied for the filter and divided out after it (IMG-3).
//! One thread, so that a result is the same wherever it is made (IMG-7).

use std::sync::LazyLock;
use std::time::Duration;

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{
    FilterType, IntoImageView, PixelComponentMapper, PixelType, ResizeAlg, ResizeOptions, Resizer, create_srgb_mapper,
};

use super::error::ImageError;
use super::geometry::{Area, Rect, Size};
use super::picture::{Channels, Picture};

const FAILED: ImageError = ImageError::Broken("the picture could not be resized");

static SRGB: LazyLock<PixelComponentMapper> = LazyLock::new(create_srgb_mapper);

/// Of a pixel of four samples; those of the source are gone through once in each direction, those of the result written.
const NANOS_PER_PIXEL: u64 = 4;

/// About how long it takes to make a part of so many pixels smaller or larger, on one core of an ordinary server.
pub(super) fn time(from: Size, to: Size) -> Duration {
    Duration::from_nanos(from.pixels().saturating_add(to.pixels()).saturating_mul(NANOS_PER_PIXEL))
}

/// A part of a picture at another size. Nothing outside the window is seen by the filter: who cuts a picture out of its
/// frame does not want a rim of the frame's colour.
pub(super) fn picture(source: &Picture, window: Rect, part: Area, target: Size) -> Result<Picture, ImageError> {
    let kind = match source.channels {
        Channels::Rgb => PixelType::U8x3,
        Channels::Rgba => PixelType::U8x4,
    };
    let pixels = resized(&source.pixels, source.size, kind, (window, part), target)?;
    Ok(Picture { size: target, channels: source.channels, pixels })
}

/// The same in linear light: what is mixed is the light of the pixels, not the numbers that stand for it (sRGB's curve), with
/// sixteen bits in between.
pub(super) fn picture_in_linear_light(
    source: &Picture,
    window: Rect,
    part: Area,
    target: Size,
) -> Result<Picture, ImageError> {
    let (coded, linear) = match source.channels {
        Channels::Rgb => (PixelType::U8x3, PixelType::U16x3),
        Channels::Rgba => (PixelType::U8x4, PixelType::U16x4),
    };
    let curve = &*SRGB;
    let Size { width, height } = source.size;
    let pixels = ImageRef::new(width, height, &source.pixels, coded).map_err(|_| FAILED)?;
    let mut light = Image::new(width, height, linear);
    curve.forward_map(&pixels, &mut light).map_err(|_| FAILED)?;
    let light = resized_image(&light, window, part, target, linear)?;
    let mut result = Image::new(target.width, target.height, coded);
    curve.backward_map(&light, &mut result).map_err(|_| FAILED)?;
    Ok(Picture { size: target, channels: source.channels, pixels: result.into_vec() })
}

/// A part of a plane of single samples at another size.
pub(super) fn plane(source: &[u8], size: Size, window: Rect, part: Area, target: Size) -> Result<Vec<u8>, ImageError> {
    resized(source, size, PixelType::U8, (window, part), target)
}

fn resized(
    pixels: &[u8],
    size: Size,
    kind: PixelType,
    (window, part): (Rect, Area),
    target: Size,
) -> Result<Vec<u8>, ImageError> {
    let source = ImageRef::new(size.width, size.height, pixels, kind).map_err(|_| FAILED)?;
    resized_image(&source, window, part, target, kind).map(Image::into_vec)
}

fn resized_image(
    source: &impl IntoImageView,
    window: Rect,
    part: Area,
    target: Size,
    kind: PixelType,
) -> Result<Image<'static>, ImageError> {
    if window == Rect::whole(Size { width: source.width(), height: source.height() }) {
        return filtered(source, part, target, kind);
    }
    let source = CroppedImage::new(source, window.x, window.y, window.width, window.height).map_err(|_| FAILED)?;
    let part = Area { x: part.x - f64::from(window.x), y: part.y - f64::from(window.y), ..part };
    filtered(&source, part, target, kind)
}

fn filtered(
    source: &impl IntoImageView,
    part: Area,
    target: Size,
    kind: PixelType,
) -> Result<Image<'static>, ImageError> {
    let size = Size { width: source.width(), height: source.height() };
    let mut result = Image::new(target.width, target.height, kind);
    // Arithmetic in fractions may pass the edge by a rounding error, which the library refuses.
    let x = part.x.clamp(0.0, f64::from(size.width));
    let y = part.y.clamp(0.0, f64::from(size.height));
    let width = part.width.min(f64::from(size.width) - x);
    let height = part.height.min(f64::from(size.height) - y);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(x, y, width, height)
        .use_alpha(true);
    Resizer::new().resize(source, &mut result, &options).map_err(|_| FAILED)?;
    Ok(result)
}
