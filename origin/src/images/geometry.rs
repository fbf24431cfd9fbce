//! From sizes to sizes: what part of the source becomes a picture of what size, and where that picture stands.
//!
//! The rules of `w h dpr fit up g`, all on the picture as shown, which is what `crop`, `trim`, `rot` and `flip` left of the
//! source:
//!
//! - `dpr` multiplies `w` and `h`, rounded half up.
//! - Neither side: the size is kept, whatever `fit` says.
//! - One side: the other follows the source's aspect, rounded half up, at least 1; the result is that box.
//! - `contain`: the largest picture of the source's aspect inside the box.
//! - `cover`: the box, filled by the source's largest part of the box's aspect; `g` says which part.
//! - `fill`: the box, the source stretched to it.
//! - `outside`: the smallest picture of the source's aspect that covers the box.
//! - `pad`: `contain`, on a canvas of the box's size; `g` says where.
//!
//! Without `up` no pixel is enlarged: `contain` and `outside` stop at the source's size. `cover` and `fill` keep the
//! *aspect* of the box, which is what was asked for, and shrink the box until the source covers it. `pad` still fills
//! the whole box, with the picture at most at its own size inside.

use sealpix::operations::{Fit, Gravity, Operations, Width};

use super::probe::{Coding, Probe};
use super::settings::Settings;

/// A size in pixels, both sides at least 1 once it comes from a probe or a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Size {
    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// The size itself, or the largest of its aspect whose longer side is `side`.
    pub(super) fn at_most(self, side: u32) -> Self {
        if self.width.max(self.height) <= side { self } else { inside(self, Self { width: side, height: side }) }
    }
}

/// A part of a picture, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Rect {
    /// All of a picture.
    pub(super) fn whole(size: Size) -> Self {
        Self { x: 0, y: 0, width: size.width, height: size.height }
    }

    pub(super) fn size(self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// The smallest part that holds both.
    pub(super) fn with(self, other: Self) -> Self {
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = (self.x + self.width).max(other.x + other.width);
        let bottom = (self.y + self.height).max(other.y + other.height);
        Self { x, y, width: right - x, height: bottom - y }
    }

    pub(super) fn area(self) -> Area {
        Area { x: self.x.into(), y: self.y.into(), width: self.width.into(), height: self.height.into() }
    }
}

/// A part of a picture, in its pixels; its edges may lie within a pixel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    /// The same part of a picture that was shrunk on load. Its sides were rounded up, but a pixel of it still covers
    /// `by` of the source's, so coordinates are divided exactly.
    pub(super) fn shrunk(self, by: u32) -> Self {
        let by = f64::from(by);
        Self { x: self.x / by, y: self.y / by, width: self.width / by, height: self.height / by }
    }

    /// The pixels of a picture that the part touches, one at least.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the picture's sides before"
    )]
    pub(super) fn touched(self, size: Size) -> Rect {
        let span = |from: f64, length: f64, side: u32| {
            let begin = from.floor().clamp(0.0, f64::from(side.saturating_sub(1)));
            let end = (from + length).ceil().clamp(begin + 1.0, f64::from(side.max(1)));
            (begin as u32, (end - begin) as u32)
        };
        let ((x, width), (y, height)) = (span(self.x, self.width, size.width), span(self.y, self.height, size.height));
        Rect { x, y, width, height }
    }
}

/// What part of a picture a cut keeps, or where a smaller picture stands; in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// This fraction of what is left over goes before the part.
    Share(u32, u32),
    /// The part is centred on this point of the picture, as far as it goes.
    Point(u32, u32),
}

/// What the operations ask of the geometry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) fit: Fit,
    pub(super) enlarge: bool,
    pub(super) anchor: Anchor,
}

