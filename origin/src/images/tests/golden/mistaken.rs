//! What the bounds of the product are worth: what a mistake makes of a target lies beyond them.

use image::{RgbImage, imageops};

use super::super::super::geometry::Size;
use super::super::super::orientation::Orientation;
use super::super::sources::png;
use super::families::Coding;
use super::fits::{ASPECTS, FITS, fits_and_boxes};
use super::product::made;
use super::targets::target;

/// A result of the target as it ought to be, and how to ask for another.
struct Asked {
    size: Size,
    fit: &'static str,
    sides: &'static str,
    right: RgbImage,
}

impl Asked {
    fn all() -> Vec<Self> {
        let asked = |(width, height)| {
            fits_and_boxes().into_iter().map(move |(fit, sides)| Self {
                size: Size { width, height },
                fit,
                sides,
                right: made(&png(&target(width, height)), &format!("{sides}{fit}")).swap_remove(0),
            })
        };
        ASPECTS.into_iter().flat_map(|(_, size)| asked(size)).collect()
    }

    fn made(&self, before: &str, fit: &str) -> RgbImage {
        let source = png(&target(self.size.width, self.size.height));
        made(&source, &format!("{before}{}{fit}", self.sides)).swap_remove(0)
    }

    /// The picture in each other orientation.
    fn turned(&self) -> Vec<RgbImage> {
        let stored = |value| target(self.size.width, self.size.height).turned(Orientation::from_exif(value));
        let asked = format!("{}{}", self.sides, self.fit);
        (2..=8).map(|value| made(&png(&stored(value)), &asked).swap_remove(0)).collect()
    }

    /// Each other fit, where it is another: a square in a square box is the same by most of them.
    fn fitted(&self) -> Vec<RgbImage> {
        FITS.iter().map(|fit| self.made("", fit)).filter(|made| *made != self.right).collect()
    }

    /// What is left of the source without so many pixels of each of its edges.
    fn cut(&self, (across, down): (u32, u32)) -> Vec<RgbImage> {
        let Size { width, height } = self.size;
        let (narrow, low) = (width - across, height - down);
        [
            format!("crop_{across}:0:{narrow}:{height},"),
            format!("crop_0:0:{narrow}:{height},"),
            format!("crop_0:{down}:{width}:{low},"),
            format!("crop_0:0:{width}:{low},"),
        ]
        .map(|crop| self.made(&crop, self.fit))
        .into()
    }

    /// Pixels of the source to one of the result, rounded up: across and down.
    fn scale(&self) -> (u32, u32) {
        let (width, height) = self.right.dimensions();
        let (across, down) = (self.size.width.div_ceil(width), self.size.height.div_ceil(height));
        let least = across.min(down);
        // Where `cover` cuts, its middle moves by half of what is taken from one edge.
        let moved = |scale: u32| if scale > least { 2 * least } else { least };
        match self.fit {
            ",fit_fill" => (across, down),
            ",fit_cover" => (moved(across), moved(down)),
            _ => (across.max(down), across.max(down)),
        }
    }

    fn moved(&self) -> Vec<RgbImage> {
        let moved = |right: u32, down: u32| {
            RgbImage::from_fn(self.right.width(), self.right.height(), |x, y| {
                *self.right.get_pixel(x.saturating_sub(right), y.saturating_sub(down))
            })
        };
        vec![moved(1, 0), moved(0, 1)]
    }

    fn recoloured(&self) -> Vec<RgbImage> {
        [[2, 1, 0], [1, 0, 2], [0, 2, 1]]
            .map(|order| {
                let mut shown = self.right.clone();
                shown.pixels_mut().for_each(|pixel| pixel.0 = order.map(|channel| pixel.0[channel]));
                shown
            })
            .into()
    }

    fn bright(&self) -> Vec<RgbImage> {
        vec![imageops::brighten(&self.right, 24), imageops::brighten(&self.right, -24)]
    }
}

/// A mistake, what it makes, and of how many results of a hundred it must be found in each coding: exact, on its side, near,
/// soft and coarse. The rest has too little that it could change, as a column of two hundred that become thirty.
type Mistake = (&'static str, fn(&Asked) -> Vec<RgbImage>, [usize; 5]);

const MISTAKES: [Mistake; 7] = [
    ("another orientation", Asked::turned, [100, 100, 100, 100, 100]),
    ("another fit", Asked::fitted, [100, 100, 100, 100, 100]),
    ("other channels", Asked::recoloured, [100, 100, 100, 100, 100]),
    ("a pixel of the result less", |asked| asked.cut(asked.scale()), [100, 100, 100, 99, 99]),
    ("a pixel of the source less", |asked| asked.cut((1, 1)), [98, 97, 84, 68, 68]),
    ("moved by a pixel", Asked::moved, [100, 100, 100, 100, 100]),
    ("another brightness", Asked::bright, [100, 100, 100, 100, 100]),
];

#[test]
fn img9_a_mistake_lies_beyond_the_bounds_of_every_coding() {
    let asked = Asked::all();
    let mut short = Vec::new();
    for (mistake, make, shares) in MISTAKES {
        let wrong: Vec<_> =
            asked.iter().flat_map(|asked| make(asked).into_iter().map(move |wrong| (asked, wrong))).collect();
        for (coding, share) in
            [Coding::Exact, Coding::OnItsSide, Coding::Near, Coding::Soft, Coding::Coarse].into_iter().zip(shares)
        {
            let missed: Vec<_> =
                wrong.iter().filter(|(asked, wrong)| coding.strayed(&asked.right, wrong).is_none()).collect();
            if (wrong.len() - missed.len()) * 100 < wrong.len() * share {
                let names = missed.iter().map(|(asked, _)| format!("{:?} {}{}", asked.size, asked.sides, asked.fit));
                short.push(format!(
                    "{mistake}, {coding:?}: {} of {} missed: {:?}",
                    missed.len(),
                    wrong.len(),
                    names.collect::<Vec<_>>()
                ));
            }
        }
    }
    assert!(short.is_empty(), "{}", short.join("\n"));
}
