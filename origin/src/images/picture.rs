//! Decoded pixels: 8 bits a channel, rows without gaps, alpha not premultiplied.

use super::geometry::{Plan, Rect, Size};
use super::orientation::Orientation;

/// What a pixel holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Channels {
    pub(super) fn count(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) size: Size,
    pub(super) channels: Channels,
    pub(super) pixels: Vec<u8>,
}

impl Picture {
    pub(super) fn rgb(size: Size, pixels: Vec<u8>) -> Self {
        Self { size, channels: Channels::Rgb, pixels }
    }

    pub(super) fn rgba(size: Size, pixels: Vec<u8>) -> Self {
        Self { size, channels: Channels::Rgba, pixels }
    }

    /// The pixels, row by row; opaque where there is no alpha.
    pub(super) fn colours(&self) -> impl Iterator<Item = [u8; 4]> {
        self.pixels.chunks_exact(self.channels.count()).map(colour)
    }

    /// The pixel at a place within the picture.
    pub(super) fn colour_at(&self, x: u32, y: u32) -> [u8; 4] {
        let at = (y as usize * self.size.width as usize + x as usize) * self.channels.count();
        colour(&self.pixels[at..at + self.channels.count()])
    }

    /// Turned upright.
    pub(super) fn turned(self, orientation: Orientation) -> Self {
        let pixels = match self.channels {
            Channels::Rgb => orientation.apply::<3>(self.size, self.pixels),
            Channels::Rgba => orientation.apply::<4>(self.size, self.pixels),
        };
        Self { size: orientation.turn(self.size), channels: self.channels, pixels }
    }

    /// Without an alpha channel that says nothing (IMG-8).
    pub(super) fn without_idle_alpha(self) -> Self {
        let (pixels, _) = self.pixels.as_chunks::<4>();
        if self.channels == Channels::Rgb || pixels.iter().any(|[.., alpha]| *alpha != 255) {
            return self;
        }
        self.without_alpha()
    }

    /// With every pixel as if it were opaque.
    pub(super) fn without_alpha(self) -> Self {
        match self.channels {
            Channels::Rgb => self,
            Channels::Rgba => {
                let (pixels, _) = self.pixels.as_chunks::<4>();
                let mut opaque = Vec::with_capacity(pixels.len() * 3);
                pixels.iter().for_each(|[red, green, blue, _]| opaque.extend_from_slice(&[*red, *green, *blue]));
                Self::rgb(self.size, opaque)
            }
        }
    }

    /// With an alpha channel, if only one that says nothing.
    pub(super) fn with_alpha(self) -> Self {
        match self.channels {
            Channels::Rgba => self,
            Channels::Rgb => {
                let (pixels, _) = self.pixels.as_chunks::<3>();
                let mut covered = Vec::with_capacity(pixels.len() * 4);
                pixels.iter().for_each(|[red, green, blue]| covered.extend_from_slice(&[*red, *green, *blue, 255]));
                Self::rgba(self.size, covered)
            }
        }
    }

    /// A part of it.
    pub(super) fn part(&self, part: Rect) -> Self {
        let count = self.channels.count();
        let (left, width) = (part.x as usize * count, part.width as usize * count);
        let rows = self.pixels.chunks_exact(self.size.width as usize * count).skip(part.y as usize);
        let mut pixels = Vec::with_capacity(width * part.height as usize);
        rows.take(part.height as usize).for_each(|row| pixels.extend_from_slice(&row[left..left + width]));
        Self { size: part.size(), channels: self.channels, pixels }
    }

    /// The same of a picture that is needed no more.
    pub(super) fn into_part(self, part: Rect) -> Self {
        if part == Rect::whole(self.size) { self } else { self.part(part) }
    }

    /// Laid over a background; an opaque one leaves no alpha.
    pub(super) fn over(self, background: [u8; 4]) -> Self {
        let (pixels, _) = self.pixels.as_chunks::<4>();
        if self.channels == Channels::Rgb || background[3] == 0 {
            return self;
        }
        let blended = pixels.iter().map(|pixel| blend(*pixel, background));
        if background[3] == 255 {
            Self::rgb(self.size, blended.flat_map(|[red, green, blue, _]| [red, green, blue]).collect())
        } else {
            Self::rgba(self.size, blended.flatten().collect())
        }
    }

