//! `g_smart`: the part that is kept holds the thing, wherever it stands and whichever way the picture is coded.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sealpix::operations::Operations;
use turbojpeg::Subsamp;

use super::super::Limits;
use super::super::attention::aimed;
use super::super::geometry::{Plan, Rect, Request, Size};
use super::super::orientation::Orientation;
use super::super::picture::Picture;
use super::process;
use super::sources::{as_coded, gradient, jpeg, photo, png, with_orientation};
use super::{mean_difference, open, run};

/// Side of the thing in the pictures here.
const SIDE: u32 = 40;

/// A thing of two colours in blocks of 5 on a flat ground, its top left corner at this place.
fn with_thing(size: Size, (left, top): (u32, u32), ground: [u8; 4], thing: [[u8; 4]; 2]) -> Picture {
    let colour = move |x: u32, y: u32| match (x.checked_sub(left), y.checked_sub(top)) {
        (Some(x), Some(y)) if x < SIDE && y < SIDE => thing[((x / 5 + y / 5) % 2) as usize],
        _ => ground,
    };
    let pixels = (0..size.height).flat_map(|y| (0..size.width).flat_map(move |x| colour(x, y)));
    Picture::rgba(size, pixels.collect()).without_idle_alpha()
}

const GREY: [u8; 4] = [128, 128, 128, 255];
const RED_AND_BLUE: [[u8; 4]; 2] = [[220, 30, 30, 255], [30, 50, 200, 255]];

/// How much of the thing a result shows, by another decoder: what is not the ground, in parts of the thing.
fn shown(result: &[u8], ground: [u8; 4], scale: f64) -> f64 {
    let picture = image::load_from_memory(result).unwrap().to_rgba8();
    let ground = if ground[3] == 0 { [0; 4] } else { ground };
    let other = picture.pixels().filter(|pixel| !super::near(pixel.0, ground, 16)).count();
    other as f64 / (f64::from(SIDE) * scale).powi(2)
}

/// The nine places at the sides, in the corners and in the middle.
fn places(size: Size) -> Vec<(u32, u32)> {
    let along = |side: u32| [0, (side - SIDE) / 2, side - SIDE];
    along(size.width).into_iter().flat_map(|x| along(size.height).map(|y| (x, y))).collect()
}

#[test]
fn the_part_holds_the_thing_wherever_it_stands() {
    let (landscape, portrait) = (Size { width: 400, height: 160 }, Size { width: 160, height: 400 });
    for (size, boxed) in [
        (landscape, "w_80,h_80"),
        (landscape, "w_40,h_80"),
        (portrait, "w_80,h_80"),
        (portrait, "w_80,h_40"),
        (landscape, "w_160,h_160"),
        (portrait, "w_320,h_320,up_1"),
    ] {
        for place in places(size) {
            let source = png(&with_thing(size, place, GREY, RED_AND_BLUE));
            let result = run(&source, &format!("{boxed},fit_cover,g_smart,f_png")).unwrap();
            let scale = f64::from(result.width.max(result.height)) / 160.0;
            let share = shown(&result.bytes, GREY, scale);
            assert!(share > 0.97, "{boxed} of {size:?}, thing at {place:?}: {share}");
        }
    }
}

#[test]
fn things_are_told_from_every_kind_of_ground() {
    let size = Size { width: 500, height: 160 };
    let blue = [20, 60, 230, 255];
    for (ground, thing) in [
        (GREY, RED_AND_BLUE),
        (GREY, [[170, 170, 170, 255]; 2]),
        (GREY, [[226, 172, 140, 255]; 2]),
        ([255; 4], [[226, 172, 140, 255]; 2]),
        ([0, 0, 0, 255], [[90, 56, 40, 255]; 2]),
        (blue, [[120, 120, 120, 255]; 2]),
        (blue, [GREY, [60, 60, 60, 255]]),
        ([200, 90, 70, 255], [[90, 200, 70, 255]; 2]),
        ([9, 200, 9, 0], [[250, 250, 250, 255]; 2]),
        ([9, 200, 9, 0], [[0, 0, 0, 255]; 2]),
    ] {
        for left in [0, 60, 300, 460] {
            let source = png(&with_thing(size, (left, 50), ground, thing));
            let result = run(&source, "w_80,h_80,fit_cover,g_smart,f_png").unwrap();
            let share = shown(&result.bytes, ground, 0.5);
            assert!(share > 0.93, "{thing:?} on {ground:?} at {left}: {share}");
        }
    }
}

