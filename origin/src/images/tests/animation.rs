//! Animations in, animations out, seen by decoders that are not the engine's.

use std::time::{Duration, Instant};

use gif::{Frame, Repeat};
use sealpix::operations::Operations;

use super::super::codec::webp_reference;
use super::super::geometry::Size;
use super::super::{Format, Job, Until};
use super::estimate_bytes;
use super::moving::{GifFrame, LIVELY_DELAYS, WHOLE, gif_of, lively_gif, lively_webp, plain, see, webp_of};
use super::sources::{GREEN, RED, gradient, png};
use super::{ImageError, Limits, Picture, near, open, process, run};

/// The still that a page gives, without loss.
fn page(source: &[u8], number: usize, operations: &str) -> Picture {
    page_as(source, number, operations, "f_png")
}

fn page_as(source: &[u8], number: usize, operations: &str, format: &str) -> Picture {
    let (page, rest) = (format!("page_{number}"), operations.trim_start_matches('_').trim_start_matches(','));
    let items = [page.as_str(), rest, format].into_iter().filter(|item| !item.is_empty());
    open(&run(source, &items.collect::<Vec<_>>().join(",")).unwrap()).with_alpha()
}

/// The mean difference of a channel where both are seen, and the share of pixels that only one of them shows.
fn difference(one: &Picture, other: &Picture) -> (f64, f64) {
    assert_eq!(one.size, other.size);
    let pairs = one.pixels.as_chunks::<4>().0.iter().zip(other.pixels.as_chunks::<4>().0);
    let (mut sum, mut seen, mut torn, mut all) = (0u64, 0u64, 0u64, 0u64);
    for (one, other) in pairs {
        all += 1;
        match (one[3] >= 128, other[3] >= 128) {
            (true, true) => {
                seen += 3;
                sum += one.iter().zip(other).take(3).map(|(one, other)| u64::from(one.abs_diff(*other))).sum::<u64>();
            }
            (false, false) => {}
            _ => torn += 1,
        }
    }
    (sum as f64 / seen.max(1) as f64, torn as f64 / all as f64)
}

#[test]
fn a_gif_stays_the_animation_that_it_was() {
    let source = lively_gif();
    for operations in ["f_gif", "dpr_2", "flip_h", "crop_2:2:30:20,rot_90", "f_gif,dl_moves.gif"] {
        let result = run(&source, operations).unwrap();
        assert_eq!(result.format, Format::Gif);
        let seen = see(&result);
        assert_eq!((seen.delays(), seen.plays), (LIVELY_DELAYS.to_vec(), 0), "{operations}");
        for (index, (picture, _)) in seen.frames.iter().enumerate() {
            let still = page(&source, index + 1, &operations.replace("f_gif", "").replace(",dl_moves.gif", ""));
            assert_eq!(difference(picture, &still), (0.0, 0.0), "{operations}, frame {index}");
        }
    }
}

#[test]
fn img9_each_frame_is_the_still_of_its_page() {
    for (source, delays) in [(lively_gif(), LIVELY_DELAYS), (lively_webp(0), [40, 60, 1000, 35, 80, 16])] {
        for operations in [
            "_",
            "w_24",
            "w_20,h_20,fit_cover,g_ne",
            "w_60,h_60,fit_pad,up_1,bg_00ff00",
            "crop_5:3:20:16,w_30,up_1,rot_90",
            "w_30,pad_4,blur_1.2,gray_1,round_8",
            "flip_h,bg_ffffff",
        ] {
            // A still WebP loses as much of its colours' resolution as an animated one.
            for (format, still, colour) in [("f_webp,q_100", "f_webp,q_100", 3.3), ("f_gif", "f_png", 4.8)] {
                let items = format!("{},{format}", operations.trim_start_matches('_'));
                let result = run(&source, items.trim_start_matches(',')).unwrap();
                let seen = see(&result);
                assert_eq!(seen.frames.len(), 6, "{operations},{format}");
                if format == "f_gif" {
                    // Hundredths of a second, two at least, with the rest carried on.
                    let off = |(one, other): (&u32, &u32)| one.abs_diff(*other) < 10;
                    assert!(seen.delays().iter().zip(&delays).all(off), "{:?}", seen.delays());
                } else {
                    assert_eq!(seen.delays(), delays, "{operations},{format}");
                }
                for (index, (picture, _)) in seen.frames.iter().enumerate() {
                    let (colours, shapes) = difference(picture, &page_as(&source, index + 1, operations, still));
                    let what = format!("{operations},{format} frame {index}: {colours} {shapes}");
                    assert!(colours <= colour && shapes <= 0.004, "{what}");
                }
            }
        }
    }
}

