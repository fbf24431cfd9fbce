//! A JPEG at an eighth: what is left out of it changes nothing.

use turbojpeg::{Decompressor, ScalingFactor, Subsamp, YuvImage};

use super::super::decode::{jpeg::decode_planes, means};
use super::super::geometry::Size;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::sources::{gradient, jpeg_with, photo, quarters};
use super::{ImageError, Limits, run};

/// Of an odd side.
fn photograph() -> Picture {
    super::open(&run(&photo("freespace-1mp.jpg"), "w_1201,f_png").unwrap())
}

/// The planes at an eighth.
fn planes_of(source: &[u8]) -> Vec<(Size, Vec<u8>)> {
    decode_planes(source, &Probe::read(source).unwrap(), 8, &Limits::default()).unwrap().unwrap().planes
}

#[test]
fn a_progressive_jpeg_has_the_means_of_its_baseline_twin() {
    for picture in [photograph(), gradient(997, 333), gradient(64, 64), gradient(9, 7)] {
        for subsamp in
            [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub2x2, Subsamp::Sub4x1, Subsamp::Gray]
        {
            let twin = |progressive| {
                jpeg_with(&picture, |compressor| {
                    compressor.set_subsamp(subsamp).unwrap();
                    compressor.set_progressive(progressive).unwrap();
                })
            };
            assert_eq!(planes_of(&twin(true)), planes_of(&twin(false)), "{:?} {subsamp:?}", picture.size);
        }
    }
}

#[test]
fn img7_a_thumbnail_of_a_progressive_jpeg_is_that_of_its_baseline_twin() {
    let twin = |progressive| {
        jpeg_with(&gradient(1024, 768), |compressor| {
            compressor.set_subsamp(Subsamp::Sub2x2).unwrap();
            compressor.set_progressive(progressive).unwrap();
        })
    };
    for operations in ["w_96,f_jpg", "w_64,h_64,fit_cover,f_webp", "rot_90,w_40,f_jpg,q_60"] {
        assert_eq!(run(&twin(true), operations), run(&twin(false), operations), "{operations}");
    }
}

#[test]
fn a_progressive_jpeg_that_is_cut_short_is_broken_at_every_size() {
    let source = jpeg_with(&gradient(1024, 768), |compressor| compressor.set_progressive(true).unwrap());
    for left in [source.len() / 3, source.len() - 2] {
        for operations in ["w_64", "w_700"] {
            let cut = run(&source[..left], operations);
            assert!(matches!(cut, Err(ImageError::Broken(_))), "{left} bytes, {operations}");
        }
    }
}

/// libjpeg-turbo's planes at an eighth, without what it fills up the last blocks with, and their sizes.
fn by_library(source: &[u8]) -> (Vec<Vec<u8>>, Vec<Size>) {
    let mut decompressor = Decompressor::new().unwrap();
    let header = decompressor.read_header(source).unwrap().scaled(ScalingFactor::ONE_EIGHTH);
    decompressor.set_scaling_factor(ScalingFactor::ONE_EIGHTH).unwrap();
    let (width, height, subsamp) = (header.width, header.height, header.subsamp);
    let mut pixels = vec![0; 3 * (width + 4) * (height + 4)];
    let image = YuvImage { pixels: &mut pixels[..], width, align: 1, height, subsamp };
    let (luma, halved) = (image.y_size(), image.uv_size());
    decompressor.decompress_to_yuv(source, image).unwrap();
    let (across, down) = subsamp.size();
    let chroma = (halved, (width.div_ceil(across), height.div_ceil(down)));
    let layout = [(luma, (width, height)), chroma, chroma];
    let mut rest = &pixels[..];
    let planes =
        layout[..if subsamp == Subsamp::Gray { 1 } else { 3 }].iter().map(|((across, down), (width, height))| {
            let (plane, behind) = rest.split_at(across * down);
            rest = behind;
            let samples = plane.chunks(*across).take(*height).flat_map(|row| &row[..*width]).copied().collect();
            (samples, Size { width: *width as u32, height: *height as u32 })
        });
    planes.unzip()
}

/// Every value of every channel, without any order: no code stays unused.
fn noise(width: u32, height: u32) -> Picture {
    let mut state = 7u32;
    let pixels = (0..width * height * 3).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    });
    Picture::rgb(Size { width, height }, pixels.collect())
}

#[test]
fn the_means_are_those_of_libjpeg_turbo_to_the_byte() {
    for picture in [photograph(), noise(333, 97), noise(8, 8), gradient(641, 480), quarters(1, 1), quarters(1, 300)] {
        for subsamp in
            [Subsamp::None, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub2x2, Subsamp::Sub4x1, Subsamp::Gray]
        {
            for (quality, optimized) in [(1, false), (60, true), (95, false), (100, false), (100, true)] {
                let source = jpeg_with(&picture, |compressor| {
                    compressor.set_subsamp(subsamp).unwrap();
                    compressor.set_quality(quality).unwrap();
                    compressor.set_optimize(optimized).unwrap();
                });
                let (expected, sizes) = by_library(&source);
                let made = means::of(&source, picture.size, &sizes);
                assert!(made == Some(expected), "{:?} {subsamp:?} quality {quality}, {optimized}", picture.size);
            }
        }
    }
}

