//! Pictures made to do harm, sent to a process whose memory is bounded from outside: each is refused with its code or
//! answered right, and the process lives. `bad_input` has what is no picture at all.
//!
//! `RLIMIT_DATA` counts what is mapped to be written, touched or not. An allocation beyond it ends a Rust process.

mod made;

use std::process::Command;
use std::time::{Duration, Instant};

use self::made::{
    FLOOD_BE, PAYLOAD, after, animated_webp, black_png, chunk, gif, jpeg, jpeg_of_scans, jpeg_that_says, png,
    webp_on_canvas, with_segment, zeros,
};
use crate::harness::{Answer, Data, Made, Served};

/// What image work may hold at once.
const WORK_MIB: u64 = 256;

/// What the process may map to write, stacks and the allocator's spare room included: given by its parent.
const DATA_MIB: u64 = 640;

/// What it may touch: the work, and code, SQLite, threads of a debug build, what the allocator keeps.
const PEAK_MIB: u64 = WORK_MIB + 128;

/// No bomb keeps a core longer.
const LONGEST: Duration = Duration::from_secs(20);

/// How a bomb may end: with a picture, or with these codes.
const OK: &[&str] = &["ok"];
const TOO_LARGE: &[&str] = &["source_too_large"];
const BROKEN: &[&str] = &["source_broken"];
const NO_IMAGE: &[&str] = &["source_unsupported"];
const TOO_LONG: &[&str] = &["result_too_large"];

/// An origin with little memory, and the seeds of its bombs.
struct Bombed {
    data: Data,
    made: Made,
    served: Served,
}

impl Bombed {
    fn new() -> Self {
        let work = (WORK_MIB << 20).to_string();
        // Every bomb has the same name.
        let data = Data::new(&[
            ("SEALPIX_DELIVERY", "direct"),
            ("SEALPIX_WORK_MEMORY_BYTES", &work),
            ("SEALPIX_DERIVATIVE_MEMORY_BYTES", "0"),
            ("SEALPIX_DERIVATIVE_DISK_BYTES", "0"),
        ]);
        let made = data.setup(&[]);
        let serve = data.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut command = Command::new("prlimit");
        command.arg(format!("--data={}", DATA_MIB << 20)).arg(serve.get_program()).args(serve.get_args()).env_clear();
        command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self { data, made, served: Served::start(command) }
    }

    fn ask(&self, source: &[u8], operations: &str) -> Answer {
        std::fs::write(self.data.gallery().join("bomb"), source).unwrap();
        let began = Instant::now();
        let answer = self.served.get(&self.made.sign(operations, "@gallery/bomb"));
        assert!(began.elapsed() < LONGEST, "{operations}: {:?}", began.elapsed());
        answer
    }

    /// What is served of a good picture.
    fn good(&self, operations: &str) -> Vec<u8> {
        let answer = self.ask(&jpeg(64, 48, false), operations);
        assert_eq!(answer.status, 200, "{operations}");
        answer.body
    }

    /// Asks in each way; what comes is one of `ends`.
    fn ends(&self, name: &str, source: &[u8], ways: &[&str], ends: &[&str]) -> Vec<Answer> {
        let mut answers = Vec::new();
        for operations in ways {
            let answer = self.ask(source, operations);
            let end = if answer.status == 200 { "ok".to_owned() } else { answer.code().unwrap_or_default() };
            assert!(ends.contains(&&*end), "{name} {operations}: {} {end}, not {ends:?}", answer.status);
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "HDR-1");
            println!("bomb: {name:<34} {:>9} B  {operations:<16} {} {end}", source.len(), answer.status);
            answers.push(answer);
        }
        answers
    }
}

impl Drop for Bombed {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.served.is_alive());
            let peak = self.served.peak_mib();
            println!("bomb: peak RSS {peak} MiB, bound {PEAK_MIB} MiB, RLIMIT_DATA {DATA_MIB} MiB");
            assert!(peak <= PEAK_MIB, "{peak} MiB");
        }
    }
}

