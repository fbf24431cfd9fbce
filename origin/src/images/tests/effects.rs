//! Effects: known pixels in, known pixels out.

use std::time::Instant;

use sealpix::operations::Operations;
use turbojpeg::Subsamp;

use super::super::effects::Effects;
use super::super::geometry::Size;
use super::super::picture::{Channels, Picture};
use super::super::until::Until;
use super::estimate_bytes;
use super::sources::{BLUE, RED, SAND, as_coded, gradient, jpeg, photo, png, quarters, with_orientation};
use super::{ImageError, Limits, mean_difference, near, open, pixel, run};

/// Every effect once, and all together.
const EVERY: [&str; 12] = [
    "blur_1.5",
    "blur_20",
    "sharpen_2",
    "pixelate_3",
    "bri_20",
    "con_-30",
    "sat_50",
    "hue_90",
    "gray_1",
    "round_6",
    "pad_1:2:3:4",
    "pad_2,blur_0.5,sharpen_0.5,pixelate_2,bri_5,con_5,sat_5,hue_5,gray_1,invert_1,round_2",
];

fn flat(width: u32, height: u32, colour: &[u8]) -> Picture {
    let pixels = colour.repeat((width * height) as usize);
    let size = Size { width, height };
    if colour.len() == 4 { Picture::rgba(size, pixels) } else { Picture::rgb(size, pixels) }
}

/// Red with alpha on the left; on the right, transparent pixels that hide green.
fn half_hidden(width: u32, height: u32, alpha: u8) -> Picture {
    let colour = |x: u32| if x * 2 < width { [200, 0, 0, alpha] } else { [0, 255, 0, 0] };
    let pixels = (0..height).flat_map(|_| (0..width).flat_map(colour)).collect();
    Picture::rgba(Size { width, height }, pixels)
}

/// The operations on a picture, without loss.
fn done(picture: &Picture, operations: &str) -> Picture {
    open(&run(&png(picture), &format!("{operations},f_png")).unwrap())
}

fn mean(picture: &Picture) -> f64 {
    picture.pixels.iter().map(|sample| f64::from(*sample)).sum::<f64>() / picture.pixels.len() as f64
}

#[test]
fn colours_change_by_the_formulas_of_css_filters() {
    for (operations, from, to) in [
        ("bri_20", [100, 200, 250], [120, 240, 255]),
        ("bri_-100", [100, 200, 250], [0, 0, 0]),
        ("bri_100", [100, 20, 0], [200, 40, 0]),
        ("con_20", [127, 128, 227], [127, 128, 247]),
        ("con_-100", [0, 90, 255], [128, 128, 128]),
        ("con_100", [100, 60, 200], [73, 0, 255]),
        // 0.213 r + 0.715 g + 0.072 b.
        ("sat_-100", [220, 30, 30], [70, 70, 70]),
        ("sat_-100", [0, 255, 0], [182, 182, 182]),
        ("sat_100", [120, 100, 100], [136, 96, 96]),
        // 0.2126 r + 0.7152 g + 0.0722 b.
        ("gray_1", [255, 0, 0], [54, 54, 54]),
        ("gray_1", [10, 200, 90], [152, 152, 152]),
        ("gray_1", [255, 255, 255], [255, 255, 255]),
        ("invert_1", [0, 100, 255], [255, 155, 0]),
        // Half a turn: twice the luminance less the colour.
        ("hue_180", [100, 100, 100], [100, 100, 100]),
        ("hue_180", [120, 100, 100], [89, 109, 109]),
        // In the table's order, clamped after each: 255, then 3/4 of the way to the middle.
        ("bri_100,con_-50", [200, 10, 0], [191, 74, 64]),
        ("gray_1,invert_1", [255, 0, 0], [201, 201, 201]),
        ("bri_50,sat_-100,invert_1", [100, 100, 100], [105, 105, 105]),
    ] {
        let result = done(&flat(3, 2, &from), operations);
        assert_eq!(result.pixels, to.repeat(6), "{operations} of {from:?}");
        // Colours are changed under alpha as they are without it, and alpha stays.
        let [red, green, blue] = from;
        let result = done(&flat(3, 2, &[red, green, blue, 77]), operations);
        assert_eq!(pixel(&result, 1, 1), [to[0], to[1], to[2], 77], "{operations} of {from:?} under alpha");
    }
}

