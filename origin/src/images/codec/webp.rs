//! libwebp: WebP from pixels or from planes, and to pixels.
#![expect(unsafe_code, reason = "libwebp's interface is C's")]

use std::ffi::c_int;

use libwebp_sys::{
    WebPConfig, WebPDecodeRGBAInto, WebPDecodeRGBInto, WebPEncCSP, WebPEncode, WebPMemoryWrite, WebPMemoryWriter,
    WebPMemoryWriterClear, WebPMemoryWriterInit, WebPPicture, WebPPictureFree, WebPPictureImportRGB,
    WebPPictureImportRGBA, WebPValidateConfig,
};

use super::super::error::ImageError;
use super::super::geometry::Size;

const FAILED: ImageError = ImageError::Broken("the WebP encoder failed");

/// What is encoded; every slice holds whole rows without gaps.
pub(in super::super) enum Pixels<'a> {
    /// Three bytes a pixel.
    Rgb(&'a [u8]),
    /// Four bytes a pixel, alpha not premultiplied.
    Rgba(&'a [u8]),
    /// BT.601 planes in video range; the chroma planes are halved on both sides, rounded up.
    Yuv420 { y: &'a [u8], u: &'a [u8], v: &'a [u8] },
}

/// Encodes at libwebp's method 4, its own default.
pub(in super::super) fn encode(pixels: &Pixels<'_>, size: Size, quality: u8) -> Result<Vec<u8>, ImageError> {
    let side = |value: u32| c_int::try_from(value).ok().filter(|side| *side <= 16_383);
    let (Some(width), Some(height)) = (side(size.width), side(size.height)) else {
        return Err(ImageError::ResultTooLarge);
    };
    let mut config = WebPConfig::new().map_err(|()| FAILED)?;
    config.quality = f32::from(quality);
    config.method = 4;
    // SAFETY: the configuration is initialised.
    if unsafe { WebPValidateConfig(&raw const config) } == 0 {
        return Err(FAILED);
    }
    let mut picture = Picture(WebPPicture::new().map_err(|()| FAILED)?);
    picture.0.width = width;
    picture.0.height = height;
    let whole = usize::try_from(size.pixels()).map_err(|_| ImageError::ResultTooLarge)?;
    match *pixels {
        Pixels::Rgb(rgb) => {
            assert_eq!(rgb.len(), whole * 3, "three bytes a pixel");
            // SAFETY: `rgb` holds `height` rows of `3 * width` bytes, which the call only reads.
            if unsafe { WebPPictureImportRGB(&raw mut picture.0, rgb.as_ptr(), 3 * width) } == 0 {
                return Err(FAILED);
            }
        }
        Pixels::Rgba(rgba) => {
            assert_eq!(rgba.len(), whole * 4, "four bytes a pixel");
            // SAFETY: `rgba` holds `height` rows of `4 * width` bytes, which the call only reads.
            if unsafe { WebPPictureImportRGBA(&raw mut picture.0, rgba.as_ptr(), 4 * width) } == 0 {
                return Err(FAILED);
            }
        }
        Pixels::Yuv420 { y, u, v } => {
            let chroma = (size.width.div_ceil(2) as usize) * (size.height.div_ceil(2) as usize);
            assert!(y.len() == whole && u.len() == chroma && v.len() == chroma, "planes of the picture's size");
            picture.0.use_argb = 0;
            picture.0.colorspace = WebPEncCSP::WEBP_YUV420;
            picture.0.y_stride = width;
            picture.0.uv_stride = (width + 1) / 2;
            // The encoder reads these planes and never writes to them; it owns and frees only what it allocated.
            picture.0.y = y.as_ptr().cast_mut();
            picture.0.u = u.as_ptr().cast_mut();
            picture.0.v = v.as_ptr().cast_mut();
        }
    }
    let mut writer = Writer::new();
    picture.0.writer = Some(WebPMemoryWrite);
    picture.0.custom_ptr = (&raw mut writer.0).cast();
    // SAFETY: configuration and picture are initialised, the planes outlive the call, and `custom_ptr` is the memory
    // writer that `WebPMemoryWrite` expects.
    let encoded = unsafe { WebPEncode(&raw const config, &raw mut picture.0) };
    if encoded == 0 { Err(FAILED) } else { Ok(writer.bytes().to_vec()) }
}

/// Decodes a still, three bytes a pixel, or four with alpha; `None` where it is damaged or larger. Its size has been checked.
pub(in super::super) fn decode(file: &[u8], size: Size, alpha: bool) -> Option<Vec<u8>> {
    let (decode, channels): (unsafe extern "C" fn(*const u8, usize, *mut u8, usize, c_int) -> *mut u8, u32) =
        if alpha { (WebPDecodeRGBAInto, 4) } else { (WebPDecodeRGBInto, 3) };
    let stride = c_int::try_from(size.width.checked_mul(channels)?).ok()?;
    let mut pixels = vec![0; usize::try_from(size.pixels().checked_mul(channels.into())?).ok()?];
    // SAFETY: the call reads the file's bytes and writes rows of `stride` bytes, as many as the file has, into `pixels`; it
    // answers null, and writes nothing beyond, where these are more than the length that it is told.
    let end = unsafe { decode(file.as_ptr(), file.len(), pixels.as_mut_ptr(), pixels.len(), stride) };
    (!end.is_null()).then_some(pixels)
}

struct Picture(WebPPicture);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: initialised by `WebPPicture::new`, freed once.
        unsafe { WebPPictureFree(&raw mut self.0) };
    }
}

struct Writer(WebPMemoryWriter);

impl Writer {
    fn new() -> Self {
        let mut writer = WebPMemoryWriter { mem: std::ptr::null_mut(), size: 0, max_size: 0, pad: [0] };
        // SAFETY: the writer is a live value of the type.
        unsafe { WebPMemoryWriterInit(&raw mut writer) };
        Self(writer)
    }

    fn bytes(&self) -> &[u8] {
        if self.0.mem.is_null() {
            return &[];
        }
        // SAFETY: libwebp wrote `size` bytes at `mem`, which this value owns until it is dropped.
        unsafe { std::slice::from_raw_parts(self.0.mem, self.0.size) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, cleared once.
        unsafe { WebPMemoryWriterClear(&raw mut self.0) };
    }
}
