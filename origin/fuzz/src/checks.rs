//! What must hold of any bytes that are taken for a picture: no panic, an answer in time, a result within the limits
//! and of the size that was promised.
//!
//! The fuzz targets run these functions on what libFuzzer finds, `images/tests/corpus.rs` on the seeds and their
//! mutations with any compiler.

use std::time::{Duration, Instant};

use sealpix::operations::{Operations, OutputFormat};

use crate::images::{Derivative, Format, ImageError, Job, Limits, Settings, Until, recognise};

/// A check of any bytes; it panics where a promise is broken.
pub type Check = fn(&[u8]);

/// Every check, by the name of its fuzz target and of its folder of seeds.
pub const CHECKS: [(&str, Check); 10] = [
    ("probe", probe),
    ("jpeg", jpeg),
    ("png", png),
    ("gif", gif),
    ("webp", webp),
    ("avif", avif),
    ("svg", svg),
    ("clean", clean),
    ("meta", meta),
    ("operations", operations),
];

/// Small enough that one piece of work lasts milliseconds, also under a sanitizer.
const LIMITS: Limits = Limits {
    source_pixels: 1 << 16,
    frames: 20,
    output_side: 512,
    output_pixels: 1 << 15,
    animation_pixels: 1 << 16,
    memory_bytes: 64 << 20,
    jpeg_scans: 20,
    settings: Settings { svg: false, libwebp: false, fine_shrink: false, linear: false },
};

/// The same with every other way of the engine.
const OTHERWISE: Limits =
    Limits { settings: Settings { svg: true, libwebp: true, fine_shrink: true, linear: true }, ..LIMITS };

/// What the engine is given for one piece of work.
const DEADLINE: Duration = Duration::from_secs(5);

/// What one piece of work may last in all: the stage that the deadline finds at work is not broken off.
const LONGEST: Duration = Duration::from_secs(20);

/// What the engine says of a panic that it caught; here it counts as one.
const CAUGHT: ImageError = ImageError::Broken("a codec gave up on it");

/// The header alone: whatever it says, the estimate is an answer, and one within the limits.
pub fn probe(bytes: &[u8]) {
    for operations in ["_", "w_20,f_png", "w_20,f_jpg,max_9999", "h_20,crop_1:1:8:8,rot_90,f_webp", "trim_5,f_avif"] {
        let estimated = job(bytes, &read(operations), &LIMITS).estimate_bytes();
        assert_ne!(estimated, Err(CAUGHT), "{operations}");
        assert!(recognise(bytes).is_some() || estimated.is_err());
    }
}

/// By planes to JPEG and to WebP, shrunk on load, and by pixels.
pub fn jpeg(bytes: &[u8]) {
    decoded(
        bytes,
        Format::Jpeg,
        &["f_jpg", "w_9,f_webp", "w_20,f_jpg,q_95", "crop_3:3:9:9,rot_90,f_jpg", "w_11,f_png", "w_1,f_jpg", "f_json"],
    );
    otherwise(bytes, Format::Jpeg, &["w_9,f_jpg"]);
}

/// PNG of every depth and colour.
pub fn png(bytes: &[u8]) {
    decoded(bytes, Format::Png, &["w_9,f_png", "w_9,h_9,fit_cover,g_smart,f_json"]);
}

/// GIF: the first frame, what later ones leave on the screen, and all of them, moving.
pub fn gif(bytes: &[u8]) {
    decoded(bytes, Format::Gif, &["page_2,f_png", "page_9,w_9,f_png", "w_9,f_webp", "w_9,f_gif"]);
}

/// WebP: stills of both codings, frames of an animation, and all of them, moving; by either decoder.
pub fn webp(bytes: &[u8]) {
    decoded(bytes, Format::Webp, &["page_2,f_png", "w_9,f_webp", "w_9,f_gif"]);
    otherwise(bytes, Format::Webp, &["f_png", "page_2,w_9,f_png", "w_9,f_webp"]);
}

/// AVIF of every depth and layout.
pub fn avif(bytes: &[u8]) {
    decoded(bytes, Format::Avif, &["w_9,f_png", "w_9,h_5,fit_pad,bg_blur,f_png"]);
}

/// SVG: at its own size, at others, parts of it, and looked at before it is drawn again. It never comes out.
pub fn svg(bytes: &[u8]) {
    for road in ["_", "w_20", "w_20,h_9,fit_cover,g_smart,f_webp", "crop_1:1:5:5,h_9,rot_90,f_jpg", "trim_5,w_9,f_json"]
    {
        if let Some(made) = worked(bytes, &read(road), &OTHERWISE) {
            assert!(made.format == Format::Json || recognise(&made.bytes).is_some(), "{road}");
        }
    }
}

