//! The planar road: a JPEG in YCbCr that is only resized, and becomes JPEG or WebP, never leaves its planes. Chroma is
//! resized at its own resolution, and nothing is converted to RGB and back.
//!
//! It is taken only where it cannot be told from the road through pixels: no colour profile, no margin, no turn that
//! would put the odd last column of a halved plane first, no crop to an odd side.

use super::decode::jpeg;
use super::error::ImageError;
use super::format::Format;
use super::geometry::{Area, Plan, Rect, Size};
use super::limits::Limits;
use super::probe::{Coding, Probe};
use super::resize;

/// The planes of a result: full range, BT.601, rows without gaps.
pub(super) struct Planes {
    pub(super) size: Size,
    pub(super) luma: Vec<u8>,
    /// Cb and Cr; absent for grey.
    pub(super) chroma: Option<(Vec<u8>, Vec<u8>)>,
    /// Whether chroma has half the sides, rounded up.
    pub(super) halved: bool,
}

/// Whether this work may take the planar road, as far as the headers tell.
pub(super) fn may_stay(probe: &Probe, plan: &Plan, format: Format) -> bool {
    let colour = matches!(probe.coding, Coding::Jpeg { components: 1 | 3, .. });
    let even = plan.picture.width.is_multiple_of(2) && plan.picture.height.is_multiple_of(2);
    let turn = probe.orientation;
    let keeps_order = even || !(turn.mirrored_x || turn.mirrored_y);
    // An odd side's last halved sample would be made of what lies beside a crop.
    let cut_even = even || plan.window == Rect::whole(probe.shown());
    let may_turn = keeps_order && cut_even && !plan.at_full_size;
    colour && matches!(format, Format::Jpeg | Format::Webp) && !plan.has_margin() && may_turn
}

/// Decodes, resizes and turns the planes; `None` where the picture turns out to need the road through pixels.
pub(super) fn planes(
    source: &[u8],
    probe: &Probe,
    plan: &Plan,
    halved: bool,
    limits: &Limits,
) -> Result<Option<Planes>, ImageError> {
    let shrink = plan.decoder_shrink(probe);
    let Some(decoded) = jpeg::decode_planes(source, probe, shrink, limits)? else { return Ok(None) };
    let part = probe.orientation.to_coded(plan.part, probe.size).shrunk(shrink);
    let window = probe.orientation.to_coded(plan.window.area(), probe.size).shrunk(shrink);
    let window = (plan.window != Rect::whole(probe.shown())).then_some(window);
    let target = probe.orientation.turn(plan.picture);
    let mut planes = decoded.planes.into_iter();
    let mut resized = |across: u32, down: u32, halved: bool| match planes.next() {
        Some((size, samples)) => {
            let result = plane(decoded.size, size, samples, (window, part), (across, down), target, halved)?;
            let (target, pixels) = result;
            Ok(probe.orientation.apply::<1>(target, pixels))
        }
        None => Err(ImageError::Broken("the JPEG data lacks a plane")),
    };
    let luma = resized(1, 1, false)?;
    let chroma = match decoded.chroma {
        Some((across, down)) => Some((resized(across, down, halved)?, resized(across, down, halved)?)),
        None => None,
    };
    Ok(Some(Planes { size: plan.picture, luma, chroma, halved }))
}

/// A plane with its last column and row repeated as far as an area reaches beyond it, so that no sample of the result is
/// moved.
fn reaching(size: Size, samples: Vec<u8>, area: Area) -> (Size, Vec<u8>) {
    let anywhere = Size { width: u32::MAX, height: u32::MAX };
    let touched = Area { width: area.width - 1e-6, height: area.height - 1e-6, ..area }.touched(anywhere);
    let (wide, tall) = ((touched.x + touched.width).max(size.width), (touched.y + touched.height).max(size.height));
    if (wide, tall) == (size.width, size.height) {
        return (size, samples);
    }
    let mut reached = Vec::with_capacity(wide as usize * tall as usize);
    for row in samples.chunks_exact(size.width as usize) {
        reached.extend_from_slice(row);
        reached.extend(row.last().into_iter().cycle().take((wide - size.width) as usize));
    }
    for _ in size.height..tall {
        reached.extend_from_within(reached.len() - wide as usize..);
    }
    (Size { width: wide, height: tall }, reached)
}

/// One plane's part at its size in the result. `span` is how many luma samples one sample stands for, across and down.
fn plane(
    picture: Size,
    size: Size,
    samples: Vec<u8>,
    (window, part): (Option<Area>, Area),
    span: (u32, u32),
    target: Size,
    halved: bool,
) -> Result<(Size, Vec<u8>), ImageError> {
    let by = if halved { 2 } else { 1 };
    let result = Size { width: target.width.div_ceil(by), height: target.height.div_ceil(by) };
    let (across, down) = (f64::from(span.0), f64::from(span.1));
    // An odd side's last halved sample reaches one past the picture: so does the part that it is made from.
    let reach_x = f64::from(result.width * by) / f64::from(target.width);
    let reach_y = f64::from(result.height * by) / f64::from(target.height);
    let area = Area {
        x: part.x / across,
        y: part.y / down,
        width: part.width * reach_x / across,
        height: part.height * reach_y / down,
    };
    let untouched =
        result == size && area == Area { x: 0.0, y: 0.0, width: f64::from(size.width), height: f64::from(size.height) };
    debug_assert!(picture.width <= size.width * span.0, "a plane spans the picture");
    let (size, samples) = reaching(size, samples, area);
    // What rounding adds is no reach.
    let area = Area {
        width: area.width.min(f64::from(size.width) - area.x),
        height: area.height.min(f64::from(size.height) - area.y),
        ..area
    };
    let window = window.map_or(Rect::whole(size), |Area { x, y, width, height }| {
        Area { x: x / across, y: y / down, width: width / across, height: height / down }.touched(size)
    });
    let pixels = if untouched { samples } else { resize::plane(&samples, size, window, area, result)? };
    Ok((result, pixels))
}
