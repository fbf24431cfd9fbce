//! Animations: frame by frame from the source to the result, so that one frame is held at a time, whatever their number.
//!
//! ```text
//! decode a frame ── crop, resize, turn, effects, bg, pad, round, wm ── what has changed ── encode
//!       └────────────────────────── until none is left, or time is up ─────────────────────┘
//! ```
//!
//! A frame of the result is what the still of that page would be; only how long each is seen, and how often all of them are,
//! is known to this room.

mod changes;

use sealpix::operations::Operations;

use super::decode::{self, Frames};
use super::effects::Effects;
use super::encode::{GifAnimation, Order, WebpAnimation, has_quality};
use super::error::ImageError;
use super::format::Format;
use super::geometry::Plan;
use super::limits::{FIXED_BYTES, Limits, decoding_bytes};
use super::metadata::Kept;
use super::picture::Picture;
use super::probe::{Coding, Probe};
use super::work::Work;

pub(super) use self::changes::{Changes, clear, same};

/// How often an animation is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plays {
    Forever,
    /// At least once.
    Times(u32),
}

impl Plays {
    pub(super) fn times(count: u32) -> Self {
        Self::Times(count.max(1))
    }
}

/// Up to this delay, in milliseconds, a file does not mean what it says: old tools wrote 0 and 10 for "as is common", and
/// browsers show such frames for [`COMMON_DELAY_MILLIS`].
const UNMEANT_DELAY_MILLIS: u32 = 10;

/// What browsers make of a delay that is not meant.
const COMMON_DELAY_MILLIS: u32 = 100;

/// The quality below which an animation is not encoded to meet `max`.
const LEAST_QUALITY: u8 = 5;

fn meant(delay_millis: u32) -> u32 {
    if delay_millis <= UNMEANT_DELAY_MILLIS { COMMON_DELAY_MILLIS } else { delay_millis }
}

/// Which frames an animated result has, and in what format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timeline {
    /// From the first on.
    pub(super) count: u32,
    kind: Kind,
}

/// A format that can move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gif,
    Webp,
}

impl Timeline {
    /// `None` for a still: one frame, a page, a source or a format that does not move.
    pub(super) fn of(probe: &Probe, operations: &Operations, format: Format) -> Option<Self> {
        let kind = match format {
            Format::Gif => Kind::Gif,
            Format::Webp => Kind::Webp,
            Format::Jpeg | Format::Png | Format::Avif | Format::Json | Format::Svg => return None,
        };
        let moves = matches!(probe.coding, Coding::Gif | Coding::Webp { animated: true });
        let count = operations.frames.map_or(probe.frames, |most| most.get().min(probe.frames));
        (moves && count > 1 && operations.page.is_none()).then_some(Self { count, kind })
    }

    /// Refuses what would be too much work or memory (DOS-5, DOS-11).
    pub(super) fn admit(
        &self,
        probe: &Probe,
        plan: &Plan,
        effects: &Effects,
        limits: &Limits,
    ) -> Result<(), ImageError> {
        if self.pixels(plan) > limits.animation_pixels {
            return Err(ImageError::ResultTooLarge);
        }
        if self.estimate_bytes(probe, plan, effects) <= limits.memory_bytes {
            return Ok(());
        }
        let source_alone = decoding_bytes(probe, 1);
        Err(if source_alone > limits.memory_bytes / 2 {
            ImageError::SourceTooLarge
        } else {
            ImageError::ResultTooLarge
        })
    }

    /// Of all frames of the result.
    fn pixels(&self, plan: &Plan) -> u64 {
        plan.canvas.pixels().saturating_mul(u64::from(self.count))
    }

    /// The most bytes that the result may have: what [`Self::estimate_bytes`] sets aside for it.
    fn most_bytes(&self, plan: &Plan) -> u64 {
        let a_frame = match self.kind {
            // An index a pixel; noise grows by a third when it is compressed.
            Kind::Gif => plan.canvas.pixels() * 4 / 3 + 1024,
            Kind::Webp => plan.canvas.pixels() + 1024,
        };
        a_frame.saturating_mul(u64::from(self.count))
    }

