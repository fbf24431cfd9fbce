//! How much work one request may cause. Everything here is decided from headers and arithmetic, before the
//! first pixel is decoded (DOS-1, DOS-4, DOS-11).

use super::attention;
use super::effects::Effects;
use super::encode::Order;
use super::error::ImageError;
use super::format::Format;
use super::geometry::{Plan, Rect, Size};
use super::probe::{Coding, Probe};
use super::settings::Settings;

/// Bounds of one piece of work. [`Limits::default`] is what a new installation runs with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of the source, summed over its frames. 50 million: every camera phone's ordinary picture,
    /// and at most some 600 MB of coefficients and pixels in the hungriest encoding.
    pub source_pixels: u64,
    /// Most frames of an animation. 200: ten seconds at 20 a second.
    pub frames: u32,
    /// Longest side of the result. 8192: the largest `w` and `h` of the grammar, and of common GPU textures.
    pub output_side: u32,
    /// Most pixels of the result. 40 million: an 8K picture (33 million) fits, a full 8192 square does not.
    pub output_pixels: u64,
    /// Most pixels of an animated result, summed over its frames. 50 million, as many as a source may have.
    pub animation_pixels: u64,
    /// Most bytes that decoding, resizing and encoding may hold at once, by [`super::Job::estimate_bytes`]. 768 MiB: a
    /// 50-megapixel progressive JPEG to a small result fits, and four workers fit in 4 GiB on ordinary load.
    pub memory_bytes: u64,
    /// Most scans of a progressive JPEG. 100: encoders write about ten, and the format's own most useful
    /// script for three components has fewer; without a bound a few kilobytes cost minutes (DOS-8).
    pub jpeg_scans: u32,
    /// The operator's other ways, which what is made and what it costs hang on.
    pub settings: Settings,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            source_pixels: 50_000_000,
            frames: 200,
            output_side: 8192,
            output_pixels: 40_000_000,
            animation_pixels: 50_000_000,
            memory_bytes: 768 << 20,
            jpeg_scans: 100,
            settings: Settings::default(),
        }
    }
}

impl Limits {
    /// Refuses a source whose header promises too much.
    pub(super) fn admit_source(&self, probe: &Probe) -> Result<(), ImageError> {
        let pixels = probe.size.pixels().saturating_mul(u64::from(probe.frames.max(1)));
        if probe.frames > self.frames || pixels > self.source_pixels { Err(ImageError::SourceTooLarge) } else { Ok(()) }
    }

    /// Refuses a result that is too large in itself or for its format.
    pub(super) fn admit_result(&self, canvas: Size, format: Format) -> Result<(), ImageError> {
        let side = self.output_side.min(format.longest_side());
        let fits = canvas.width <= side && canvas.height <= side && canvas.pixels() <= self.output_pixels;
        if fits { Ok(()) } else { Err(ImageError::ResultTooLarge) }
    }

    /// Refuses a source whose pixels alone, all of them decoded, are more memory than a piece of work may hold.
    pub(super) fn admit_decoding(&self, probe: &Probe) -> Result<(), ImageError> {
        let bytes = FIXED_BYTES.saturating_add(decoding_bytes(probe, 1));
        if bytes <= self.memory_bytes { Ok(()) } else { Err(ImageError::SourceTooLarge) }
    }

    /// As many pixels as a result may have, as a size.
    pub(super) fn largest_result(&self) -> Size {
        let side = u64::from(self.output_side.max(1));
        let height = u32::try_from(self.output_pixels / side).unwrap_or(u32::MAX).clamp(1, self.output_side.max(1));
        Size { width: self.output_side.max(1), height }
    }

    /// Refuses work that would hold too much memory, naming the side that is to blame.
    pub(super) fn admit_memory(
        &self,
        probe: &Probe,
        plan: &Plan,
        effects: &Effects,
        order: &Order,
    ) -> Result<(), ImageError> {
        if estimate_bytes(probe, plan, effects, order) <= self.memory_bytes {
            return Ok(());
        }
        let source_alone = decoding_bytes(probe, plan.decoder_shrink(probe));
        Err(if source_alone > self.memory_bytes / 2 { ImageError::SourceTooLarge } else { ImageError::ResultTooLarge })
    }
}

/// Code of the codecs that is touched for the first time, tables, buffers that do not grow with the picture.
pub(super) const FIXED_BYTES: u64 = 6 << 20;

