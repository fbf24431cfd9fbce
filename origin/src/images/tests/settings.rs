//! What each setting changes, and what it does not.

use turbojpeg::Subsamp;

use super::super::geometry::Size;
use super::super::picture::Picture;
use super::super::settings::Settings;
use super::moving::lively_webp;
use super::sources::{gradient, jpeg, photo, png};
use super::{Channels, ImageError, mean_difference, open, pixel, run, run_by};

const LIBWEBP: Settings = Settings { libwebp: true, svg: false, fine_shrink: false, linear: false };
const FINE: Settings = Settings { fine_shrink: true, svg: false, libwebp: false, linear: false };
const LINEAR: Settings = Settings { linear: true, svg: false, libwebp: false, fine_shrink: false };

#[test]
fn cfg1_every_setting_has_a_name_and_none_of_them_is_none() {
    assert_eq!(Settings::default().name(), "");
    let all = Settings { svg: true, ..LINEAR };
    assert_eq!((LIBWEBP.name(), FINE.name(), all.name()), ("+libwebp".into(), "+fine".into(), "+svg+linear".into()));
}

#[test]
fn cfg1_libwebp_shows_the_pictures_that_image_webp_does() {
    let clear =
        Picture::rgba(Size { width: 40, height: 30 }, (0..40 * 30 * 4).map(|at| (at * 7 % 256) as u8).collect());
    for (source, pages, most) in [
        (include_bytes!("fixtures/lossless.webp").to_vec(), 1, 0.0),
        (lively_webp(0), 3, 0.0),
        (run(&photo("freespace-1mp.jpg"), "w_500,f_webp").unwrap().bytes, 1, 0.6),
        (run(&png(&clear), "f_webp,q_90").unwrap().bytes, 1, 2.0),
    ] {
        for page in 1..=pages {
            let operations = format!("page_{page},f_png");
            let shown = |settings| open(&run_by(settings, &source, &operations).unwrap());
            let difference = mean_difference(&shown(Settings::default()), &shown(LIBWEBP));
            assert!(difference <= most, "{operations}: {difference}");
        }
    }
    // They are strict about different things: were one asked in the place of the other, this would not be seen.
    let mut reserved = run(&png(&clear), "f_webp,q_90").unwrap().bytes;
    let alpha = reserved.windows(4).position(|name| name == b"ALPH").unwrap();
    reserved[alpha + 8] |= 0xc0;
    assert!(run(&reserved, "f_png").is_ok() && run_by(LIBWEBP, &reserved, "f_png").is_err());
}

#[test]
fn what_is_damaged_is_refused_by_libwebp_too() {
    let whole = run(&photo("freespace-1mp.jpg"), "w_300,f_webp").unwrap().bytes;
    for left in [whole.len() - 2, whole.len() / 2, 60] {
        let mut cut = whole[..left].to_vec();
        let cut_length = u32::try_from(left - 8).unwrap().to_le_bytes();
        for length in [whole[4..8].to_vec(), cut_length.to_vec()] {
            cut[4..8].copy_from_slice(&length);
            for settings in [Settings::default(), LIBWEBP] {
                assert!(matches!(run_by(settings, &cut, "f_png"), Err(ImageError::Broken(_))), "{left} {settings:?}");
            }
        }
    }
}

#[test]
fn cfg1_a_jpeg_that_keeps_twice_its_sides_is_nearer_to_one_that_was_not_shrunk() {
    let source = photo("sunset-12mp-progressive.jpg");
    let truth = open(&run(&run(&source, "f_png").unwrap().bytes, "w_470,f_png").unwrap());
    let [fast, fine] = [Settings::default(), FINE]
        .map(|settings| mean_difference(&open(&run_by(settings, &source, "w_470,f_png").unwrap()), &truth));
    assert!(fine < fast * 0.8, "{fine} and {fast}");
    let small = jpeg(&gradient(90, 60), Subsamp::None);
    assert_eq!(run_by(FINE, &small, "w_60,f_png"), run(&small, "w_60,f_png"), "nothing to shrink on load");
}

/// Fine black and white is half the light of white, which sRGB writes as 188.
#[test]
fn cfg1_in_linear_light_fine_black_and_white_is_as_bright_from_afar() {
    let level = |x: u32, y: u32| if (x + y).is_multiple_of(2) { 255 } else { 0 };
    let board: Vec<u8> = (0..256).flat_map(|y| (0..256).flat_map(move |x| [level(x, y); 3])).collect();
    let board = Picture::rgb(Size { width: 256, height: 256 }, board);
    for source in [png(&board), jpeg(&board, Subsamp::None)] {
        for operations in ["w_40,f_png", "w_40,f_jpg,q_100"] {
            let middle = |settings| pixel(&open(&run_by(settings, &source, operations).unwrap()), 20, 20)[1];
            let (linear, coded) = (middle(LINEAR), middle(Settings::default()));
            assert!((185..=191).contains(&linear) && (125..=131).contains(&coded), "{operations}: {linear}, {coded}");
        }
        assert_eq!(run_by(LINEAR, &source, "f_webp"), run(&source, "f_webp"), "nothing is resized");
    }
}

#[test]
fn img3_alpha_weighs_in_linear_light_too() {
    // Red beside clear green: no green shines through.
    let pixels = (0..64 * 64).flat_map(|at| if at % 2 == 0 { [255, 0, 0, 255] } else { [0, 255, 0, 0] }).collect();
    let source = png(&Picture::rgba(Size { width: 64, height: 64 }, pixels));
    let made = open(&run_by(LINEAR, &source, "w_16,f_png").unwrap());
    assert_eq!(made.channels, Channels::Rgba);
    let [red, green, blue, alpha] = pixel(&made, 8, 8);
    assert!(red > 250 && green < 5 && blue < 5 && (124..=132).contains(&alpha), "{red} {green} {blue} {alpha}");
}
