//! `f_json`: what it says of known pictures, and that the example of the documentation is one.

use serde_json::Value;
use turbojpeg::Subsamp;

use super::super::format::Format;
use super::super::geometry::Size;
use super::super::picture::Picture;
use super::estimate_bytes;
use super::sources::{RED, as_coded, gradient, jpeg, photo, png, quarters, with_orientation};
use super::{ImageError, Limits, run};
use sealpix::operations::Operations;

fn described(source: &[u8], operations: &str) -> Value {
    let derivative = run(source, operations).unwrap();
    assert_eq!((derivative.format, derivative.format.content_type()), (Format::Json, "application/json"));
    let value: Value = serde_json::from_slice(&derivative.bytes).unwrap();
    assert_eq!(
        (value["width"].as_u64(), value["height"].as_u64()),
        (Some(derivative.width.into()), Some(derivative.height.into()))
    );
    value
}

#[test]
fn the_example_of_the_documentation_is_what_is_answered() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/operations.md")).unwrap();
    let example = page.lines().find_map(|line| line.strip_prefix("    {\"width\"")).unwrap();
    let answered = run(&photo("freespace-1mp.jpg"), "w_400,h_400,fit_cover,g_smart,f_json").unwrap();
    assert_eq!(String::from_utf8(answered.bytes).unwrap(), format!("{{\"width\"{example}"));
}

#[test]
fn the_source_is_described_by_its_header() {
    for orientation in 1..=8u32 {
        let coded = as_coded(quarters(90, 60), orientation);
        let source = with_orientation(&jpeg(&coded, Subsamp::None), orientation);
        let value = described(&source, "rot_90,f_json");
        assert_eq!((value["width"].as_u64(), value["height"].as_u64()), (Some(60), Some(90)));
        let expected = serde_json::json!({
            "format": "jpg", "width": 90, "height": 60, "orientation": orientation, "frames": 1, "alpha": false,
            "bytes": source.len(),
        });
        assert_eq!(value["source"], expected);
    }
    let first = png(&quarters(8, 6));
    for format in ["png", "webp", "avif"] {
        let source = run(&first, &format!("f_{format}")).unwrap().bytes;
        assert_eq!(described(&source, "f_json")["source"]["format"], format);
    }
    let clear = png(&Picture::rgba(Size { width: 2, height: 2 }, vec![0; 16]));
    let value = described(&clear, "f_json");
    assert_eq!((&value["source"]["alpha"], &value["dominant"]), (&Value::Bool(true), &Value::Null));
}

#[test]
fn sizes_are_those_of_the_picture_that_would_be_made() {
    let source = jpeg(&gradient(1200, 800), Subsamp::Sub2x2);
    for operations in [
        "",
        "w_300,",
        "w_500,h_500,fit_cover,",
        "w_500,h_700,fit_pad,",
        "crop_10:10:33:44,",
        "rot_90,",
        "pad_100,",
        "w_90,blur_3,",
        "trim_0,w_70,",
    ] {
        let picture = run(&source, &format!("{operations}f_jpg")).unwrap();
        let value = described(&source, &format!("{operations}f_json"));
        let size = (value["width"].as_u64().unwrap(), value["height"].as_u64().unwrap());
        assert_eq!(size, (picture.width.into(), picture.height.into()), "{operations}");
    }
    let too_large = run(&source, "w_8192,h_8192,fit_fill,up_1,f_json");
    assert_eq!(too_large, Err(ImageError::ResultTooLarge), "what cannot be made is not described");
}

