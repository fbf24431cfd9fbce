//! Watermarks: where the mark lies, how large and how strong, against pixels computed here.

use std::time::{Duration, Instant};

use sealpix::operations::Operations;
use turbojpeg::Subsamp;

use super::super::geometry::Size;
use super::super::picture::{Channels, Picture};
use super::super::{Job, Mark, Until};
use super::estimate_bytes;
use super::sources::{
    BLUE, GREEN, RED, SAND, as_coded, exif_with_place, gradient, jpeg, photo, png, quarters, with_orientation,
    with_segment,
};
use super::{Derivative, ImageError, Limits, mean_difference, near, open, open_bytes, pixel, run};

fn marked(source: &[u8], mark: &Picture, operations: &str) -> Result<Derivative, ImageError> {
    let mark = Mark::open(&png(mark)).unwrap();
    let operations = Operations::read(operations).unwrap();
    let (limits, until) = (Limits::default(), Until::at(Instant::now() + Duration::from_secs(120)));
    Job { source, operations: &operations, mark: Some(&mark), is_negotiated: false, limits: &limits }.run(&until)
}

/// The mark laid on a picture, without loss.
fn laid(picture: &Picture, mark: &Picture, watermark: &str) -> Picture {
    open(&marked(&png(picture), mark, &format!("wm_logo:{watermark},f_png")).unwrap())
}

fn flat(width: u32, height: u32, colour: &[u8]) -> Picture {
    let pixels = colour.repeat((width * height) as usize);
    let size = Size { width, height };
    if colour.len() == 4 { Picture::rgba(size, pixels) } else { Picture::rgb(size, pixels) }
}

const GREY: [u8; 3] = [100, 100, 100];

/// The columns and rows of the grey picture that are not grey: first and last of each.
fn covered(picture: &Picture) -> Option<(u32, u32, u32, u32)> {
    let places = (0..picture.size.height).flat_map(|y| (0..picture.size.width).map(move |x| (x, y)));
    places.filter(|(x, y)| pixel(picture, *x, *y)[..3] != GREY).fold(None, |bounds, (x, y)| {
        let (left, top, right, bottom) = bounds.unwrap_or((x, y, x, y));
        Some((left.min(x), top.min(y), right.max(x), bottom.max(y)))
    })
}

#[test]
fn a_mark_lies_where_its_gravity_says() {
    let (picture, mark) = (flat(100, 50, &GREY), flat(20, 10, &RED[..3]));
    for (place, left, top) in [
        ("nw", 0, 0),
        ("n", 40, 0),
        ("ne", 80, 0),
        ("w", 0, 20),
        ("center", 40, 20),
        ("e", 80, 20),
        ("sw", 0, 40),
        ("s", 40, 40),
        ("se", 80, 40),
        ("smart", 80, 40),
        ("fp:0:0", 0, 0),
        ("fp:1:1", 80, 40),
        // Centred on the point.
        ("fp:0.5:0.5", 40, 20),
        ("fp:0.3:0.4", 20, 15),
        ("fp:0.05:0.95", 0, 40),
    ] {
        let result = laid(&picture, &mark, &format!("{place}:100:20"));
        assert_eq!(covered(&result), Some((left, top, left + 19, top + 9)), "{place}");
        assert_eq!(pixel(&result, left + 10, top + 5), RED, "{place}");
        assert_eq!(result.channels, Channels::Rgb, "IMG-8: {place}");
    }
}

#[test]
fn scale_is_of_the_results_width_and_the_mark_stays_inside_with_its_aspect() {
    for ((width, height), (mark_width, mark_height), scale, expected) in [
        ((200, 100), (20, 10), 50, (100, 50)),
        ((200, 100), (20, 10), 100, (200, 100)),
        ((200, 100), (20, 10), 1, (2, 1)),
        ((200, 100), (300, 300), 25, (50, 50)),
        ((200, 100), (10, 40), 50, (25, 100)),
        ((200, 100), (1000, 10), 10, (20, 1)),
        ((200, 100), (400, 1), 50, (100, 1)),
        ((200, 100), (1, 400), 50, (1, 100)),
        ((30, 7), (64, 64), 100, (7, 7)),
        ((33, 20), (10, 10), 50, (17, 17)),
        ((1, 1), (500, 300), 1, (1, 1)),
    ] {
        let result =
            laid(&flat(width, height, &GREY), &flat(mark_width, mark_height, &RED[..3]), &format!("nw:100:{scale}"));
        let bounds = (0, 0, expected.0 - 1, expected.1 - 1);
        assert_eq!(covered(&result), Some(bounds), "{mark_width}x{mark_height} at {scale} % of {width}x{height}");
        assert_eq!(result.size, Size { width, height });
    }
    // Of the result, not of the source, whatever the pixel ratio.
    let source = png(&flat(400, 200, &GREY));
    for (operations, side) in [("w_100", 50), ("w_100,dpr_2", 100), ("w_100,pad_0:100:0:0", 100)] {
        let result = marked(&source, &flat(8, 1, &RED[..3]), &format!("{operations},wm_a:nw:100:50,f_png")).unwrap();
        assert_eq!(pixel(&open(&result), side - 1, 0), RED, "{operations}");
        assert_ne!(pixel(&open(&result), side, 0), RED, "{operations}");
    }
}

