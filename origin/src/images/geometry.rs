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
        Self { window, part: window.area(), picture, canvas, at: (0, 0), at_full_size: true }
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
        Self { window, part: window.area(), picture, canvas: picture, at: (0, 0), at_full_size: false }
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

    /// By how much a JPEG may be shrunk while it is decoded: the largest of 8, 4, 2 that leaves at least the
    /// size of the picture, so that the resize never enlarges what decoding shrank. The rule of sharp, a Node
    /// library, for its shrink on load. 1 for other formats.
    pub(super) fn decoder_shrink(&self, probe: &Probe) -> u32 {
        if self.at_full_size || !matches!(probe.coding, Coding::Jpeg { .. }) {
            return 1;
        }
        [8, 4, 2]
            .into_iter()
            .find(|shrink| {
                let by = f64::from(*shrink);
                self.part.width / by >= f64::from(self.picture.width)
                    && self.part.height / by >= f64::from(self.picture.height)
            })
            .unwrap_or(1)
    }
}

/// `value * numerator / denominator`, rounded half up, at least 1, at most [`u32::MAX`].
fn rounded(value: u64, numerator: u64, denominator: u64) -> u32 {
    let (twice, denominator) = (value.saturating_mul(numerator).saturating_mul(2), denominator.max(1));
    u32::try_from((twice.saturating_add(denominator)) / (2 * denominator)).unwrap_or(u32::MAX).max(1)
}

/// Whether `one` is wider (`Greater`) or taller (`Less`) in aspect than `other`.
fn compare(one: Size, other: Size) -> std::cmp::Ordering {
    (u64::from(one.width) * u64::from(other.height)).cmp(&(u64::from(other.width) * u64::from(one.height)))
}

