//! `crop`, `rot`, `flip`: against the `image` crate, which turns and cuts pixels where the engine plans.

use std::time::{Duration, Instant};

use image::{DynamicImage, RgbImage};
use sealpix::operations::Operations;
use turbojpeg::Subsamp;

use super::super::format::Format;
use super::super::geometry::{Plan, Rect, Request, Size};
use super::super::orientation::Orientation;
use super::super::planes;
use super::super::probe::{Probe, minimal_exif};
use super::super::view::View;
use super::estimate_bytes;
use super::sources::{
    BLUE, GREEN, RED, SAND, as_coded, gradient, jpeg, jpeg_with, photo, png, quarters, with_chunk, with_orientation,
};
use super::{ImageError, Limits, Picture, mean_difference, near, open, open_bytes, pixel, process, run};

/// The other library's picture of ours.
fn foreign(picture: &Picture) -> DynamicImage {
    RgbImage::from_raw(picture.size.width, picture.size.height, picture.pixels.clone()).unwrap().into()
}

fn ours(image: &DynamicImage) -> Picture {
    Picture::rgb(Size { width: image.width(), height: image.height() }, image.to_rgb8().into_raw())
}

/// `rot` and `flip` by the other library.
fn turned(image: DynamicImage, rotation: &str, flip: &str) -> DynamicImage {
    let image = match rotation {
        "rot_90" => image.rotate90(),
        "rot_180" => image.rotate180(),
        "rot_270" => image.rotate270(),
        _ => image,
    };
    match flip {
        "flip_h" => image.fliph(),
        "flip_v" => image.flipv(),
        "flip_hv" => image.fliph().flipv(),
        _ => image,
    }
}

const ROTATIONS: [&str; 4] = ["", "rot_90", "rot_180", "rot_270"];
const FLIPS: [&str; 4] = ["", "flip_h", "flip_v", "flip_hv"];

/// The items that are not empty.
fn list(items: &[&str]) -> String {
    items.iter().filter(|item| !item.is_empty()).copied().collect::<Vec<_>>().join(",")
}

#[test]
fn img1_img9_every_turn_of_every_orientation_in_every_fit_and_format() {
    for (rotation, flip) in ROTATIONS.iter().flat_map(|rotation| FLIPS.map(|flip| (*rotation, flip))) {
        let upright = png(&ours(&turned(foreign(&quarters(48, 32)), rotation, flip)));
        for (fit, format) in ["", "fit_cover", "fit_fill", "fit_outside", "fit_pad"]
            .iter()
            .flat_map(|fit| ["f_jpg", "f_webp", "f_png", "f_avif"].map(|format| (*fit, format)))
        {
            let sized = list(&["w_24,h_20", fit, format]);
            let expected = open(&run(&upright, &sized).unwrap());
            for orientation in 1..=8 {
                let coded = as_coded(quarters(48, 32), orientation);
                let source = with_orientation(&jpeg(&coded, Subsamp::None), orientation);
                let operations = list(&[rotation, flip, &sized]);
                let result = open(&run(&source, &operations).unwrap());
                let difference = mean_difference(&expected, &result);
                // A wrong turn differs by 58 or more.
                assert!(difference < 10.0, "orientation {orientation}, {operations}: {difference}");
            }
        }
    }
}

#[test]
fn a_turn_and_a_crop_without_a_resize_keep_every_pixel() {
    let upright = busy(61, 47);
    for orientation in 1..=8 {
        let exif = minimal_exif(Orientation::from_exif(orientation));
        let source = with_chunk(&png(&as_coded(upright.clone(), orientation)), *b"eXIf", &exif);
        for (rotation, flip) in ROTATIONS.iter().flat_map(|rotation| FLIPS.map(|flip| (*rotation, flip))) {
            for (crop, [x, y, width, height]) in [
                ("", [0, 0, 61, 47]),
                ("crop_3:5:20:11", [3, 5, 20, 11]),
                ("crop_60:46:9:9", [60, 46, 1, 1]),
                ("crop_7:0:1:400", [7, 0, 1, 47]),
                ("crop_0:9:65535:1", [0, 9, 61, 1]),
                ("crop_f:0.5:0.25:0.25:1", [31, 12, 15, 35]),
            ] {
                let expected = ours(&turned(foreign(&upright).crop_imm(x, y, width, height), rotation, flip));
                let operations = list(&[crop, rotation, flip, "f_png"]);
                let result = as_shown(&run(&source, &operations).unwrap().bytes);
                assert!(result == expected, "orientation {orientation}, {operations}");
            }
        }
    }
}

/// Upright: where nothing is asked in the end, the source's own orientation stays with it.
fn as_shown(bytes: &[u8]) -> Picture {
    open_bytes(bytes).turned(Probe::read(bytes).unwrap().orientation)
}

/// No two pixels near one another are alike.
fn busy(width: u32, height: u32) -> Picture {
    let pixels = (0..width * height).flat_map(|at| [(at * 7) as u8, (at * 31 + 3) as u8, (at / 3) as u8]);
    Picture::rgb(Size { width, height }, pixels.collect())
}