#[test]
fn a_mark_that_is_not_resized_keeps_its_pixels_and_one_that_is_has_the_resizes() {
    let mark = quarters(40, 20);
    let result = laid(&flat(80, 60, &GREY), &mark, "se:100:50");
    for (x, y) in [(0, 0), (19, 9), (20, 9), (19, 10), (39, 19)] {
        assert_eq!(pixel(&result, 40 + x, 40 + y), pixel(&mark, x, y));
    }
    let half = laid(&flat(40, 30, &GREY), &gradient(80, 60), "center:100:100");
    let expected = open(&run(&png(&gradient(80, 60)), "w_40,f_png").unwrap());
    assert_eq!(half, expected);
}

#[test]
fn img3_opacity_thins_the_mark_and_what_hides_in_it_stays_hidden() {
    let picture = flat(40, 40, &GREY);
    let over = |share: f64, mark: [u8; 4]| {
        [0, 1, 2].map(|channel| (f64::from(mark[channel]) * share + 100.0 * (1.0 - share)).round() as u8)
    };
    for opacity in [1, 10, 33, 50, 99, 100] {
        for alpha in [255, 128, 3, 0] {
            let mark = [250, 0, 30, alpha];
            let result = laid(&picture, &flat(40, 40, &mark), &format!("center:{opacity}:100"));
            let left = (f64::from(alpha) * f64::from(opacity) / 100.0).round() / 255.0;
            let [red, green, blue] = over(left, mark);
            assert!(near(pixel(&result, 7, 30), [red, green, blue, 255], 1), "{opacity} % of alpha {alpha}");
            assert_eq!(result.channels, Channels::Rgb, "IMG-8");
        }
    }
    // Half of the mark is transparent green, which no resize lets through.
    let colour = |x: u32| if x < 20 { [200, 0, 0, 255] } else { [0, 255, 0, 0] };
    let pixels = (0..20).flat_map(|_| (0..40).flat_map(colour)).collect();
    let mark = Picture::rgba(Size { width: 40, height: 20 }, pixels);
    for scale in [13, 25, 50, 77, 100] {
        let result = laid(&flat(100, 60, &[0, 0, 0]), &mark, &format!("center:100:{scale}"));
        assert!(result.pixels.as_chunks::<3>().0.iter().all(|pixel| pixel[1] == 0), "green at {scale} %");
    }
}

#[test]
fn tiles_cover_the_whole_result_from_its_corner() {
    let mark = quarters(10, 10);
    let result = laid(&flat(37, 23, &GREY), &mark, "tile:100:27");
    for y in 0..23 {
        for x in 0..37 {
            assert_eq!(pixel(&result, x, y), pixel(&mark, x % 10, y % 10), "{x} {y}");
        }
    }
    let one = laid(&flat(5, 9, &GREY), &flat(3, 3, &RED), "tile:50:1");
    assert!(one.pixels.as_chunks::<3>().0.iter().all(|pixel| *pixel == [160, 65, 65]), "a tile of one pixel");
    let large = laid(&flat(20, 10, &GREY), &mark, "tile:100:100");
    assert_eq!((pixel(&large, 0, 0), pixel(&large, 9, 9), pixel(&large, 10, 0)), (RED, SAND, RED));
}

