//! Alpha, depth, grey, inks and profiles.

use turbojpeg::{Image, PixelFormat};

use super::super::geometry::Size;
use super::super::picture::{Channels, Picture};
use super::sources::{RED, gradient, jpeg_with, png, png_with, quarters, with_chunk, with_segment};
use super::{near, open, pixel, run};

/// Red on the left; on the right transparent pixels whose hidden colour is green.
fn half_hidden(width: u32, height: u32) -> Picture {
    let pixels = (0..height)
        .flat_map(|_| (0..width).flat_map(move |x| if x * 2 < width { [255, 0, 0, 255] } else { [0, 255, 0, 0] }));
    Picture::rgba(Size { width, height }, pixels.collect())
}

#[test]
fn img3_hidden_colours_do_not_bleed_through_a_resize() {
    let source = png(&half_hidden(64, 64));
    for format in ["png", "webp", "avif"] {
        let result = open(&run(&source, &format!("w_31,f_{format},q_95")).unwrap());
        assert_eq!(result.channels, Channels::Rgba, "{format} keeps alpha");
        for x in 0..31 {
            let [red, green, _, alpha] = pixel(&result, x, 15);
            // WebP and AVIF smear chroma a little, which nobody sees where alpha is low.
            let seen = u32::from(green) * u32::from(alpha) / 255;
            assert!(seen < 40 && (alpha < 200 || red > 200), "{format} at {x}: {red} {green} {alpha}");
        }
    }
}

#[test]
fn img3_jpeg_shows_the_background_through_alpha() {
    let source = png(&half_hidden(64, 64));
    let white = open(&run(&source, "f_jpg,q_95").unwrap());
    assert!(near(pixel(&white, 60, 30), [255; 4], 6));
    let blue = open(&run(&source, "bg_0000ff,f_jpg,q_95").unwrap());
    assert!(near(pixel(&blue, 60, 30), [0, 0, 255, 255], 6));
    let still_alpha = open(&run(&source, "w_32").unwrap());
    assert_eq!(pixel(&still_alpha, 30, 15)[3], 0);
}

#[test]
fn img8_a_background_is_not_left_out_to_save_bytes() {
    // Noise of two colours: a bit a pixel in the source, a byte for each sample in what we write.
    let size = Size { width: 128, height: 128 };
    let mut state = 1_u32;
    let bits: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    })
    .take(128 * 128 / 8)
    .collect();
    let source = png_with(size, &bits, |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::One);
        encoder.set_palette(vec![0, 0, 0, 0, 0, 255]);
        encoder.set_trns(vec![0, 255]);
    });
    let result = run(&source, "bg_ff0000").unwrap();
    assert!(result.bytes.len() > source.len(), "or the source would have been no way out");
    let picture = open(&result);
    let red = (0..128).filter(|x| pixel(&picture, *x, 10) == [255, 0, 0, 255]).count();
    let blue = (0..128).filter(|x| pixel(&picture, *x, 10) == [0, 0, 255, 255]).count();
    assert!(red > 32 && blue > 32 && red + blue == 128, "{red} red, {blue} blue");
}

#[test]
fn img4_png_of_every_kind_is_read() {
    let size = Size { width: 64, height: 32 };
    let expected = gradient(64, 32);
    let wide: Vec<u8> = expected.pixels.iter().flat_map(|sample| [*sample, 0x80]).collect();
    let sixteen = png_with(size, &wide, |encoder| {
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Sixteen);
    });
    assert_eq!(open(&run(&sixteen, "f_png").unwrap()), expected, "16 bit");

    let greys: Vec<u8> = (0..64 * 32).map(|at| (at % 64 * 4) as u8).collect();
    let grey = png_with(size, &greys, |encoder| {
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
    });
    assert_eq!(pixel(&open(&run(&grey, "f_png").unwrap()), 10, 3), [40, 40, 40, 255]);

    let bits = png_with(size, &[0b1010_1010; 8 * 32], |encoder| {
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
    });
    let bits = open(&run(&bits, "f_png").unwrap());
    assert_eq!((pixel(&bits, 0, 0), pixel(&bits, 1, 0)), ([255; 4], [0, 0, 0, 255]));

    let palette = png_with(size, &[0b0001_1011; 16 * 32], |encoder| {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Two);
        encoder.set_palette(&[1, 2, 3, 10, 20, 30, 100, 110, 120, 200, 210, 220][..]);
        encoder.set_trns(&[255, 128][..]);
    });
    let palette = open(&run(&palette, "f_png").unwrap());
    assert_eq!(pixel(&palette, 1, 0), [10, 20, 30, 128]);
    assert_eq!(pixel(&palette, 3, 0), [200, 210, 220, 255]);
}

