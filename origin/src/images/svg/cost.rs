//! What drawing takes: the way that `resvg` goes through a tree, with sizes in place of pixels. Every layer, mask, pattern
//! and filter is a picture of its own, and some of them are as large as the file says.
//!
//! Times were measured of a release build and rounded up.

use std::time::Duration;

use resvg::tiny_skia::{Rect, Transform};
use resvg::usvg::filter::{Filter, Kind};
use resvg::usvg::{ClipPath, Group, Mask, Node, Paint, Path, Pattern, Tree};

use super::super::error::ImageError;
use super::super::geometry::Size;
use super::outline::{Outline, dashes};

/// Most things that are looked at; patterns in patterns come again for each who wears them.
const MOST_VISITS: u32 = 200_000;

/// Nanoseconds a pixel.
const COPY_NANOS: f64 = 8.0;
const COLOUR_NANOS: f64 = 4.0;
const GRADIENT_NANOS: f64 = 16.0;
const PATTERN_NANOS: f64 = 80.0;
const FILTER_NANOS: f64 = 40.0;

/// Nanoseconds for a segment of a path, and for each row of pixels that it crosses.
const SEGMENT_NANOS: f64 = 400.0;
const ROW_NANOS: f64 = 40.0;

/// What drawing takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) struct Cost {
    /// Held at once.
    pub(in super::super) bytes: u64,
    pub(in super::super) time: Duration,
}

impl Cost {
    /// Of a whole tree.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from a float saturates")]
    #[expect(clippy::cast_precision_loss, reason = "sizes of pictures")]
    pub(super) fn of(tree: &Tree, transform: Transform, size: Size) -> Result<Self, ImageError> {
        let (width, height) = (size.width as f32, size.height as f32);
        // Layers reach this far beyond the picture.
        let most = Rect::from_xywh(-2.0 * width, -2.0 * height, 5.0 * width, 5.0 * height);
        let most = most.ok_or(ImageError::ResultTooLarge)?;
        let mut walk = Walk { visits: 0, nanos: 0.0 };
        let ground = Ground { most, width: f64::from(size.width), height: f64::from(size.height) };
        let bytes = walk.nodes(tree.root(), transform, ground)? + ground.pixels() * 4.0;
        walk.nanos += ground.pixels() * COPY_NANOS;
        // Sides and scales may be as large as floats are, and no number comes of that times nothing.
        if !walk.nanos.is_finite() || !bytes.is_finite() {
            return Err(ImageError::SourceTooLarge);
        }
        Ok(Self { bytes: bytes as u64, time: Duration::from_nanos(walk.nanos as u64) })
    }
}

/// What is drawn on.
#[derive(Clone, Copy)]
struct Ground {
    /// No layer is larger.
    most: Rect,
    width: f64,
    height: f64,
}

impl Ground {
    fn pixels(self) -> f64 {
        self.width * self.height
    }

    /// The pixels of it that a box covers.
    fn covered(self, of: Option<Rect>) -> f64 {
        of.map_or(self.pixels(), |of| {
            (f64::from(of.width()) + 2.0).min(self.width) * (f64::from(of.height()) + 2.0).min(self.height)
        })
    }
}

struct Walk {
    visits: u32,
    nanos: f64,
}

/// Each answers the bytes that are held at once, beside the ground's.
impl Walk {
    fn visit(&mut self) -> Result<(), ImageError> {
        self.visits += 1;
        self.nanos += SEGMENT_NANOS;
        if self.visits > MOST_VISITS { Err(ImageError::SourceTooLarge) } else { Ok(()) }
    }

    fn nodes(&mut self, parent: &Group, transform: Transform, ground: Ground) -> Result<f64, ImageError> {
        parent.children().iter().try_fold(0.0, |held: f64, node| {
            self.visit()?;
            let bytes = match node {
                Node::Group(group) => self.group(group, transform, ground),
                Node::Path(path) => self.path(path, transform, ground),
                // There are none: the guard refuses them.
                Node::Image(_) | Node::Text(_) => Ok(0.0),
            };
            Ok(held.max(bytes?))
        })
    }