#[test]
fn img1_the_mark_is_upright_whatever_the_orientation() {
    let upright = gradient(96, 64);
    let mark = quarters(24, 24);
    let operations = "w_72,wm_logo:fp:0.25:0.75:80:30,q_95";
    let expected = open(&marked(&jpeg(&upright, Subsamp::None), &mark, operations).unwrap());
    assert_eq!(expected.size, Size { width: 72, height: 48 });
    let bare = open(&run(&jpeg(&upright, Subsamp::None), "w_72,q_95").unwrap());
    assert!(pixel(&expected, 12, 30)[0] > pixel(&bare, 12, 30)[0] + 60, "red is at the top left of the mark");
    assert!(pixel(&expected, 12, 42)[2] > pixel(&bare, 12, 42)[2] + 60, "and blue below it");
    for orientation in 1..=8 {
        let source = with_orientation(&jpeg(&as_coded(upright.clone(), orientation), Subsamp::None), orientation);
        let result = open(&marked(&source, &mark, operations).unwrap());
        let difference = mean_difference(&result, &expected);
        assert!(difference < 1.5, "orientation {orientation}: {difference}");
    }
    // A mark from a camera is turned itself.
    for orientation in 1..=8 {
        let upload = with_orientation(&jpeg(&as_coded(quarters(64, 32), orientation), Subsamp::None), orientation);
        let mark = open_bytes(&Mark::open(&upload).unwrap().to_png().unwrap().bytes);
        assert_eq!(mark.size, Size { width: 64, height: 32 }, "orientation {orientation}");
        for ((x, y), colour) in [((8, 8), RED), ((56, 8), GREEN), ((8, 24), BLUE), ((56, 24), SAND)] {
            assert!(near(pixel(&mark, x, y), colour, 12), "orientation {orientation} at {x} {y}");
        }
    }
}

#[test]
fn a_mark_stands_on_margins_borders_and_rounded_corners() {
    let source = png(&quarters(40, 40));
    let mark = flat(10, 10, &[9, 200, 9]);
    let green = [9, 200, 9, 255];
    let padded = open(&marked(&source, &mark, "w_40,h_60,fit_pad,pad_4,bg_000000,wm_a:n:100:25").unwrap());
    assert_eq!(padded.size, Size { width: 48, height: 68 });
    assert_eq!((pixel(&padded, 24, 0), pixel(&padded, 24, 11), pixel(&padded, 24, 12)), (green, green, [0, 0, 0, 255]));
    assert_eq!(padded.channels, Channels::Rgb, "IMG-8");
    let cornered = open(&marked(&source, &mark, "round_20,wm_a:nw:100:25").unwrap());
    assert_eq!(pixel(&cornered, 0, 0), green, "the mark is not cut");
    assert_eq!((pixel(&cornered, 39, 39)[3], pixel(&cornered, 20, 20)), (0, SAND));
    let half = open(&marked(&source, &mark, "round_20,wm_a:nw:50:25").unwrap());
    assert_eq!(pixel(&half, 0, 0), [9, 200, 9, 128], "half a mark on nothing is half a mark");
    // What lies under the effects is the picture; the mark is not one of them.
    let inverted = open(&marked(&source, &mark, "invert_1,blur_3,wm_a:se:100:25").unwrap());
    assert_eq!(pixel(&inverted, 35, 35), green);
}

#[test]
fn img8_alpha_that_the_mark_covers_goes_and_the_rest_stays() {
    let mut glass = flat(20, 20, &[10, 20, 30, 0]);
    let all = open(&marked(&png(&glass), &flat(4, 4, &RED[..3]), "wm_a:tile:100:20,f_webp,q_100").unwrap());
    assert_eq!(all.channels, Channels::Rgb);
    glass.pixels.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel[3] = 100);
    let some = laid(&glass, &flat(4, 4, &RED[..3]), "nw:40:50");
    let under = super::super::picture::blend([RED[0], RED[1], RED[2], 102], [10, 20, 30, 100]);
    assert_eq!((pixel(&some, 3, 3), pixel(&some, 15, 15)), (under, [10, 20, 30, 100]));
    let white = open(&marked(&png(&flat(20, 20, &[0; 4])), &flat(4, 4, &[0, 0, 0]), "wm_a:nw:50:50,f_jpg").unwrap());
    assert!(near(pixel(&white, 2, 2), [127, 127, 127, 255], 4) && near(pixel(&white, 17, 17), [255; 4], 3));
}

#[test]
fn every_format_has_its_mark_and_the_planar_road_is_left() {
    let source = photo("freespace-1mp.jpg");
    let mark = flat(30, 30, &[255, 0, 255, 255]);
    for format in ["jpg", "png", "webp", "avif"] {
        let result = open(&marked(&source, &mark, &format!("w_120,wm_a:se:100:25,f_{format}")).unwrap());
        let Size { width, height } = result.size;
        assert!(near(pixel(&result, width - 8, height - 8), [255, 0, 255, 255], 16), "{format}");
        assert!(!near(pixel(&result, width - 50, height - 50), [255, 0, 255, 255], 60), "{format}");
    }
    // Nothing else asked: the source does not come back in the result's place (IMG-8's shortcut).
    let small = run(&png(&quarters(8, 8)), "f_png").unwrap().bytes;
    assert_eq!(pixel(&open(&marked(&small, &mark, "wm_a:center:100:50").unwrap()), 4, 4), [255, 0, 255, 255]);
}

