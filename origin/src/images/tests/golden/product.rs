//! The whole product: every kind of source, in every aspect, through every fit, into boxes of every aspect (IMG-9).
//!
//! What is made of a source is held against what the same operations make of a plain PNG of its picture, and that is on the
//! sheets of `fits.rs`. Where a coding has no loss they are the same; elsewhere they lie within bounds that
//! `mistaken.rs` proves: whatever is moved by a pixel, turned, fitted otherwise or coloured wrongly lies beyond them.

use image::{Rgb, RgbImage};

use super::super::super::geometry::Size;
use super::super::sources::png;
use super::compare::strayed_by;
use super::families::{Coding, Kind, jpegs, pngs_and_gifs, webps_and_avifs};
use super::fits::{ASPECTS, fits_and_boxes};
use super::moving_kinds::{Moving, moving};
use super::sheet::{frames, seen};
use super::targets::luma;
use super::work;

impl Coding {
    /// Why a result is not what a plain PNG of the picture gives, if it is not.
    pub(super) fn strayed(self, plain: &RgbImage, made: &RgbImage) -> Option<String> {
        let [luma, colour] = self.bounds();
        let colours = || strayed_by(plain, made, colour.0, colour.1);
        strayed_by(&in_luma(plain), &in_luma(made), luma.0, luma.1).map(|why| format!("luma: {why}")).or_else(colours)
    }

    /// Bounds of `strayed_by` in luma and in colours: coarse colours leave luma nearly as it is, and there a mistake is
    /// seen. What is left in luma is that a JPEG is decoded to a half or a quarter before it is resized.
    fn bounds(self) -> [(f64, f64); 2] {
        match self {
            Self::Exact => [(0.0, 0.0); 2],
            Self::OnItsSide => [(0.5, 3.0); 2],
            Self::Near => [(6.0, 9.0), (8.0, 11.0)],
            Self::Soft => [(10.0, 14.0), (18.0, 40.0)],
            Self::Coarse => [(10.0, 14.0), (30.0, 64.0)],
        }
    }
}

fn in_luma(shown: &RgbImage) -> RgbImage {
    let mut shown = shown.clone();
    shown.pixels_mut().for_each(|Rgb(colour)| *colour = [luma([colour[0], colour[1], colour[2], 255]); 3]);
    shown
}

/// What a viewer sees of a result, frame by frame.
pub(super) fn made(source: &[u8], operations: &str) -> Vec<RgbImage> {
    match work(source, None, operations) {
        Ok(derivative) => frames(&derivative).iter().map(seen).collect(),
        Err(refused) => panic!("{operations}: {refused}"),
    }
}

#[test]
fn img1_img2_img4_img9_every_jpeg() {
    // By pixels, and by planes where there is a choice.
    hold(jpegs, &[",f_png", ",f_jpg,q_95"]);
}

#[test]
fn img3_img4_img9_every_png_and_gif() {
    hold(pngs_and_gifs, &[",f_png"]);
}

#[test]
fn img1_img2_img3_img4_img9_every_webp_and_avif() {
    hold(webps_and_avifs, &[",f_png"]);
}

fn hold(family: fn(Size) -> Vec<Kind>, formats: &[&str]) {
    let mut astray = Vec::new();
    for (aspect, (width, height)) in ASPECTS {
        for Kind { name, source, picture, coding } in family(Size { width, height }) {
            let plain = png(&picture);
            for (fit, sides) in fits_and_boxes() {
                for format in formats {
                    let operations = format!("{sides}{fit}{format}");
                    let why = coding.strayed(&made(&plain, &operations)[0], &made(&source, &operations)[0]);
                    astray.extend(why.map(|why| format!("{coding:?} {aspect} {name} {operations}: {why}")));
                }
            }
        }
    }
    assert!(astray.is_empty(), "{}:\n{}", astray.len(), astray.join("\n"));
}

#[test]
fn img9_every_frame_of_every_animation() {
    let mut astray = Vec::new();
    for (aspect, (width, height)) in ASPECTS {
        for Moving { name, source, shown, coding, format } in moving(Size { width, height }) {
            for (fit, sides) in fits_and_boxes() {
                let all = made(&source, &format!("{sides}{fit}{format}"));
                assert_eq!(all.len(), shown.len(), "{aspect} {name} {sides}{fit}");
                for (index, picture) in shown.iter().enumerate() {
                    let page = if index == 0 { String::new() } else { format!("page_{},", index + 1) };
                    let still = &made(&source, &format!("{page}{sides}{fit},f_png"))[0];
                    let plain = |format: &str| made(&png(picture), &format!("{sides}{fit}{format}")).swap_remove(0);
                    // A frame is coded as what it changes of the one before.
                    let whys =
                        [coding.strayed(&plain(",f_png"), still), Coding::Soft.strayed(&plain(format), &all[index])];
                    let told = |why| format!("{coding:?} {aspect} {name} frame {index} {sides}{fit}: {why}");
                    astray.extend(whys.into_iter().flatten().map(told));
                }
            }
        }
    }
    assert!(astray.is_empty(), "{}:\n{}", astray.len(), astray.join("\n"));
}
