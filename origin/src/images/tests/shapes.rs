//! Orientation, fits, formats: what the result looks like.

use turbojpeg::Subsamp;

use super::super::format::Format;
use super::super::geometry::Size;
use super::super::orientation::Orientation;
use super::super::probe::minimal_exif;
use super::sources::{
    BLUE, GREEN, RED, SAND, as_coded, extended_webp, gradient, jpeg, png, quarters, with_chunk, with_orientation,
};
use super::{mean_difference, near, open, pixel, run};

/// The four corners are red, green, blue, sand.
fn is_upright(picture: &super::Picture, by: u8) -> bool {
    let (right, bottom) = (picture.size.width - 2, picture.size.height - 2);
    near(pixel(picture, 1, 1), RED, by)
        && near(pixel(picture, right, 1), GREEN, by)
        && near(pixel(picture, 1, bottom), BLUE, by)
        && near(pixel(picture, right, bottom), SAND, by)
}

#[test]
fn img1_every_orientation_on_both_roads_in_every_fit() {
    for orientation in 1..=8 {
        for subsamp in [Subsamp::None, Subsamp::Sub2x2, Subsamp::Sub2x1, Subsamp::Sub1x2, Subsamp::Sub4x1] {
            let coded = as_coded(quarters(96, 64), orientation);
            let source = with_orientation(&jpeg(&coded, subsamp), orientation);
            // Planes: jpg and webp. Pixels: png, and every result with a margin.
            for operations in [
                "f_jpg",
                "f_webp",
                "f_png",
                "w_48",
                "w_48,f_png",
                "w_31",
                "w_31,f_webp",
                "w_31,f_png",
                "w_48,h_48,fit_fill",
                "w_48,h_48,fit_fill,f_png",
                "w_60,h_48,fit_cover",
                "w_60,h_48,fit_cover,f_png",
                "w_192,up_1",
                "w_192,up_1,f_webp",
                "w_192,up_1,f_png",
                "w_24,h_24,fit_outside",
                "w_48,h_32,fit_pad",
                "q_95",
                "w_33,q_95",
            ] {
                let result = run(&source, operations).unwrap();
                assert!(is_upright(&open(&result), 24), "orientation {orientation}, {subsamp:?}, {operations}");
            }
        }
    }
}

#[test]
fn img1_orientation_in_png_and_webp() {
    for orientation in 1..=8 {
        let exif = minimal_exif(Orientation::from_exif(orientation));
        let coded = as_coded(quarters(96, 64), orientation);
        let with_exif = with_chunk(&png(&coded), *b"eXIf", &exif);
        let result = run(&with_exif, "w_48").unwrap();
        assert_eq!((result.format, result.width, result.height), (Format::Png, 48, 32));
        assert!(is_upright(&open(&result), 8), "PNG of orientation {orientation}");

        let simple = run(&png(&coded), "f_webp,q_95").unwrap();
        let size = Size { width: simple.width, height: simple.height };
        let with_exif = extended_webp(&simple.bytes, size, 0x08, &[(*b"EXIF", &exif)]);
        let result = run(&with_exif, "w_48,q_95").unwrap();
        assert_eq!((result.format, result.width, result.height), (Format::Webp, 48, 32));
        assert!(is_upright(&open(&result), 24), "WebP of orientation {orientation}");
    }
}

#[test]
fn every_format_becomes_every_format() {
    let upright = quarters(80, 60);
    let first = png(&upright);
    for from in ["jpg", "png", "webp", "avif"] {
        let source = run(&first, &format!("f_{from}")).unwrap();
        assert_eq!(source.format.name(), from);
        for to in ["jpg", "png", "webp", "avif"] {
            let result = run(&source.bytes, &format!("w_40,f_{to}")).unwrap();
            assert_eq!((result.format.name(), result.width, result.height), (to, 40, 30));
            assert!(is_upright(&open(&result), 26), "{from} to {to}");
        }
        let kept = run(&source.bytes, "w_40").unwrap();
        assert_eq!(kept.format.name(), from, "without f the source's format stays");
    }
}

