//! Codecs beside each other: whatever is an [`Encoder`] can take a format's place, and is measured here first. The table is
//! printed; what is made must be the picture.

use std::time::{Duration, Instant};

use image::ImageEncoder as _;
use image::codecs::jpeg::JpegEncoder;
use sealpix::operations::Operations;

use super::super::decode;
use super::super::encode::{self, Encoder, default_quality};
use super::super::error::ImageError;
use super::super::format::Format;
use super::super::metadata::Kept;
use super::super::picture::Picture;
use super::super::probe::Probe;
use super::sources::{gradient, jpeg, photo, png};
use super::{Job, Limits, Until, mean_difference, open, open_bytes, process, run};

/// The JPEG encoder of the `image` crate, which could take the place of libjpeg-turbo's.
struct InRust;

impl Encoder for InRust {
    fn nanos_per_pixel(&self) -> u64 {
        30
    }

    fn pixels(&self, picture: &Picture, quality: u8, _kept: &Kept) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::new();
        let (width, height) = (picture.size.width, picture.size.height);
        JpegEncoder::new_with_quality(&mut bytes, quality)
            .write_image(&picture.pixels, width, height, image::ExtendedColorType::Rgb8)
            .map_err(|_| ImageError::Broken("the JPEG encoder failed"))?;
        Ok(bytes)
    }
}

#[test]
fn another_codec_can_be_measured_in_a_codecs_place() {
    let picture = open(&run(&photo("freespace-1mp.jpg"), "w_640,f_png").unwrap());
    let ours = |format| (format, "ours", encode::of(format).unwrap());
    for (format, name, encoder) in [
        ours(Format::Jpeg),
        (Format::Jpeg, "image", &InRust as &dyn Encoder),
        ours(Format::Webp),
        ours(Format::Avif),
        ours(Format::Png),
        ours(Format::Gif),
    ] {
        let begun = Instant::now();
        let bytes = encoder.pixels(&picture, default_quality(format), &Kept::default()).unwrap();
        let spent = begun.elapsed();
        let difference = mean_difference(&open_bytes(&bytes).without_idle_alpha(), &picture);
        println!("codec: {format:?} {name}: {} bytes, {spent:.1?}, mean difference {difference:.2}", bytes.len());
        assert!(difference < 6.0, "{format:?} {name}");
        assert!((difference == 0.0) == (format == Format::Png), "{format:?} {name}");
    }
}

#[test]
fn every_decoder_is_measured_beside_what_it_says_of_its_time() {
    let picture = open(&run(&photo("freespace-1mp.jpg"), "w_1200,f_png").unwrap());
    for format in ["f_jpg", "f_webp", "f_avif", "f_png", "f_gif"] {
        let source = run(&png(&picture), format).unwrap().bytes;
        let probe = Probe::read(&source).unwrap();
        let begun = Instant::now();
        let decoded = decode::decode(&source, &probe, 1, &Limits::default()).unwrap().picture;
        let (spent, told) = (begun.elapsed(), decode::time(&probe, 0));
        println!("decode: {format}: {spent:.1?}, told {told:.1?}");
        assert!(mean_difference(&decoded.without_idle_alpha(), &picture) < 6.0, "{format}");
        // A time of no picture would be found by no other test: it is of this picture's size at least.
        assert!((5..100).contains(&(told.as_nanos() / u128::from(picture.size.pixels()))), "{format}: {told:?}");
    }
}

/// What `f_auto` became: the source as large as it is.
fn negotiated_avif(source: &[u8], time: Duration) -> Result<Format, ImageError> {
    let operations = Operations::read("f_avif").unwrap();
    let job = Job { source, operations: &operations, mark: None, is_negotiated: true, limits: &Limits::default() };
    job.run(&Until::at(Instant::now() + time)).map(|made| made.format)
}

#[test]
fn f_auto_becomes_webp_where_avif_would_take_seconds() {
    let far = Duration::from_secs(120);
    assert_eq!(negotiated_avif(&png(&gradient(2000, 2000)), far), Ok(Format::Avif));
    assert_eq!(negotiated_avif(&png(&gradient(2001, 2000)), far), Ok(Format::Webp));
}

#[test]
fn dos8_no_encode_is_begun_that_would_outlast_the_deadline() {
    let source = png(&gradient(2000, 2000));
    assert_eq!(negotiated_avif(&source, Duration::from_millis(1900)), Err(ImageError::DeadlineExceeded));
}

#[test]
fn dos8_no_decoding_is_begun_that_would_outlast_the_deadline() {
    // Damaged behind its header: who decodes it says so.
    for operations in ["f_jpg", "w_100,f_webp"] {
        for source in [png(&gradient(2000, 2000)), jpeg(&gradient(2000, 2000), turbojpeg::Subsamp::Sub2x2)] {
            let operations = Operations::read(operations).unwrap();
            let damaged = [&source[..source.len() / 2], &[0; 64]].concat();
            let run = |time| process(&damaged, &operations, &Limits::default(), Instant::now() + time).map(|_| ());
            assert!(matches!(run(Duration::from_secs(60)), Err(ImageError::Broken(_))));
            assert_eq!(run(Duration::from_millis(30)), Err(ImageError::DeadlineExceeded));
        }
    }
}