/// The hashes that another implementation (`blurhash` 1.1.5 for Python) makes of the same pixels.
#[test]
fn the_hash_is_that_of_another_implementation() {
    let flat = |width: u32, height: u32, colour: [u8; 3]| {
        Picture::rgb(Size { width, height }, colour.repeat((width * height) as usize))
    };
    for (picture, hash) in [
        (flat(64, 48, [255, 0, 0]), "L6TI:j]9fQ]9|cjtfQjtfQfQfQfQ"),
        (flat(48, 64, [0, 0, 0]), "T00000fQfQfQfQfQfQfQfQfQfQfQ"),
        (flat(60, 60, [255, 255, 255]), "U5TSUA~qfQ~q~qj[fQj[fQfQfQfQ~qj[fQj["),
        (quarters(64, 48), "LrJ7p[UpahpBZ{}8oJJBaxoJfQa|"),
        (quarters(30, 50), "TqJ7p[htaOZ{}8smaxoJjto$JBWX"),
        (quarters(60, 60), "UrJ7p[UpahpBVo}8oJJBaxoJfQa|o$JBa}sm"),
    ] {
        assert_eq!(described(&png(&picture), "f_json")["blurhash"], hash, "{:?}", picture.size);
    }
    let value = described(&png(&flat(640, 480, [255, 0, 0])), "f_json");
    assert_eq!((&value["blurhash"], &value["dominant"]), (&"L6TI:j]9fQ]9|cjtfQjtfQfQfQfQ".into(), &"#ff0000".into()));
}

#[test]
fn the_hash_shows_the_picture_and_the_operations_on_it() {
    let upright = quarters(600, 400);
    let source = with_orientation(&jpeg(&as_coded(upright, 6), Subsamp::None), 6);
    let shown = |operations: &str| {
        let hash = described(&source, operations)["blurhash"].as_str().unwrap().to_owned();
        blurhash::decode(&hash, 6, 4, 1.0).unwrap()
    };
    let at = |pixels: &[u8], x: usize, y: usize| [0, 1, 2].map(|channel| pixels[(y * 6 + x) * 4 + channel]);
    let pixels = shown("f_json");
    let (red, green, blue) = (at(&pixels, 0, 0), at(&pixels, 5, 0), at(&pixels, 0, 3));
    assert!(red[0] > 150 && red[1] < 110, "{red:?}");
    assert!(green[1] > 120 && green[0] < 130, "{green:?}");
    assert!(blue[2] > 130 && blue[2] > blue[0] + 40, "{blue:?}");
    let flipped = shown("flip_h,f_json");
    assert!(at(&flipped, 5, 0)[0] > at(&flipped, 0, 0)[0] + 60, "after flip");
    let grey = shown("gray_1,f_json");
    assert!(grey.chunks_exact(4).all(|pixel| pixel[0].abs_diff(pixel[2]) < 6), "after effects");
    let cropped = described(&source, "crop_0:0:300:200,f_json");
    let dominant = u32::from_str_radix(&cropped["dominant"].as_str().unwrap()[1..], 16).unwrap().to_be_bytes();
    assert!(super::near([dominant[1], dominant[2], dominant[3], 255], RED, 6), "{cropped}");
}

#[test]
fn img3_what_is_hidden_is_neither_hashed_nor_dominant() {
    let colour = |x: u32| if x < 6 { [200, 100, 0, 255] } else { [0, 255, 0, 0] };
    let pixels = (0..60).flat_map(|_| (0..80).flat_map(colour)).collect();
    let source = png(&Picture::rgba(Size { width: 80, height: 60 }, pixels));
    let value = described(&source, "f_json");
    assert!(value["dominant"].as_str().unwrap().starts_with("#c8"), "{value}");
    let shown = blurhash::decode(value["blurhash"].as_str().unwrap(), 4, 3, 1.0).unwrap();
    assert!(shown[12..16].iter().all(|sample| *sample > 235), "white where nothing is: {shown:?}");
    let filled = described(&source, "bg_0000ff,f_json");
    assert_eq!(filled["dominant"], "#0000ff", "the background is part of it");
}

/// DOS-11: a description holds what a small result holds.
#[test]
fn dos11_a_description_is_estimated_as_the_small_picture_that_it_is() {
    let source = photo("freespace-1mp.jpg");
    let estimate =
        |operations: &str| estimate_bytes(&source, &Operations::read(operations).unwrap(), &Limits::default()).unwrap();
    assert!(estimate("f_json") <= estimate("w_64,f_jpg"));
    assert!(estimate("blur_2,f_json") > estimate("f_json"), "an effect works on the whole result");
}
