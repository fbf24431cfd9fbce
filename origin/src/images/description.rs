//! `f_json`: what a picture is, instead of the picture.

use std::cmp::Ordering;

use serde::Serialize;

use super::blurhash;
use super::dominant::dominant;
use super::error::ImageError;
use super::geometry::{Rect, Size};
use super::picture::Picture;
use super::probe::Probe;
use super::resize;

/// The longer side of what colours are taken from, in pixels: a BlurHash of a few components needs no more.
pub(super) const SIDE_PIXELS: u32 = 64;

/// The source, by its header.
#[derive(Serialize)]
pub(super) struct Source {
    format: &'static str,
    /// As shown, after orientation.
    width: u32,
    height: u32,
    /// EXIF's number.
    orientation: u8,
    frames: u32,
    /// Whether pixels may be transparent.
    alpha: bool,
    bytes: usize,
}

impl Source {
    pub(super) fn new(probe: &Probe, source: &[u8]) -> Self {
        let Size { width, height } = probe.shown();
        Self {
            format: probe.format().name(),
            width,
            height,
            orientation: probe.orientation.exif(),
            frames: probe.frames.max(1),
            alpha: probe.alpha,
            bytes: source.len(),
        }
    }
}

#[derive(Serialize)]
struct Description<'a> {
    width: u32,
    height: u32,
    blurhash: String,
    dominant: Option<String>,
    source: &'a Source,
}

/// Describes a result of this size; `picture` is that result, which may be smaller.
pub(super) fn describe(picture: Picture, size: Size, source: &Source) -> Result<Vec<u8>, ImageError> {
    let small = picture.size.at_most(SIDE_PIXELS);
    let picture = if small == picture.size {
        picture
    } else {
        let whole = Rect::whole(picture.size);
        resize::picture(&picture, whole, whole.area(), small)?
    };
    let dominant = dominant(picture.colours()).map(|[red, green, blue]| format!("#{red:02x}{green:02x}{blue:02x}"));
    let description =
        Description { width: size.width, height: size.height, blurhash: blurhash(picture), dominant, source };
    serde_json::to_vec(&description).map_err(|_| ImageError::Broken("the description could not be written"))
}

/// Four components along the longer side and three along the other, four by four in a square. A hash knows no alpha: what is
/// transparent is white.
fn blurhash(picture: Picture) -> String {
    let size = picture.size;
    let components = match size.width.cmp(&size.height) {
        Ordering::Greater => (4, 3),
        Ordering::Equal => (4, 4),
        Ordering::Less => (3, 4),
    };
    let pixels: Vec<[u8; 3]> =
        picture.over([255; 4]).colours().map(|[red, green, blue, _]| [red, green, blue]).collect();
    blurhash::hash(&pixels, size, components)
}