impl Request {
    /// Reads the operations. A list of widths was resolved before: its largest stands for it.
    pub(super) fn of(operations: &Operations) -> Self {
        let dpr = operations.dpr.map_or(1000, |dpr| dpr.thousandths());
        let scaled = |side: u32| rounded(u64::from(side), u64::from(dpr), 1000);
        Self {
            width: operations.width.as_ref().map(Width::largest).map(scaled),
            height: operations.height.map(|height| scaled(height.get())),
            fit: operations.fit.unwrap_or(Fit::Contain),
            enlarge: operations.enlarge.is_some(),
            anchor: match operations.gravity {
                Some(Gravity::Compass { x, y, .. }) => Anchor::Share(x, y),
                Some(Gravity::Point(x, y)) => Anchor::Point(x.thousandths(), y.thousandths()),
                // What draws the eye is not known yet: `attention` moves the part there.
                Some(Gravity::Smart) | None => Anchor::Share(500, 500),
            },
        }
    }
}

/// What becomes of a source.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    /// What `crop` and `trim` leave of the source: nothing beside it is seen by a resize.
    pub(super) window: Rect,
    /// The part of the source that is kept, within the window.
    pub(super) part: Area,
    /// The size that the part is resized to.
    pub(super) picture: Size,
    /// The size of the result.
    pub(super) canvas: Size,
    /// Where the picture stands on the canvas, from the left and from the top.
    pub(super) at: (u32, u32),
    /// Whether the source's own pixels are needed, so that no decoder may shrink them.
    pub(super) at_full_size: bool,
    /// How the operator has pictures shrunk and resized.
    pub(super) settings: Settings,
}

impl Plan {
    /// Plans the result for a window of a source.
    pub(super) fn within(window: Rect, request: &Request) -> Self {
        let mut plan = Self::new(window.size(), request);
        plan.part.x += f64::from(window.x);
        plan.part.y += f64::from(window.y);
        Self { window, ..plan }
    }

    /// A plan that no part of a window takes more memory than: what is known before `trim` has seen the pixels. `most` has
    /// as many pixels as a result may have.
    pub(super) fn largest_within(window: Rect, request: &Request, most: Size) -> Self {
        let source = window.size();
        let at_most = |asked: Option<u32>, side: u32| asked.map_or(side, |asked| asked.min(side));
        let (picture, canvas) = match (request.width, request.height) {
            (None, None) => (source, source),
            (Some(width), Some(height)) => {
                let asked = Size { width, height };
                let picture = match (request.fit, request.enlarge) {
                    (Fit::Outside, true) => most,
                    (Fit::Outside, false) => source,
                    (_, true) => asked,
                    (_, false) => Size { width: width.min(source.width), height: height.min(source.height) },
                };
                (picture, if request.fit == Fit::Pad { asked } else { picture })
            }
            // The other side follows an aspect that may be any.
            (width, height) => {
                let kept = Size { width: at_most(width, source.width), height: at_most(height, source.height) };
                let picture = if request.enlarge { most } else { kept };
                (picture, if request.fit == Fit::Pad { most } else { picture })
            }
        };
        Self {
            window,
            part: window.area(),
            picture,
            canvas,
            at: (0, 0),
            at_full_size: true,
            settings: Settings::default(),
        }
    }

    /// Plans the result for a source of this size.
    pub(super) fn new(source: Size, request: &Request) -> Self {
        match (request.width, request.height) {
            (None, None) => Self::whole(source, source),
            (Some(width), None) => {
                let height = rounded(u64::from(width), u64::from(source.height), u64::from(source.width));
                Self::one_side(source, Size { width, height }, request)
            }
            (None, Some(height)) => {
                let width = rounded(u64::from(height), u64::from(source.width), u64::from(source.height));
                Self::one_side(source, Size { width, height }, request)
            }
            (Some(width), Some(height)) => Self::both_sides(source, Size { width, height }, request),
        }
    }

    /// The whole source at another size.
    fn whole(source: Size, picture: Size) -> Self {
        let window = Rect::whole(source);
        Self {
            window,
            part: window.area(),
            picture,
            canvas: picture,
            at: (0, 0),
            at_full_size: false,
            settings: Settings::default(),
        }
    }

    /// A box of the source's own aspect: nothing is cut or stretched beyond the rounding of the second side.
    fn one_side(source: Size, asked: Size, request: &Request) -> Self {
        let larger = asked.width > source.width || asked.height > source.height;
        let picture = if larger && !request.enlarge { source } else { asked };
        let plan = Self::whole(source, picture);
        if request.fit == Fit::Pad { plan.on_canvas(asked, request.anchor) } else { plan }
    }