/// Cleaning takes away and adds nothing but an orientation: cleaned again, a file is the same.
pub fn clean(bytes: &[u8]) {
    let Some(cleaned) = made(bytes, "_") else { return };
    assert!(cleaned.bytes.len() <= bytes.len() + 64, "{} bytes of {}", cleaned.bytes.len(), bytes.len());
    let again = made(&cleaned.bytes, "_").map(|again| again.bytes);
    assert_eq!(again.as_deref(), Some(&cleaned.bytes[..]));
}

/// Metadata that is kept is written so that it is found again, and is as long then.
pub fn meta(bytes: &[u8]) {
    let kept_bytes = |source: &[u8], operations| {
        let kept = made(source, operations)?.bytes;
        let bare = made(&kept, "_")?.bytes;
        Some((kept.len() - bare.len(), kept))
    };
    for operations in ["w_8,f_jpg,meta_keep", "w_8,f_webp,meta_copyright", "w_8,f_png,meta_keep"] {
        if let Some((first, kept)) = kept_bytes(bytes, operations) {
            assert_eq!(kept_bytes(&kept, operations).map(|(second, _)| second), Some(first), "{operations}");
        }
    }
}

/// A line of operations, then a picture.
pub fn operations(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(Ok(mut operations)) = std::str::from_utf8(&bytes[..end]).map(Operations::read) else { return };
    // AV1 is encoded a hundred times as slowly as all else; its encoder sees pixels only, not the source's bytes.
    if matches!(operations.format, None | Some(OutputFormat::Avif)) && operations.to_string() != "_" {
        operations.format = Some(OutputFormat::Png);
    }
    worked(&bytes[end + 1..], &operations, &LIMITS);
}

/// The whole picture is of the size that its header promised, and each further road ends well.
fn decoded(bytes: &[u8], format: Format, roads: &[&str]) {
    if recognise(bytes) != Some(format) {
        return;
    }
    let whole = made(bytes, "f_png");
    if let (Some(whole), Some(promised)) = (&whole, made(bytes, "_")) {
        assert_eq!((whole.width, whole.height), (promised.width, promised.height));
    }
    for road in roads {
        let taken = made(bytes, road);
        // What shows the whole picture also shows it smaller; but for later frames, which `f_png` does not read.
        let is_whole = !matches!(format, Format::Gif | Format::Webp) && !road.contains("crop");
        assert!(!is_whole || whole.is_none() || taken.is_some(), "{road}");
    }
}

/// By an engine that is set to do everything otherwise.
fn otherwise(bytes: &[u8], format: Format, roads: &[&str]) {
    if recognise(bytes) == Some(format) {
        roads.iter().for_each(|road| drop(worked(bytes, &read(road), &OTHERWISE)));
    }
}

fn read(operations: &str) -> Operations {
    Operations::read(operations).unwrap_or_else(|error| panic!("{operations}: {error}"))
}

fn made(source: &[u8], operations: &str) -> Option<Derivative> {
    worked(source, &read(operations), &LIMITS)
}

fn job<'a>(source: &'a [u8], operations: &'a Operations, limits: &'a Limits) -> Job<'a> {
    Job { source, operations, mark: None, is_negotiated: false, limits }
}

/// Does the work, and looks at how it ended.
fn worked(source: &[u8], operations: &Operations, limits: &Limits) -> Option<Derivative> {
    let estimated = job(source, operations, limits).estimate_bytes();
    let began = Instant::now();
    let made = job(source, operations, limits).run(&Until::at(began + DEADLINE));
    assert!(began.elapsed() < LONGEST, "{operations} took {:?}", began.elapsed());
    assert_ne!(made.as_ref().err(), Some(&CAUGHT), "{operations}");
    let made = made.ok()?;
    let estimated = estimated.unwrap_or_else(|error| panic!("{operations} is refused by its header: {error}"));
    if made.format == Format::Json {
        assert!(serde_json::from_slice::<serde_json::Value>(&made.bytes).is_ok(), "{operations}");
        return Some(made);
    }
    assert_eq!(recognise(&made.bytes), Some(made.format), "{operations}");
    if operations.to_string() != "_" {
        // Before `trim`, the estimate is that of the largest result.
        assert!(operations.trim.is_some() || estimated <= LIMITS.memory_bytes, "{operations}: {estimated} bytes");
        assert!(made.width <= LIMITS.output_side && made.height <= LIMITS.output_side, "{operations}");
        assert!(u64::from(made.width) * u64::from(made.height) <= LIMITS.output_pixels, "{operations}");
    }
    // A result reads again; AVIF with metadata is the only one that is not passed on as it is.
    match job(&made.bytes, &read("_"), &LIMITS).run(&Until::at(Instant::now() + DEADLINE)) {
        Ok(again) => assert_eq!((again.width, again.height), (made.width, made.height), "{operations}"),
        Err(error) => assert!(matches!(error, ImageError::FormatUnsupported(_)), "{operations}: {error}"),
    }
    Some(made)
}