#[test]
fn restarts_are_passed_over_and_one_out_of_order_is_left_to_the_library() {
    let mut source = include_bytes!("fixtures/restarts.jpg").to_vec();
    let size = Size { width: 150, height: 90 };
    let (expected, sizes) = by_library(&source);
    assert_eq!(means::of(&source, size, &sizes), Some(expected));
    let marker = source.windows(2).position(|pair| pair == b"\xff\xd4").unwrap();
    source[marker + 1] = 0xd5;
    assert_eq!(means::of(&source, size, &sizes), None);
}

/// What is not as it should be is the library's to judge; what is answered here it would have answered alike.
#[test]
fn what_is_damaged_is_never_answered_otherwise_than_by_the_library() {
    let plain = jpeg_with(&quarters(57, 43), |compressor| compressor.set_subsamp(Subsamp::Sub2x2).unwrap());
    let (mut answered, mut left, mut state) = (0, 0, 11u32);
    for source in [plain, include_bytes!("fixtures/restarts.jpg").to_vec()] {
        let size = Probe::read(&source).unwrap().size;
        let sizes = by_library(&source).1;
        for _ in 0..4000 {
            let mut damaged = source.clone();
            for _ in 0..2 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = 2 + (state >> 8) as usize % (damaged.len() - 2);
                damaged[at] ^= 1 << (state & 7);
            }
            if state & 64 == 0 {
                damaged.truncate(2 + (state >> 9) as usize % (damaged.len() - 2));
            }
            let is_opened = Decompressor::new().unwrap().read_header(&damaged).is_ok();
            match means::of(&damaged, size, &sizes).filter(|_| is_opened) {
                None => left += 1,
                Some(planes) => {
                    answered += 1;
                    assert!(by_library(&damaged).0 == planes, "{damaged:02x?}");
                }
            }
        }
    }
    assert!(answered > 500 && left > 500, "{answered} and {left}");
}

/// A JPEG of one grey row of blocks: means of three bits or none, and others by a table of long runs in short codes.
fn row_of_blocks(blocks: &[&str]) -> Vec<u8> {
    let bits: String = blocks.concat();
    let padded = format!("{bits}{}", "1".repeat((8 - bits.len() % 8) % 8));
    let data = padded.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit & 1));
    let width = u16::try_from(blocks.len() * 8).unwrap().to_be_bytes();
    let counts = |counts: [u8; 3]| [&counts[..], &[0; 13]].concat();
    let mut file = b"\xff\xd8\xff\xdb\0\x43\0".to_vec();
    file.extend([8; 64]);
    file.extend([&b"\xff\xc0\0\x0b\x08\0\x08"[..], &width, b"\x01\x01\x11\0"].concat());
    file.extend([&b"\xff\xc4\0\x15\0"[..], &counts([1, 1, 0]), &[0, 3]].concat());
    file.extend([&b"\xff\xc4\0\x16\x10"[..], &counts([1, 1, 1]), &[0xf0, 0xe1, 0]].concat());
    file.extend(b"\xff\xda\0\x08\x01\x01\0\0\x3f\0");
    data.for_each(|byte| file.extend(if byte == 0xff { vec![0xff, 0] } else { vec![byte] }));
    file.extend(b"\xff\xd9");
    file
}

/// Whether what is seen of the bits at its end is another block's.
#[test]
fn codes_that_fill_a_block_to_its_last_coefficient_are_the_blocks_own() {
    // 16 + 16 + 16 + 15 coefficients; 16 + 16 and an end; none.
    let (full, part, none) = ("0000101", "000110", "0110");
    let up = |rest: &str| format!("10101{}", &rest[1..]);
    let blocks = [full.to_owned(), up(full), full.to_owned(), part.to_owned(), up(none), full.to_owned(), up(full)];
    for first in 0..blocks.len() {
        let order: Vec<&str> = (0..40).map(|at| blocks[(first + at * at) % blocks.len()].as_str()).collect();
        let source = row_of_blocks(&order);
        let (expected, sizes) = by_library(&source);
        assert_eq!(means::of(&source, Size { width: 320, height: 8 }, &sizes), Some(expected), "{order:?}");
    }
}

#[test]
fn dos8_tables_without_end_are_not_built() {
    let source = row_of_blocks(&["0110"; 4]);
    let size = Size { width: 32, height: 8 };
    let sizes = by_library(&source).1;
    assert!(means::of(&source, size, &sizes).is_some());
    let at = source.windows(2).position(|pair| pair == b"\xff\xc4").unwrap();
    let table = source[at..at + 23].to_vec();
    let many = [&source[..at], &table.repeat(100_000), &source[at..]].concat();
    assert_eq!(by_library(&many).0, by_library(&source).0, "for who has the time");
    assert_eq!(means::of(&many, size, &sizes), None);
    let behind = [&source[..source.len() - 2], b"\xff\xfe\0\x02\xff\xd9"].concat();
    assert_eq!(means::of(&behind, size, &sizes), None, "a comment behind the scan");
}
