//! SVG as a picture of its own size: what is looked at before it is known what is to be drawn.

use super::super::error::ImageError;
use super::super::geometry::Rect;
use super::super::limits::Limits;
use super::super::probe::Probe;
use super::{Decoded, Decoder, Wanted};

/// `resvg`.
pub(super) struct Resvg;

impl Decoder for Resvg {
    /// That of a drawing hangs on what is drawn: see `Drawing::cost`.
    fn nanos_per_pixel(&self) -> u64 {
        0
    }

    fn decode(&self, _source: &[u8], probe: &Probe, _wanted: Wanted, _limits: &Limits) -> Result<Decoded, ImageError> {
        let drawing = probe.drawing.as_ref().ok_or(ImageError::Broken("the SVG was not read"))?;
        let picture = drawing.draw(Rect::whole(probe.size).area(), probe.size)?;
        Ok(Decoded { picture, profile: None })
    }
}
