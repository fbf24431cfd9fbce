//! `bri con sat hue gray invert`: each pixel by itself, in one pass.
//!
//! The formulas are those of the CSS filter functions `brightness contrast saturate hue-rotate grayscale invert`
//! (Filter Effects Module Level 1, §"Shorthands defined in terms of the filter element", whose matrices are SVG's
//! `feColorMatrix`), on sRGB values from 0 to 1, each result clamped before the next:
//!
//! | operation | CSS | formula, with `k = 1 + percent / 100` |
//! |---|---|---|
//! | `bri_P` | `brightness(k)` | `k c` |
//! | `con_P` | `contrast(k)` | `k c + (1 - k) / 2` |
//! | `sat_P` | `saturate(k)` | a matrix; 0 leaves grey |
//! | `hue_D` | `hue-rotate(Ddeg)` | a matrix that keeps luminance |
//! | `gray_1` | `grayscale(1)` | `0.2126 r + 0.7152 g + 0.0722 b` |
//! | `invert_1` | `invert(1)` | `1 - c` |
//!
//! Nothing is rounded to bytes in between.

use sealpix::operations::{Operations, Percent};

use super::super::picture::{Channels, Picture};

/// Rows are the new red, green and blue; columns the old.
type Matrix = [[f32; 3]; 3];

/// The changes of colour that operations ask for.
pub(super) struct Tones {
    /// Brightness, then contrast: each sample by itself. 0 to 255.
    table: [f32; 256],
    /// Saturation, hue, grey, as far as asked.
    matrices: Vec<Matrix>,
    invert: bool,
}

impl Tones {
    /// Reads the operations; `None` where they ask for nothing of this.
    pub(super) fn of(operations: &Operations) -> Option<Self> {
        let Operations { brightness, contrast, saturation, hue, gray, invert, .. } = operations;
        let by = |percent: Percent| 1.0 + f32::from(percent.get()) / 100.0;
        let matrices: Vec<_> = [
            saturation.map(|percent| saturate(by(percent))),
            hue.map(|degrees| turn_hue(degrees.get())),
            gray.is_some().then_some([LUMINANCE; 3]),
        ]
        .into_iter()
        .flatten()
        .collect();
        if brightness.is_none() && contrast.is_none() && matrices.is_empty() && invert.is_none() {
            return None;
        }
        let (bright, steep) = (brightness.map_or(1.0, by), contrast.map_or(1.0, by));
        let mut table = [0.0; 256];
        for (sample, value) in (0..=u8::MAX).zip(&mut table) {
            let bright = clamped(f32::from(sample) * bright);
            *value = clamped((bright - 127.5) * steep + 127.5);
        }
        Some(Self { table, matrices, invert: invert.is_some() })
    }

    /// Changes every pixel that can be seen.
    pub(super) fn apply(&self, picture: &mut Picture) {
        if self.matrices.is_empty() {
            let bytes = self.table.map(|value| self.finished(value));
            let change = |colour: [u8; 3]| colour.map(|sample| bytes[usize::from(sample)]);
            each_colour(picture, change);
        } else {
            each_colour(picture, |colour| self.mixed(colour));
        }
    }

    fn mixed(&self, colour: [u8; 3]) -> [u8; 3] {
        let start = colour.map(|sample| self.table[usize::from(sample)]);
        let mixed = self.matrices.iter().fold(start, |[red, green, blue], matrix| {
            matrix.map(|[of_red, of_green, of_blue]| clamped(of_red * red + of_green * green + of_blue * blue))
        });
        mixed.map(|value| self.finished(value))
    }

    fn finished(&self, value: f32) -> u8 {
        byte(if self.invert { 255.0 - value } else { value })
    }
}

/// ITU-R BT.709's weights, as `grayscale()` has them.
const LUMINANCE: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// `feColorMatrix` of type `saturate`.
fn saturate(by: f32) -> Matrix {
    let (r, g, b) = (0.213, 0.715, 0.072);
    let mut matrix = [[r, g, b]; 3].map(|row| row.map(|weight| weight * (1.0 - by)));
    for (at, row) in matrix.iter_mut().enumerate() {
        row[at] += by;
    }
    matrix
}

/// `feColorMatrix` of type `hueRotate`.
fn turn_hue(degrees: u32) -> Matrix {
    const GREY: Matrix = [[0.213, 0.715, 0.072]; 3];
    const COSINE: Matrix = [[0.787, -0.715, -0.072], [-0.213, 0.285, -0.072], [-0.213, -0.715, 0.928]];
    const SINE: Matrix = [[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]];
    #[expect(clippy::cast_precision_loss, reason = "at most 359")]
    let (sine, cosine) = (degrees as f32).to_radians().sin_cos();
    std::array::from_fn(|row| {
        std::array::from_fn(|column| GREY[row][column] + cosine * COSINE[row][column] + sine * SINE[row][column])
    })
}

/// Colours of transparent pixels are nobody's to see, and stay as they are.
fn each_colour(picture: &mut Picture, change: impl Fn([u8; 3]) -> [u8; 3]) {
    match picture.channels {
        Channels::Rgb => picture.pixels.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| *pixel = change(*pixel)),
        Channels::Rgba => {
            for pixel in picture.pixels.as_chunks_mut::<4>().0 {
                let [red, green, blue, alpha] = *pixel;
                if alpha > 0 {
                    let [red, green, blue] = change([red, green, blue]);
                    *pixel = [red, green, blue, alpha];
                }
            }
        }
    }
}

fn clamped(value: f32) -> f32 {
    value.clamp(0.0, 255.0)
}

/// Rounded half up.
fn byte(value: f32) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "0 to 255, and `as` saturates")]
    let byte = (value + 0.5) as u8;
    byte
}