#[test]
fn hue_turns_as_another_library_turns_it() {
    let picture = open(&run(&photo("freespace-1mp.jpg"), "w_120,f_png").unwrap());
    let Size { width, height } = picture.size;
    let theirs = image::RgbImage::from_raw(width, height, picture.pixels.clone()).unwrap();
    for degrees in [1, 45, 90, 135, 222, 359] {
        let theirs = image::imageops::huerotate(&theirs, degrees);
        let ours = done(&picture, &format!("hue_{degrees}"));
        let worst = ours.pixels.iter().zip(theirs.as_raw()).map(|(one, other)| one.abs_diff(*other)).max();
        // They cut what we round.
        assert!(worst <= Some(1), "{degrees} degrees: {worst:?}");
    }
}

#[test]
fn blur_is_the_gaussian_of_another_library() {
    let picture = open(&run(&photo("freespace-1mp.jpg"), "crop_400:300:300:240,f_png").unwrap());
    let Size { width, height } = picture.size;
    let theirs = image::RgbImage::from_raw(width, height, picture.pixels.clone()).unwrap();
    for (sigma, most) in [(0.8, 0.8), (2.0, 0.6), (2.5, 0.6), (6.0, 0.6), (15.0, 0.8)] {
        let theirs = image::imageops::blur(&theirs, sigma);
        let theirs = Picture::rgb(picture.size, theirs.into_raw());
        let difference = mean_difference(&done(&picture, &format!("blur_{sigma}")), &theirs);
        assert!(difference < most, "sigma {sigma}: {difference}");
    }
}

#[test]
fn blur_keeps_flat_pictures_the_mean_and_symmetry() {
    let quartered = quarters(64, 64);
    let mirrored = as_coded(quartered.clone(), 5);
    for sigma in ["0.3", "1", "2", "2.1", "7.5", "30", "100"] {
        let operations = format!("blur_{sigma}");
        for colour in [&[0, 1, 254][..], &[255, 128, 3], &[9, 90, 190, 200]] {
            assert_eq!(done(&flat(37, 23, colour), &operations), flat(37, 23, colour), "{operations} of {colour:?}");
        }
        let result = done(&quartered, &operations);
        assert!((mean(&result) - mean(&quartered)).abs() < 0.5, "{operations}: {}", mean(&result));
        assert!(mean_difference(&done(&mirrored, &operations), &as_coded(result, 5)) < 0.01, "{operations}");
    }
    let far = done(&quartered, "blur_100");
    assert!(near(pixel(&far, 0, 0), pixel(&far, 63, 63), 60), "a large sigma mixes everything");
}

#[test]
fn sharpen_moves_both_sides_of_an_edge_apart() {
    let picture = flat(40, 8, &[100, 100, 100]);
    assert_eq!(done(&picture, "sharpen_3"), picture, "what is flat has no edge");
    let mut edge = picture;
    for row in edge.pixels.chunks_exact_mut(120) {
        row[60..].fill(150);
    }
    for sigma in ["0.5", "1", "3", "10"] {
        let result = done(&edge, &format!("sharpen_{sigma}"));
        let (dark, light) = (pixel(&result, 19, 4)[0], pixel(&result, 20, 4)[0]);
        assert!(dark < 96 && light > 154, "{sigma}: {dark} {light}");
        assert_eq!(u16::from(dark) + u16::from(light), 250, "{sigma}: as far down as up");
    }
}

