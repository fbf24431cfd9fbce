//! DOS-11: what a piece of work was estimated to hold, beside what it held: each kind of source to each kind of result, each
//! in a process of its own, because the system remembers a process's peak. The table is printed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]
#![expect(clippy::cast_possible_truncation, reason = "bytes of made pictures")]

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use image::ImageEncoder as _;
use image::codecs::webp::WebPEncoder;
use sealpix::operations::Operations;
use sealpix_origin::images::{Job, Limits, Mark, Settings, Until};
use turbojpeg::{Colorspace, PixelFormat, Subsamp};

const WIDTH: usize = 2400;
const HEIGHT: usize = 1800;

/// Small, and at full size.
const STILLS: [&str; 7] = [
    "w_800,f_jpg",
    "w_800,f_webp",
    "w_600,f_avif",
    "w_800,f_png",
    "w_800,h_800,fit_pad,bg_blur,f_jpg",
    "f_webp",
    "f_jpg",
];
/// What holds more than its format does.
const ALL: [&str; 14] = [
    STILLS[0],
    STILLS[1],
    STILLS[2],
    STILLS[3],
    STILLS[4],
    STILLS[5],
    STILLS[6],
    "f_gif",
    "trim_5,w_800,f_jpg",
    "f_jpg,q_auto",
    "w_800,f_webp,q_100,max_400000",
    "w_400,f_avif,q_auto,max_9000",
    "f_webp,wm_mark:se:50:90",
    "f_json",
];
const MOVING: [&str; 6] =
    ["w_400,f_webp", "w_400,f_gif", "page_9,f_png", "f_webp", "f_gif,wm_mark:tile:50:100", "w_400,f_webp,max_90000"];

/// The variable that makes a process the one that works: whether in linear light, a file, operations.
const PIECE: &str = "SEALPIX_PIECE_OF_WORK";

/// Smooth, with noise in it, so that no encoder has it too easy; every pixel of `channels` bytes.
fn pixels(width: usize, height: usize, channels: usize) -> Vec<u8> {
    let mut state = 20_261_122_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 28
    };
    let sample = |index: usize, noise: u32| {
        let (x, y) = (index / channels % width, index / channels / width);
        ((x * 120 / width + y * 120 / height + index % channels * 4) as u32 + noise) as u8
    };
    (0..width * height * channels).map(|index| sample(index, noise())).collect()
}

fn jpeg(format: PixelFormat, set: impl FnOnce(&mut turbojpeg::Compressor) -> turbojpeg::Result<()>) -> Vec<u8> {
    let pixels = pixels(WIDTH, HEIGHT, format.size());
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    set(&mut compressor).unwrap();
    let image =
        turbojpeg::Image { pixels: &pixels[..], width: WIDTH, pitch: WIDTH * format.size(), height: HEIGHT, format };
    compressor.compress_to_vec(image).unwrap()
}

fn png(colour: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    png_of((WIDTH as u32, HEIGHT as u32), colour, depth, samples)
}

fn png_of((width, height): (u32, u32), colour: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    if colour == png::ColorType::Indexed {
        encoder.set_palette((0..768).map(|index| (index / 3) as u8).collect::<Vec<_>>());
    }
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    bytes
}

fn gif() -> Vec<u8> {
    let (width, height) = (640, 480);
    let mut bytes = Vec::new();
    let palette: Vec<u8> = (0..768).map(|index| (index / 3) as u8).collect();
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &palette).unwrap();
    for number in 0..24_u8 {
        let pixels: Vec<u8> = pixels(640, 480, 1).into_iter().map(|pixel| pixel.wrapping_add(number)).collect();
        encoder.write_frame(&gif::Frame::from_indexed_pixels(width, height, pixels, None)).unwrap();
    }
    drop(encoder);
    bytes
}

fn lossless_webp() -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    encoder.write_image(&pixels(WIDTH, HEIGHT, 3), width, height, image::ExtendedColorType::Rgb8).unwrap();
    bytes
}

/// Layers in layers, masks, a filter and a pattern, and a thousand shapes.
fn svg() -> Vec<u8> {
    let shapes: String = (0..1000)
        .map(|n| {
            format!("<path d='M{} {}l400 90-90 400z' fill='#{:03x}' opacity='.9'/>", n % 40 * 60, n / 25 * 45, n * 4)
        })
        .collect();
    let svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{HEIGHT}'>\
         <filter id='f'><feGaussianBlur stdDeviation='9'/><feOffset dx='3' result='a'/><feBlend in2='a'/></filter>\
         <mask id='m'><rect width='2000' height='2000' fill='#fff'/></mask>\
         <pattern id='p' width='.5' height='.5'><circle cx='300' cy='300' r='300' fill='red'/></pattern>\
         <rect width='2400' height='1800' fill='url(#p)'/>\
         <g opacity='.5' mask='url(#m)'><g opacity='.9' filter='url(#f)'>{shapes}</g></g></svg>"
    );
    svg.into_bytes()
}

