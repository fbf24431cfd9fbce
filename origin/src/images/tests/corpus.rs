//! The fuzz targets' seeds, which are written here, and mutations of them, replayed with any compiler. `origin/fuzz` has the
//! targets; `UPDATE_SEEDS=1` writes `origin/fuzz/seeds` anew.

use std::path::Path;

use turbojpeg::{Colorspace, Subsamp};

use super::super::geometry::Size;
use super::frames::{animated_webp, animation};
use super::sources::{
    BLUE, GREEN, RED, SAND, exif_with_place, extended_webp, gradient, jpeg, jpeg_with, png, png_with, quarters,
    with_chunk, with_orientation, with_segment,
};
use super::{Picture, Settings, run, run_by};

#[path = "../../../fuzz/src/checks.rs"]
#[allow(unreachable_pub, reason = "the targets are crates of their own")]
mod checks;

/// Mutations of each target's seeds.
const MUTATIONS: usize = 4_000;

/// Most bytes of all seeds.
const SEEDS_BYTES: usize = 300_000;

type Seeds = Vec<(&'static str, Vec<u8>)>;

fn jpegs() -> Seeds {
    let picture = gradient(40, 30);
    let mut seeds: Seeds = [
        ("444", Subsamp::None),
        ("422", Subsamp::Sub2x1),
        ("420", Subsamp::Sub2x2),
        ("411", Subsamp::Sub4x1),
        ("440", Subsamp::Sub1x2),
        ("grey", Subsamp::Gray),
    ]
    .map(|(name, subsamp)| (name, jpeg(&picture, subsamp)))
    .to_vec();
    seeds.push(("progressive", jpeg_with(&picture, |compressor| compressor.set_progressive(true).unwrap())));
    seeds.push(("arithmetic", jpeg_with(&picture, |compressor| compressor.set_arithmetic(true).unwrap())));
    seeds.push(("rgb", jpeg_with(&picture, |compressor| compressor.set_colorspace(Colorspace::RGB).unwrap())));
    let mut inks = turbojpeg::Compressor::new().unwrap();
    inks.set_colorspace(Colorspace::CMYK).unwrap();
    let (pixels, format) = ([90; 16 * 16 * 4], turbojpeg::PixelFormat::CMYK);
    let image = turbojpeg::Image { pixels: &pixels[..], width: 16, pitch: 64, height: 16, format };
    seeds.push(("cmyk", inks.compress_to_vec(image).unwrap()));
    seeds.push(("orientation", with_orientation(&jpeg(&gradient(17, 9), Subsamp::Sub2x2), 6)));
    seeds
}

fn pngs() -> Seeds {
    let with = |colour, depth, samples: &[u8]| {
        png_with(Size { width: 8, height: 4 }, samples, |encoder| {
            encoder.set_color(colour);
            encoder.set_depth(depth);
            if colour == png::ColorType::Indexed {
                encoder.set_palette([RED, GREEN, BLUE, SAND].concat()[..12].to_vec());
                encoder.set_trns(vec![0, 128, 255]);
            }
        })
    };
    let rgb = png(&gradient(20, 15));
    vec![
        ("rgb", rgb.clone()),
        ("grey1", with(png::ColorType::Grayscale, png::BitDepth::One, &[0xa5, 0x5a, 0xff, 0])),
        ("palette2", with(png::ColorType::Indexed, png::BitDepth::Two, &[0x1b, 0xe4].repeat(4))),
        ("grey_alpha8", with(png::ColorType::GrayscaleAlpha, png::BitDepth::Eight, &[90; 64])),
        ("rgba16", with(png::ColorType::Rgba, png::BitDepth::Sixteen, &[90; 256])),
        ("interlaced", include_bytes!("fixtures/interlaced.png").to_vec()),
        ("text", with_chunk(&rgb, *b"zTXt", b"Comment\0\0x\x9cK\xca\0\0\0c\0b")),
        ("profile", with_chunk(&rgb, *b"iCCP", b"p\0\0x\x9cK\xca\0\0\0c\0b")),
        ("exif", with_chunk(&rgb, *b"eXIf", &exif_with_place(8))),
    ]
}

fn gifs() -> Seeds {
    // The first picture and no trailer.
    vec![("animation", animation()), ("still", animation()[..54].to_vec())]
}

fn webps() -> Seeds {
    let size = Size { width: 20, height: 15 };
    let clear = Picture::rgba(size, gradient(20, 20).pixels);
    let lossy = run(&png(&gradient(20, 15)), "f_webp").unwrap().bytes;
    let exif = exif_with_place(3);
    vec![
        ("lossy", lossy.clone()),
        ("lossless", include_bytes!("fixtures/lossless.webp").to_vec()),
        ("alpha", run(&png(&clear), "f_webp").unwrap().bytes),
        ("animated", animated_webp(&[RED, GREEN, BLUE])),
        ("extended", extended_webp(&lossy, size, 0x2c, &[(*b"EXIF", &exif), (*b"XMP ", b"<x/>"), (*b"ICCP", b"no")])),
    ]
}

fn avifs() -> Seeds {
    vec![
        ("alpha", include_bytes!("fixtures/alpha.avif").to_vec()),
        ("lossless", include_bytes!("fixtures/lossless.avif").to_vec()),
        ("orientation", include_bytes!("fixtures/orient6.avif").to_vec()),
        ("profile", include_bytes!("fixtures/p3.avif").to_vec()),
        ("10bit", include_bytes!("fixtures/q10-420.avif").to_vec()),
        ("12bit", include_bytes!("fixtures/q12-444.avif").to_vec()),
        ("444", include_bytes!("fixtures/q8-444.avif").to_vec()),
    ]
}

fn svgs() -> Seeds {
    let svg = |inner: &str| {
        let open = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 40 30'>";
        format!("{open}{inner}</svg>").into_bytes()
    };
    vec![
        (
            "shapes",
            svg(
                "<style>.a{fill:#d2b48c}</style><path class='a' d='M1 1h9v9z'/><circle cx='20' cy='9' r='7' stroke='red' stroke-dasharray='2 1'/>",
            ),
        ),
        (
            "uses",
            svg(
                "<defs><g id='a'><rect id='b' width='9' height='9'/></g></defs><use href='#a' x='9'/><use href='#b' transform='rotate(9)'/>",
            ),
        ),
        (
            "paints",
            svg(
                "<linearGradient id='g'><stop stop-color='red'/><stop offset='1'/></linearGradient><pattern id='p' width='.2' height='.2'><path d='M0 0h2v2z'/></pattern><rect width='40' height='30' fill='url(#g)' stroke='url(#p)'/>",
            ),
        ),
        (
            "masks",
            svg(
                "<mask id='m'><rect width='30' height='9' fill='#fff'/></mask><clipPath id='c'><circle r='20'/></clipPath><g opacity='.5' mask='url(#m)'><rect width='40' height='30' clip-path='url(#c)'/></g>",
            ),
        ),
        (
            "filters",
            svg(
                "<filter id='f'><feGaussianBlur stdDeviation='2'/><feMorphology radius='1'/><feTurbulence numOctaves='2' baseFrequency='.1'/><feConvolveMatrix order='3' kernelMatrix='1 0 1 0 1 0 1 0 1'/></filter><rect width='20' height='20' filter='url(#f)'/>",
            ),
        ),
        (
            "markers",
            svg(
                "<marker id='m' markerWidth='3' markerHeight='3'><path d='M0 0h3v3z'/></marker><path d='M1 1L9 9 20 3' marker-mid='url(#m)' fill='none' stroke='blue'/><switch><g/></switch>",
            ),
        ),
    ]
}

/// One of each format, with metadata where it can have some.
fn described() -> Seeds {
    let exif = exif_with_place(6);
    let packet = b"<x:xmpmeta><rdf:Description tiff:Orientation=\"6\"/></x:xmpmeta>";
    let bare = jpeg(&quarters(16, 16), Subsamp::Sub2x2);
    let jpeg = with_segment(&bare, 0xe1, &[&b"http://ns.adobe.com/xap/1.0/\0"[..], packet].concat());
    let png = with_chunk(&png(&quarters(8, 8)), *b"iTXt", &[&b"XML:com.adobe.xmp\0\0\0\0\0"[..], packet].concat());
    let [webp, avif] = [webps(), avifs()].map(|seeds| seeds.into_iter().next_back().unwrap().1);
    vec![
        ("jpeg", with_segment(&jpeg, 0xe1, &[b"Exif\0\0", &exif[..]].concat())),
        ("png", with_chunk(&png, *b"eXIf", &exif)),
        ("gif", animation()),
        ("webp", webp),
        ("avif", avif),
    ]
}

/// The seeds of a target: whole, and one of them cut short.
fn seeds_of(target: &str) -> Seeds {
    let mut seeds = match target {
        "jpeg" => jpegs(),
        "png" => pngs(),
        "gif" => gifs(),
        "webp" => webps(),
        "avif" => avifs(),
        "svg" => svgs(),
        "operations" => [
            ("w_20,h_10,fit_cover,rot_90,f_webp", described().swap_remove(0).1),
            ("w_9,trim_5,round_4,pad_2,bg_ff000080,f_png", pngs().swap_remove(2).1),
            ("page_2,crop_1:1:6:4,blur_3,sat_-40,f_webp", animation()),
            ("h_12,dpr_2,up_1,flip_h,q_auto,max_900,f_jpg,meta_keep", described().swap_remove(3).1),
            ("w_7,pixelate_3,gray_1,f_png", avifs().swap_remove(0).1),
            ("frames_2,w_6,f_gif", webps().swap_remove(3).1),
            ("w_8,h_3,fit_cover,g_smart,f_json", jpegs().swap_remove(6).1),
        ]
        .map(|(line, picture)| (line.split(',').next().unwrap(), [line.as_bytes(), b"\n", &picture].concat()))
        .to_vec(),
        _ => described(),
    };
    let whole = &seeds[0].1;
    seeds.push(("cut", whole[..whole.len() * 2 / 3].to_vec()));
    seeds
}

/// A fixed sequence (xorshift), so that a failure is found again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) as usize % sides.max(1)
    }

    /// One to four small changes: a byte, a bit, a number of all ones, a part that goes or comes twice, or another's part.
    fn mutate(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len());
            let end = (at + self.roll(9)).min(bytes.len());
            match self.roll(6) {
                0 => drop(bytes.splice(at..end, [])),
                1 => bytes[at..end].fill(0xff),
                2 => bytes[at..end].fill(0),
                3 if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
                4 => bytes.extend_from_within(at..end),
                _ => {
                    let from = self.roll(other.len());
                    let to = (from + self.roll(24)).min(other.len());
                    drop(bytes.splice(at..end, other[from..to].to_vec()));
                }
            }
        }
        bytes
    }
}