    fn both_sides(source: Size, asked: Size, request: &Request) -> Self {
        let enlarges = |picture: Size| picture.width > source.width || picture.height > source.height;
        let kept = |picture: Size| if enlarges(picture) && !request.enlarge { source } else { picture };
        match request.fit {
            Fit::Contain => Self::whole(source, kept(inside(source, asked))),
            Fit::Outside => Self::whole(source, kept(around(source, asked))),
            Fit::Pad => Self::whole(source, kept(inside(source, asked))).on_canvas(asked, request.anchor),
            Fit::Fill | Fit::Cover => {
                // The box's aspect inside the source: the largest box that enlarges nothing.
                let shrunk = !request.enlarge && enlarges(asked);
                let picture = if shrunk { inside(asked, source) } else { asked };
                let plan = Self::whole(source, picture);
                if request.fit == Fit::Cover { plan.cut(source, request.anchor) } else { plan }
            }
        }
    }

    /// Keeps the largest part of the source that has the picture's aspect.
    fn cut(mut self, source: Size, anchor: Anchor) -> Self {
        let (sw, sh) = (f64::from(source.width), f64::from(source.height));
        let (pw, ph) = (f64::from(self.picture.width), f64::from(self.picture.height));
        let wider = compare(self.picture, source) != std::cmp::Ordering::Less;
        let (width, height) = if wider { (sw, sw * ph / pw) } else { (sh * pw / ph, sh) };
        self.part = Area { width, height, ..self.part };
        self.placed(source, anchor)
    }

    /// Keeps a part of this size elsewhere.
    fn placed(mut self, source: Size, anchor: Anchor) -> Self {
        let (sw, sh) = (f64::from(source.width), f64::from(source.height));
        let (pw, ph) = (f64::from(self.picture.width), f64::from(self.picture.height));
        let Area { width, height, .. } = self.part;
        let (share_x, share_y) = match anchor {
            Anchor::Share(x, y) => ((sw - width) * f64::from(x) / 1000.0, (sh - height) * f64::from(y) / 1000.0),
            Anchor::Point(x, y) => {
                (sw * f64::from(x) / 1000.0 - width / 2.0, sh * f64::from(y) / 1000.0 - height / 2.0)
            }
        };
        let (mut x, mut y) = (share_x.clamp(0.0, sw - width), share_y.clamp(0.0, sh - height));
        if (width, height) == (pw, ph) {
            // Nothing is resized: a cut on whole pixels keeps them as they are.
            (x, y) = ((x + 0.5).floor().min(sw - width), (y + 0.5).floor().min(sh - height));
        }
        self.part = Area { x, y, width, height };
        self
    }

    /// The same of a picture that is the kept part already, at its size.
    pub(super) fn of_its_part(self) -> Self {
        let window = Rect::whole(self.picture);
        Self { window, part: window.area(), ..self }
    }

    /// Whether a part of the window is left out, so that the gravity says which.
    pub(super) fn cuts(&self) -> bool {
        self.part != self.window.area()
    }

    /// The plan with another part of its window kept: of the same size, elsewhere.
    pub(super) fn aimed(self, anchor: Anchor) -> Self {
        let mut plan = self.placed(self.window.size(), anchor);
        plan.part.x += f64::from(plan.window.x);
        plan.part.y += f64::from(plan.window.y);
        plan
    }

    /// The same result with a canvas of at most this side, everything on it as much smaller.
    pub(super) fn at_most(self, side: u32) -> Self {
        let canvas = self.canvas.at_most(side);
        let scaled = |value: u32, to: u32, from: u32| rounded(value.into(), to.into(), from.into()).min(to);
        let picture = Size {
            width: scaled(self.picture.width, canvas.width, self.canvas.width),
            height: scaled(self.picture.height, canvas.height, self.canvas.height),
        };
        let moved = |at: u32, to: u32, from: u32, room: u32| match at {
            0 => 0,
            _ => scaled(at, to, from).min(room),
        };
        let at = (
            moved(self.at.0, canvas.width, self.canvas.width, canvas.width - picture.width),
            moved(self.at.1, canvas.height, self.canvas.height, canvas.height - picture.height),
        );
        Self { picture, canvas, at, ..self }
    }