    fn group(&mut self, group: &Group, transform: Transform, ground: Ground) -> Result<f64, ImageError> {
        let transform = transform.pre_concat(group.transform());
        if !group.should_isolate() {
            return self.nodes(group, transform, ground);
        }
        let Some((layer, transform)) = layer(group, transform, ground) else { return Ok(0.0) };
        let own = layer.pixels() * 4.0;
        self.nanos += layer.pixels() * COPY_NANOS;
        let mut held = self.nodes(group, transform, layer)?;
        for filter in group.filters() {
            held = held.max(self.filter(filter, transform, layer)?);
        }
        if let Some(clip) = group.clip_path() {
            held = held.max(self.clip(clip, transform, layer)?);
        }
        if let Some(mask) = group.mask() {
            held = held.max(self.mask(mask, transform, layer)?);
        }
        Ok(own + held)
    }

    fn clip(&mut self, clip: &ClipPath, transform: Transform, layer: Ground) -> Result<f64, ImageError> {
        self.visit()?;
        self.nanos += layer.pixels() * COPY_NANOS * 2.0;
        let nested = match clip.clip_path() {
            Some(clip) => self.clip(clip, transform, layer)?,
            None => 0.0,
        };
        let children = self.clipped(clip.root(), transform.pre_concat(clip.transform()), layer)?;
        Ok(layer.pixels() * 5.0 + children.max(nested))
    }

    /// The shapes of a clip: a group among them that is clipped itself has a picture of the layer's size.
    fn clipped(&mut self, parent: &Group, transform: Transform, layer: Ground) -> Result<f64, ImageError> {
        parent.children().iter().try_fold(0.0, |held: f64, node| {
            self.visit()?;
            let bytes = match node {
                Node::Group(group) => {
                    let transform = transform.pre_concat(group.transform());
                    let children = self.clipped(group, transform, layer)?;
                    match group.clip_path() {
                        Some(clip) => {
                            self.nanos += layer.pixels() * COPY_NANOS;
                            layer.pixels() * 4.0 + children.max(self.clip(clip, transform, layer)?)
                        }
                        None => children,
                    }
                }
                Node::Path(path) => self.path(path, transform, layer)?,
                Node::Image(_) | Node::Text(_) => 0.0,
            };
            Ok(held.max(bytes))
        })
    }

    fn mask(&mut self, mask: &Mask, transform: Transform, layer: Ground) -> Result<f64, ImageError> {
        self.visit()?;
        self.nanos += layer.pixels() * COPY_NANOS * 3.0;
        let nested = match mask.mask() {
            Some(mask) => self.mask(mask, transform, layer)?,
            None => 0.0,
        };
        let children = self.nodes(mask.root(), transform, layer)?;
        Ok(layer.pixels() * 6.0 + children.max(nested))
    }

    fn pattern(&mut self, pattern: &Pattern, transform: Transform, ground: Ground) -> Result<f64, ImageError> {
        self.visit()?;
        let (across, down) = transform.pre_concat(pattern.transform()).get_scale();
        let side = |side: f32, scale: f32| (f64::from(side) * f64::from(scale)).round();
        let rect = pattern.rect();
        let tile = Ground { width: side(rect.width(), across), height: side(rect.height(), down), ..ground };
        if !tile.pixels().is_finite() {
            return Err(ImageError::SourceTooLarge);
        }
        self.nanos += tile.pixels() * COPY_NANOS;
        let children = self.nodes(pattern.root(), Transform::from_scale(across, down), tile)?;
        Ok(tile.pixels() * 4.0 + children)
    }

