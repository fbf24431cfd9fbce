//! `page` and `frames_1`: one frame of an animation, whole, as a viewer shows it at that time.

use std::borrow::Cow;

use gif::{DisposalMethod, Frame};

use super::super::geometry::Size;
use super::sources::{BLUE, GREEN, RED, SAND, jpeg, png, quarters};
use super::{ImageError, Picture, near, open, pixel, run};

const CLEAR: [u8; 4] = [0; 4];

/// On 12 by 8: all red; green at 2,2 that is cleared after; blue at 4,4 that is undone after; sand at 10,6.
pub(super) fn animation() -> Vec<u8> {
    let palette: Vec<u8> = [RED, GREEN, BLUE, SAND].iter().flat_map(|colour| colour[..3].to_vec()).collect();
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 12, 8, &palette).unwrap();
    for (colour, left, top, width, height, dispose) in [
        (0u8, 0, 0, 12, 8, DisposalMethod::Keep),
        (1, 2, 2, 4, 4, DisposalMethod::Background),
        (2, 4, 4, 2, 4, DisposalMethod::Previous),
        (3, 10, 6, 4, 4, DisposalMethod::Any),
    ] {
        let buffer = Cow::Owned(vec![colour; usize::from(width * height)]);
        encoder.write_frame(&Frame { left, top, width, height, dispose, buffer, ..Frame::default() }).unwrap();
    }
    drop(encoder);
    bytes
}

#[test]
fn a_gifs_page_is_what_the_screen_shows_then() {
    let source = animation();
    let at = |operations: &str, x, y| pixel(&open(&run(&source, operations).unwrap()), x, y);
    for (operations, places) in [
        ("f_png", [(0, 0, RED), (3, 3, RED), (4, 4, RED), (11, 7, RED)]),
        ("frames_1", [(0, 0, RED), (3, 3, RED), (4, 4, RED), (11, 7, RED)]),
        ("page_2", [(0, 0, RED), (3, 3, GREEN), (4, 4, GREEN), (11, 7, RED)]),
        ("page_3", [(0, 0, RED), (3, 3, CLEAR), (4, 4, BLUE), (5, 7, BLUE)]),
        ("page_4", [(0, 0, RED), (5, 5, CLEAR), (5, 7, RED), (11, 7, SAND)]),
        ("page_4,frames_1", [(0, 0, RED), (5, 5, CLEAR), (4, 7, RED), (10, 6, SAND)]),
        // The page first, then what is cut of it and how that is turned.
        ("page_3,crop_4:4:2:4,rot_90", [(0, 0, BLUE), (3, 0, BLUE), (0, 1, BLUE), (3, 1, BLUE)]),
    ] {
        for (x, y, colour) in places {
            assert_eq!(at(operations, x, y), colour, "{operations} at {x},{y}");
        }
    }
}

/// Frames of opaque colour, each the size of the whole.
pub(super) fn animated_webp(colours: &[[u8; 4]]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0\x0f\0\0\x07\0\0ANIM\x06\0\0\0\0\0\0\0\0\0".to_vec();
    for colour in colours {
        let picture = Picture::rgb(Size { width: 16, height: 8 }, colour[..3].repeat(128));
        let still = run(&png(&picture), "f_webp,q_95").unwrap().bytes;
        let frame = [&[0, 0, 0, 0, 0, 0, 0x0f, 0, 0, 0x07, 0, 0, 100, 0, 0, 2][..], &still[12..]].concat();
        file.extend(b"ANMF");
        file.extend(u32::try_from(frame.len()).unwrap().to_le_bytes());
        file.extend(frame);
    }
    let length = u32::try_from(file.len() - 8).unwrap().to_le_bytes();
    file[4..8].copy_from_slice(&length);
    file
}

#[test]
fn a_webps_page_is_its_frame() {
    let source = animated_webp(&[RED, GREEN, BLUE]);
    for (operations, colour) in [("f_png", RED), ("frames_1,f_png", RED), ("page_2,f_png", GREEN), ("page_3,w_8", BLUE)]
    {
        let result = open(&run(&source, operations).unwrap());
        assert!(near(pixel(&result, 1, 1), colour, 12), "{operations}: {:?}", pixel(&result, 1, 1));
    }
    assert_eq!(run(&source, "page_4"), Err(ImageError::OutsideSource("page")));
}

#[test]
fn a_page_that_is_not_there_is_refused() {
    assert_eq!(run(&animation(), "page_5"), Err(ImageError::OutsideSource("page")));
    for source in [png(&quarters(8, 8)), jpeg(&quarters(8, 8), turbojpeg::Subsamp::None)] {
        assert_eq!(run(&source, "page_2,w_4"), Err(ImageError::OutsideSource("page")));
        assert!(run(&source, "frames_1").is_ok());
    }
}

#[test]
fn dos3_an_animation_that_ends_early_has_no_later_pages() {
    let source = animation();
    for length in 20..source.len() {
        for page in 1..=5 {
            let operations = if page == 1 { "w_6".to_owned() } else { format!("page_{page},w_6") };
            let done = run(&source[..length], &operations);
            assert!(
                matches!(done, Ok(_) | Err(ImageError::Broken(_) | ImageError::OutsideSource("page"))),
                "{length} {operations}: {done:?}"
            );
        }
    }
}