/// The ways that a source is asked for: untouched, small, by planes, to the slowest encoder.
const WAYS: &[&str] = &["_", "w_40,f_webp", "w_30,f_jpg", "w_20,h_20,f_avif"];
/// The ways that decode.
const WORK: &[&str] = &["w_40,f_webp", "w_30,f_jpg", "f_png"];

#[test]
fn dos1_floods_of_pixels_and_frames_are_refused_from_the_header() {
    let bombed = Bombed::new();
    let [still, avif] = ["f_webp", "f_avif"].map(|operations| bombed.good(operations));
    let gif_flood = after(&gif(4, 4, 1), b"GIF89a", 0, &[0x40, 0x9c, 0x40, 0x9c]);
    let png_flood = png((40_000, 40_000), [8, 6], b"", &zeros(1000));
    for (name, source) in [
        ("a JPEG of 40,000 x 40,000", jpeg_that_says(40_000, 40_000)),
        ("a PNG of 40,000 x 40,000", png_flood),
        ("a GIF of 40,000 x 40,000", gif_flood),
        ("a WebP of 16,383 x 16,383", after(&still, b"\x9d\x01\x2a", 0, &[0xff, 0x3f, 0xff, 0x3f])),
        ("a WebP canvas of 40,000 x 40,000", webp_on_canvas(&still, 40_000, 40_000)),
        ("an AVIF of 40,000 x 40,000", after(&avif, b"ispe\0\0\0\0", 0, &[FLOOD_BE, FLOOD_BE].concat())),
        // DOS-5
        ("a GIF of 5,000 frames", gif(4, 4, 5_000)),
        ("a GIF of 199 frames of 512 x 512", gif(512, 512, 199)),
        ("a WebP of 5,000 frames", animated_webp(&still, (64, 48), 0, 5_000)),
    ] {
        bombed.ends(name, &source, WAYS, TOO_LARGE);
    }
    // More memory than work may hold, by the header.
    let deep = png((7_000, 7_000), [16, 6], b"", &zeros(1 << 20));
    bombed.ends("a PNG of 16-bit RGBA, 7,000 x 7,000", &deep, &WORK[..2], TOO_LARGE);
    bombed.ends("a PNG of 16-bit RGBA, 7,000 x 7,000", &deep, &WORK[2..], TOO_LONG);
    bombed.ends("a GIF of 200 frames", &gif(64, 48, 200), &["page_200,f_png", "_"], OK);
    bombed.ends("a WebP of 200 frames", &animated_webp(&still, (64, 48), 0, 200), &["page_200,f_png", "_"], OK);
}

#[test]
fn dos2_dos8_what_inflates_or_repeats_is_bounded() {
    let bombed = Bombed::new();
    let black = zeros(48 * (64 * 3 + 1));
    let compressed = |keyword: &[u8], stream: &[u8]| [keyword, b"\0\0", stream].concat();
    let gigabyte = zeros(1 << 30);
    let with = |chunks: &[u8]| png((64, 48), [8, 2], chunks, &black);
    let text = with(&chunk(b"zTXt", &compressed(b"Comment", &gigabyte)));
    bombed.ends("a PNG with text of 1 GiB", &text, WAYS, OK);
    let text = with(&chunk(b"iTXt", &[b"Comment\0\x01\0\0\0", &gigabyte[..]].concat()));
    bombed.ends("a PNG with iTXt of 1 GiB", &text, WAYS, OK);
    let profile = with(&chunk(b"iCCP", &compressed(b"x", &gigabyte)));
    bombed.ends("a PNG with a profile of 1 GiB", &profile, WORK, OK);
    bombed.ends("a PNG with 1 GiB for 64 x 48", &png((64, 48), [8, 2], b"", &gigabyte), WORK, OK);
    let black = black_png(6_500, 6_500);
    bombed.ends("a PNG of 6,500 x 6,500 in 124 KiB", &black, &WORK[..2], OK);
    bombed.ends("a PNG of 6,500 x 6,500 in 124 KiB", &black, &WORK[2..], TOO_LONG);
    bombed.ends("a JPEG of 2,000 scans", &jpeg_of_scans(2_000), WORK, BROKEN);
    // A directory of EXIF that says it has as many entries as can be said, over and over.
    let directory =
        [&b"Exif\0\0II\x2a\0\x08\0\0\0\xff\xff"[..], &[0x69, 0x87, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0].repeat(5_000)]
            .concat();
    let mut exif = jpeg(64, 48, false);
    for _ in 0..100 {
        exif = with_segment(&exif, 0xe1, &directory);
    }
    bombed.ends("a JPEG of 100 looping EXIF blocks", &exif, &["_", "w_40,f_webp,meta_keep"], OK);
}

