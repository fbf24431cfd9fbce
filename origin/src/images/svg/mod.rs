//! SVG, where the operator's setting admits it: read by `usvg`, drawn by `resvg` straight at the size that a plan wants, and
//! ordinary pixels from there on. The file itself is never passed on (SVG-1).
//!
//! Neither library can be interrupted, and both recurse. So [`guard`] counts what a file would become before `usvg` reads it,
//! and [`cost`] what drawing takes before `resvg` begins. Nothing outside of the file is looked at, and what cannot be drawn as a
//! browser would draw it (text, pictures in it) is refused by name.

mod cost;
mod guard;
mod outline;

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use super::error::ImageError;
use super::geometry::{Area, Size};
use super::orientation::Orientation;
use super::picture::Picture;
use super::probe::{Coding, Probe};

pub(super) use self::cost::Cost;

/// A drawing that was read; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Drawing {
    tree: Arc<Tree>,
    /// In whole pixels.
    size: Size,
    /// What the tree holds, at most.
    tree_bytes: u64,
}

impl PartialEq for Drawing {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tree, &other.tree)
    }
}

/// The header of an SVG, which is all of it.
///
/// # Errors
///
/// [`ImageError::NotAnImage`] where the root is no `svg`; [`ImageError::SourceTooLarge`] for more than [`guard`] admits.
pub(super) fn probe(source: &[u8]) -> Result<Probe, ImageError> {
    let (document, tree_bytes) = guard::read(source)?;
    let alone = ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = Options { resources_dir: None, image_href_resolver: alone, ..Options::default() };
    let tree = Tree::from_xmltree(&document, &options).map_err(|_| ImageError::Broken("the SVG cannot be read"))?;
    let size = Size { width: whole(tree.size().width()), height: whole(tree.size().height()) };
    Ok(Probe {
        size,
        orientation: Orientation::default(),
        alpha: true,
        frames: 1,
        profile: None,
        coding: Coding::Svg,
        drawing: Some(Drawing { tree: Arc::new(tree), size, tree_bytes }),
    })
}

/// The nearest number of pixels, one at least.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
fn whole(side: f32) -> u32 {
    (side.round() as u32).max(1)
}

impl Drawing {
    /// What drawing a part of it at a size takes; `part` is in pixels of [`Probe::size`].
    pub(super) fn cost(&self, part: Area, size: Size) -> Result<Cost, ImageError> {
        let cost = Cost::of(&self.tree, self.transform(part, size), size)?;
        Ok(Cost { bytes: cost.bytes.saturating_add(self.tree_bytes), ..cost })
    }

    /// Draws a part of it, which fills the picture.
    pub(super) fn draw(&self, part: Area, size: Size) -> Result<Picture, ImageError> {
        let mut pixmap = Pixmap::new(size.width, size.height).ok_or(ImageError::ResultTooLarge)?;
        resvg::render(&self.tree, self.transform(part, size), &mut pixmap.as_mut());
        Ok(Picture::rgba(size, pixmap.take_demultiplied()))
    }

    /// From the drawing's own units to the picture's pixels.
    #[expect(clippy::cast_possible_truncation, reason = "the library works in these")]
    fn transform(&self, part: Area, size: Size) -> Transform {
        let (across, down) = (f64::from(size.width) / part.width, f64::from(size.height) / part.height);
        let own = self.tree.size();
        let scale_x = across * f64::from(self.size.width) / f64::from(own.width());
        let scale_y = down * f64::from(self.size.height) / f64::from(own.height());
        let (left, top) = (-part.x * across, -part.y * down);
        Transform::from_row(scale_x as f32, 0.0, 0.0, scale_y as f32, left as f32, top as f32)
    }
}