#[test]
fn pixelate_makes_blocks_of_their_mean() {
    let picture = gradient(10, 7);
    let result = done(&picture, "pixelate_4");
    for (left, top, right, bottom) in [(0, 0, 4, 4), (4, 0, 8, 4), (8, 0, 10, 4), (0, 4, 4, 7), (8, 4, 10, 7)] {
        let places = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
        let count = (right - left) * (bottom - top);
        let of = |channel: usize| places.clone().map(|(x, y)| u32::from(pixel(&picture, x, y)[channel])).sum::<u32>();
        let expected = [0, 1, 2].map(|channel| ((of(channel) + count / 2) / count) as u8);
        for (x, y) in places.clone() {
            assert_eq!(pixel(&result, x, y)[..3], expected, "{x} {y}");
        }
    }
    assert_eq!(done(&flat(300, 300, &[255, 255, 255, 254]), "pixelate_256"), flat(300, 300, &[255, 255, 255, 254]));
}

#[test]
fn img3_hidden_colours_do_not_bleed_through_effects() {
    for alpha in [255, 128, 3] {
        for effect in ["blur_1", "blur_8", "sharpen_2", "pixelate_16", "pixelate_7", "sat_10", "round_20"] {
            let result = done(&half_hidden(40, 24, alpha), effect);
            for (x, y) in [(0, 0), (18, 9), (19, 12), (20, 12), (21, 5), (24, 20)] {
                let [_, green, blue, seen] = pixel(&result, x, y);
                assert!(seen == 0 || (green, blue) == (0, 0), "{effect} of {alpha} at {x} {y}: {green} {seen}");
            }
        }
        let blurred = done(&half_hidden(40, 24, alpha), "blur_3");
        let [red, .., seen] = pixel(&blurred, 20, 12);
        assert!(seen > 0 && seen < alpha, "alpha is blurred");
        assert!(red > 195 && red < 205, "and the colour stays what it was: {red}");
        assert_eq!(pixel(&done(&half_hidden(40, 24, alpha), "sharpen_3"), 19, 12)[3], alpha, "alpha is not sharpened");
    }
}

#[test]
fn img8_what_is_opaque_stays_opaque() {
    for effect in EVERY.into_iter().filter(|effect| !effect.contains("round") && !effect.contains("pad")) {
        for picture in [gradient(40, 30), flat(40, 30, &[40, 50, 60, 255])] {
            assert_eq!(done(&picture, effect).channels, Channels::Rgb, "{effect}");
        }
    }
}

#[test]
fn dos7_every_effect_survives_pixels_and_lines_in_every_format() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (3, 200), (200, 3), (33, 33)] {
        for picture in [gradient(width, height), half_hidden(width, height, 200)] {
            let source = png(&picture);
            for effect in EVERY.into_iter().chain(["blur_100", "pixelate_256", "round_4096"]) {
                for format in ["jpg", "png", "webp", "avif"] {
                    if format == "avif" && width * height > 300 {
                        continue;
                    }
                    let result = open(&run(&source, &format!("{effect},f_{format}")).unwrap());
                    let border = match effect {
                        _ if effect.starts_with("pad_1:") => (6, 4),
                        _ if effect.starts_with("pad_2") => (4, 4),
                        _ => (0, 0),
                    };
                    let expected = Size { width: width + border.0, height: height + border.1 };
                    assert_eq!(result.size, expected, "{effect} {format}");
                }
            }
        }
    }
}

#[test]
fn img1_effects_work_on_the_upright_picture() {
    let upright = quarters(90, 60);
    let operations = "w_45,pad_2:8:4:16,bg_000000,pixelate_7,round_12,q_95";
    let expected = open(&run(&jpeg(&upright, Subsamp::None), operations).unwrap());
    assert_eq!(expected.size, Size { width: 45 + 24, height: 30 + 6 });
    for orientation in 1..=8 {
        let source = with_orientation(&jpeg(&as_coded(upright.clone(), orientation), Subsamp::None), orientation);
        let difference = mean_difference(&open(&run(&source, operations).unwrap()), &expected);
        assert!(difference < 1.5, "orientation {orientation}: {difference}");
    }
}

