//! libwebp's own decoder of animations: what tests hold the engine's frames against.
#![expect(unsafe_code, reason = "libwebp's interface is C's")]

use std::ffi::c_int;
use std::ptr;

use libwebp_sys::{
    WEBP_DEMUX_ABI_VERSION, WebPAnimDecoder, WebPAnimDecoderDelete, WebPAnimDecoderGetInfo, WebPAnimDecoderGetNext,
    WebPAnimDecoderHasMoreFrames, WebPAnimDecoderNewInternal, WebPAnimInfo, WebPData,
};

/// What the canvas shows, in RGBA, and until when, in milliseconds from the beginning.
pub(in super::super) type Shown = (Vec<u8>, i32);

struct Decoder(*mut WebPAnimDecoder);

impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: made by `WebPAnimDecoderNewInternal`, deleted once.
        unsafe { WebPAnimDecoderDelete(self.0) };
    }
}

/// All frames, and how often they are played; `None` for a file that is broken.
pub(in super::super) fn decode(file: &[u8]) -> Option<(Vec<Shown>, u32)> {
    let data = WebPData { bytes: file.as_ptr(), size: file.len() };
    let version = c_int::try_from(WEBP_DEMUX_ABI_VERSION).ok()?;
    // SAFETY: `data` spans `file`, which outlives the decoder; without options the library has its own.
    let decoder = Decoder(unsafe { WebPAnimDecoderNewInternal(&raw const data, ptr::null(), version) });
    if decoder.0.is_null() {
        return None;
    }
    let mut info =
        WebPAnimInfo { canvas_width: 0, canvas_height: 0, loop_count: 0, bgcolor: 0, frame_count: 0, pad: [0; 4] };
    // SAFETY: the decoder is live, and `info` a value of its type.
    if unsafe { WebPAnimDecoderGetInfo(decoder.0, &raw mut info) } == 0 {
        return None;
    }
    let bytes = info.canvas_width as usize * info.canvas_height as usize * 4;
    let mut frames = Vec::new();
    // SAFETY: the decoder is live.
    while unsafe { WebPAnimDecoderHasMoreFrames(decoder.0) } != 0 {
        let (mut canvas, mut until) = (ptr::null_mut(), 0);
        // SAFETY: the decoder is live, and both places are of their types.
        if unsafe { WebPAnimDecoderGetNext(decoder.0, &raw mut canvas, &raw mut until) } == 0 {
            return None;
        }
        // SAFETY: the library's canvas has four bytes for each of its pixels, and is not written before the next call.
        frames.push((unsafe { std::slice::from_raw_parts(canvas, bytes) }.to_vec(), until));
    }
    Some((frames, info.loop_count))
}