#[test]
fn img1_the_same_part_is_kept_however_the_picture_is_coded() {
    for (size, place, boxed) in [
        (Size { width: 900, height: 320 }, (120, 200), "w_100,h_100"),
        (Size { width: 320, height: 900 }, (250, 700), "w_100,h_70"),
    ] {
        let upright = with_thing(size, place, GREY, RED_AND_BLUE);
        for turn in ["", ",rot_90", ",rot_270,flip_h", ",flip_v"] {
            let operations = format!("{boxed},fit_cover,g_smart{turn},f_png");
            let result = run(&png(&upright), &operations).unwrap();
            let expected = open(&result);
            // The shorter side of the source is as long as that side of the box.
            let across = turn.contains("rot") == (size.width > size.height);
            let scale = f64::from(if across { result.width } else { result.height }) / 320.0;
            assert!(shown(&result.bytes, GREY, scale) > 0.9, "{operations}");
            for orientation in 1..=8 {
                let coded = jpeg(&as_coded(upright.clone(), orientation), Subsamp::None);
                let result = open(&run(&with_orientation(&coded, orientation), &operations).unwrap());
                let difference = mean_difference(&expected, &result);
                assert!(difference < 2.5, "orientation {orientation}, {operations}: {difference}");
            }
        }
    }
}

#[test]
fn nothing_is_moved_where_no_place_is_better() {
    let flat = Picture::rgb(Size { width: 300, height: 90 }, [7, 99, 180].repeat(300 * 90));
    let mut striped = flat.clone();
    striped.pixels.chunks_exact_mut(24).step_by(2).for_each(|stripe| stripe.fill(200));
    let middle = with_thing(Size { width: 300, height: 90 }, (130, 20), GREY, RED_AND_BLUE);
    for picture in [flat, striped, middle] {
        let source = png(&picture);
        let centred = run(&source, "w_90,h_90,fit_cover").unwrap();
        assert_eq!(run(&source, "w_90,h_90,fit_cover,g_smart").unwrap(), centred);
    }
}

#[test]
fn where_nothing_is_cut_smart_is_the_centre() {
    let source = jpeg(&gradient(200, 100), Subsamp::Sub2x2);
    for operations in ["w_50", "w_50,h_50", "w_50,h_50,fit_pad", "w_50,h_50,fit_fill", "w_100,h_50,fit_cover", "f_webp"]
    {
        let plain = run(&source, operations).unwrap();
        assert_eq!(run(&source, &format!("{operations},g_smart")).unwrap(), plain, "{operations}");
    }
}

#[test]
fn only_what_crop_and_trim_leave_is_looked_at() {
    let size = Size { width: 400, height: 100 };
    let mut picture = with_thing(size, (20, 30), GREY, RED_AND_BLUE);
    // Another thing, which alone draws the eye on the right.
    for row in picture.pixels.chunks_exact_mut(1200).skip(40).take(20) {
        row[1110..1140].fill(250);
    }
    let source = png(&picture);
    let cropped = run(&source, "crop_100:0:300:100,w_100,h_100,fit_cover,g_smart").unwrap();
    let expected = run(&source, "crop_300:0:100:100").unwrap();
    assert_eq!(open(&cropped), open(&expected), "the part goes as far right as it can");
    let framed = with_thing(Size { width: 400, height: 200 }, (300, 150), GREY, RED_AND_BLUE);
    let result = run(&png(&framed), "trim_10,w_20,h_40,fit_cover,g_smart").unwrap();
    assert_eq!((result.width, result.height), (20, 40), "trim leaves the thing, half of which is kept");
    assert!(shown(&result.bytes, GREY, 1.0) > 0.45);
}