    /// Stands the picture on a canvas that is at least as large.
    fn on_canvas(mut self, canvas: Size, anchor: Anchor) -> Self {
        let (Anchor::Share(x, y) | Anchor::Point(x, y)) = anchor;
        let place = |left: u32, share: u32| match u64::from(left) * u64::from(share) {
            0 => 0,
            product => u32::try_from((product * 2 + 1000) / 2000).unwrap_or(left).min(left),
        };
        self.at = (
            place(canvas.width.saturating_sub(self.picture.width), x),
            place(canvas.height.saturating_sub(self.picture.height), y),
        );
        self.canvas = canvas;
        self
    }

    /// Whether the background shows beside the picture.
    pub(super) fn has_margin(&self) -> bool {
        self.canvas != self.picture
    }

    /// Whether the picture's pixels are the source's own, all of them.
    pub(super) fn keeps_pixels(&self, source: Size) -> bool {
        self.picture == source && self.part == Rect::whole(source).area()
    }

    /// Whether the result's pixels are the source's own.
    pub(super) fn keeps_everything(&self, source: Size) -> bool {
        self.keeps_pixels(source) && !self.has_margin()
    }

    /// By how much a JPEG may be shrunk while it is decoded: the largest of 8, 4, 2 that leaves the resize more than it
    /// takes away, half of that where hardly anything would be left to do: a resize by less than a factor and a part shows
    /// the decoder's coarse filter. The rule of sharp, a Node library, for its shrink on load. 1 for other formats.
    pub(super) fn decoder_shrink(&self, probe: &Probe) -> u32 {
        // The decoder would mix numbers, not light.
        if self.at_full_size || self.settings.linear || !matches!(probe.coding, Coding::Jpeg { .. }) {
            return 1;
        }
        let (across, down) =
            (self.part.width / f64::from(self.picture.width), self.part.height / f64::from(self.picture.height));
        let ratio = across.min(down);
        if self.settings.fine_shrink {
            return [8, 4, 2].into_iter().find(|shrink| ratio >= f64::from(2 * shrink)).unwrap_or(1);
        }
        match [8, 4, 2].into_iter().find(|shrink| ratio >= f64::from(*shrink)) {
            Some(shrink) if ratio < f64::from(shrink + 1) => shrink / 2,
            shrink => shrink.unwrap_or(1),
        }
    }
}

/// `value * numerator / denominator`, rounded half up, at least 1, at most [`u32::MAX`].
pub(super) fn rounded(value: u64, numerator: u64, denominator: u64) -> u32 {
    let (twice, denominator) = (value.saturating_mul(numerator).saturating_mul(2), denominator.max(1));
    u32::try_from((twice.saturating_add(denominator)) / (2 * denominator)).unwrap_or(u32::MAX).max(1)
}

/// Whether `one` is wider (`Greater`) or taller (`Less`) in aspect than `other`.
fn compare(one: Size, other: Size) -> std::cmp::Ordering {
    (u64::from(one.width) * u64::from(other.height)).cmp(&(u64::from(other.width) * u64::from(one.height)))
}

/// The largest size of `source`'s aspect inside `asked`.
pub(super) fn inside(source: Size, asked: Size) -> Size {
    if compare(source, asked) == std::cmp::Ordering::Less {
        let width = rounded(u64::from(asked.height), u64::from(source.width), u64::from(source.height));
        Size { width: width.min(asked.width), height: asked.height }
    } else {
        let height = rounded(u64::from(asked.width), u64::from(source.height), u64::from(source.width));
        Size { width: asked.width, height: height.min(asked.height) }
    }
}

/// The smallest size of `source`'s aspect that covers `asked`.
fn around(source: Size, asked: Size) -> Size {
    if compare(source, asked) == std::cmp::Ordering::Less {
        let height = rounded(u64::from(asked.width), u64::from(source.height), u64::from(source.width));
        Size { width: asked.width, height: height.max(asked.height) }
    } else {
        let width = rounded(u64::from(asked.height), u64::from(source.width), u64::from(source.height));
        Size { width: width.max(asked.width), height: asked.height }
    }
}

#[cfg(test)]
mod tests;
