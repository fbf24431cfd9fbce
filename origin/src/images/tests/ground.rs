//! `bg_auto` and `bg_blur`: what lies beside the picture and under its transparent parts. Pixels are opened by a decoder
//! that is not ours.

use turbojpeg::Subsamp;

use super::super::geometry::Size;
use super::super::picture::Picture;
use super::sources::{as_coded, gradient, jpeg, photo, png, quarters, with_orientation};
use super::{ImageError, mean_difference, near, open, run};

/// A finished picture as another decoder sees it.
fn seen(source: &[u8], operations: &str) -> image::RgbaImage {
    let result = run(source, operations).unwrap();
    let picture = image::load_from_memory(&result.bytes).unwrap().to_rgba8();
    assert_eq!(picture.dimensions(), (result.width, result.height));
    picture
}

/// Pixels of this colour, and a frame of another, 6 wide.
fn framed(frame: [u8; 4], inner: [u8; 4]) -> Picture {
    let colour = move |x: u32, y: u32| if (6..54).contains(&x) && (6..34).contains(&y) { inner } else { frame };
    let pixels = (0..40).flat_map(|y| (0..60).flat_map(move |x| colour(x, y))).collect();
    Picture::rgba(Size { width: 60, height: 40 }, pixels)
}

#[test]
fn auto_is_the_colour_of_the_pictures_edge() {
    let source = png(&framed([240, 236, 220, 255], [20, 30, 40, 255]));
    for format in ["png", "webp", "jpg"] {
        let result = seen(&source, &format!("w_60,h_80,fit_pad,bg_auto,f_{format},q_95"));
        for (x, y) in [(0, 0), (59, 79), (30, 5), (30, 75), (3, 40)] {
            assert!(near(result.get_pixel(x, y).0, [240, 236, 220, 255], 4), "{format} at {x} {y}");
        }
        assert!(near(result.get_pixel(30, 40).0, [20, 30, 40, 255], 4));
    }
    let bordered = seen(&source, "pad_5,bg_auto,invert_1");
    assert_eq!(bordered.dimensions(), (70, 50));
    assert_eq!(bordered.get_pixel(1, 1), bordered.get_pixel(7, 7), "of the picture after its effects");
    assert_eq!(bordered.get_pixel(1, 1).0, [15, 19, 35, 255]);
}

#[test]
fn auto_lies_under_what_is_transparent() {
    let half = seen(&png(&framed([200, 0, 0, 255], [0, 0, 200, 0])), "bg_auto");
    assert!(half.pixels().all(|pixel| pixel.0 == [200, 0, 0, 255]), "the hole has the edge's colour");
    for (inner, ground) in [([10, 20, 30, 255], 255), ([230, 230, 220, 255], 0)] {
        let logo = seen(&png(&framed([90, 200, 30, 0], inner)), "bg_auto");
        assert_eq!(logo.get_pixel(0, 0).0, [ground, ground, ground, 255], "IMG-3: what can be told from it");
        assert_eq!(logo.get_pixel(30, 20).0, inner);
    }
}

#[test]
fn blur_fills_the_margin_with_the_picture_itself() {
    let source = png(&quarters(120, 80));
    let plain = seen(&source, "w_60,h_120,fit_pad,f_png");
    for format in ["png", "webp", "jpg", "avif"] {
        let result = run(&source, &format!("w_60,h_120,fit_pad,bg_blur,f_{format},q_95")).unwrap();
        // The other decoder knows no AVIF.
        let result = if format == "avif" { run(&result.bytes, "f_png").unwrap() } else { result };
        let result = image::load_from_memory(&result.bytes).unwrap().to_rgba8();
        assert_eq!(result.dimensions(), (60, 120));
        assert!(result.pixels().all(|pixel| pixel.0[3] == 255), "{format} is opaque");
        for (x, y) in [(10, 45), (50, 45), (10, 75), (50, 75)] {
            assert!(near(result.get_pixel(x, y).0, plain.get_pixel(x, y).0, 16), "{format}: the picture at {x} {y}");
        }
        // Of the quarters, the margin's four corners are red, green, blue, sand; where they meet, they are mixed.
        for (x, y, of) in [(0, 0, (10, 45)), (59, 0, (50, 45)), (0, 119, (10, 75)), (59, 119, (50, 75))] {
            let (there, inside) = (result.get_pixel(x, y).0, plain.get_pixel(of.0, of.1).0);
            assert!(near(there, inside, 40), "{format} at {x} {y}: {there:?}, not {inside:?}");
        }
        let (left, middle, right) =
            (result.get_pixel(2, 5).0[0], result.get_pixel(30, 5).0[0], result.get_pixel(57, 5).0[0]);
        assert!(right < middle && middle < left, "{format}: {left} {middle} {right}");
    }
}

