//! `_`: the coded pixels untouched, what is about their maker gone.

use turbojpeg::Subsamp;

use super::super::format::Format;
use super::super::geometry::Size;
use super::super::probe::Probe;
use super::sources::{exif_with_place, extended_webp, gradient, jpeg, jpeg_with, png, with_chunk, with_segment};
use super::{Derivative, ImageError, open_bytes, run};

const PLACE: &[u8] = b"GPS-MY-HOME";

fn holds(derivative: &Derivative, text: &[u8]) -> bool {
    derivative.bytes.windows(text.len()).any(|window| window == text)
}

/// One source of each format whose EXIF says where it was taken, and that it is to be turned.
fn placed_sources() -> Vec<(Format, Vec<u8>)> {
    let picture = gradient(64, 48);
    let exif = exif_with_place(6);
    let app1 = [b"Exif\0\0", &exif[..]].concat();
    let plain = run(&png(&picture), "f_webp").unwrap().bytes;
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", PLACE].concat();
    let jpeg_source = with_segment(&jpeg(&picture, Subsamp::Sub2x2), 0xe1, &app1);
    let jpeg_source = with_segment(&with_segment(&jpeg_source, 0xe1, &xmp), 0xfe, PLACE);
    let png_source = with_chunk(&with_chunk(&png(&picture), *b"eXIf", &exif), *b"tEXt", &[b"Title\0", PLACE].concat());
    let size = Size { width: 64, height: 48 };
    let webp_source = extended_webp(&plain, size, 0x0c, &[(*b"EXIF", &exif), (*b"XMP ", PLACE), (*b"WHAT", PLACE)]);
    vec![(Format::Jpeg, jpeg_source), (Format::Png, png_source), (Format::Webp, webp_source)]
}

#[test]
fn img6_a_place_survives_neither_cleaning_nor_encoding() {
    for (format, source) in placed_sources() {
        for operations in ["_", "dl_a.jpg", "w_32", "w_32,f_jpg", "w_32,f_png", "w_32,f_webp", "w_32,f_avif", "w_4000"]
        {
            let result = run(&source, operations).unwrap();
            assert!(!holds(&result, PLACE), "{format:?} {operations}");
            assert!(result.width < result.height, "{format:?} {operations} is turned");
        }
    }
}

#[test]
fn cleaning_keeps_the_coded_pixels_and_the_orientation() {
    for (format, source) in placed_sources() {
        let cleaned = run(&source, "_").unwrap();
        assert_eq!(cleaned.format, format);
        assert_eq!((cleaned.width, cleaned.height), (48, 64));
        let (before, after) = (Probe::read(&source).unwrap(), Probe::read(&cleaned.bytes).unwrap());
        assert_eq!(before.orientation, after.orientation, "{format:?}");
        assert_eq!(open_bytes(&source), open_bytes(&cleaned.bytes), "{format:?}");
        assert!(cleaned.bytes.len() <= source.len(), "{format:?}");
        assert_eq!(run(&cleaned.bytes, "_").unwrap().bytes, cleaned.bytes, "cleaning is done once");
    }
}

#[test]
fn cleaning_keeps_the_profile() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let segment = [b"ICC_PROFILE\0\x01\x01", &profile[..]].concat();
    for progressive in [false, true] {
        let plain = jpeg_with(&gradient(64, 48), |compressor| compressor.set_progressive(progressive).unwrap());
        let source = with_segment(&plain, 0xe2, &segment);
        let cleaned = run(&source, "_").unwrap();
        assert_eq!(cleaned.bytes.len(), source.len(), "nothing was there to remove");
        assert_eq!(Probe::read(&cleaned.bytes).unwrap().profile.unwrap(), profile);
    }
}

#[test]
fn an_animated_gif_keeps_its_frames_and_its_loop() {
    let mut source = Vec::new();
    let mut encoder = gif::Encoder::new(&mut source, 8, 8, &[0, 0, 0, 255, 255, 255]).unwrap();
    encoder.set_repeat(gif::Repeat::Infinite).unwrap();
    encoder.write_raw_extension(gif::Extension::Comment.into(), &[PLACE]).unwrap();
    encoder.write_raw_extension(gif::Extension::Application.into(), &[b"XMP DataXMP", PLACE]).unwrap();
    for index in 0..3 {
        let mut frame = gif::Frame::from_indexed_pixels(8, 8, vec![index % 2; 64], None);
        frame.delay = 7;
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    source.extend_from_slice(PLACE);
    let cleaned = run(&source, "_").unwrap();
    assert_eq!((cleaned.format, cleaned.width), (Format::Gif, 8));
    assert!(!holds(&cleaned, PLACE) && holds(&cleaned, b"NETSCAPE2.0"));
    let mut decoder = gif::DecodeOptions::new().read_info(&cleaned.bytes[..]).unwrap();
    let mut delays = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        delays.push(frame.delay);
    }
    assert_eq!(delays, [7, 7, 7]);
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    let smaller = run(&source, "w_4").unwrap();
    assert_eq!((smaller.format, smaller.width), (Format::Gif, 4));
    assert!(!holds(&smaller, PLACE));
}

#[test]
fn an_avif_passes_only_without_metadata() {
    let plain = run(&png(&gradient(64, 48)), "f_avif").unwrap().bytes;
    assert_eq!(run(&plain, "_").unwrap().bytes, plain);
    let pixels: Vec<rgb::RGB8> = vec![rgb::RGB8::new(1, 2, 3); 64 * 48];
    let with_exif = ravif::Encoder::new()
        .with_speed(10)
        .with_exif(exif_with_place(1))
        .encode_rgb(ravif::Img::new(&pixels[..], 64, 48))
        .unwrap()
        .avif_file;
    assert!(matches!(run(&with_exif, "_"), Err(ImageError::FormatUnsupported(_))));
    assert!(!holds(&run(&with_exif, "w_32").unwrap(), PLACE));
}