#[test]
fn headers_that_lie_are_found_out() {
    let bombed = Bombed::new();
    let [still, avif] = ["f_webp", "f_avif"].map(|operations| bombed.good(operations));
    let small = zeros(48 * (64 * 3 + 1));
    let small_png = png((64, 48), [8, 2], b"", &small);
    let ispe = |width: u32, height: u32| {
        after(&avif, b"ispe\0\0\0\0", 0, &[width.to_be_bytes(), height.to_be_bytes()].concat())
    };
    for (name, source) in [
        ("a PNG larger than its data", png((2_000, 2_000), [8, 2], b"", &small)),
        ("a JPEG larger than its data", jpeg_that_says(2_000, 2_000)),
        ("a WebP larger than its data", after(&still, b"\x9d\x01\x2a", 0, &[0xd0, 7, 0xd0, 7])),
        ("a WebP canvas larger than its still", webp_on_canvas(&still, 2_000, 2_000)),
        ("a WebP canvas smaller than its still", webp_on_canvas(&still, 8, 8)),
        (
            "a WebP far larger than its canvas",
            webp_on_canvas(&after(&still, b"\x9d\x01\x2a", 0, &[0xff, 0x3f, 0xff, 0x3f]), 64, 48),
        ),
        ("a WebP frame beside its canvas", animated_webp(&still, (64, 48), 60, 2)),
        ("an AVIF larger than its data", ispe(2_000, 2_000)),
        ("an AVIF smaller than its data", ispe(8, 8)),
        ("an AVIF with an endless item", after(&avif, b"iloc", 0, &[0xff; 20])),
        ("an AVIF with endless properties", after(&avif, b"ipma\0\0\0\0", 0, &[0xff; 4])),
        ("an AVIF with a box of 4 GiB", after(&avif, &avif[24..32], 0, &[0xff; 4])),
        ("a PNG without a side", png((0, 48), [8, 2], b"", &small)),
        ("a JPEG without a side", jpeg_that_says(64, 0)),
        ("a GIF without a side", after(&gif(4, 4, 1), b"GIF89a", 0, &[0, 0])),
    ] {
        bombed.ends(name, &source, WORK, BROKEN);
    }
    bombed.ends("a PNG without data", &[&small_png[..33], &small_png[small_png.len() - 12..]].concat(), &["_"], BROKEN);
}

#[test]
fn dos7_lines_are_answered_where_the_result_has_room() {
    let bombed = Bombed::new();
    for (name, source) in [
        ("a PNG of 1 x 65,535", black_png(1, 65_535)),
        ("a PNG of 65,535 x 1", black_png(65_535, 1)),
        ("a GIF of 1 x 65,535", gif(1, 65_535, 1)),
        ("a GIF of 65,535 x 1", gif(65_535, 1, 1)),
        ("a JPEG of 1 x 65,500", jpeg(1, 65_500, false)),
        ("a JPEG of 65,500 x 1", jpeg(65_500, 1, true)),
    ] {
        bombed.ends(name, &source, &["w_64,h_64,f_png", "w_64,h_64,f_jpg", "w_64,h_64,fit_cover,f_webp"], OK);
        bombed.ends(name, &source, &["f_webp", "f_jpg,rot_90"], TOO_LONG);
    }
}