/// Every kind of source, and what is made of it.
fn sources() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let rgb = pixels(WIDTH, HEIGHT, 3);
    let rgba = png(png::ColorType::Rgba, png::BitDepth::Eight, &pixels(WIDTH, HEIGHT, 4));
    let ours = |source: &[u8], operations: &str| {
        let far = Until::at(Instant::now() + Duration::from_secs(300));
        let (operations, limits) = (Operations::read(operations).unwrap(), Limits::default());
        let job = Job { source, operations: &operations, mark: None, is_negotiated: false, limits: &limits };
        job.run(&far).unwrap().bytes
    };
    let baseline = jpeg(PixelFormat::RGB, |jpeg| jpeg.set_subsamp(Subsamp::Sub2x2));
    let moving = gif();
    vec![
        ("jpeg, progressive", jpeg(PixelFormat::RGB, |jpeg| jpeg.set_progressive(true)), &ALL),
        ("jpeg, grey", jpeg(PixelFormat::GRAY, |jpeg| jpeg.set_subsamp(Subsamp::Gray)), &STILLS),
        ("jpeg, inks", jpeg(PixelFormat::CMYK, |jpeg| jpeg.set_colorspace(Colorspace::CMYK)), &STILLS),
        ("png, rgb", png(png::ColorType::Rgb, png::BitDepth::Eight, &rgb), &STILLS),
        ("png, 16 bits", png(png::ColorType::Rgb, png::BitDepth::Sixteen, &pixels(WIDTH, HEIGHT, 6)), &STILLS),
        ("png, palette", png(png::ColorType::Indexed, png::BitDepth::Eight, &pixels(WIDTH, HEIGHT, 1)), &STILLS),
        ("webp, lossy", ours(&baseline, "f_webp"), &STILLS),
        ("webp, alpha", ours(&rgba, "f_webp"), &STILLS),
        ("webp, lossless", lossless_webp(), &STILLS),
        ("avif", ours(&baseline, "f_avif"), &STILLS),
        ("webp, moving", ours(&moving, "f_webp"), &MOVING),
        ("gif, moving", moving, &MOVING),
        ("png, alpha, linear", rgba.clone(), &STILLS),
        ("jpeg, baseline, linear", baseline.clone(), &STILLS),
        ("png, alpha", rgba, &ALL),
        ("jpeg, baseline", baseline, &STILLS),
        ("svg, layers", svg(), &STILLS),
    ]
}

/// A line of `/proc/self/status`, in bytes.
fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Does one piece of work, and says what it was to hold and what it held.
fn piece(file: &str, operations: &str, linear: bool) {
    let source = std::fs::read(file).unwrap();
    let operations = Operations::read(operations).unwrap();
    let limits = Limits { settings: Settings { svg: true, linear, ..Settings::default() }, ..Limits::default() };
    let mark =
        Mark::open(&png_of((500, 400), png::ColorType::Rgba, png::BitDepth::Eight, &pixels(500, 400, 4))).unwrap();
    let job =
        Job { source: &source, operations: &operations, mark: Some(&mark), is_negotiated: false, limits: &limits };
    let before = status("VmRSS");
    let estimated = job.estimate_bytes().unwrap();
    let made = job.run(&Until::at(Instant::now() + Duration::from_secs(300))).unwrap();
    println!("held {} of {estimated} for {} bytes", status("VmHWM") - before, made.bytes.len());
}

/// Has a piece of work done elsewhere.
fn measured(file: &Path, operations: &str, linear: bool) -> (u64, u64) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "dos11_no_work_holds_more_than_was_estimated", "--nocapture"]);
    let output = command.env(PIECE, format!("{linear}|{}|{operations}", file.display())).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let numbers = printed.split_once("held ").and_then(|(_, rest)| rest.split_once(" for "));
    let numbers = numbers.and_then(|(numbers, _)| numbers.split_once(" of "));
    let (held, estimated) = numbers.unwrap_or_else(|| panic!("{operations}: {printed}"));
    (held.parse().unwrap(), estimated.parse().unwrap())
}

#[test]
fn dos11_no_work_holds_more_than_was_estimated() {
    if let Ok(text) = std::env::var(PIECE) {
        let (linear, text) = text.split_once('|').unwrap();
        let (file, operations) = text.split_once('|').unwrap();
        return piece(file, operations, linear == "true");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut pieces = Vec::new();
    for (number, (name, bytes, results)) in sources().into_iter().enumerate() {
        let file = folder.path().join(number.to_string());
        std::fs::write(&file, bytes).unwrap();
        pieces.extend(results.iter().map(|operations| (name, file.clone(), *operations)));
    }
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some((name, file, operations)) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (held, estimated) = measured(file, operations, name.ends_with("linear"));
                    rows.lock().unwrap().push((*name, *operations, held, estimated));
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort_unstable();
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    for (name, operations, held, estimated) in &rows {
        let (ratio, most) = (*estimated as f64 / *held as f64, if estimated < held { " TOO LITTLE" } else { "" });
        println!(
            "{name:<22} {operations:<34} {:>6.1} MiB held {:>6.1} estimated {ratio:>5.2}{most}",
            mib(*held),
            mib(*estimated)
        );
    }
    let mut ratios: Vec<_> = rows.iter().map(|(_, _, held, estimated)| *estimated as f64 / *held as f64).collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!(
        "estimates: {} pieces, least {:.2}, median {median:.2}, most {:.2}",
        ratios.len(),
        ratios[0],
        ratios[ratios.len() - 1]
    );
    assert!(ratios[0] >= 1.0 && median <= 1.5);
}