    fn filter(&mut self, filter: &Filter, transform: Transform, layer: Ground) -> Result<f64, ImageError> {
        let (across, down) = transform.get_scale();
        let span = |radius: f32, scale: f32, side: f64| (f64::from(radius * scale) * 2.0 + 2.0).min(side);
        let mut held: f64 = 0.0;
        for primitive in filter.primitives() {
            self.visit()?;
            let nanos = match primitive.kind() {
                Kind::ConvolveMatrix(of) => f64::from(of.matrix().columns()) * f64::from(of.matrix().rows()) * 12.0,
                Kind::Morphology(of) => {
                    let width = span(of.radius_x().get(), across, layer.width);
                    width * span(of.radius_y().get(), down, layer.height) * 8.0
                }
                Kind::Turbulence(of) => f64::from(of.num_octaves().max(1)) * 400.0,
                Kind::DiffuseLighting(_) | Kind::SpecularLighting(_) => 200.0,
                Kind::GaussianBlur(_) | Kind::DropShadow(_) => 200.0,
                Kind::Merge(of) => of.inputs().len() as f64 * FILTER_NANOS,
                Kind::Image(of) => {
                    held = held.max(self.nodes(of.root(), transform, layer)?);
                    FILTER_NANOS
                }
                _ => FILTER_NANOS,
            };
            self.nanos += layer.pixels() * (FILTER_NANOS + nanos);
        }
        // Every result is kept to the end; the newest has its inputs and its own work beside it.
        Ok(held + layer.pixels() * 4.0 * (filter.primitives().len() as f64 + 6.0))
    }

    fn path(&mut self, path: &Path, transform: Transform, ground: Ground) -> Result<f64, ImageError> {
        let mut held: f64 = 0.0;
        let covered = ground.covered(path.stroke_bounding_box().transform(transform));
        for paint in [path.fill().map(|fill| fill.paint()), path.stroke().map(|stroke| stroke.paint())] {
            let nanos = match paint {
                None => continue,
                Some(Paint::Color(_)) => COLOUR_NANOS,
                Some(Paint::LinearGradient(_) | Paint::RadialGradient(_)) => GRADIENT_NANOS,
                Some(Paint::Pattern(pattern)) => {
                    held = held.max(self.pattern(pattern, transform, ground)?);
                    PATTERN_NANOS
                }
            };
            self.nanos += covered * nanos;
        }
        let (across, down) = transform.get_scale();
        let scale = f64::from(across.max(down));
        let outline = Outline::of(path, scale, ground.height);
        let mut nanos = outline.segments * SEGMENT_NANOS + outline.rows * ROW_NANOS;
        if let Some(stroke) = path.stroke() {
            // Both sides of the line, caps and joins.
            let rows = (f64::from(stroke.width().get()) * scale).min(ground.height);
            let pieces = outline.segments + dashes(stroke.dasharray(), outline.length);
            nanos += pieces * (6.0 * SEGMENT_NANOS + 4.0 * rows * ROW_NANOS) + outline.rows * 3.0 * ROW_NANOS;
            held += pieces * 400.0;
        }
        self.nanos += nanos;
        // Edges of what is filled.
        Ok(held + outline.segments * 200.0)
    }
}

/// The layer of a group, and the transform on it; `None` where nothing is drawn.
fn layer(group: &Group, transform: Transform, ground: Ground) -> Option<(Ground, Transform)> {
    let (mut most, mut transform) = (ground.most, transform);
    if !group.filters().is_empty() {
        // Filters work on a layer that is turned upright.
        let (across, down) = (transform.sx.hypot(transform.ky), transform.kx.hypot(transform.sy));
        let turned = Transform::from_row(
            transform.sx / across,
            transform.ky / across,
            transform.kx / down,
            transform.sy / down,
            0.0,
            0.0,
        );
        let upright = turned.invert()?;
        most = most.transform(upright)?;
        transform = upright.pre_concat(transform);
    }
    let of = group.layer_bounding_box().transform(transform)?;
    let width = f64::from(of.width() + 5.0).min(f64::from(most.width()) + 1.0);
    let height = f64::from(of.height() + 5.0).min(f64::from(most.height()) + 1.0);
    Some((Ground { most, width, height }, transform))
}