#[test]
fn the_two_roads_agree() {
    let source = jpeg(&gradient(300, 200), Subsamp::Sub2x2);
    for operations in ["w_150", "w_75", "w_77", "w_60,h_60,fit_cover", "w_90,h_40,fit_fill", "w_450,up_1"] {
        let pixels = open(&run(&source, &format!("{operations},f_png")).unwrap());
        for format in ["jpg", "webp"] {
            let planes = open(&run(&source, &format!("{operations},f_{format},q_89")).unwrap());
            let difference = mean_difference(&pixels, &planes);
            assert!(difference < 2.5, "{operations} as {format}: {difference}");
        }
    }
}

#[test]
fn a_cut_keeps_what_gravity_says() {
    let source = png(&quarters(100, 100));
    for (gravity, colours) in [
        ("g_nw", [RED; 4]),
        ("g_ne", [GREEN; 4]),
        ("g_sw", [BLUE; 4]),
        ("g_se", [SAND; 4]),
        ("g_fp:0.25:0.75", [BLUE; 4]),
    ] {
        // The box is twice as small as a quarter when it may not be enlarged: cover takes the largest part, so a cut
        // to one quarter needs a wide box and a tall one after the other.
        let wide = run(&source, &format!("w_100,h_50,fit_cover,{gravity}")).unwrap();
        let cut = run(&wide.bytes, &format!("w_50,h_50,fit_cover,{}", gravity)).unwrap();
        let cut = open(&cut);
        let found = [pixel(&cut, 1, 1), pixel(&cut, 48, 1), pixel(&cut, 1, 48), pixel(&cut, 48, 48)];
        if !gravity.starts_with("g_fp") {
            assert_eq!(found, colours, "{gravity}");
        } else {
            assert_eq!(found[0], BLUE);
        }
    }
}

#[test]
fn pad_fills_the_box_with_the_background() {
    let source = png(&quarters(40, 20));
    let padded = open(&run(&source, "w_80,h_80,fit_pad,bg_102030").unwrap());
    assert_eq!(pixel(&padded, 0, 0), [0x10, 0x20, 0x30, 255]);
    assert_eq!(pixel(&padded, 20, 30), RED);
    assert_eq!(pixel(&padded, 59, 49), SAND);
    assert_eq!(pixel(&padded, 60, 50), [0x10, 0x20, 0x30, 255]);
    let transparent = open(&run(&source, "w_80,h_80,fit_pad").unwrap());
    assert_eq!(pixel(&transparent, 0, 0), [0, 0, 0, 0]);
    let white = open(&run(&source, "w_80,h_80,fit_pad,f_jpg").unwrap());
    assert!(near(pixel(&white, 0, 0), [255; 4], 3));
    let corner = open(&run(&source, "w_80,h_80,fit_pad,g_se").unwrap());
    assert_eq!((pixel(&corner, 79, 79), pixel(&corner, 0, 0)), (SAND, [0; 4]));
}

#[test]
fn dpr_multiplies_the_box() {
    let source = png(&gradient(400, 200));
    let result = run(&source, "w_100,dpr_1.5").unwrap();
    assert_eq!((result.width, result.height), (150, 75));
}

#[test]
fn img8_a_result_is_never_larger_than_a_source_that_already_is_it() {
    let small = run(&png(&gradient(200, 150)), "f_jpg,q_20").unwrap();
    let again = run(&small.bytes, "w_4000").unwrap();
    assert!(again.bytes.len() <= small.bytes.len());
    assert_eq!((again.width, again.height), (200, 150));
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    for (operations, name) in [("f_auto", "f"), ("p_card", "p"), ("wm_logo:se:50:20", "wm")] {
        let refused = run(&png(&quarters(4, 4)), operations).unwrap_err();
        assert_eq!(refused, super::ImageError::Unsupported(name), "{operations}");
    }
    assert!(run(&png(&quarters(4, 4)), "w_2,dl_a.png").is_ok());
}
