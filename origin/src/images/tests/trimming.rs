//! `trim`: which borders go, and what it may cost.

use proptest::prelude::*;
use sealpix::operations::Operations;
use turbojpeg::Subsamp;

use super::super::effects::Effects;
use super::super::encode::Order;
use super::super::format::Format;
use super::super::geometry::{Plan, Rect, Request, Size};
use super::super::limits;
use super::super::orientation::Orientation;
use super::super::probe::{Coding, Probe};
use super::sources::{as_coded, gradient, jpeg, png, quarters, with_orientation};
use super::{ImageError, Limits, Picture, mean_difference, open, run};

/// A picture in a frame: left 7, top 9, right 13, bottom 11; `colour` says what each of the frame's pixels is.
fn framed(inner: &Picture, colour: impl Fn(u32, u32) -> [u8; 4]) -> Picture {
    let size = Size { width: inner.size.width + 20, height: inner.size.height + 20 };
    let pixel = |x: u32, y: u32| match (x.checked_sub(7), y.checked_sub(9)) {
        (Some(x), Some(y)) if x < inner.size.width && y < inner.size.height => super::pixel(inner, x, y),
        _ => colour(x, y),
    };
    let pixels = (0..size.height).flat_map(|y| (0..size.width).flat_map(move |x| pixel(x, y)));
    Picture::rgba(size, pixels.collect())
}

#[test]
fn a_flat_border_goes_whole() {
    let inner = quarters(40, 30);
    for colour in [[255; 4], [0, 0, 0, 255], [90, 20, 200, 255], [90, 20, 200, 128]] {
        let source = png(&framed(&inner, |_, _| colour));
        for operations in ["trim_0", "trim_5"] {
            assert_eq!(open(&run(&source, operations).unwrap()), inner, "{colour:?} {operations}");
        }
    }
}

#[test]
fn a_noisy_border_goes_within_the_tolerance() {
    let inner = quarters(40, 30);
    let noise = |x: u32, y: u32| [240 + ((x * 7 + y * 13) % 11) as u8, 245, 250 - ((x * 5 + y) % 6) as u8, 255];
    let source = png(&framed(&inner, noise));
    assert_eq!(open(&run(&source, "trim_5").unwrap()), inner);
    let left = run(&source, "trim_0").unwrap();
    assert_eq!((left.width, left.height), (60, 50), "what differs at all stays");
}

/// IMG-3: the colours of what cannot be seen are no colours.
#[test]
fn img3_a_transparent_border_goes_whatever_its_hidden_colours() {
    let inner = quarters(40, 30);
    let source = png(&framed(&inner, |x, y| [(x * 9) as u8, (y * 5) as u8, 77, 0]));
    assert_eq!(open(&run(&source, "trim_0").unwrap()), inner);
}

#[test]
fn what_is_all_border_stays_as_it_is() {
    for (width, height) in [(20, 10), (1, 1), (1, 30), (30, 1)] {
        let flat = Picture::rgb(Size { width, height }, [9, 99, 199].repeat((width * height) as usize));
        assert_eq!(open(&run(&png(&flat), "trim_0").unwrap()), flat);
    }
    let whole = run(&png(&gradient(30, 20)), "trim_100").unwrap();
    assert_eq!((whole.width, whole.height), (30, 20), "everything is within the whole range");
    let one = framed(&Picture::rgb(Size { width: 1, height: 1 }, vec![1, 2, 3]), |_, _| [255; 4]);
    let result = run(&png(&one), "trim_0").unwrap();
    assert_eq!((result.width, result.height), (1, 1));
}

#[test]
fn img1_trim_comes_after_orientation_and_crop_and_before_the_turn() {
    let opaque = |picture: Picture| {
        let pixels = picture.pixels.chunks_exact(4).flat_map(|pixel| pixel[..3].to_vec()).collect();
        Picture::rgb(picture.size, pixels)
    };
    let upright = opaque(framed(&quarters(64, 48), |x, y| if x >= 60 || y >= 50 { [0, 0, 0, 255] } else { [255; 4] }));
    for orientation in 1..=8 {
        let source = with_orientation(&jpeg(&as_coded(upright.clone(), orientation), Subsamp::None), orientation);
        // The crop leaves white alone around the corner of red: 53 by 41 of the quarters.
        let operations = "crop_0:0:60:50,trim_20";
        let expected = open(&run(&png(&upright), "crop_7:9:53:41").unwrap());
        let result = open(&run(&source, &format!("{operations},f_png")).unwrap());
        assert!(mean_difference(&expected, &result) < 2.0, "orientation {orientation}");
        let expected = open(&run(&png(&upright), "crop_7:9:53:41,rot_90,flip_h,w_20").unwrap());
        let result = open(&run(&source, &format!("{operations},rot_90,flip_h,w_20,f_png")).unwrap());
        assert!(mean_difference(&expected, &result) < 2.0, "orientation {orientation}, turned");
    }
}

#[test]
fn dos4_what_trim_leaves_is_bounded_like_any_picture() {
    let line = Picture::rgb(Size { width: 1, height: 900 }, vec![7; 2700]);
    let source = png(&framed(&line, |_, _| [255; 4]));
    assert!(run(&source, "w_100,up_1").is_ok());
    assert_eq!(run(&source, "trim_0,w_100,up_1"), Err(ImageError::ResultTooLarge));
    let result = run(&source, "trim_0,w_100").unwrap();
    assert_eq!((result.width, result.height), (1, 900));
}

proptest! {
    /// DOS-11: whatever part of the picture trim leaves, it takes no more memory than was estimated before.
    #[test]
    fn dos11_the_estimate_before_trim_covers_every_part(
        (width, height) in (1u32..3000, 1u32..3000),
        cut in (0u32..3000, 0u32..3000, 1u32..3000, 1u32..3000),
        (w, h) in (proptest::option::of(1u32..3000), proptest::option::of(1u32..3000)),
        fit in 0usize..5,
        (up, alpha) in (any::<bool>(), any::<bool>()),
        turned in 1u32..=8,
    ) {
        let size = Size { width, height };
        let (x, y) = (cut.0 % width, cut.1 % height);
        let part = Rect { x, y, width: 1 + cut.2 % (width - x), height: 1 + cut.3 % (height - y) };
        let side = |name: &str, side: Option<u32>| side.map_or(String::new(), |side| format!(",{name}_{side}"));
        let fit = ["contain", "cover", "fill", "outside", "pad"][fit];
        let text = format!("fit_{fit}{}{}{}", side("w", w), side("h", h), if up { ",up_1" } else { "" });
        let operations = Operations::read(&text).unwrap();
        let (request, effects) = (Request::of(&operations), Effects::of(&operations));
        let limits = Limits::default();
        let orientation = Orientation::from_exif(turned);
        let coding = Coding::Png { bit_depth: 8 };
        let probe = Probe { size: orientation.turn(size), orientation, alpha, frames: 1, profile: None, coding, drawing: None };
        let most = Plan::largest_within(Rect::whole(size), &request, limits.largest_result());
        let plan = Plan { at_full_size: true, ..Plan::within(part, &request) };
        for format in [Format::Jpeg, Format::Png, Format::Webp, Format::Avif] {
            let order = Order::of(&operations, format);
            if limits.admit_result(plan.canvas, format).is_ok() {
                let needed = limits::estimate_bytes(&probe, &plan, &effects, &order);
                prop_assert!(limits::estimate_bytes(&probe, &most, &effects, &order) >= needed, "{text} {plan:?} {most:?}");
            }
        }
    }
}