    /// Laid over an opaque picture that is at least as large.
    pub(super) fn on(self, mut ground: Self, (left, top): (u32, u32)) -> Self {
        let columns = ground.size.width as usize;
        let (left, top, width) = (left as usize, top as usize, self.size.width as usize);
        let (pixels, _) = ground.pixels.as_chunks_mut::<3>();
        for (row, source) in self.pixels.chunks_exact(width * self.channels.count()).enumerate() {
            let start = (top + row) * columns + left;
            let target = &mut pixels[start..start + width];
            for (target, source) in target.iter_mut().zip(source.chunks_exact(self.channels.count())) {
                let [red, green, blue] = *target;
                let [red, green, blue, _] = blend(colour(source), [red, green, blue, 255]);
                *target = [red, green, blue];
            }
        }
        ground
    }

    /// Standing on a larger canvas of the background's colour.
    pub(super) fn on_canvas(self, plan: &Plan, background: [u8; 4]) -> Self {
        let opaque = self.channels == Channels::Rgb && background[3] == 255;
        let (columns, rows) = (plan.canvas.width as usize, plan.canvas.height as usize);
        let mut canvas = background[..if opaque { 3 } else { 4 }].repeat(columns * rows);
        let count = if opaque { 3 } else { 4 };
        let width = self.size.width as usize;
        let (left, top) = (plan.at.0 as usize, plan.at.1 as usize);
        for (row, source) in self.pixels.chunks_exact(width * self.channels.count()).enumerate() {
            let start = ((top + row) * columns + left) * count;
            let target = &mut canvas[start..start + width * count];
            if self.channels.count() == count {
                target.copy_from_slice(source);
            } else {
                for (target, source) in target.as_chunks_mut::<4>().0.iter_mut().zip(source.as_chunks::<3>().0) {
                    *target = [source[0], source[1], source[2], 255];
                }
            }
        }
        if opaque { Self::rgb(plan.canvas, canvas) } else { Self::rgba(plan.canvas, canvas) }
    }
}

fn colour(samples: &[u8]) -> [u8; 4] {
    [samples[0], samples[1], samples[2], samples.get(3).copied().unwrap_or(255)]
}

/// A background made opaque by laying it over white.
pub(super) fn on_white(background: [u8; 4]) -> [u8; 4] {
    blend(background, [255; 4])
}

/// One pixel over another (Porter and Duff's `over`, colours not premultiplied), rounded half up.
pub(super) fn blend(over: [u8; 4], under: [u8; 4]) -> [u8; 4] {
    let (a, b) = (u32::from(over[3]), u32::from(under[3]));
    // In 255ths of 255ths.
    let left = b * (255 - a);
    let alpha = a * 255 + left;
    if alpha == 0 {
        return [0; 4];
    }
    let channel = |over: u8, under: u8| {
        let sum = u32::from(over) * a * 255 + u32::from(under) * left;
        u8::try_from((sum + alpha / 2) / alpha).unwrap_or(u8::MAX)
    };
    let alpha_byte = u8::try_from((alpha + 127) / 255).unwrap_or(u8::MAX);
    [channel(over[0], under[0]), channel(over[1], under[1]), channel(over[2], under[2]), alpha_byte]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn img3_blending_meets_its_ends() {
        assert_eq!(blend([10, 20, 30, 255], [1, 2, 3, 255]), [10, 20, 30, 255]);
        assert_eq!(blend([10, 20, 30, 0], [1, 2, 3, 255]), [1, 2, 3, 255]);
        assert_eq!(blend([255, 0, 0, 128], [255, 255, 255, 255]), [255, 127, 127, 255]);
        assert_eq!(blend([200, 100, 0, 0], [9, 9, 9, 0]), [0; 4]);
    }

    #[test]
    fn img8_an_alpha_that_says_nothing_goes() {
        let size = Size { width: 1, height: 2 };
        let opaque = Picture::rgba(size, vec![1, 2, 3, 255, 4, 5, 6, 255]).without_idle_alpha();
        assert_eq!(opaque, Picture::rgb(size, vec![1, 2, 3, 4, 5, 6]));
        let seen = Picture::rgba(size, vec![1, 2, 3, 255, 4, 5, 6, 254]);
        assert_eq!(seen.clone().without_idle_alpha(), seen);
    }
}