    /// The most bytes that the work will hold at once, above the source itself.
    pub(super) fn estimate_bytes(&self, probe: &Probe, plan: &Plan, effects: &Effects) -> u64 {
        let (source, canvas) = (probe.size.pixels(), plan.canvas.pixels());
        let target = probe.orientation.turn(plan.picture);
        let across = if plan.at_full_size { target.width.max(target.height) } else { target.width };
        let rows = u64::from(across) * u64::from(probe.size.height) * 4;
        // Premultiplied pixels are a copy, and what was drawn before stays.
        let resizing = if plan.keeps_pixels(probe.shown()) { 0 } else { source * 4 + rows };
        // What is seen before and after a frame, in both formats.
        let kept = canvas
            * match self.kind {
                Kind::Gif => 8,
                Kind::Webp => 4,
            };
        let encoder = canvas
            * match self.kind {
                Kind::Gif => 10,
                Kind::Webp => 26,
            }
            + (4 << 20);
        let working = effects.working_bytes(plan.picture, 4).max(2 * canvas * 4);
        // The watermark is there from the first frame to the last.
        let always = self.most_bytes(plan) + kept + decoding_bytes(probe, 1) + effects.marking_bytes(plan.canvas);
        FIXED_BYTES + always + resizing.max(working).max(encoder)
    }
}

impl Work<'_> {
    /// An animated result. Where it is larger than `max`, all of it is made again at half the quality, as long as there is
    /// a quality to halve.
    pub(super) fn moving(
        &self,
        timeline: &Timeline,
        probe: &Probe,
        plan: &Plan,
        effects: &Effects,
        order: &Order,
        kept: &Kept,
    ) -> Result<Vec<u8>, ImageError> {
        let mut quality = order.first_quality();
        loop {
            let bytes = self.animated(timeline, probe, plan, effects, quality)?;
            let bytes = kept.written_into(bytes, order.format, plan.canvas)?;
            if order.max_bytes.is_none_or(|max| bytes.len() <= max) {
                return Ok(bytes);
            }
            if !has_quality(order.format) || quality < LEAST_QUALITY * 2 {
                return Err(ImageError::ResultTooLarge);
            }
            quality /= 2;
        }
    }

    fn animated(
        &self,
        timeline: &Timeline,
        probe: &Probe,
        plan: &Plan,
        effects: &Effects,
        quality: u8,
    ) -> Result<Vec<u8>, ImageError> {
        let mut frames = Frames::open(self.job.source, probe, self.job.limits.settings)?;
        let plays = decode::plays(self.job.source, probe);
        let format = match timeline.kind {
            Kind::Gif => Format::Gif,
            Kind::Webp => Format::Webp,
        };
        let mut result = match timeline.kind {
            Kind::Gif => Writer::Gif(Box::new(GifAnimation::new(plan.canvas, plays)?)),
            Kind::Webp => Writer::Webp(WebpAnimation::new(plan.canvas, plays, quality)),
        };
        let (stamp, profile) = (self.stamp(plan)?, decode::profile_of_frames(probe));
        for _ in 0..timeline.count {
            self.until.has(decode::time(probe, 0))?;
            let shown = frames.next()?;
            self.until.check()?;
            let mut picture = self.finished(shown.picture, profile.as_ref(), probe, plan, effects, format)?;
            if let Some(stamp) = &stamp {
                stamp.lay(&mut picture);
            }
            self.until.check()?;
            result.add(picture.with_alpha(), meant(shown.delay_millis))?;
            if result.bytes() as u64 > timeline.most_bytes(plan) {
                return Err(ImageError::ResultTooLarge);
            }
            self.until.check()?;
        }
        result.finish()
    }
}

/// The result as far as it is written.
enum Writer {
    Gif(Box<GifAnimation>),
    Webp(WebpAnimation),
}

impl Writer {
    fn add(&mut self, picture: Picture, millis: u32) -> Result<(), ImageError> {
        match self {
            Self::Gif(animation) => animation.add(picture, millis),
            Self::Webp(animation) => animation.add(picture, millis),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Gif(animation) => animation.bytes(),
            Self::Webp(animation) => animation.bytes(),
        }
    }

    fn finish(self) -> Result<Vec<u8>, ImageError> {
        match self {
            Self::Gif(animation) => animation.finish(),
            Self::Webp(animation) => animation.finish(),
        }
    }
}