#[test]
fn img7_the_part_is_the_same_in_every_thread() {
    for (name, operations) in [
        ("freespace-1mp.jpg", "w_100,h_200,fit_cover,g_smart,f_webp"),
        ("sunset-12mp-progressive.jpg", "w_300,h_100,fit_cover,g_smart"),
    ] {
        let source = photo(name);
        let first = run(&source, operations).unwrap();
        std::thread::scope(|scope| {
            let others: Vec<_> = (0..3).map(|_| scope.spawn(|| run(&source, operations).unwrap())).collect();
            for other in others {
                assert_eq!(other.join().unwrap(), first, "{name}");
            }
        });
    }
}

/// DOS-4, DOS-7: lines and single pixels, and boxes far from the picture's aspect.
#[test]
fn dos7_the_thinnest_pictures_and_boxes_have_a_part() {
    for (width, height) in [(1, 1), (1, 900), (900, 1), (2, 3), (700, 33)] {
        let source = png(&gradient(width, height));
        for boxed in ["w_1,h_1", "w_1,h_500,up_1", "w_500,h_1,up_1", "w_7,h_3", "w_300,h_300,up_1"] {
            for format in ["png", "json"] {
                let operations =
                    Operations::read(&format!("{boxed},fit_cover,g_smart,bg_blur,pad_3,f_{format}")).unwrap();
                let late = Instant::now() + Duration::from_secs(120);
                let result = process(&source, &operations, &Limits::default(), late);
                assert!(result.is_ok(), "{boxed} of {width}x{height}: {result:?}");
            }
        }
    }
}

proptest! {
    /// The part stays within what is left of the picture, as large as it was in the centre.
    #[test]
    fn img9_the_part_lies_within_the_window_at_its_size(
        (width, height) in (1u32..90, 1u32..90),
        cut in (0u32..90, 0u32..90, 1u32..90, 1u32..90),
        (w, h) in (1u32..200, 1u32..200),
        (up, alpha) in (any::<bool>(), any::<bool>()),
        (turned, seed) in (1u32..=8, any::<u32>()),
    ) {
        let shown = Size { width, height };
        let orientation = Orientation::from_exif(turned);
        let coded = orientation.turn(shown);
        let count = if alpha { 4 } else { 3 };
        let noise = (0..width * height * count).map(|at| (at.wrapping_mul(seed | 1) >> 13) as u8).collect();
        let picture = if alpha { Picture::rgba(coded, noise) } else { Picture::rgb(coded, noise) };
        let (x, y) = (cut.0 % width, cut.1 % height);
        let window = Rect { x, y, width: 1 + cut.2 % (width - x), height: 1 + cut.3 % (height - y) };
        let text = format!("w_{w},h_{h},fit_cover,g_smart{}", if up { ",up_1" } else { "" });
        let plan = Plan::within(window, &Request::of(&Operations::read(&text).unwrap()));
        let moved = aimed(plan, &picture, coded, 1, orientation).unwrap();
        prop_assert_eq!((moved.part.width, moved.part.height), (plan.part.width, plan.part.height));
        prop_assert_eq!((moved.picture, moved.canvas, moved.window), (plan.picture, plan.canvas, window));
        let (left, top) = (moved.part.x - f64::from(window.x), moved.part.y - f64::from(window.y));
        prop_assert!(left >= 0.0 && left + moved.part.width <= f64::from(window.width) + 1e-9, "{moved:?}");
        prop_assert!(top >= 0.0 && top + moved.part.height <= f64::from(window.height) + 1e-9, "{moved:?}");
    }
}
