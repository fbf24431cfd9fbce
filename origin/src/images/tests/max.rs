//! `max`: a result of at most so many bytes, and `q_auto`.

use std::time::{Duration, Instant};

use sealpix::operations::Operations;

use super::super::Limits;
use super::super::geometry::Size;
use super::super::probe::Probe;
use super::sources::{exif_with_place, gradient, photo, png, with_segment};
use super::{ImageError, Picture, mean_difference, open, process, run};

#[test]
fn the_best_quality_within_the_bound_is_found() {
    let source = photo("freespace-1mp.jpg");
    for (operations, max) in [
        // By planes, and by pixels.
        ("w_400,f_jpg", 12_000),
        ("w_400,f_webp", 9_000),
        ("w_400,f_jpg,sharpen_1", 15_000),
        ("w_400,f_webp,sharpen_1", 12_000),
        ("w_200,f_avif", 4_000),
        // Whole chroma first, halved chroma then.
        ("w_400,f_jpg,q_95", 20_000),
    ] {
        let free = run(&source, operations).unwrap();
        let bound = run(&source, &format!("{operations},max_{max}")).unwrap();
        assert!(free.bytes.len() > max, "{operations}: {} are too few to tell", free.bytes.len());
        assert!(bound.bytes.len() <= max, "{operations}: {}", bound.bytes.len());
        assert!(bound.bytes.len() * 10 > max * 8, "{operations}: {} is far below {max}", bound.bytes.len());
        assert_eq!((bound.width, bound.height, bound.format), (free.width, free.height, free.format));
        let difference = mean_difference(&open(&free), &open(&bound));
        assert!(difference < 12.0, "{operations}: {difference}");
    }
}

#[test]
fn what_fits_is_encoded_as_without_a_bound() {
    let source = photo("freespace-1mp.jpg");
    for operations in ["w_300,f_jpg", "w_300,f_jpg,q_50", "w_300,f_webp", "w_200,f_avif", "w_100,f_png", "w_300,q_auto"]
    {
        let bound = run(&source, &format!("{operations},max_200000")).unwrap();
        assert_eq!(run(&source, operations).unwrap(), bound, "{operations}");
    }
}

#[test]
fn a_bound_never_raises_the_quality_asked_for() {
    let source = photo("freespace-1mp.jpg");
    let asked = run(&source, "w_400,f_jpg,q_40").unwrap();
    let below = asked.bytes.len() - 1;
    let bound = run(&source, &format!("w_400,f_jpg,q_40,max_{below}")).unwrap();
    assert!(bound.bytes.len() <= below);
}

#[test]
fn what_no_quality_reaches_is_refused() {
    let source = photo("freespace-1mp.jpg");
    for operations in ["w_1000,f_jpg", "w_1000,f_webp", "w_200,f_png", "w_400,f_jpg,q_1"] {
        let refused = run(&source, &format!("{operations},max_1000")).unwrap_err();
        assert_eq!(refused, ImageError::ResultTooLarge, "{operations}");
    }
}

#[test]
fn img8_a_source_within_the_bound_is_its_own_best_result() {
    // Coarser than the default, so that encoding again makes it larger.
    let source = run(&photo("freespace-1mp.jpg"), "w_300,f_jpg,q_30").unwrap().bytes;
    let max = source.len() + 1;
    assert!(run(&source, &format!("max_{max}")).unwrap() == run(&source, "_").unwrap());
}

#[test]
fn dos8_the_search_ends_at_the_deadline() {
    let source = photo("freespace-1mp.jpg");
    let operations = Operations::read("w_400,f_avif,max_1000").unwrap();
    let began = Instant::now();
    let once = process(&source, &Operations::read("w_400,f_avif").unwrap(), &Limits::default(), far())
        .map(|_| began.elapsed());
    // Time for one encode, and not for a second.
    let deadline = Instant::now() + once.unwrap() * 3 / 2;
    let refused = process(&source, &operations, &Limits::default(), deadline).unwrap_err();
    assert_eq!(refused, ImageError::DeadlineExceeded);
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

#[test]
fn metadata_counts_towards_the_bound() {
    let exif = exif_with_place(1);
    let source = with_segment(&photo("freespace-1mp.jpg"), 0xe1, &[b"Exif\0\0", &exif[..]].concat());
    let plain = run(&source, "w_300,f_jpg").unwrap().bytes.len();
    let bound = run(&source, &format!("w_300,f_jpg,max_{plain},meta_keep")).unwrap();
    assert!(bound.bytes.len() <= plain);
}

/// Grey noise of a strength: strong, it hides what an encoder does to it; faint, it is the first thing to go.
fn noise(strength: u32) -> Picture {
    let mut state = 1u32;
    let pixels = (0..200 * 200).flat_map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        [(128 - strength / 2 + (state >> 16) % strength) as u8; 3]
    });
    Picture::rgb(Size { width: 200, height: 200 }, pixels.collect())
}

#[test]
fn q_auto_gives_what_hides_errors_fewer_bytes_and_what_shows_them_more() {
    let bytes = |source: &[u8], operations: &str| run(source, operations).unwrap().bytes.len();
    let (strong, faint) = (png(&noise(250)), png(&noise(16)));
    assert!(bytes(&strong, "f_jpg,q_auto") < bytes(&strong, "f_jpg"));
    assert!(bytes(&faint, "f_jpg,q_auto") > bytes(&faint, "f_jpg"));
}

#[test]
fn img7_q_auto_chooses_the_same_each_time_for_every_kind_of_picture() {
    let source = photo("freespace-1mp.jpg");
    for format in ["jpg", "webp", "avif"] {
        let operations = format!("w_300,f_{format},q_auto");
        assert!(run(&source, &operations).unwrap() == run(&source, &operations).unwrap(), "{format}");
    }
    // A picture of less than a block, and a format without loss.
    assert!(run(&png(&gradient(3, 2)), "f_jpg,q_auto").is_ok());
    assert!(run(&source, "w_150,f_png,q_auto").unwrap() == run(&source, "w_150,f_png").unwrap());
}

#[test]
fn a_result_with_its_metadata_is_probed_as_one() {
    let source = with_segment(&photo("freespace-1mp.jpg"), 0xe1, &[b"Exif\0\0", &exif_with_place(6)[..]].concat());
    for format in ["jpg", "webp", "png", "avif"] {
        let result = run(&source, &format!("w_100,f_{format},q_auto,meta_keep")).unwrap();
        assert!(Probe::read(&result.bytes).unwrap().orientation.is_upright(), "{format}: IMG-1");
    }
}
