//! Effects: what becomes of the pixels between the resize and the encoder, and of the result's edge.
//!
//! Two groups, in the order of work that operations.md fixes:
//!
//! ```text
//! resize ── blur ── sharpen ── pixelate ── bri con sat hue gray invert ── bg, fit's margin, pad ── round ── wm ── encode
//!           └────────── the picture, before any background ──────────┘   └─────── the whole result ───────┘
//! ```
//!
//! The first group works on the picture alone: a background is exactly the colour that was asked for, and a blurred
//! edge does not draw from it. All arithmetic is on sRGB values as they are, like that of the filter functions of CSS
//! (Filter Effects Module Level 1). Where pixels are mixed, alpha weighs (IMG-3). No effect's cost grows with its
//! radius: time is linear in the pixels of the result.

mod blur;
mod frame;
mod gaussian;
mod mosaic;
mod tones;

use sealpix::operations::{Operations, Pad};

use self::tones::Tones;
use super::error::ImageError;
use super::format::Format;
use super::geometry::{Plan, Size};
use super::picture::Picture;
use super::until::Until;
use super::watermark::{Mark, Weight};

/// Blurs a small picture by a Gaussian of this sigma, in pixels.
pub(super) fn blur(picture: &mut Picture, sigma: f64) -> Result<(), ImageError> {
    blur::blur(picture, sigma, || Ok(()))
}

/// The effects that operations ask for, `dpr` applied.
pub(super) struct Effects {
    /// Sigma in pixels.
    blur: Option<f64>,
    /// Sigma in pixels.
    sharpen: Option<f64>,
    /// Side of a block in pixels.
    block: Option<u32>,
    tones: Option<Tones>,
    /// In pixels.
    border: Pad,
    /// Corner radius in pixels.
    radius: Option<f64>,
    /// What laying the watermark costs.
    mark: Option<Weight>,
}

impl Effects {
    /// Reads the operations.
    pub(super) fn of(operations: &Operations) -> Self {
        let dpr = operations.dpr.map_or(1000, |dpr| dpr.thousandths());
        Self {
            blur: operations.blur.map(|sigma| f64::from(sigma.thousandths()) / 1000.0),
            sharpen: operations.sharpen.map(|sigma| f64::from(sigma.thousandths()) / 1000.0),
            block: operations.pixelate.map(|block| block.get()),
            tones: Tones::of(operations),
            border: frame::border(operations.pad, dpr),
            radius: operations.round.map(|radius| f64::from(radius.get()) * f64::from(dpr) / 1000.0),
            mark: Weight::of(operations),
        }
    }

    /// With the watermark at hand, whose size makes the estimate a closer one.
    pub(super) fn with_mark(self, mark: Option<&Mark>) -> Self {
        Self { mark: self.mark.map(|weight| weight.with(mark)), ..self }
    }

    /// Whether any pixel is changed: the result then is not the source, and is not made of planes. A border is the
    /// plan's affair.
    pub(super) fn change_pixels(&self) -> bool {
        let Self { blur, sharpen, block, tones, border: _, radius, mark } = self;
        blur.is_some() || sharpen.is_some() || block.is_some() || tones.is_some() || radius.is_some() || mark.is_some()
    }

    /// The plan with the border around it: a larger canvas, so that it is bounded, estimated and filled like a margin.
    pub(super) fn pad(&self, plan: Plan) -> Plan {
        frame::padded(plan, self.border)
    }

    /// Whether an opaque source becomes transparent in places.
    pub(super) fn need_alpha(&self, format: Format) -> bool {
        self.radius.is_some() && format.has_alpha()
    }

    /// The most bytes held at once while a picture of this size is worked on, itself included.
    pub(super) fn working_bytes(&self, picture: Size, channels: u64) -> u64 {
        let smooths = self.blur.is_some() || self.sharpen.is_some();
        picture.pixels() * channels * if smooths { 1 + blur::COPY_BYTES } else { 1 }
    }

    /// The most bytes held beside the result while the watermark is laid on it.
    pub(super) fn marking_bytes(&self, canvas: Size) -> u64 {
        self.mark.map_or(0, |weight| weight.bytes(canvas))
    }

    /// The effects on the picture itself, upright and at its size in the result, before any background.
    ///
    /// # Errors
    ///
    /// [`ImageError::DeadlineExceeded`] where the deadline passes between two stages.
    pub(super) fn apply(&self, mut picture: Picture, until: &Until) -> Result<Picture, ImageError> {
        if let Some(sigma) = self.blur {
            blur::blur(&mut picture, sigma, || until.check())?;
            until.check()?;
        }
        if let Some(sigma) = self.sharpen {
            blur::sharpen(&mut picture, sigma, || until.check())?;
            until.check()?;
        }
        if let Some(block) = self.block {
            mosaic::pixelate(&mut picture, block);
            until.check()?;
        }
        if let Some(tones) = &self.tones {
            tones.apply(&mut picture);
            until.check()?;
        }
        Ok(picture)
    }

    /// Rounds the corners of the whole result, margins included: transparent where the format has alpha, otherwise of
    /// the background, which is opaque then.
    pub(super) fn round(&self, picture: Picture, format: Format, background: [u8; 4]) -> Picture {
        match self.radius {
            Some(radius) if format.has_alpha() => frame::rounded(picture, radius),
            Some(radius) => frame::rounded_on(picture, radius, background),
            None => picture,
        }
    }
}
