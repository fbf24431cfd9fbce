//! How much there is to draw of a path's outline. Its curves are measured by their control points, which are never shorter.

use resvg::tiny_skia::PathSegment;
use resvg::usvg::Path;

/// What the library makes of one path's dashes, at most.
const MOST_DASHES: f64 = 1_000_000.0;

/// A path's outline: its segments, its length in its own units, and the rows of pixels that it crosses.
pub(super) struct Outline {
    pub(super) segments: f64,
    pub(super) length: f64,
    pub(super) rows: f64,
}

impl Outline {
    pub(super) fn of(path: &Path, scale: f64, height: f64) -> Self {
        let mut outline = Self { segments: 0.0, length: 0.0, rows: 0.0 };
        let mut last = (0.0, 0.0);
        let mut go = |x: f32, y: f32, draws: bool| {
            let to = (f64::from(x), f64::from(y));
            let far = (to.0 - last.0).hypot(to.1 - last.1);
            last = to;
            if draws {
                outline.segments += 1.0;
                outline.length += far;
                // A turn may put it upright.
                outline.rows += (far * scale).min(height);
            }
        };
        for segment in path.data().segments() {
            match segment {
                PathSegment::MoveTo(to) => go(to.x, to.y, false),
                PathSegment::LineTo(to) => go(to.x, to.y, true),
                PathSegment::QuadTo(by, to) => [by, to].iter().for_each(|to| go(to.x, to.y, true)),
                PathSegment::CubicTo(by, near, to) => [by, near, to].iter().for_each(|to| go(to.x, to.y, true)),
                PathSegment::Close => {}
            }
        }
        outline
    }
}

/// The dashes that a line of this length becomes.
pub(super) fn dashes(pattern: Option<&[f32]>, length: f64) -> f64 {
    let Some(pattern) = pattern else { return 0.0 };
    let sum: f64 = pattern.iter().copied().map(f64::from).sum();
    // Division by nothing makes infinitely many.
    (length / sum * pattern.len() as f64).min(MOST_DASHES)
}