#[test]
fn img8_an_opaque_picture_is_given_no_alpha() {
    let opaque = Picture::rgba(Size { width: 8, height: 8 }, [9, 8, 7, 255].repeat(64));
    for format in ["png", "webp", "avif"] {
        let result = run(&png(&opaque), &format!("w_4,f_{format}")).unwrap();
        assert_eq!(open(&result).channels, Channels::Rgb, "{format}");
    }
}

#[test]
fn img2_grey_jpeg_on_both_roads() {
    let greys = vec![120u8; 64 * 48];
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::Gray).unwrap();
    let image = Image { pixels: &greys[..], width: 64, pitch: 64, height: 48, format: PixelFormat::GRAY };
    let source = compressor.compress_to_vec(image).unwrap();
    for format in ["jpg", "webp", "png", "avif"] {
        let result = open(&run(&source, &format!("w_33,f_{format}")).unwrap());
        assert!(near(pixel(&result, 16, 10), [120, 120, 120, 255], 3), "{format}");
    }
}

#[test]
fn img4_progressive_and_arithmetic_jpeg() {
    let progressive = jpeg_with(&quarters(64, 64), |compressor| compressor.set_progressive(true).unwrap());
    let arithmetic = jpeg_with(&quarters(64, 64), |compressor| compressor.set_arithmetic(true).unwrap());
    for source in [progressive, arithmetic] {
        assert!(near(pixel(&open(&run(&source, "w_16").unwrap()), 2, 2), RED, 16));
    }
}

/// A JPEG of four inks, with Adobe's segment or without.
fn inks(ink: [u8; 4], adobe: bool) -> Vec<u8> {
    let pixels = ink.map(|ink| if adobe { 255 - ink } else { ink }).repeat(64 * 64);
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_quality(95).unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::None).unwrap();
    compressor.set_colorspace(turbojpeg::Colorspace::CMYK).unwrap();
    let image = Image { pixels: &pixels[..], width: 64, pitch: 256, height: 64, format: PixelFormat::CMYK };
    let written = compressor.compress_to_vec(image).unwrap();
    let at = written.windows(7).position(|window| window[..2] == [0xff, 0xee]).unwrap();
    if adobe { written } else { [&written[..at], &written[at + 16..]].concat() }
}

#[test]
fn img2_inks_become_light() {
    for adobe in [true, false] {
        for (ink, light) in [
            ([255, 0, 0, 0], [0, 255, 255, 255]),
            ([0, 255, 0, 0], [255, 0, 255, 255]),
            ([0, 0, 0, 255], [0, 0, 0, 255]),
            ([0, 0, 0, 0], [255; 4]),
            ([0, 128, 255, 64], [191, 95, 0, 255]),
        ] {
            for format in ["jpg", "png", "webp"] {
                let result = open(&run(&inks(ink, adobe), &format!("w_16,f_{format},q_95")).unwrap());
                let found = pixel(&result, 8, 8);
                assert!(near(found, light, 6), "inks {ink:?}, Adobe {adobe}, {format}: {found:?}");
            }
        }
    }
}

/// Display P3 as a profile.
fn display_p3() -> Vec<u8> {
    moxcms::ColorProfile::new_display_p3().encode().unwrap()
}

fn with_profile(jpeg: &[u8], profile: &[u8]) -> Vec<u8> {
    with_segment(jpeg, 0xe2, &[b"ICC_PROFILE\0\x01\x01", profile].concat())
}