#[test]
fn dos7_marks_and_results_of_a_pixel_or_a_line_are_done() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (2, 3)] {
        for mark in [flat(1, 1, &RED), flat(1, 900, &RED), flat(900, 1, &RED), flat(2000, 2000, &RED[..3])] {
            for place in ["center", "tile", "fp:1:0", "smart"] {
                for scale in [1, 50, 100] {
                    let result = laid(&flat(width, height, &GREY), &mark, &format!("{place}:100:{scale}"));
                    assert!(covered(&result).is_some(), "{width}x{height} {place} {scale}");
                }
            }
        }
    }
}

#[test]
fn a_mark_that_is_not_at_hand_is_never_left_out() {
    assert_eq!(run(&png(&quarters(8, 8)), "wm_logo:n:50:50"), Err(ImageError::Unsupported("wm")));
}

#[test]
fn dos1_an_upload_that_is_no_still_raster_of_four_megapixels_is_refused() {
    let header = |width: u32| {
        let mut bytes = png(&flat(1, 1, &RED[..3]));
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes
    };
    assert_eq!(Mark::open(b""), Err(ImageError::Empty));
    for bytes in [&b"<!doctype html><script>"[..], b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", b"{}", &[0; 64]] {
        let refused = Mark::open(bytes);
        assert!(matches!(refused, Err(ImageError::NotAnImage(_) | ImageError::FormatUnsupported(_))), "{refused:?}");
    }
    assert_eq!(Mark::open(&header(4_000_001)), Err(ImageError::SourceTooLarge));
    assert!(matches!(Mark::open(&header(4_000_000)), Err(ImageError::Broken(_))), "and one that lies is broken");
    let whole = png(&quarters(40, 40));
    assert!(matches!(Mark::open(&whole[..whole.len() / 2]), Err(ImageError::Broken(_))));
    assert!(Mark::open(&png(&flat(2000, 2000, &RED[..3]))).is_ok());
    assert_eq!(Mark::open(&png(&flat(2000, 2001, &RED[..3]))), Err(ImageError::SourceTooLarge));
    let mut moving = Vec::new();
    let mut encoder = gif::Encoder::new(&mut moving, 2, 2, &[0, 0, 0, 255, 255, 255]).unwrap();
    for index in [0, 1] {
        encoder.write_frame(&gif::Frame::from_indexed_pixels(2, 2, vec![index; 4], None)).unwrap();
    }
    drop(encoder);
    assert_eq!(Mark::open(&moving), Err(ImageError::FormatUnsupported("an animation")));
}

#[test]
fn img6_what_is_kept_of_an_upload_is_its_pixels() {
    let place = [&b"Exif\0\0"[..], &exif_with_place(1)].concat();
    let upload = with_segment(&jpeg(&quarters(32, 32), Subsamp::None), 0xe1, &place);
    let kept = Mark::open(&upload).unwrap().to_png().unwrap();
    assert!(!kept.bytes.windows(11).any(|bytes| bytes == b"GPS-MY-HOME"));
    assert!(kept.bytes.starts_with(b"\x89PNG") && (kept.width, kept.height) == (32, 32));
    let mark = Mark::open(&kept.bytes).unwrap();
    assert_eq!(mark.to_png().unwrap(), kept, "what is kept stays what it is");
    assert_eq!(mark.held_bytes(), 32 * 32 * 3);
}

#[test]
fn dos11_the_estimate_knows_what_a_mark_holds() {
    let source = png(&quarters(1000, 1000));
    let estimate =
        |operations: &str| estimate_bytes(&source, &Operations::read(operations).unwrap(), &Limits::default()).unwrap();
    // The largest mark's premultiplied copy, the first pass, and the mark at the result's size.
    assert!(estimate("f_jpg,wm_a:n:50:100") >= (16 + 16 + 8 + 3) * 1_000_000);
    assert!(estimate("f_jpg,wm_a:n:50:100") > estimate("f_jpg,wm_a:n:50:10"));
    assert!(estimate("f_jpg,wm_a:n:50:1") > estimate("f_jpg"));
}
