//! Animations of the target, in every way to say which part of it has changed.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::super::geometry::{Rect, Size};
use super::super::super::orientation::Orientation;
use super::super::super::picture::Picture;
use super::super::moving::webp_of;
use super::codings::palette;
use super::families::Coding;
use super::targets::target;

pub(super) struct Moving {
    pub(super) name: &'static str,
    pub(super) source: Rc<Vec<u8>>,
    /// What its frames show.
    pub(super) shown: Vec<Picture>,
    pub(super) coding: Coding,
    /// The operations that keep it in its format, with little loss.
    pub(super) format: &'static str,
}

/// A picture and where its top left corner lies.
type Patch = ((u32, u32), Picture);

/// The target; then its right half upside down; then the lower half of it all mirrored, too.
pub(super) fn moving(size: Size) -> Vec<Moving> {
    let Size { width, height } = size;
    let first = target(width, height);
    let part = |of: &Picture, x: u32, y: u32, orientation: u32| {
        let part = of.part(Rect { x, y, width: width - x, height: height - y });
        ((x, y), part.turned(Orientation::from_exif(orientation)))
    };
    let laid = |((x, y), part): &Patch, ground: &Picture| part.clone().on(ground.clone(), (*x, *y));
    let right = part(&first, width / 2, 0, 4);
    let second = laid(&right, &first);
    let lower = part(&second, 0, height / 2, 2);
    let third = laid(&lower, &second);
    let shown = vec![first.clone(), second, third];
    let wholes: Vec<Patch> = shown.iter().map(|picture| ((0, 0), picture.clone())).collect();
    let parts = [((0, 0), first), right, lower];

    let animation = |name, source: Vec<u8>, coding, format| Moving {
        name,
        source: Rc::new(source),
        shown: shown.clone(),
        coding,
        format,
    };
    let webp = |patches: &[Patch], lossless: bool| {
        let frames: Vec<_> = patches.iter().map(|((x, y), part)| (*x, *y, part, 80, 0, lossless)).collect();
        webp_of((width, height), 0, &frames)
    };
    vec![
        animation("GIF of whole frames", gif_of_patches(size, &wholes), Coding::Exact, ",f_gif"),
        animation("GIF of what changes", gif_of_patches(size, &parts), Coding::Exact, ",f_gif"),
        animation("WebP, lossless, of what changes", webp(&parts, true), Coding::Exact, ",f_webp,q_95"),
        animation("WebP, lossy, of whole frames", webp(&wholes, false), Coding::Soft, ",f_webp,q_95"),
    ]
}

/// Each patch in a palette of its own, and left where it is.
fn gif_of_patches(size: Size, patches: &[Patch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = gif::Encoder::new(&mut bytes, size.width as u16, size.height as u16, &[]).unwrap();
    encoder.set_repeat(gif::Repeat::Infinite).unwrap();
    for ((left, top), part) in patches {
        let (colours, indices) = palette(part);
        let frame = gif::Frame {
            left: *left as u16,
            top: *top as u16,
            width: part.size.width as u16,
            height: part.size.height as u16,
            dispose: gif::DisposalMethod::Keep,
            delay: 8,
            palette: Some(colours.iter().flat_map(|colour| colour[..3].to_vec()).collect()),
            buffer: Cow::Owned(indices),
            ..gif::Frame::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}
