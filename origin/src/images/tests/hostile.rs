//! Sources that mean harm, or are none.

use std::time::{Duration, Instant};

use sealpix::operations::Operations;
use turbojpeg::Subsamp;

use super::super::caught;
use super::estimate_bytes;
use super::sources::{gradient, jpeg, jpeg_with, png, quarters, with_chunk, with_segment};
use super::{ImageError, Limits, process, run};

#[test]
fn what_is_no_image_is_said_to_be_none() {
    let not_an_image = |source: &[u8]| matches!(run(source, "w_10"), Err(ImageError::NotAnImage(_)));
    assert_eq!(run(b"", "w_10"), Err(ImageError::Empty));
    assert!(not_an_image(b"<!doctype html><p>hello"));
    assert!(not_an_image(b"  \n<html><body><img src=x.svg>"));
    assert!(not_an_image(b"hello"));
    assert!(not_an_image(&[0; 100]));
    assert!(not_an_image(&[0xff]));
}

#[test]
fn formats_that_are_not_read_are_named() {
    for (source, name) in [
        (&b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"[..], "svg"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- --><svg/>", "svg"),
        (b"II\x2a\0\x08\0\0\0", "tiff"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypavis\0\0\0\0avifavis", "animated avif"),
        (b"BM\0\0\0\0", "bmp"),
        (b"%PDF-1.7", "pdf"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
    ] {
        for operations in ["_", "w_10"] {
            assert_eq!(run(source, operations), Err(ImageError::FormatUnsupported(name)));
        }
    }
}

#[test]
fn dos1_a_pixel_flood_is_refused_from_the_header() {
    let mut flood = png(&quarters(2, 2));
    flood[16..24].copy_from_slice(&[0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40]);
    let begun = Instant::now();
    for operations in ["_", "w_10", "w_10,f_avif"] {
        assert_eq!(run(&flood, operations), Err(ImageError::SourceTooLarge));
    }
    let mut flood = jpeg(&quarters(16, 16), Subsamp::None);
    let frame = flood.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    flood[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert_eq!(run(&flood, "w_10"), Err(ImageError::SourceTooLarge));
    let mut flood = run(&png(&quarters(16, 16)), "f_webp").unwrap().bytes;
    flood[26..30].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    assert_eq!(run(&flood, "w_10"), Err(ImageError::SourceTooLarge));
    let mut flood = run(&png(&quarters(16, 16)), "f_avif").unwrap().bytes;
    let extents = flood.windows(4).position(|name| name == b"ispe").unwrap();
    flood[extents + 8..extents + 16].copy_from_slice(&[0, 0, 0x9c, 0x40, 0, 0, 0x9c, 0x40]);
    assert_eq!(run(&flood, "w_10"), Err(ImageError::SourceTooLarge));
    flood[extents + 8..extents + 16].copy_from_slice(&[0, 0, 0, 4, 0, 0, 0, 4]);
    assert!(matches!(run(&flood, "w_10"), Err(ImageError::Broken(_))), "the stream is larger than the container says");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn dos4_a_result_is_bounded_before_any_work() {
    let thin = png(&quarters(1, 3000));
    for operations in
        ["w_8192,up_1", "h_8192,w_8192,fit_outside,up_1", "w_8192,h_8192,fit_pad", "w_8192,h_8192,fit_fill,up_1"]
    {
        assert_eq!(run(&thin, operations), Err(ImageError::ResultTooLarge), "{operations}");
    }
}

#[test]
fn dos7_one_pixel_and_lines_survive_every_fit() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (3, 2), (7, 1)] {
        for kind in ["png", "jpg", "webp", "avif"] {
            let source = run(&png(&gradient(width, height)), &format!("f_{kind}")).unwrap();
            for operations in
                ["w_1", "h_1", "w_2", "w_10,h_10", "w_1,h_1,fit_cover", "w_10,h_10,fit_pad", "w_9,up_1,h_9,fit_fill"]
            {
                let result = run(&source.bytes, operations).unwrap();
                assert!(result.width > 0 && result.height > 0);
            }
        }
    }
}

#[test]
fn a_truncated_source_is_broken_everywhere_it_is_cut() {
    for kind in ["png", "jpg", "webp", "avif"] {
        let whole = run(&png(&gradient(120, 90)), &format!("f_{kind}")).unwrap().bytes;
        for part in 1..10 {
            let cut = &whole[..whole.len() * part / 10];
            for operations in ["w_50", "w_50,f_png", "_"] {
                let refused = run(cut, operations);
                assert!(
                    matches!(
                        refused,
                        Err(ImageError::Broken(_) | ImageError::NotAnImage(_) | ImageError::FormatUnsupported(_))
                    ),
                    "{kind} cut at {part} tenths, {operations}: {:?}",
                    refused.map(|done| done.bytes.len())
                );
            }
        }
    }
    let progressive = jpeg_with(&gradient(120, 90), |compressor| compressor.set_progressive(true).unwrap());
    for part in 2..10 {
        assert!(matches!(run(&progressive[..progressive.len() * part / 10], "w_50"), Err(ImageError::Broken(_))));
    }
}

#[test]
fn dos3_flipped_bytes_never_panic_through() {
    for kind in ["png", "jpg", "webp"] {
        let whole = run(&png(&gradient(40, 30)), &format!("f_{kind}")).unwrap().bytes;
        for at in 0..whole.len().min(400) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0xff;
            for operations in ["w_20", "_"] {
                let _: Result<_, ImageError> = run(&flipped, operations);
            }
        }
    }
}

#[test]
fn dos3_a_panic_is_an_error_of_this_request() {
    let result = caught(|| -> Result<(), ImageError> { panic!("as a codec would") });
    assert!(matches!(result, Err(ImageError::Broken(_))));
}

#[test]
fn dos8_scans_are_bounded() {
    let source = jpeg_with(&gradient(64, 64), |compressor| compressor.set_progressive(true).unwrap());
    let few = Limits { jpeg_scans: 2, ..Limits::default() };
    let operations = Operations::parse("w_10").unwrap();
    let far = Instant::now() + Duration::from_secs(60);
    assert!(matches!(process(&source, &operations, &few, far), Err(ImageError::Broken(_))));
    assert!(process(&source, &operations, &Limits::default(), far).is_ok());
}

#[test]
fn dos8_a_passed_deadline_ends_the_work() {
    let operations = Operations::parse("w_10").unwrap();
    let result = process(&png(&quarters(4, 4)), &operations, &Limits::default(), Instant::now());
    assert_eq!(result, Err(ImageError::DeadlineExceeded));
}

#[test]
fn dos2_text_that_inflates_is_not_inflated() {
    let bomb = with_chunk(&png(&quarters(4, 4)), *b"zTXt", b"Comment\0\0rubbish that is no deflate stream");
    assert!(run(&bomb, "w_2").is_ok());
}

#[test]
fn dos5_frames_are_counted_before_they_are_decoded() {
    let mut gif = Vec::new();
    let mut encoder = gif::Encoder::new(&mut gif, 8, 8, &[0, 0, 0, 255, 255, 255]).unwrap();
    for _ in 0..201 {
        encoder.write_frame(&gif::Frame::from_indexed_pixels(8, 8, vec![1; 64], None)).unwrap();
    }
    drop(encoder);
    assert_eq!(run(&gif, "w_4"), Err(ImageError::SourceTooLarge));
    assert_eq!(run(&gif, "_"), Err(ImageError::SourceTooLarge));
}

#[test]
fn img5_a_format_is_not_asked_for_more_than_it_can() {
    let limits = Limits { output_side: 40_000, source_pixels: u64::MAX, ..Limits::default() };
    let operations = Operations::parse("f_webp").unwrap();
    let long = png(&quarters(17_000, 2));
    let far = Instant::now() + Duration::from_secs(60);
    assert_eq!(process(&long, &operations, &limits, far), Err(ImageError::ResultTooLarge));
}

#[test]
fn a_polyglots_second_half_does_not_pass() {
    let payload = b"<script>alert(1)</script>PK\x03\x04";
    let jpeg = with_segment(&jpeg(&gradient(40, 30), Subsamp::Sub2x2), 0xfe, payload);
    let sources = [
        [&jpeg[..], payload].concat(),
        [&with_chunk(&png(&gradient(40, 30)), *b"tEXt", payload)[..], payload].concat(),
        [&run(&png(&gradient(40, 30)), "f_webp").unwrap().bytes[..], payload].concat(),
    ];
    for source in sources {
        for operations in ["_", "w_20"] {
            let result = run(&source, operations).unwrap();
            assert!(!result.bytes.windows(8).any(|window| window == b"<script>"), "{:?} {operations}", result.format);
        }
    }
    let avif = [&run(&png(&gradient(40, 30)), "f_avif").unwrap().bytes[..], payload].concat();
    assert!(matches!(run(&avif, "_"), Err(ImageError::FormatUnsupported(_))));
}

#[test]
fn dos11_memory_is_estimated_from_the_header() {
    let operations = Operations::parse("w_800,f_avif").unwrap();
    let limits = Limits::default();
    let small = estimate_bytes(&png(&quarters(10, 10)), &operations, &limits).unwrap();
    let large = estimate_bytes(&png(&quarters(2000, 2000)), &operations, &limits).unwrap();
    assert!(small < large && large > 2000 * 2000 * 3);
    let tight = Limits { memory_bytes: large - 1, ..limits };
    let far = Instant::now() + Duration::from_secs(60);
    let refused = process(&png(&quarters(2000, 2000)), &operations, &tight, far);
    assert!(matches!(refused, Err(ImageError::SourceTooLarge | ImageError::ResultTooLarge)));
}

/// A panic inside the AV1 decoder's C interface would end the process, and nothing could catch it: no damaged input may
/// bring one about.
#[test]
fn dos3_damaged_avif_ends_no_process() {
    let sources = [
        &include_bytes!("fixtures/q8-420.avif")[..],
        include_bytes!("fixtures/q10-420.avif"),
        include_bytes!("fixtures/alpha.avif"),
        include_bytes!("fixtures/q12-444.avif"),
    ];
    let (mut state, mut opened) = (0x9e37_79b9_7f4a_7c15u64, 0);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    for _ in 0..20_000 {
        let mut damaged = sources[next() % sources.len()].to_vec();
        // The coded data stands at the end: most damage goes there.
        let from = if next() % 4 == 0 { 0 } else { damaged.len() / 2 };
        for _ in 0..=next() % 6 {
            let at = from + next() % (damaged.len() - from);
            damaged[at] = next() as u8;
        }
        opened += u32::from(run(&damaged, "w_8,f_png").is_ok());
    }
    assert!((1..20_000).contains(&opened), "{opened}: damage was not of both kinds");
}
