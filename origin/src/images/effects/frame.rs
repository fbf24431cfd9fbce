//! The result's edge: `pad` as a larger canvas of the plan, `round` as less alpha in the corners.

use sealpix::operations::Pad;

use super::super::geometry::{Plan, Size};
use super::super::picture::{Picture, blend};

/// A border at this pixel ratio, in thousandths. Sides are rounded down: `w` and `h` are rounded half up, and so the
/// whole is never more than the gate's bound on the exact sum.
pub(super) fn border(asked: Option<Pad>, dpr: u32) -> Pad {
    // At most 2000 by 4000.
    let scaled = |side: u32| side * dpr / 1000;
    match asked {
        Some(Pad { top, right, bottom, left }) => {
            Pad { top: scaled(top), right: scaled(right), bottom: scaled(bottom), left: scaled(left) }
        }
        None => Pad { top: 0, right: 0, bottom: 0, left: 0 },
    }
}

/// The plan on a canvas that is larger by the border.
pub(super) fn padded(plan: Plan, border: Pad) -> Plan {
    let grown = |side: u32, by: u32| side.saturating_add(by);
    let Size { width, height } = plan.canvas;
    let canvas =
        Size { width: grown(width, border.left + border.right), height: grown(height, border.top + border.bottom) };
    Plan { canvas, at: (grown(plan.at.0, border.left), grown(plan.at.1, border.top)), ..plan }
}

/// With transparent corners.
pub(super) fn rounded(picture: Picture, radius: f64) -> Picture {
    let mut picture = picture.with_alpha();
    each_cut::<4>(&mut picture, radius, |[red, green, blue, alpha], cover| {
        // Rounded half up.
        let product = (u32::from(alpha) * u32::from(cover) * 2 + 255) / 510;
        let alpha = u8::try_from(product).unwrap_or(u8::MAX);
        if alpha == 0 { [0; 4] } else { [red, green, blue, alpha] }
    });
    picture
}

/// With corners of an opaque background, for an opaque picture.
pub(super) fn rounded_on(mut picture: Picture, radius: f64, background: [u8; 4]) -> Picture {
    each_cut::<3>(&mut picture, radius, |[red, green, blue], cover| {
        let [red, green, blue, _] = blend([red, green, blue, cover], background);
        [red, green, blue]
    });
    picture
}

/// Calls for every pixel that a corner cuts, with the share of it that is left, in 255ths. The radius goes no further
/// than half the shorter side.
fn each_cut<const CHANNELS: usize>(
    picture: &mut Picture,
    radius: f64,
    cut: impl Fn([u8; CHANNELS], u8) -> [u8; CHANNELS],
) {
    let (width, height) = (picture.size.width as usize, picture.size.height as usize);
    let radius = radius.min(f64::from(picture.size.width.min(picture.size.height)) / 2.0);
    let (pixels, _) = picture.pixels.as_chunks_mut::<CHANNELS>();
    for (y, row) in pixels.chunks_exact_mut(width).enumerate() {
        let down = within(y, height, radius);
        if down == 0.0 {
            continue;
        }
        for (x, pixel) in row.iter_mut().enumerate() {
            let across = within(x, width, radius);
            // How much of a pixel an arc leaves is, but for its curvature, how far the centre lies inside of it.
            let left = (radius - across.hypot(down) + 0.5).clamp(0.0, 1.0);
            if across > 0.0 && left < 1.0 {
                #[expect(clippy::cast_possible_truncation, reason = "0 to 255")]
                let cover = (left * 255.0 + 0.5) as u8;
                *pixel = cut(*pixel, cover);
            }
        }
    }
}

/// How far a pixel's centre lies beyond that of the nearer corner's circle, along one side; 0 between the circles.
fn within(at: usize, side: usize, radius: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sides of pictures")]
    let nearer = at.min(side - 1 - at) as f64 + 0.5;
    (radius - nearer).max(0.0)
}