/// The most bytes that the work will hold at once, above the source itself: the largest of four moments: the end of
/// the resize, when the decoded pixels are still there; the effects; the watermark; and the encoding, when only the result
/// is.
#[must_use]
pub(super) fn estimate_bytes(probe: &Probe, plan: &Plan, effects: &Effects, order: &Order) -> u64 {
    let format = order.format;
    let with_alpha = probe.alpha || plan.has_margin() || plan.at_full_size || effects.need_alpha(format);
    let channels: u64 = if with_alpha { 4 } else { 3 };
    let shrink = plan.decoder_shrink(probe);
    let result = plan.canvas.pixels() * channels;
    let decoding = decoding_bytes(probe, shrink);
    let drawn = probe.drawing.as_ref().filter(|_| !plan.at_full_size).map(|drawing| {
        let part = probe.orientation.to_coded(plan.part, probe.size);
        drawing.cost(part, probe.orientation.turn(plan.picture)).map_or(u64::MAX, |cost| cost.bytes)
    });
    let resizing = if let Some(drawn) = drawn {
        // Before that, `g_smart` looks at all of it.
        let looking = probe.size.pixels() * 4 + rows_bytes(probe, attention::COPY_PIXELS);
        drawn.max(if plan.cuts() { decoding.saturating_add(looking) } else { 0 })
    } else if plan.keeps_pixels(probe.shown()) && !plan.at_full_size {
        decoding
    } else {
        let decoded = shrunk(probe.size.pixels(), shrink);
        // Premultiplied pixels are a copy. The first pass keeps the decoded rows at the result's width.
        let premultiplied = if probe.alpha { decoded * 4 } else { 0 };
        let target = probe.orientation.turn(plan.picture);
        // A plan made before `trim` has as many pixels as any, and either side may be the longer.
        let across = if plan.at_full_size { target.width.max(target.height) } else { target.width };
        // `g_smart` makes a copy of its own before.
        let copied = plan.cuts() || plan.at_full_size;
        let across = if copied { across.max(attention::COPY_PIXELS) } else { across };
        let rows = u64::from(across) * u64::from(probe.size.height.div_ceil(shrink));
        // In linear light, two bytes a sample, beside those of one that it comes from and becomes.
        let (light, deep) =
            if plan.settings.linear { ((decoded + plan.picture.pixels()) * channels * 2, 2) } else { (0, 1) };
        decoding.max(decoded * channels + light + premultiplied * deep + rows * channels * deep + result)
    };
    // Turning, blending and dropping alpha hold a picture and its successor.
    let pixels = plan.canvas.pixels();
    let encoder = match format {
        // Planes of the whole picture and the compressed bytes.
        Format::Jpeg => pixels * 3,
        // The compressed bytes, in a vector that doubles; indices of a palette.
        Format::Png => pixels * 7,
        // The picture with alpha and what it is drawn on; its colours apart, their places, the frame.
        Format::Gif => pixels * 20,
        // YUV planes, macroblock state and the token buffer of method 4; with alpha, its lossless coder's hash chain,
        // references and tables. Measured: 32 bytes a pixel where alpha is noise, 17 for corners and margins.
        Format::Webp if channels == 3 => pixels * 7,
        Format::Webp => pixels * if probe.alpha { 34 } else { 18 } + (12 << 20),
        // Planes, their reconstruction, and per-block decisions of rav1e. Measured: some 40 without alpha.
        Format::Avif => pixels * if channels == 3 { 44 } else { 50 },
        // A few hundred bytes of text.
        Format::Json | Format::Svg => 0,
    };
    // The result decoded again, its luma and that of the picture, and its bytes (`q_auto`).
    let judging = match format {
        _ if !order.is_judged() => 0,
        Format::Jpeg => pixels * 8,
        Format::Webp => pixels * 13,
        Format::Avif => pixels * if channels == 3 { 20 } else { 24 },
        Format::Png | Format::Gif | Format::Json | Format::Svg => 0,
    };
    // The best result so far, while another is tried (`max`).
    let best = order.max_bytes.map_or(0, |max| (pixels * 3).min(max as u64));
    let encoder = encoder.max(judging) + best;
    let working = effects.working_bytes(plan.picture, channels);
    let marking = result + effects.marking_bytes(plan.canvas);
    FIXED_BYTES.saturating_add(resizing.max(working).max(2 * result).max(marking).max(result + encoder))
}

/// What the decoder holds, decoded pixels included, when it shrinks by `shrink` on load. Measured on 12-megapixel files
/// of each kind; the numbers are bytes a pixel.
pub(super) fn decoding_bytes(probe: &Probe, shrink: u32) -> u64 {
    let pixels = probe.size.pixels();
    match probe.coding {
        // Two bytes a coefficient, for every sample of every component, when more than one scan must be kept.
        Coding::Jpeg { progressive, components, samples_64ths, .. } => {
            let coefficients = if progressive { pixels * u64::from(samples_64ths) / 32 } else { 0 };
            let decoded = shrunk(pixels, shrink) * u64::from(components.max(3));
            // CMYK is held beside the colours that it becomes.
            let colours = if components == 4 { shrunk(pixels, shrink) * 3 } else { 0 };
            coefficients + decoded + colours + u64::from(probe.size.width) * 64
        }
        // Grey is held beside the colours that it becomes.
        Coding::Png { .. } => pixels * if probe.alpha { 6 } else { 4 },
        // The picture, the screen before it, and the screen with it; indices.
        Coding::Gif => pixels * 13,
        // A frame, the canvas that it is drawn on, and what the decoder hands over; the frame's own state.
        Coding::Webp { animated: true } => pixels * 16,
        // The lossless decoder works on four bytes a pixel, and hands over three or four; alpha beside colours has a plane.
        Coding::Webp { .. } => pixels * if probe.alpha { 10 } else { 8 },
        // Planes of at most 4:4:4, the decoder's and ours at two bytes a sample; alpha; pixels.
        Coding::Avif => pixels * if probe.alpha { 19 } else { 15 },
        // At its own size.
        Coding::Svg => {
            let cost = probe.drawing.as_ref().map(|drawing| drawing.cost(Rect::whole(probe.size).area(), probe.size));
            cost.and_then(Result::ok).map_or(u64::MAX / 4, |cost| cost.bytes)
        }
    }
}

/// What the first pass of a resize to a width leaves, with the copy that it becomes.
fn rows_bytes(probe: &Probe, across: u32) -> u64 {
    u64::from(across) * 4 * (u64::from(probe.size.width.max(probe.size.height)) + 2 * u64::from(across))
}

fn shrunk(pixels: u64, shrink: u32) -> u64 {
    pixels.div_ceil(u64::from(shrink) * u64::from(shrink))
}