#[test]
fn img2_a_grey_jpeg_has_its_effects_too() {
    let mut compressor = turbojpeg::Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Gray).unwrap();
    let format = turbojpeg::PixelFormat::GRAY;
    let image = turbojpeg::Image { pixels: &[120; 64 * 48][..], width: 64, pitch: 64, height: 48, format };
    let source = compressor.compress_to_vec(image).unwrap();
    for format in ["jpg", "webp", "png", "avif"] {
        let result = open(&run(&source, &format!("w_32,blur_2,invert_1,f_{format}")).unwrap());
        assert!(near(pixel(&result, 16, 10), [135, 135, 135, 255], 3), "{format}");
    }
}

#[test]
fn pad_stands_around_the_picture_and_its_margin() {
    let source = png(&quarters(40, 20));
    let result = open(&run(&source, "w_20,pad_1:2:3:4,bg_102030,invert_1").unwrap());
    assert_eq!(result.size, Size { width: 26, height: 14 });
    let bg = [0x10, 0x20, 0x30, 255];
    for (x, y) in [(0, 0), (3, 5), (24, 5), (10, 0), (10, 11), (25, 13)] {
        assert_eq!(pixel(&result, x, y), bg, "the background is what was asked for, at {x} {y}");
    }
    assert_eq!(pixel(&result, 4, 1), RED.map(|sample| if sample == 255 { 255 } else { 255 - sample }));
    let twice = open(&run(&source, "w_10,h_10,dpr_2,fit_pad,pad_1:2:3:4").unwrap());
    assert_eq!(twice.size, Size { width: 20 + 12, height: 20 + 8 });
    assert_eq!((pixel(&twice, 8, 7), pixel(&twice, 8, 6)), (RED, [0; 4]), "transparent where the format has alpha");
    assert_eq!((pixel(&twice, 27, 16), pixel(&twice, 28, 16)), (SAND, [0; 4]));
    let white = open(&run(&source, "pad_8,f_jpg").unwrap());
    assert_eq!(white.size, Size { width: 56, height: 36 });
    assert!(near(pixel(&white, 2, 2), [255; 4], 2));
    assert!(near(pixel(&white, 10, 26), BLUE, 12));
}

#[test]
fn dos4_a_border_counts_towards_the_results_bounds() {
    let source = png(&quarters(40, 20));
    for operations in ["w_8192,up_1,h_20,fit_pad,pad_0:1:0:0", "dpr_4,pad_2000", "w_5000,h_3000,fit_pad,pad_2000"] {
        assert_eq!(run(&source, operations), Err(ImageError::ResultTooLarge), "{operations}");
    }
    // The gate bounds the exact sum of sides times dpr; what is rounded is never more.
    for (operations, width) in [("w_21,up_1,dpr_1.5,pad_0:1:0:1", 34), ("w_20,up_1,dpr_1.999,pad_0:1:0:1", 42)] {
        assert_eq!(run(&source, operations).unwrap().width, width, "{operations}");
    }
}