#[test]
fn dos3_every_seed_and_its_mutations_keep_the_promises() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut total = 0;
    for (name, check) in checks::CHECKS {
        let folder = folder.join(name);
        if std::env::var_os("UPDATE_SEEDS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            for (seed, bytes) in seeds_of(name) {
                std::fs::write(folder.join(seed), bytes).unwrap();
            }
        }
        let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let seeds: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        for (file, bytes) in files.iter().zip(&seeds) {
            println!("{}", file.display());
            check(bytes);
            let seed = file.file_name().unwrap().to_str().unwrap();
            // What fuzzing found is damaged, too.
            let whole = seed != "cut" && !seed.starts_with("found") && name != "operations";
            let made = run_by(Settings { svg: true, ..Settings::default() }, bytes, "w_4,f_png");
            assert!(!whole || made.is_ok(), "{} is not even decoded", file.display());
        }
        total += seeds.iter().map(Vec::len).sum::<usize>();
        let mut dice = Dice(20_261_122);
        for _ in 0..MUTATIONS {
            let (seed, other) = (dice.roll(seeds.len()), dice.roll(seeds.len()));
            let bytes = dice.mutate(&seeds[seed], &seeds[other]);
            if std::panic::catch_unwind(|| check(&bytes)).is_err() {
                let kept = std::env::temp_dir().join(format!("sealpix-{name}.broken"));
                std::fs::write(&kept, &bytes).unwrap();
                panic!("{name} breaks on a mutation of {}, kept in {}", files[seed].display(), kept.display());
            }
        }
        println!("{name}: {} seeds, {MUTATIONS} mutations", seeds.len());
    }
    assert!(total <= SEEDS_BYTES, "{total} bytes of seeds");
}