/// The largest size of `source`'s aspect inside `asked`.
fn inside(source: Size, asked: Size) -> Size {
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
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// IMG-9. Every line: source, operations, picture; then the canvas and the place on it, or the part of the source
    /// that is kept, where they are not the whole.
    const GOLDEN: &[(&str, &str, &str)] = &[
        // Nothing asked.
        ("400x300", "_", "400x300"),
        ("400x300", "fit_cover", "400x300"),
        ("400x300", "dpr_2", "400x300"),
        // One side: the other follows.
        ("400x300", "w_200", "200x150"),
        ("400x300", "h_100", "133x100"),
        ("400x300", "w_800", "400x300"),
        ("400x300", "w_800,up_1", "800x600"),
        ("400x300", "w_1", "1x1"),
        ("400x300", "h_1", "1x1"),
        ("400x300", "w_2", "2x2"),
        ("400x300", "w_200,fit_cover", "200x150"),
        ("400x300", "w_200,fit_fill", "200x150"),
        ("400x300", "w_200,fit_outside", "200x150"),
        ("400x300", "w_200,fit_pad", "200x150"),
        ("400x300", "w_800,fit_cover", "400x300"),
        ("400x300", "w_800,fit_pad", "400x300 on 800x600 at 200,150"),
        ("1000x3", "w_400", "400x1"),
        ("1000x3", "w_500", "500x2"),
        ("300x400", "w_150", "150x200"),
        ("300x400", "h_150", "113x150"),
        // Ratio.
        ("400x300", "w_100,dpr_2", "200x150"),
        ("400x300", "w_101,dpr_1.5", "152x114"),
        ("400x300", "w_100,h_100,dpr_3,fit_cover", "300x300 of 50,0,300,300"),
        // Contain.
        ("400x300", "w_200,h_200", "200x150"),
        ("400x300", "w_200,h_50", "67x50"),
        ("400x300", "w_50,h_200", "50x38"),
        ("400x300", "w_500,h_100", "133x100"),
        ("400x300", "w_800,h_250", "333x250"),
        ("400x300", "w_800,h_800", "400x300"),
        ("400x300", "w_800,h_800,up_1", "800x600"),
        ("300x400", "w_200,h_200", "150x200"),
        ("300x400", "w_200,h_50", "38x50"),
        ("300x400", "w_50,h_200", "50x67"),
        ("300x400", "w_800,h_800,up_1", "600x800"),
        ("300x300", "w_200,h_50", "50x50"),
        ("300x300", "w_50,h_200", "50x50"),
        // Cover.
        ("400x300", "w_200,h_200,fit_cover", "200x200 of 50,0,300,300"),
        ("400x300", "w_200,h_50,fit_cover", "200x50 of 0,100,400,100"),
        ("400x300", "w_50,h_200,fit_cover", "50x200 of 162.5,0,75,300"),
        ("400x300", "w_800,h_800,fit_cover", "300x300 of 50,0,300,300"),
        ("400x300", "w_800,h_800,fit_cover,up_1", "800x800 of 50,0,300,300"),
        ("400x300", "w_500,h_100,fit_cover", "400x80 of 0,110,400,80"),
        ("400x300", "w_100,h_500,fit_cover", "60x300 of 170,0,60,300"),
        ("400x300", "w_400,h_300,fit_cover", "400x300"),
        ("400x300", "w_399,h_300,fit_cover", "399x300 of 1,0,399,300"),
        ("300x400", "w_200,h_200,fit_cover", "200x200 of 0,50,300,300"),
        ("300x400", "w_200,h_50,fit_cover", "200x50 of 0,162.5,300,75"),
        ("300x400", "w_50,h_200,fit_cover", "50x200 of 100,0,100,400"),
        ("300x300", "w_200,h_50,fit_cover", "200x50 of 0,112.5,300,75"),
        ("300x300", "w_600,h_200,fit_cover", "300x100 of 0,100,300,100"),
        ("1x3000", "w_10,h_10,fit_cover", "1x1 of 0,1500,1,1"),
        // Cover's gravity.
        ("400x300", "w_200,h_200,fit_cover,g_w", "200x200 of 0,0,300,300"),
        ("400x300", "w_200,h_200,fit_cover,g_ne", "200x200 of 100,0,300,300"),
        ("400x300", "w_200,h_50,fit_cover,g_s", "200x50 of 0,200,400,100"),
        ("400x300", "w_200,h_50,fit_cover,g_nw", "200x50 of 0,0,400,100"),
        ("400x300", "w_200,h_50,fit_cover,g_fp:0.5:0.4", "200x50 of 0,70,400,100"),
        ("400x300", "w_200,h_50,fit_cover,g_fp:0:0", "200x50 of 0,0,400,100"),
        ("400x300", "w_200,h_50,fit_cover,g_fp:1:1", "200x50 of 0,200,400,100"),
        // Fill.
        ("400x300", "w_200,h_200,fit_fill", "200x200"),
        ("400x300", "w_50,h_200,fit_fill", "50x200"),
        ("400x300", "w_500,h_100,fit_fill", "400x80"),
        ("400x300", "w_800,h_800,fit_fill", "300x300"),
        ("400x300", "w_800,h_800,fit_fill,up_1", "800x800"),
        ("300x400", "w_500,h_100,fit_fill", "300x60"),
        ("300x400", "w_100,h_500,fit_fill", "80x400"),
        ("300x300", "w_200,h_50,fit_fill", "200x50"),
        // Outside.
        ("400x300", "w_200,h_200,fit_outside", "267x200"),
        ("400x300", "w_200,h_50,fit_outside", "200x150"),
        ("400x300", "w_50,h_200,fit_outside", "267x200"),
        ("400x300", "w_500,h_100,fit_outside", "400x300"),
        ("400x300", "w_500,h_100,fit_outside,up_1", "500x375"),
        ("400x300", "w_800,h_800,fit_outside,up_1", "1067x800"),
        ("300x400", "w_200,h_200,fit_outside", "200x267"),
        ("300x400", "w_50,h_200,fit_outside", "150x200"),
        ("300x300", "w_200,h_50,fit_outside", "200x200"),
        // Pad.
        ("400x300", "w_200,h_200,fit_pad", "200x150 on 200x200 at 0,25"),
        ("400x300", "w_200,h_50,fit_pad", "67x50 on 200x50 at 67,0"),
        ("400x300", "w_50,h_200,fit_pad", "50x38 on 50x200 at 0,81"),
        ("400x300", "w_800,h_800,fit_pad", "400x300 on 800x800 at 200,250"),
        ("400x300", "w_800,h_800,fit_pad,up_1", "800x600 on 800x800 at 0,100"),
        ("400x300", "w_200,h_200,fit_pad,g_n", "200x150 on 200x200 at 0,0"),
        ("400x300", "w_200,h_200,fit_pad,g_se", "200x150 on 200x200 at 0,50"),
        ("300x400", "w_200,h_200,fit_pad", "150x200 on 200x200 at 25,0"),
        ("300x300", "w_200,h_50,fit_pad", "50x50 on 200x50 at 75,0"),
        // Lines (DOS-7).
        ("1x3000", "w_10", "1x3000"),
        ("1x3000", "w_10,up_1", "10x30000"),
        ("1x3000", "h_1", "1x1"),
        ("1x3000", "w_8192,up_1", "8192x24576000"),
        ("3x2", "w_1", "1x1"),
    ];

    fn size(text: &str) -> Size {
        let (width, height) = text.split_once('x').unwrap();
        Size { width: width.parse().unwrap(), height: height.parse().unwrap() }
    }

    fn described(plan: &Plan, source: Size) -> String {
        let Plan { part, picture, canvas, at, .. } = plan;
        let mut text = format!("{}x{}", picture.width, picture.height);
        if *part != Rect::whole(source).area() {
            text += &format!(" of {},{},{},{}", part.x, part.y, part.width, part.height);
        }
        if plan.has_margin() {
            text += &format!(" on {}x{} at {},{}", canvas.width, canvas.height, at.0, at.1);
        }
        text
    }

    #[test]
    fn img9_every_fit_by_every_aspect() {
        for (source, operations, expected) in GOLDEN {
            let request = Request::of(&Operations::read(operations).unwrap());
            let source = size(source);
            assert_eq!(described(&Plan::new(source, &request), source), *expected, "{source:?} {operations}");
        }
    }

    fn requests() -> impl Strategy<Value = Request> {
        let side = || proptest::option::of(1u32..9000);
        let fit =
            prop_oneof![Just(Fit::Contain), Just(Fit::Cover), Just(Fit::Fill), Just(Fit::Outside), Just(Fit::Pad)];
        let anchor = prop_oneof![
            (0u32..=1000, 0u32..=1000).prop_map(|(x, y)| Anchor::Share(x, y)),
            (0u32..=1000, 0u32..=1000).prop_map(|(x, y)| Anchor::Point(x, y)),
        ];
        (side(), side(), fit, any::<bool>(), anchor).prop_map(|(width, height, fit, enlarge, anchor)| Request {
            width,
            height,
            fit,
            enlarge,
            anchor,
        })
    }

    fn sources() -> impl Strategy<Value = Size> {
        (1u32..9000, 1u32..9000).prop_map(|(width, height)| Size { width, height })
    }

    proptest! {
        #[test]
        fn a_plan_keeps_its_promises(source in sources(), request in requests()) {
            let plan = Plan::new(source, &request);
            let Plan { part, picture, canvas, at, .. } = plan;
            prop_assert!(picture.width >= 1 && picture.height >= 1);
            prop_assert!(at.0 + picture.width <= canvas.width && at.1 + picture.height <= canvas.height);
            let (sw, sh) = (f64::from(source.width), f64::from(source.height));
            prop_assert!(part.x >= 0.0 && part.y >= 0.0 && part.width > 0.0 && part.height > 0.0);
            prop_assert!(part.x + part.width <= sw + 1e-6 && part.y + part.height <= sh + 1e-6);
            if !request.enlarge {
                prop_assert!(picture.width <= source.width && picture.height <= source.height);
            }
            let (Some(width), Some(height)) = (request.width, request.height) else { return Ok(()) };
            match request.fit {
                Fit::Contain => prop_assert!(picture.width <= width && picture.height <= height),
                Fit::Pad => prop_assert_eq!(canvas, Size { width, height }),
                Fit::Cover | Fit::Fill if request.enlarge => prop_assert_eq!(canvas, Size { width, height }),
                Fit::Cover | Fit::Fill => prop_assert!(picture.width <= width && picture.height <= height),
                Fit::Outside if request.enlarge => prop_assert!(picture.width >= width && picture.height >= height),
                Fit::Outside => {}
            }
        }

        /// The rounding of one side is all that a picture may lose of its aspect.
        #[test]
        fn aspect_is_kept_where_it_is_promised(source in sources(), request in requests()) {
            prop_assume!(!matches!(request.fit, Fit::Fill));
            let plan = Plan::new(source, &request);
            let (pw, ph) = (f64::from(plan.picture.width), f64::from(plan.picture.height));
            let across = (pw - ph * plan.part.width / plan.part.height).abs();
            let down = (ph - pw * plan.part.height / plan.part.width).abs();
            prop_assert!(across <= 0.5001 || down <= 0.5001 || pw == 1.0 || ph == 1.0);
        }
    }
}