#[test]
fn img4_crops_at_odd_offsets_of_every_subsampling_on_both_roads() {
    let upright = gradient(160, 120);
    for subsamp in [Subsamp::None, Subsamp::Sub2x2, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub4x1] {
        for orientation in [1, 3, 5, 6] {
            let source = with_orientation(&jpeg(&as_coded(upright.clone(), orientation), subsamp), orientation);
            for [x, y, width, height] in
                [[0, 0, 80, 60], [1, 1, 80, 60], [33, 21, 51, 37], [119, 99, 41, 21], [5, 7, 1, 60], [6, 8, 60, 1]]
            {
                let expected = ours(&foreign(&upright).crop_imm(x, y, width, height));
                for format in ["f_png", "f_jpg,q_89", "f_jpg,q_95", "f_webp,q_95"] {
                    let operations = format!("crop_{x}:{y}:{width}:{height},{format}");
                    let result = open(&run(&source, &operations).unwrap());
                    let difference = mean_difference(&expected, &result);
                    assert!(difference < 3.0, "{subsamp:?}, orientation {orientation}, {operations}: {difference}");
                }
            }
        }
    }
}

#[test]
fn a_photographs_crop_is_that_of_the_other_library() {
    let source = photo("freespace-1mp.jpg");
    let whole = image::load_from_memory(&source).unwrap();
    for [x, y, width, height] in [[101, 57, 300, 200], [0, 0, 64, 64], [whole.width() - 77, 3, 77, 50]] {
        let expected = ours(&whole.crop_imm(x, y, width, height));
        let result = open(&run(&source, &format!("crop_{x}:{y}:{width}:{height},f_png")).unwrap());
        assert!(mean_difference(&expected, &result) < 1.5);
        let planes = open(&run(&source, &format!("crop_{x}:{y}:{width}:{height},q_89")).unwrap());
        assert!(mean_difference(&expected, &planes) < 4.0);
    }
}

#[test]
fn img9_a_crop_is_what_cover_and_its_gravity_cut() {
    for source in [png(&quarters(120, 80)), jpeg(&quarters(120, 80), Subsamp::None)] {
        for (operations, colour) in [
            ("crop_60:0:60:80,w_20,h_10,fit_cover,g_n", GREEN),
            ("crop_60:0:60:80,w_20,h_10,fit_cover,g_s", SAND),
            ("crop_60:0:60:80,w_20,h_10,fit_cover,g_fp:0.5:0.9", SAND),
            ("crop_f:0:0.5:1:0.5,w_10,h_16,fit_cover,g_w", BLUE),
            ("crop_f:0:0.5:1:0.5,w_10,h_16,fit_cover,g_e", SAND),
            // Gravity is of the picture as it is shown, after the turn.
            ("crop_60:0:60:80,w_10,h_20,fit_cover,g_e,rot_90", GREEN),
            ("crop_60:0:60:80,w_10,h_20,fit_cover,g_w,rot_90", SAND),
            ("crop_60:0:60:80,w_10,h_20,fit_cover,g_w,rot_90,flip_h", GREEN),
        ] {
            for format in ["f_png", "f_jpg"] {
                let result = open(&run(&source, &format!("{operations},{format}")).unwrap());
                let (width, height) = (result.size.width - 1, result.size.height - 1);
                for (x, y) in [(0, 0), (width, 0), (0, height), (width, height)] {
                    assert!(near(pixel(&result, x, y), colour, 6), "{operations},{format} at {x},{y}");
                }
            }
        }
    }
}

/// A filter that looked beyond the crop would leave a rim.
#[test]
fn nothing_beside_a_crop_shows_in_it() {
    let rimless = |source: &[u8], operations: &str, by: u8| {
        let result = open(&run(source, operations).unwrap());
        let places = (0..result.size.height).flat_map(|y| (0..result.size.width).map(move |x| (x, y)));
        for (x, y) in places {
            assert!(near(pixel(&result, x, y), RED, by), "{operations}: {:?} at {x},{y}", pixel(&result, x, y));
        }
    };
    for size in ["w_20", "w_16", "w_80,up_1", "w_13", "w_10,h_10,fit_cover"] {
        rimless(&png(&quarters(80, 80)), &format!("crop_0:0:40:40,{size}"), 0);
        let source = jpeg(&quarters(80, 80), Subsamp::None);
        rimless(&source, &format!("crop_0:0:40:40,{size},f_png"), 3);
        rimless(&source, &format!("crop_0:0:40:40,{size}"), 4);
    }
}

