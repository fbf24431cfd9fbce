//! AV1 stills by `re_rav1d`, whose interface is dav1d's.
//!
//! One thread only: the work is already one piece a core, and a panic on a worker thread of the decoder would leave
//! the caller waiting. A panic inside its `extern "C"` functions ends the process, which `catch_unwind` cannot
//! prevent (DOS-3); the fuzz targets are there to find such inputs first.
#![expect(unsafe_code, reason = "dav1d's interface is C's")]

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422, DAV1D_PIXEL_LAYOUT_I444,
};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib::{
    dav1d_close, dav1d_data_create, dav1d_data_unref, dav1d_default_settings, dav1d_get_picture, dav1d_open,
    dav1d_picture_unref, dav1d_send_data,
};

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::container::Colours;

const BROKEN: ImageError = ImageError::Broken("the AV1 data is damaged or cut short");

/// A decoded picture: planes of samples, 8 bits or more in 16.
pub(in super::super) struct Planes {
    /// The size of the first plane.
    pub(in super::super) size: Size,
    /// Bits of a sample.
    pub(in super::super) bits: u8,
    /// By how many bits the chroma planes' coordinates are shifted, across and down; `None` without chroma.
    pub(in super::super) chroma_shift: Option<(u32, u32)>,
    /// The colours as the stream itself has them.
    pub(in super::super) colours: Colours,
    /// The planes, rows without gaps.
    pub(in super::super) planes: Vec<Vec<u16>>,
}

impl Planes {
    /// The size of plane `index`.
    pub(in super::super) fn plane_size(&self, index: usize) -> Size {
        let (across, down) = if index == 0 { (0, 0) } else { self.chroma_shift.unwrap_or((0, 0)) };
        Size { width: (self.size.width + across) >> across, height: (self.size.height + down) >> down }
    }
}

/// Decodes the one frame of a still, which must be of the size that the container promised.
pub(in super::super) fn decode(data: &[u8], expected: Size) -> Result<Planes, ImageError> {
    if data.is_empty() {
        return Err(BROKEN);
    }
    let decoder = Decoder::open(expected)?;
    decoder.send(data)?;
    let picture = decoder.picture()?;
    picture.copy(expected)
}

struct Decoder(Option<Dav1dContext>);

impl Decoder {
    fn open(expected: Size) -> Result<Self, ImageError> {
        let mut settings = MaybeUninit::<Dav1dSettings>::uninit();
        let target = NonNull::new(settings.as_mut_ptr()).ok_or(BROKEN)?;
        // SAFETY: `target` is valid to write to, and the call fills all of it.
        let mut settings = unsafe {
            dav1d_default_settings(target);
            settings.assume_init()
        };
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        // Whatever the stream says of itself, the decoder allocates no more than the container promised (DOS-1).
        settings.frame_size_limit = u32::try_from(expected.pixels()).map_err(|_| ImageError::SourceTooLarge)?;
        // SAFETY: without a callback there is nothing that could be called.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut context = None;
        // SAFETY: both pointers are to live values; the settings hold no pointer of ours.
        let result = unsafe { dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) };
        if result.0 == 0 { Ok(Self(context)) } else { Err(BROKEN) }
    }

    fn send(&self, data: &[u8]) -> Result<(), ImageError> {
        let mut wrapped = Dav1dData::default();
        // SAFETY: `wrapped` is valid to write to.
        let buffer = unsafe { dav1d_data_create(Some(NonNull::from(&mut wrapped)), data.len()) };
        let Some(buffer) = NonNull::new(buffer) else { return Err(BROKEN) };
        // SAFETY: the call above allocated `data.len()` bytes at `buffer`, which nothing else points to yet.
        unsafe { buffer.as_ptr().copy_from_nonoverlapping(data.as_ptr(), data.len()) };
        // SAFETY: the context is open, and `wrapped` was made by `dav1d_data_create`. What the decoder does not take
        // stays in `wrapped` and is released, which is also right when it took all.
        let result = unsafe {
            let result = dav1d_send_data(self.0, Some(NonNull::from(&mut wrapped)));
            dav1d_data_unref(Some(NonNull::from(&mut wrapped)));
            result
        };
        if result.0 == 0 { Ok(()) } else { Err(BROKEN) }
    }

    fn picture(&self) -> Result<Picture, ImageError> {
        let mut picture = Picture(Dav1dPicture::default());
        // SAFETY: the context is open and the picture is valid to write to; it is released by `Drop`.
        let result = unsafe { dav1d_get_picture(self.0, Some(NonNull::from(&mut picture.0))) };
        if result.0 == 0 && picture.0.data[0].is_some() { Ok(picture) } else { Err(BROKEN) }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context is from `dav1d_open` and is closed once; the copies handed to calls are plain pointers
        // that nobody keeps. Pictures hold their own reference to their memory.
        unsafe { dav1d_close(Some(NonNull::from(&mut self.0))) };
    }
}