#[test]
fn round_cuts_the_corners_of_the_whole_result() {
    let source = png(&quarters(64, 40));
    for (operations, radius) in [("round_10", 10.0), ("round_5,dpr_2", 10.0), ("round_4096", 20.0), ("round_1", 1.0)] {
        for format in ["png", "webp"] {
            let result = open(&run(&source, &format!("{operations},f_{format}")).unwrap());
            assert_eq!(result.channels, Channels::Rgba);
            let cut: f64 = result.pixels.chunks_exact(4).map(|pixel| 1.0 - f64::from(pixel[3]) / 255.0).sum();
            let expected = (4.0 - std::f64::consts::PI) * radius * radius;
            assert!((cut - expected).abs() < 0.02 * expected + 0.1, "{operations} {format} cuts {cut}, not {expected}");
            for (x, y) in [(0, 0), (1, 0), (3, 2), (7, 0), (19, 0), (12, 5)] {
                let alpha = pixel(&result, x, y)[3];
                for (x, y) in [(63 - x, y), (x, 39 - y), (63 - x, 39 - y)] {
                    assert_eq!(pixel(&result, x, y)[3], alpha, "{operations} is the same in every corner");
                }
            }
            assert_eq!(pixel(&result, 32, 20)[3], 255);
        }
    }
    let white = open(&run(&source, "round_12,f_jpg,q_100").unwrap());
    assert!(near(pixel(&white, 0, 0), [255; 4], 8), "{:?}", pixel(&white, 0, 0));
    assert!(near(pixel(&white, 20, 10), RED, 12));
    let black = open(&run(&source, "round_12,bg_000000,f_jpg,q_100").unwrap());
    assert!(near(pixel(&black, 0, 39), [0, 0, 0, 255], 8));
    let framed = open(&run(&source, "pad_6,bg_0000ff,round_12").unwrap());
    assert_eq!((pixel(&framed, 0, 0)[3], pixel(&framed, 3, 26)), (0, [0, 0, 255, 255]), "the border has the corners");
    let under_alpha = done(&flat(30, 30, &[10, 20, 30, 100]), "round_10");
    assert!(pixel(&under_alpha, 1, 3)[3] < 100 && pixel(&under_alpha, 15, 15)[3] == 100);
}

#[test]
fn what_asks_for_no_effect_takes_the_road_it_took() {
    let source = jpeg(&gradient(300, 200), Subsamp::Sub2x2);
    for operations in [
        "w_150",
        "w_150,f_webp",
        "w_77,q_95",
        "f_webp",
        "w_150,f_png",
        "w_90,h_90,fit_pad,bg_336699,f_png",
        "w_60,f_avif",
    ] {
        let plain = run(&source, operations).unwrap();
        // A border of nothing is the one item of these that changes nothing.
        assert_eq!(run(&source, &format!("{operations},pad_0")).unwrap(), plain, "{operations}");
        for effect in EVERY {
            let changed = run(&source, &format!("{operations},{effect}")).unwrap().bytes != plain.bytes;
            assert!(changed, "CFG-1: {effect} with {operations}");
        }
    }
    // Nothing else asked: the source is not handed back in the result's place.
    let small = run(&source, "q_20").unwrap().bytes;
    assert!(near(pixel(&open(&run(&small, "invert_1").unwrap()), 2, 2), [253, 253, 254, 255], 24));
}

#[test]
fn dos8_a_deadline_ends_between_two_effects() {
    for effect in ["blur_2", "sharpen_2", "pixelate_2", "gray_1"] {
        let effects = Effects::of(&Operations::parse(effect).unwrap());
        let late = effects.apply(gradient(8, 8), &Until::at(Instant::now()));
        assert_eq!(late, Err(ImageError::DeadlineExceeded), "{effect}");
    }
}

#[test]
fn dos11_the_estimate_knows_what_effects_hold() {
    let source = png(&quarters(2000, 2000));
    let estimate =
        |operations: &str| estimate_bytes(&source, &Operations::read(operations).unwrap(), &Limits::default()).unwrap();
    // The picture and its copy of 16 bits.
    assert!(estimate("blur_2,f_jpg") >= 2000 * 2000 * 9 && estimate("blur_2,f_jpg") > estimate("gray_1,f_jpg"));
    assert!(estimate("sharpen_2,f_jpg") == estimate("blur_2,f_jpg"));
    // Opaque without its corners.
    assert!(estimate("round_9,f_webp") >= 2000 * 2000 * (4 + 8) && estimate("round_9,f_webp") > estimate("f_webp"));
    assert!(estimate("pad_200,f_jpg") > estimate("f_jpg"));
}
