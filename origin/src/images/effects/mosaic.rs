//! `pixelate`: squares from the top left, each of one colour: the mean of its pixels, weighed by alpha (IMG-3). The
//! last column and row hold what is left, and the mean of that.

use super::super::picture::{Channels, Picture};

/// Makes every block of `side` pixels one colour.
pub(super) fn pixelate(picture: &mut Picture, side: u32) {
    match picture.channels {
        Channels::Rgb => blocks::<3>(picture, side as usize),
        Channels::Rgba => blocks::<4>(picture, side as usize),
    }
}

fn blocks<const CHANNELS: usize>(picture: &mut Picture, side: usize) {
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    let (pixels, _) = picture.pixels.as_chunks_mut::<CHANNELS>();
    for top in (0..height).step_by(side) {
        let rows = top..(top + side).min(height);
        for left in (0..width).step_by(side) {
            let columns = left..(left + side).min(width);
            let mut sum = Sum::default();
            for row in rows.clone() {
                let part = &pixels[row * width + columns.start..row * width + columns.end];
                part.iter().for_each(|pixel| sum.add(pixel));
            }
            let mean = sum.mean::<CHANNELS>();
            for row in rows.clone() {
                pixels[row * width + columns.start..row * width + columns.end].fill(mean);
            }
        }
    }
}

/// At most 256 times 256 pixels of 255 times 255: less than 2^32.
#[derive(Default)]
struct Sum {
    colour: [u32; 3],
    alpha: u32,
    pixels: u32,
}

impl Sum {
    fn add(&mut self, pixel: &[u8]) {
        let alpha = pixel.get(3).map_or(255, |alpha| u32::from(*alpha));
        for (sum, sample) in self.colour.iter_mut().zip(pixel) {
            *sum += u32::from(*sample) * alpha;
        }
        self.alpha += alpha;
        self.pixels += 1;
    }

    /// Rounded half up; no colour where nothing can be seen.
    fn mean<const CHANNELS: usize>(&self) -> [u8; CHANNELS] {
        let divided = |sum: u32, by: u32| u8::try_from((sum + by / 2).checked_div(by).unwrap_or(0)).unwrap_or(u8::MAX);
        std::array::from_fn(|at| match self.colour.get(at) {
            Some(sum) => divided(*sum, self.alpha),
            None => divided(self.alpha, self.pixels),
        })
    }
}