struct Picture(Dav1dPicture);

impl Drop for Picture {
    fn drop(&mut self) {
        // SAFETY: a default picture or one from `dav1d_get_picture`, released once.
        unsafe { dav1d_picture_unref(Some(NonNull::from(&mut self.0))) };
        // What that leaves is a default picture, whose list, empty as it is, was allocated (48 bytes) and has no owner but us.
        // SAFETY: made from an `Arc` by the call above, and taken once.
        drop(self.0.itut_t35_ref.take().map(|list| unsafe { list.into_arc() }));
    }
}

impl Picture {
    fn copy(&self, expected: Size) -> Result<Planes, ImageError> {
        let parameters = &self.0.p;
        let side = |value| u32::try_from(value).map_err(|_| BROKEN);
        let size = Size { width: side(parameters.w)?, height: side(parameters.h)? };
        if size != expected {
            return Err(ImageError::Broken("the AV1 picture is not of the size that its container says"));
        }
        let bits = u8::try_from(parameters.bpc).ok().filter(|bits| matches!(bits, 8 | 10 | 12)).ok_or(BROKEN)?;
        let chroma_shift = match parameters.layout {
            DAV1D_PIXEL_LAYOUT_I400 => None,
            DAV1D_PIXEL_LAYOUT_I420 => Some((1, 1)),
            DAV1D_PIXEL_LAYOUT_I422 => Some((1, 0)),
            DAV1D_PIXEL_LAYOUT_I444 => Some((0, 0)),
            _ => return Err(BROKEN),
        };
        let header = self.0.seq_hdr.ok_or(BROKEN)?;
        // SAFETY: the picture holds a reference to its sequence header.
        let header = unsafe { header.as_ref() };
        let point = |value: u32| u8::try_from(value).unwrap_or(2);
        let colours = Colours {
            primaries: point(header.pri),
            transfer: point(header.trc),
            matrix: point(header.mtrx),
            full_range: header.color_range != 0,
        };
        let mut copied = Planes { size, bits, chroma_shift, colours, planes: Vec::new() };
        let count = if chroma_shift.is_some() { 3 } else { 1 };
        for (index, plane) in self.0.data.iter().enumerate().take(count) {
            let plane = plane.ok_or(BROKEN)?;
            let stride = self.0.stride[usize::from(index > 0)];
            let Size { width, height } = copied.plane_size(index);
            let (columns, rows) = (width as usize, height as usize);
            let mut samples = Vec::with_capacity(columns * rows);
            for row in 0..rows {
                let offset = isize::try_from(row).map_err(|_| BROKEN)? * stride;
                // SAFETY: dav1d's contract: row `row` of a plane of this layout and size begins `row * stride` bytes
                // after its pointer and holds `columns` samples of one byte at 8 bits and of an aligned two above.
                unsafe {
                    let start = plane.as_ptr().cast::<u8>().offset(offset);
                    if bits == 8 {
                        samples.extend(std::slice::from_raw_parts(start, columns).iter().copied().map(u16::from));
                    } else {
                        samples.extend_from_slice(std::slice::from_raw_parts(start.cast::<u16>(), columns));
                    }
                }
            }
            copied.planes.push(samples);
        }
        Ok(copied)
    }
}