/// Every frame is cut as the first one is.
#[test]
fn an_animation_is_trimmed_by_its_first_frame() {
    for source in [lively_gif(), lively_webp(0)] {
        let first = page(&source, 1, "trim_10,w_16");
        let seen = see(&run(&source, "trim_10,w_16,f_gif").unwrap());
        assert_eq!(seen.frames.len(), 6);
        assert!(seen.frames.iter().all(|(picture, _)| picture.size == first.size), "{:?}", first.size);
    }
}

#[test]
fn a_webps_pages_are_what_its_viewer_shows() {
    let source = lively_webp(3);
    let (frames, _) = webp_reference::decode(&source).unwrap();
    for (index, (pixels, _)) in frames.into_iter().enumerate() {
        let theirs = Picture::rgba(Size { width: 48, height: 32 }, pixels);
        let (colours, shapes) = difference(&page(&source, index + 1, "_"), &theirs);
        assert!(colours < 1.5 && shapes == 0.0, "frame {index}: {colours} {shapes}");
    }
}

#[test]
fn an_animation_is_played_as_often_as_before() {
    let frames = || [WHOLE, GifFrame { pixel: |_, _| 2, ..WHOLE }];
    for (repeat, plays) in
        [(None, 1), (Some(Repeat::Infinite), 0), (Some(Repeat::Finite(1)), 2), (Some(Repeat::Finite(9)), 10)]
    {
        let source = gif_of(&frames(), repeat);
        for format in ["f_gif,q_90", "f_webp"] {
            assert_eq!(see(&run(&source, format).unwrap()).plays, plays, "{format}");
        }
    }
    for loops in [0, 1, 2, 500] {
        for format in ["f_gif", "w_20"] {
            assert_eq!(see(&run(&lively_webp(loops), format).unwrap()).plays, u32::from(loops), "{format}");
        }
    }
    // As some tools write it: behind the first picture's control extension.
    let mut late = gif_of(&frames(), Some(Repeat::Infinite));
    let looping: Vec<u8> = late.drain(25..25 + 19).collect();
    late.splice(25 + 8..25 + 8, looping);
    assert_eq!(see(&run(&late, "f_webp").unwrap()).plays, 0);
}

#[test]
fn dos5_delays_that_nobody_means_are_those_of_browsers() {
    let frame = |delay, colour: fn(u16, u16) -> u8| GifFrame { delay, pixel: colour, ..WHOLE };
    let source = gif_of(&[frame(0, |_, _| 0), frame(1, |_, _| 1), frame(2, |_, _| 2), frame(65535, |_, _| 3)], None);
    for format in ["f_gif,q_90", "f_webp"] {
        assert_eq!(see(&run(&source, format).unwrap()).delays(), [100, 100, 20, 655_350], "{format}");
    }
}

#[test]
fn frames_are_as_many_as_asked_and_a_page_stands_still() {
    let source = lively_gif();
    for (operations, count) in [("frames_2,f_gif", 2), ("frames_5,f_webp", 5), ("frames_200,w_20", 6)] {
        assert_eq!(see(&run(&source, operations).unwrap()).frames.len(), count, "{operations}");
    }
    for operations in ["frames_1,f_gif", "page_3,f_gif", "page_2,frames_4,f_gif"] {
        assert_eq!(see(&run(&source, operations).unwrap()).frames.len(), 1, "{operations}");
    }
    for (operations, format) in [("f_jpg", Format::Jpeg), ("f_png", Format::Png), ("f_avif", Format::Avif)] {
        let result = run(&source, operations).unwrap();
        assert_eq!(result.format, format);
        if format == Format::Png {
            assert_eq!(open(&result).with_alpha(), page(&source, 1, "_"));
        }
    }
    // What does not change is no frame of its own.
    let twice = gif_of(&[WHOLE, GifFrame { delay: 12, ..WHOLE }, GifFrame { pixel: |_, _| 2, ..WHOLE }], None);
    for format in ["f_gif,q_90", "f_webp"] {
        assert_eq!(see(&run(&twice, format).unwrap()).delays(), [190, 70], "{format}");
    }
}