#[test]
fn img2_a_profile_is_converted_and_dropped() {
    let flat = Picture::rgb(Size { width: 32, height: 32 }, [200, 100, 60].repeat(32 * 32));
    let source = with_profile(&jpeg_with(&flat, |_| ()), &display_p3());
    for format in ["jpg", "webp", "png", "avif"] {
        let result = run(&source, &format!("w_16,f_{format},q_95")).unwrap();
        assert!(!result.bytes.windows(4).any(|window| window == b"acsp"), "{format} has a profile");
        let found = pixel(&open(&result), 8, 8);
        // Display P3 (200, 100, 60) in sRGB, by the matrices of both: the green and the blue sink, the red rises.
        assert!(near(found, [213, 95, 50, 255], 5), "{format}: {found:?}");
    }
    let in_png = png_with(flat.size, &flat.pixels, |encoder| {
        encoder.set_color(png::ColorType::Rgb);
    });
    let plain = pixel(&open(&run(&in_png, "w_16").unwrap()), 8, 8);
    assert_eq!(plain, [200, 100, 60, 255]);
}

#[test]
fn img2_srgb_under_another_name_takes_the_planar_road_unchanged() {
    let flat = Picture::rgb(Size { width: 32, height: 32 }, [200, 100, 60].repeat(32 * 32));
    let plain = jpeg_with(&flat, |_| ());
    let named = with_profile(&plain, &moxcms::ColorProfile::new_srgb().encode().unwrap());
    assert_eq!(run(&plain, "w_16").unwrap(), run(&named, "w_16").unwrap());
}

#[test]
fn a_profile_that_is_rubbish_is_passed_over() {
    let plain = jpeg_with(&quarters(32, 32), |_| ());
    let named = with_profile(&plain, b"not a profile at all");
    assert_eq!(run(&plain, "w_16").unwrap(), run(&named, "w_16").unwrap());
    let chunk = with_chunk(&png(&quarters(32, 32)), *b"iCCP", b"name\0\0rubbish");
    assert!(run(&chunk, "w_16").is_ok());
}

/// A profile of four inks in which cyan is red, no ink is white, and all else is black: a table of two steps an ink to Lab
/// (ICC.1:2001-04, §6.5.8).
fn cyan_is_red() -> Vec<u8> {
    const WHITE: [u8; 3] = [255, 128, 128];
    // sRGB's red at D50: 54.3, 80.8, 69.9.
    const RED: [u8; 3] = [138, 209, 198];
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for place in 0..9 {
        table.extend(if place % 4 == 0 { 0x1_0000_u32 } else { 0 }.to_be_bytes());
    }
    let straight = (0..=255).collect::<Vec<u8>>();
    table.extend(straight.repeat(4));
    for node in 0..16 {
        table.extend(match node {
            0b0000 => WHITE,
            0b1000 => RED,
            _ => [0, 128, 128],
        });
    }
    table.extend(straight.repeat(3));
    let mut profile = vec![0; 128];
    for (at, bytes) in [(8, b"\x02\x40\0\0"), (12, b"prtr"), (16, b"CMYK"), (20, b"Lab "), (36, b"acsp")] {
        profile[at..at + 4].copy_from_slice(bytes);
    }
    profile[68..80].copy_from_slice(b"\0\0\xf6\xd6\0\x01\0\0\0\0\xd3\x2d");
    profile.extend(1u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend([144, table.len() as u32].map(u32::to_be_bytes).concat());
    profile.extend(table);
    let length = (profile.len() as u32).to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}

#[test]
fn img2_inks_are_what_their_profile_says() {
    for adobe in [true, false] {
        for (ink, light) in [([255, 0, 0, 0], [255, 0, 0, 255]), ([0; 4], [255; 4]), ([0, 0, 0, 255], [0, 0, 0, 255])] {
            let source = with_profile(&inks(ink, adobe), &cyan_is_red());
            for format in ["jpg", "png", "webp"] {
                let found = pixel(&open(&run(&source, &format!("w_16,f_{format},q_95")).unwrap()), 8, 8);
                assert!(near(found, light, 8), "inks {ink:?}, Adobe {adobe}, {format}: {found:?}");
            }
        }
    }
}