#[test]
fn every_cut_has_an_answer() {
    let bombed = Bombed::new();
    let progressive = jpeg(64, 48, true);
    let [webp, avif] = ["f_webp", "f_avif"].map(|operations| bombed.good(operations));
    for (name, whole) in [
        ("JPEG", jpeg(64, 48, false)),
        ("progressive JPEG", progressive),
        ("PNG", bombed.good("f_png")),
        ("GIF", gif(64, 48, 1)),
        ("animated WebP", animated_webp(&webp, (64, 48), 0, 3)),
        ("WebP", webp),
        ("AVIF", avif),
    ] {
        for part in 0..24 {
            let cut = &whole[..whole.len() * part / 24];
            bombed.ends(&format!("{name}, cut"), cut, &["w_40,f_png"], &["source_broken", "source_unsupported"]);
        }
    }
}

#[test]
fn fetch4_a_polyglots_other_half_is_not_passed_on() {
    let bombed = Bombed::new();
    let with_tail = |bytes: &[u8]| [bytes, PAYLOAD].concat();
    let plain = jpeg(64, 48, false);
    let script = [&gif(12_079, 42, 1)[..], b"*/=1;", PAYLOAD].concat();
    for (name, source) in [
        ("a GIF that is a script", script),
        ("a JPEG that is a page", with_tail(&with_segment(&plain, 0xfe, PAYLOAD))),
        ("a PNG that is an archive", with_tail(&png((64, 48), [8, 2], &chunk(b"tEXt", PAYLOAD), &zeros(48 * 193)))),
        ("a WebP that is an archive", with_tail(&bombed.good("f_webp"))),
    ] {
        for answer in bombed.ends(name, &source, &["_", "w_40", "w_40,f_png,meta_keep"], OK) {
            assert!(answer.header("content-type").unwrap().starts_with("image/"), "{name}");
            assert!(!answer.body.windows(8).any(|bytes| bytes == b"<script>"), "{name}");
            assert!(!answer.body.windows(4).any(|bytes| bytes == b"PK\x03\x04"), "{name}");
        }
    }
}

#[test]
fn svg1_markup_is_no_picture_whatever_it_holds() {
    let bombed = Bombed::new();
    let laughs: String =
        (1..10).map(|level| format!("<!ENTITY l{level} '&l{0};&l{0};&l{0};&l{0};'>", level - 1)).collect();
    let laughs = format!("<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY l0 'ha'>{laughs}]><svg>&l9;</svg>");
    let svg = |inner: &str| format!("<svg xmlns='http://www.w3.org/2000/svg'>{inner}</svg>").into_bytes();
    let wide: Vec<u8> = "\u{feff}<svg onload='alert(1)'/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, source) in [
        ("SVG with a script", svg("<script>alert(1)</script>")),
        ("SVG with a handler", svg("<image href='x' onerror='alert(1)'/>")),
        ("SVG with a page in it", svg("<foreignObject><iframe src='javascript:alert(1)'/></foreignObject>")),
        ("SVG with a reference", svg("<image href='http://169.254.169.254/latest/meta-data/'/>")),
        ("SVG with CSS escapes", svg("<style>@\\69mport 'http://127.0.0.1/x';</style>")),
        (
            "SVG with a file's entity",
            b"<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>".to_vec(),
        ),
        ("SVG in UTF-16", wide),
        ("SVG, compressed", [&b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..], &zeros(100)].concat()),
        ("entities that grow", laughs.into_bytes()),
        ("a page", b"<!doctype html><script>alert(1)</script>".to_vec()),
        ("a page after a comment", b"<!-- \x89PNG --><html><script>alert(1)</script>".to_vec()),
        ("XML", b"<?xml version='1.0'?><a/>".to_vec()),
        ("a page in a PNG's name", b"\x89PNG<script>alert(1)</script>".to_vec()),
    ] {
        for answer in bombed.ends(name, &source, WAYS, NO_IMAGE) {
            assert!(!answer.body.contains(&b'<'), "HDR-3: {name}");
        }
    }
}
