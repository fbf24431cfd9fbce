//! Files that other encoders wrote. Those of `fixtures/` are four coloured quarters of 48 by 32 by sharp 0.35 (libvips
//! with libaom, libwebp and libspng), one for each coding that our own encoders do not write.

use super::super::format::Format;
use super::super::orientation::Orientation;
use super::super::picture::{Channels, Picture};
use super::super::probe::Probe;
use super::sources::{BLUE, GREEN, RED, SAND};
use super::{near, open, open_bytes, pixel, run};

macro_rules! fixture {
    ($name:literal) => {
        ($name, &include_bytes!(concat!("fixtures/", $name))[..])
    };
}

/// Whether the middles of the four quarters have their colours.
fn has_quarters(picture: &Picture, by: u8) -> bool {
    let (x, y) = (picture.size.width / 4, picture.size.height / 4);
    near(pixel(picture, x, y), RED, by)
        && near(pixel(picture, 3 * x, y), GREEN, by)
        && near(pixel(picture, x, 3 * y), BLUE, by)
        && near(pixel(picture, 3 * x, 3 * y), SAND, by)
}

#[test]
fn img4_avif_of_every_depth_and_sampling() {
    for (name, source) in [
        fixture!("q8-420.avif"),
        fixture!("q8-444.avif"),
        fixture!("q10-420.avif"),
        fixture!("q12-444.avif"),
        fixture!("lossless.avif"),
    ] {
        assert!(has_quarters(&open_bytes(source), 4), "{name}");
        for operations in ["w_24,q_95", "w_24,f_png", "w_24,f_jpg,q_95", "w_24,f_webp,q_95"] {
            assert!(has_quarters(&open(&run(source, operations).unwrap()), 12), "{name} {operations}");
        }
    }
    assert_eq!(pixel(&open_bytes(fixture!("lossless.avif").1), 0, 0), RED, "the identity matrix loses nothing");
}

#[test]
fn img3_avif_with_alpha() {
    let (_, source) = fixture!("alpha.avif");
    let picture = open_bytes(source);
    assert_eq!(picture.channels, Channels::Rgba);
    assert!(near(pixel(&picture, 12, 8), [RED[0], RED[1], RED[2], 128], 4));
    let white = open(&run(source, "f_jpg,q_95").unwrap());
    assert!(near(pixel(&white, 12, 8), [237, 142, 142, 255], 8));
}

/// `irot` stands in the file; the reader of the file turned it upright.
#[test]
fn img1_avif_that_is_to_be_turned() {
    let (_, source) = fixture!("orient6.avif");
    let probe = Probe::read(source).unwrap();
    assert_eq!(probe.orientation, Orientation::from_exif(6));
    let result = run(source, "w_16,f_png").unwrap();
    assert_eq!((result.width, result.height), (16, 24));
    let shown = open(&result);
    // A quarter turn clockwise: the bottom left comes to the top left.
    assert!(near(pixel(&shown, 4, 6), BLUE, 8) && near(pixel(&shown, 12, 6), RED, 8));
    assert!(near(pixel(&shown, 4, 18), SAND, 8) && near(pixel(&shown, 12, 18), GREEN, 8));
}

#[test]
fn img2_avif_with_a_profile() {
    let (_, source) = fixture!("p3.avif");
    assert!(Probe::read(source).unwrap().profile.is_some());
    let result = open(&run(source, "w_24,f_png").unwrap());
    assert!(has_quarters(&result, 6), "the encoder moved sRGB into Display P3; we move it back");
    assert!(!has_quarters(&open_bytes(source), 6), "the coded colours are others");
}

#[test]
fn img4_interlaced_png_and_lossless_webp() {
    for (name, source) in [fixture!("interlaced.png"), fixture!("lossless.webp")] {
        let picture = open_bytes(source);
        assert_eq!(pixel(&picture, 0, 0), RED, "{name}");
        assert!(has_quarters(&picture, 0), "{name}");
        assert!(has_quarters(&open(&run(source, "w_24,f_png").unwrap()), 0), "{name}");
    }
}

#[test]
fn a_gifs_first_frame_stands_where_it_says() {
    let mut source = Vec::new();
    let mut encoder = gif::Encoder::new(&mut source, 20, 10, &[200, 0, 0, 0, 0, 200]).unwrap();
    let mut frame = gif::Frame::from_indexed_pixels(10, 10, [0, 1].repeat(50), Some(1));
    (frame.left, frame.top) = (15, 2);
    encoder.write_frame(&frame).unwrap();
    drop(encoder);
    let result = run(&source, "f_png").unwrap();
    assert_eq!((result.format, result.width, result.height), (Format::Png, 20, 10));
    let shown = open(&result);
    let clear = |x, y| pixel(&shown, x, y)[3] == 0;
    assert!(clear(0, 0) && clear(14, 5) && clear(15, 1) && clear(16, 5));
    assert_eq!(pixel(&shown, 15, 2), [200, 0, 0, 255]);
    assert_eq!(pixel(&shown, 19, 9), [200, 0, 0, 255]);
}