#[test]
fn a_still_becomes_a_gif() {
    let drawn = run(&png(&super::sources::quarters(31, 17)), "f_gif").unwrap();
    assert_eq!(open(&drawn).without_alpha(), super::sources::quarters(31, 17));
    assert!(drawn.bytes.len() < 200, "{} bytes for four colours", drawn.bytes.len());
    // A gradient has more colours than a GIF.
    let smooth = see(&run(&png(&gradient(120, 90)), "f_gif").unwrap());
    let (colours, _) = difference(&smooth.frames[0].0, &gradient(120, 90).with_alpha());
    assert!(colours < 4.5, "{colours}");
    let clear = run(&png(&plain(9, 9, [0; 4])), "f_gif").unwrap();
    assert!(see(&clear).frames[0].0.pixels.iter().all(|byte| *byte == 0));
    let round = see(&run(&png(&plain(64, 64, RED)), "round_32,f_gif").unwrap());
    assert_eq!((round.frames[0].0.pixels[3], round.frames[0].0.pixels[(32 * 64 + 32) * 4 + 3]), (0, 255));
}

#[test]
fn img8_an_unchanged_animation_is_no_larger_than_it_was() {
    for source in [lively_gif(), lively_webp(0)] {
        for operations in ["_", "flip_hv", "w_8192", "h_8000,w_8000", "f_gif", "f_webp"] {
            let operations = Operations::read(operations).unwrap();
            let limits = Limits::default();
            let far = Instant::now() + Duration::from_secs(120);
            let result = process(&source, &operations, &limits, far).unwrap();
            if operations.flip.is_none() && Some(result.format) == super::super::recognise(&source) {
                assert!(result.bytes.len() <= source.len(), "{operations}: {} of {}", result.bytes.len(), source.len());
            }
            assert_eq!(see(&result).frames.len(), 6);
        }
    }
}

/// A ball of few pixels that moves over a noisy ground: only it is written again.
#[test]
fn what_stands_still_is_written_once() {
    let noise = |x: u16, y: u16| (x.wrapping_mul(31) ^ y.wrapping_mul(57)).wrapping_mul(2477).to_be_bytes()[0] % 4;
    let mut frames = vec![GifFrame { pixel: noise, ..WHOLE }];
    frames.extend((0..12).map(|step| GifFrame { at: (step * 3, 10), size: (4, 4), pixel: |_, _| 3, ..WHOLE }));
    let source = gif_of(&frames, None);
    let first = run(&source, "frames_1,f_gif").unwrap().bytes.len();
    let all = run(&source, "f_gif,q_90").unwrap().bytes.len();
    assert!(all < first + 12 * 60, "{all} bytes, {first} of them for the first frame");
    let (first, all) =
        (run(&source, "frames_1,f_webp").unwrap().bytes.len(), run(&source, "f_webp").unwrap().bytes.len());
    assert!(all < first + 12 * 160, "{all} bytes, {first} of them for the first frame");
}

#[test]
fn dos5_dos11_frames_times_pixels_are_bounded_and_estimated() {
    let source = lively_gif();
    let far = Instant::now() + Duration::from_secs(120);
    let many = Operations::read("w_4000,up_1,f_webp").unwrap();
    assert_eq!(process(&source, &many, &Limits::default(), far), Err(ImageError::ResultTooLarge));
    let operations = Operations::read("w_400,up_1,f_webp").unwrap();
    let estimate =
        |operations: &str| estimate_bytes(&source, &Operations::read(operations).unwrap(), &Limits::default()).unwrap();
    assert!(estimate("w_400,up_1,f_webp") > estimate("frames_2,w_400,up_1,f_webp"));
    assert!(estimate("frames_2,w_400,up_1,f_webp") < estimate("frames_2,w_800,up_1,f_gif"));
    let tight = Limits { memory_bytes: estimate("w_400,up_1,f_webp") - 1, ..Limits::default() };
    assert_eq!(process(&source, &operations, &tight, far), Err(ImageError::ResultTooLarge));
    assert!(process(&source, &operations, &Limits { memory_bytes: tight.memory_bytes + 1, ..tight }, far).is_ok());
}