#[test]
fn the_planar_road_serves_turns_and_crops_and_agrees_with_pixels() {
    let source = with_orientation(&jpeg(&gradient(300, 200), Subsamp::Sub2x2), 6);
    for (operations, by_planes) in [
        ("w_150,rot_90", true),
        ("w_76,h_50,fit_fill,flip_h", true),
        ("w_40,h_60,fit_cover,rot_270,flip_v", true),
        ("rot_180", true),
        ("flip_hv", true),
        ("crop_20:10:100:200,w_50", true),
        ("crop_21:11:100:200,w_100,rot_90,flip_h", true),
        ("crop_21:11:100:200", true),
        ("crop_21:11:101:201", false),
        ("crop_20:10:100:200,w_51", false),
    ] {
        let probe = Probe::read(&source).unwrap();
        let asked = Operations::read(operations).unwrap();
        let view = View::new(&probe, &asked).unwrap();
        let plan = Plan::within(view.shown_window(), &Request::of(&asked));
        let probe = Probe { orientation: view.orientation, ..probe };
        assert_eq!(planes::may_stay(&probe, &plan, Format::Jpeg), by_planes, "{operations}");
        let pixels = open(&run(&source, &format!("{operations},f_png")).unwrap());
        for format in ["f_jpg,q_89", "f_webp,q_89", "f_jpg,q_95"] {
            let planes = open(&run(&source, &format!("{operations},{format}")).unwrap());
            let difference = mean_difference(&pixels, &planes);
            assert!(difference < 2.5, "{operations},{format}: {difference}");
        }
    }
}

#[test]
fn a_crop_beside_the_picture_and_a_page_behind_it_are_refused() {
    let source = png(&quarters(40, 30));
    for operations in ["crop_40:0:1:1", "crop_0:30:5:5,w_10", "crop_65535:65535:65535:65535,rot_90"] {
        assert_eq!(run(&source, operations), Err(ImageError::OutsideSource("part")), "{operations}");
    }
    assert!(run(&source, "crop_39:29:100:100").is_ok());
    // As shown, it is 30 wide.
    let lying = with_orientation(&jpeg(&quarters(40, 30), Subsamp::None), 6);
    assert_eq!(run(&lying, "crop_35:0:1:1"), Err(ImageError::OutsideSource("part")));
    assert!(run(&lying, "crop_0:35:1:1").is_ok());
}

/// A half turn of a picture that is coded as it would come out, at a quality above its own.
#[test]
fn img8_a_turn_is_not_given_up_for_fewer_bytes() {
    let source = run(&png(&quarters(200, 150)), "f_jpg,q_20").unwrap().bytes;
    for operations in ["rot_180", "flip_h", "crop_0:0:100:75"] {
        let result = open(&run(&source, operations).unwrap());
        assert!(mean_difference(&open(&run(&source, &format!("{operations},f_png")).unwrap()), &result) < 3.0);
    }
    assert!(near(pixel(&open(&run(&source, "rot_180").unwrap()), 1, 1), SAND, 30));
    // A turn and back asks for nothing.
    let nothing = run(&source, "rot_180,flip_hv").unwrap();
    assert!(nothing.bytes.len() <= source.len());
}

#[test]
fn dos4_a_crop_decodes_at_the_scale_of_what_it_keeps() {
    let source = jpeg_with(&gradient(2400, 1600), |compressor| compressor.set_subsamp(Subsamp::Sub2x2).unwrap());
    let limits = Limits::default();
    let estimate = |operations: &str| estimate_bytes(&source, &Operations::read(operations).unwrap(), &limits).unwrap();
    let (small, cut, part) =
        (estimate("w_200"), estimate("crop_0:0:200:200,w_200"), estimate("crop_0:0:1600:1600,w_200"));
    assert!(cut > 2400 * 1600 * 3 && cut > 3 * (small - (6 << 20)), "{small} {cut}");
    assert!(part < cut);
    let tight = Limits { memory_bytes: cut - 1, ..limits };
    let far = Instant::now() + Duration::from_secs(60);
    let refused = process(&source, &Operations::read("crop_0:0:200:200,w_200").unwrap(), &tight, far);
    assert!(matches!(refused, Err(ImageError::SourceTooLarge | ImageError::ResultTooLarge)), "{refused:?}");
    assert!(process(&source, &Operations::read("w_200").unwrap(), &tight, far).is_ok());
    // Half of the largest factor, where the resize after it would have hardly anything left to do.
    let whole = Rect::whole(Size { width: 2400, height: 1600 });
    let request = Request::of(&Operations::read("w_200").unwrap());
    let probe = Probe::read(&source).unwrap();
    for (width, shrink) in [(2400, 8), (1800, 8), (1799, 4), (1000, 4), (999, 2), (600, 2), (599, 1), (399, 1)] {
        let part = Rect { width, height: 1200, ..whole };
        assert_eq!(Plan::within(part, &request).decoder_shrink(&probe), shrink, "{width}");
    }
}

#[test]
fn img9_chroma_stays_in_its_place_where_a_side_is_odd() {
    let photo = photo("freespace-1mp.jpg");
    for format in ["f_jpg,q_89", "f_webp,q_95"] {
        // What halved chroma costs, on the planar road beside pixels without loss.
        let strays = |width: u32, height: u32| {
            let size = format!("w_{width},h_{height},fit_fill");
            let pixels = open(&run(&photo, &format!("{size},f_png")).unwrap());
            mean_difference(&open(&run(&photo, &format!("{size},{format}")).unwrap()), &pixels)
        };
        let (even, odd) = (strays(240, 200), strays(239, 199));
        println!("{format}: {even:.2} with even sides, {odd:.2} with odd ones");
        assert!(odd < even * 1.05, "{format}: {odd} above {even}");
    }
}