#[test]
fn blur_is_smooth_at_every_size() {
    let source = photo("freespace-1mp.jpg");
    for (operations, margin) in
        [("w_300,h_900,fit_pad", 300), ("w_1200,h_300,fit_pad", 300), ("w_400,pad_150", 150), ("w_20,h_90,fit_pad", 30)]
    {
        let result = seen(&source, &format!("{operations},bg_blur,f_png"));
        let wide = result.width() > 2 * result.height();
        let line: Vec<[u8; 4]> = match wide {
            true => (0..result.height()).map(|y| result.get_pixel(margin / 2, y).0).collect(),
            false => (0..result.width()).map(|x| result.get_pixel(x, margin / 2).0).collect(),
        };
        let most =
            line.windows(2).map(|pair| pair[0].iter().zip(pair[1]).map(|(one, other)| one.abs_diff(other)).max());
        let bound = if operations.starts_with("w_20,") { 24 } else { 6 };
        assert!(most.max().unwrap().unwrap() <= bound, "{operations} has no edge in its margin");
        assert!(line.iter().any(|pixel| pixel != &line[0]), "{operations}: and is not flat");
    }
}

#[test]
fn blur_lies_under_what_is_transparent_without_any_margin() {
    let source = png(&framed([200, 40, 20, 255], [0, 255, 0, 0]));
    let result = seen(&source, "bg_blur");
    assert!(result.pixels().all(|pixel| near(pixel.0, [200, 40, 20, 255], 1)), "IMG-3: the hidden green is not seen");
    let logo = seen(&png(&framed([0, 255, 0, 0], [10, 20, 30, 255])), "bg_blur,w_60,h_60,fit_pad");
    assert_eq!(logo.get_pixel(30, 30).0, [10, 20, 30, 255]);
    assert!(logo.pixels().all(|pixel| pixel.0[3] == 255));
    // Enlarged to cover a square, the logo reaches both sides, and white is left above and below.
    let (above, beside) = (logo.get_pixel(30, 0).0, logo.get_pixel(0, 30).0);
    assert!(above[0] > 120 && beside[0] < 60, "{above:?} {beside:?}");
}

#[test]
fn blur_is_of_the_picture_after_its_effects_and_its_corners_are_cut() {
    let source = png(&quarters(90, 60));
    let grey = seen(&source, "pad_9,bg_blur,gray_1");
    assert!(grey.pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]));
    let round = seen(&source, "pad_9,bg_blur,round_12");
    assert_eq!((round.get_pixel(0, 0).0[3], round.get_pixel(3, 40).0[3]), (0, 255));
    let white = framed([250, 250, 250, 255], [10, 10, 10, 255]);
    let round = seen(&png(&white), "pad_9,bg_blur,round_12,f_jpg,q_95");
    assert!(near(round.get_pixel(0, 0).0, [250, 250, 250, 255], 6), "corners of the edge's colour");
}

#[test]
fn img1_both_are_of_the_upright_picture() {
    let upright = quarters(90, 60);
    for background in ["bg_auto", "bg_blur"] {
        let operations = format!("w_45,h_60,fit_pad,{background},f_png");
        let expected = open(&run(&jpeg(&upright, Subsamp::None), &operations).unwrap());
        for orientation in 1..=8 {
            let source = with_orientation(&jpeg(&as_coded(upright.clone(), orientation), Subsamp::None), orientation);
            let difference = mean_difference(&open(&run(&source, &operations).unwrap()), &expected);
            assert!(difference < 1.5, "{background}, orientation {orientation}: {difference}");
        }
    }
}

#[test]
fn cfg1_a_background_that_nothing_shows_changes_nothing_and_one_that_shows_does() {
    let source = jpeg(&gradient(300, 200), Subsamp::Sub2x2);
    for background in ["bg_auto", "bg_blur"] {
        for operations in ["w_150", "w_150,f_webp", "w_60,h_60,fit_cover", "w_80,f_png"] {
            let plain = run(&source, operations).unwrap();
            assert_eq!(run(&source, &format!("{operations},{background}")).unwrap(), plain, "{operations}");
        }
        for operations in ["w_150,pad_3", "w_90,h_90,fit_pad,f_png", "w_90,h_90,fit_pad"] {
            let plain = run(&source, operations).unwrap();
            assert_ne!(run(&source, &format!("{operations},{background}")).unwrap(), plain, "{operations}");
        }
        // Nothing else asked: the source is not handed back in the result's place (IMG-8).
        let hole = png(&framed([200, 0, 0, 255], [0, 0, 200, 0]));
        assert!(seen(&hole, background).pixels().all(|pixel| pixel.0[3] == 255));
        assert_eq!(run(&source, &format!("dpr_4,pad_2000,{background}")), Err(ImageError::ResultTooLarge));
    }
}