#[test]
fn dos8_the_deadline_is_asked_between_frames() {
    let frames: Vec<_> = (0..150).map(|step| GifFrame { at: (step % 40, 0), size: (1, 30), ..WHOLE }).collect();
    let source = gif_of(&frames, None);
    let operations = Operations::read("w_500,up_1,blur_20,f_webp").unwrap();
    let begun = Instant::now();
    let result = process(&source, &operations, &Limits::default(), begun + Duration::from_millis(300));
    assert_eq!(result, Err(ImageError::DeadlineExceeded));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[test]
fn dos11_a_frame_larger_than_its_screen_is_refused() {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, 2, 2, &[0, 0, 0, 255, 255, 255]).unwrap();
    for _ in 0..2 {
        encoder.write_frame(&Frame::from_indexed_pixels(4000, 4000, vec![1; 16_000_000], None)).unwrap();
    }
    drop(encoder);
    for operations in ["w_1", "f_webp", "page_2,f_png"] {
        assert!(matches!(run(&bytes, operations), Err(ImageError::Broken(_))), "{operations}");
    }
    let beside =
        webp_of((20, 10), 0, &[(0, 0, &plain(20, 10, RED), 50, 0, true), (2, 0, &plain(20, 10, RED), 50, 0, true)]);
    assert!(matches!(run(&beside, "w_8"), Err(ImageError::Broken(_))));
    assert!(run(&beside, "frames_1,w_8").is_ok());
}

#[test]
fn dos7_frames_of_one_pixel_survive() {
    let dots = [(0, 0, &plain(1, 1, RED), 0, 0, true), (0, 0, &plain(1, 1, GREEN), 0, 0, true)];
    let source = webp_of((1, 1), 0, &dots);
    for operations in ["f_gif", "w_7,up_1", "w_3,h_9,fit_pad,f_gif", "pad_3,round_2"] {
        let seen = see(&run(&source, operations).unwrap());
        assert_eq!(seen.delays(), [100, 100], "{operations}");
    }
    let gif = run(&source, "f_gif").unwrap();
    assert!(near(open(&gif).pixels[..4].try_into().unwrap(), RED, 0));
}

#[test]
fn dos3_cut_and_damaged_animations_are_refused_or_shown() {
    for source in [lively_gif(), lively_webp(0)] {
        for length in (0..source.len()).step_by(3) {
            let done = run(&source[..length], "w_20,f_webp");
            let refused = matches!(done, Err(ImageError::Broken(_) | ImageError::NotAnImage(_) | ImageError::Empty));
            assert!(done.is_ok() || refused, "{length}: {done:?}");
        }
        for at in (0..source.len()).step_by(3) {
            let mut damaged = source.clone();
            damaged[at] ^= 0xff;
            let done = run(&damaged, "w_20,f_gif");
            assert!(!matches!(done, Err(ImageError::DeadlineExceeded)), "{at}");
        }
    }
}

#[test]
fn img7_an_animation_is_the_same_each_time() {
    for source in [lively_gif(), lively_webp(0)] {
        for operations in ["w_30,f_webp", "w_30,f_gif"] {
            assert_eq!(run(&source, operations).unwrap(), run(&source, operations).unwrap());
        }
    }
}

/// A browser that reads AVIF reads WebP, which moves.
#[test]
fn an_animation_moves_on_where_its_format_was_negotiated() {
    let source = lively_gif();
    let operations = Operations::read("w_20,f_avif").unwrap();
    let made = |is_negotiated| {
        let job =
            Job { source: &source, operations: &operations, mark: None, is_negotiated, limits: &Limits::default() };
        job.run(&Until::at(Instant::now() + Duration::from_secs(60))).unwrap().format
    };
    assert_eq!((made(true), made(false)), (Format::Webp, Format::Avif));
}

#[test]
fn dos3_an_animation_that_is_cut_within_a_frame_is_broken() {
    let whole = lively_gif();
    let frames = super::super::probe::Probe::read(&whole).unwrap().frames;
    for (bytes, is_good) in [
        (&whole[..whole.len() - 1], true),
        (&[&whole[..whole.len() - 1], b"\0\0\0"].concat()[..], true),
        (&whole[..whole.len() - 9], false),
        (&whole[..whole.len() / 2], false),
    ] {
        for operations in ["_", "w_20", "w_20,f_webp"] {
            let result = run(bytes, operations);
            assert_eq!(result.is_ok(), is_good, "{} bytes, {operations}", bytes.len());
            assert!(result.is_err() || see(&result.unwrap()).frames.len() == frames as usize, "{operations}");
        }
    }
}
