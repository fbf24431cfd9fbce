//! `blur` and `sharpen`: both smooth a premultiplied 16-bit copy (IMG-3) along its rows, then its columns. Beyond an
//! edge the picture goes on with its last pixel.

use super::super::error::ImageError;
use super::super::picture::{Channels, Picture};
use super::gaussian::{Gaussian, LANES, Lanes};

/// Bytes of the copy for every byte of the picture.
pub(super) const COPY_BYTES: u64 = 2;

/// A byte's step in 16 bits: 255 becomes 65535.
const STEP: u32 = 257;

/// Blurs by a Gaussian of this sigma, in pixels. Asks between the two directions whether there is time left.
pub(super) fn blur(
    picture: &mut Picture,
    sigma: f64,
    in_time: impl Fn() -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let smooth = smoothed(picture, sigma, in_time)?;
    match picture.channels {
        Channels::Rgb => {
            for (sample, smooth) in picture.pixels.iter_mut().zip(smooth) {
                *sample = byte((u32::from(smooth) + STEP / 2) / STEP);
            }
        }
        Channels::Rgba => {
            for (pixel, smooth) in picture.pixels.as_chunks_mut::<4>().0.iter_mut().zip(smooth.as_chunks::<4>().0) {
                *pixel = straight(*smooth);
            }
        }
    }
    Ok(())
}

/// Sharpens by an unsharp mask: every colour goes as far away from the blurred one as that lies from it, an amount of
/// 100 %, without a threshold. Alpha stays.
pub(super) fn sharpen(
    picture: &mut Picture,
    sigma: f64,
    in_time: impl Fn() -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let smooth = smoothed(picture, sigma, in_time)?;
    match picture.channels {
        Channels::Rgb => {
            for (sample, smooth) in picture.pixels.iter_mut().zip(smooth) {
                *sample = away(*sample, u32::from(smooth));
            }
        }
        Channels::Rgba => {
            for (pixel, smooth) in picture.pixels.as_chunks_mut::<4>().0.iter_mut().zip(smooth.as_chunks::<4>().0) {
                let alpha = u32::from(smooth[3]);
                if pixel[3] == 0 || alpha == 0 {
                    continue;
                }
                for (sample, smooth) in pixel.iter_mut().zip(smooth).take(3) {
                    // At most 65535 times 65535, and half of that much again.
                    let colour = (u64::from(*smooth) * 65_535 + u64::from(alpha / 2)) / u64::from(alpha);
                    *sample = away(*sample, u32::try_from(colour).unwrap_or(u32::MAX).min(65_535));
                }
            }
        }
    }
    Ok(())
}

/// Twice the sample less the smooth one of 16 bits, rounded half up.
fn away(sample: u8, smooth: u32) -> u8 {
    byte((u32::from(sample) * 2 * STEP + STEP / 2).saturating_sub(smooth) / STEP)
}

/// Colours divided by alpha again; none where nothing can be seen.
fn straight(smooth: [u16; 4]) -> [u8; 4] {
    let [red, green, blue, alpha] = smooth.map(u32::from);
    let shown = byte((alpha + STEP / 2) / STEP);
    if shown == 0 {
        return [0; 4];
    }
    let colour = |sample: u32| byte((sample * 255 + alpha / 2) / alpha);
    [colour(red), colour(green), colour(blue), shown]
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// A smooth copy in 16 bits, premultiplied.
fn smoothed(
    picture: &Picture,
    sigma: f64,
    in_time: impl Fn() -> Result<(), ImageError>,
) -> Result<Vec<u16>, ImageError> {
    let mut copy = widened(picture);
    let gaussian = Gaussian::new(sigma);
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    let count = picture.channels.count();
    let stride = width * count;
    let mut line = Line { gaussian: &gaussian, lanes: Vec::with_capacity(width.max(height) + 2 * gaussian.reach()) };
    let at_once = LANES / count;
    for top in (0..height).step_by(at_once) {
        let rows = top..(top + at_once).min(height);
        let starts: Vec<usize> = rows.flat_map(|row| (0..count).map(move |channel| row * stride + channel)).collect();
        line.smooth(&mut copy, &starts, count, width);
    }
    in_time()?;
    for left in (0..stride).step_by(LANES) {
        let starts: Vec<usize> = (left..(left + LANES).min(stride)).collect();
        line.smooth(&mut copy, &starts, stride, height);
    }
    Ok(copy)
}

/// The picture in 16 bits, colours multiplied by alpha.
fn widened(picture: &Picture) -> Vec<u16> {
    let wide = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
    match picture.channels {
        Channels::Rgb => picture.pixels.iter().map(|sample| wide(u32::from(*sample) * STEP)).collect(),
        Channels::Rgba => {
            let (pixels, _) = picture.pixels.as_chunks::<4>();
            let mut copy = Vec::with_capacity(picture.pixels.len());
            for pixel in pixels {
                let [red, green, blue, alpha] = pixel.map(u32::from);
                let times = |sample: u32| wide((sample * alpha * STEP + 127) / 255);
                copy.extend([times(red), times(green), times(blue), wide(alpha * STEP)]);
            }
            copy
        }
    }
}

/// Room for lines side by side, used again and again.
struct Line<'a> {
    gaussian: &'a Gaussian,
    lanes: Vec<Lanes>,
}

impl Line<'_> {
    /// Smooths the lines of `length` samples that begin at `starts` and go on every `step`.
    fn smooth(&mut self, samples: &mut [u16], starts: &[usize], step: usize, length: usize) {
        let reach = self.gaussian.reach();
        self.lanes.clear();
        self.lanes.resize(reach, [0; LANES]);
        for at in 0..length {
            let mut lanes = [0; LANES];
            for (lane, start) in lanes.iter_mut().zip(starts) {
                *lane = samples[start + at * step];
            }
            self.lanes.push(lanes);
        }
        let (first, last) = (self.lanes[reach], self.lanes[reach + length - 1]);
        self.lanes[..reach].fill(first);
        self.lanes.extend(std::iter::repeat_n(last, reach));
        self.gaussian.smooth(&mut self.lanes);
        for (at, lanes) in self.lanes.iter().enumerate() {
            for (lane, start) in lanes.iter().zip(starts) {
                samples[start + at * step] = *lane;
            }
        }
    }
}
