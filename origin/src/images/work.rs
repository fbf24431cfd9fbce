//! One piece of work, from its header to its bytes: the way that [`super`] draws.

use sealpix::operations::Gravity;

use super::animation::Timeline;
use super::colour::Profile;
use super::decode::Decoded;
use super::effects::Effects;
use super::encode::{Drawn, Order};
use super::error::ImageError;
use super::format::{Derivative, Format};
use super::geometry::{Plan, Rect};
use super::metadata::Kept;
use super::picture::Picture;
use super::planes::Planes;
use super::probe::Probe;
use super::until::Until;
use super::view::View;
use super::watermark::Stamp;
use super::{
    Job, attention, clean, colour, decode, derivative, description, encode, ground, made, planes, resize, trim,
};

/// What the result is encoded from.
enum Content {
    Still(Drawn),
    /// Frame by frame, each time anew.
    Moving(Timeline),
}

impl Content {
    fn frames(&self) -> u32 {
        match self {
            Self::Still(_) => 1,
            Self::Moving(timeline) => timeline.count,
        }
    }
}

/// One piece of work.
pub(super) struct Work<'a> {
    pub(super) job: Job<'a>,
    pub(super) until: &'a Until,
}

impl Work<'_> {
    pub(super) fn run(&self) -> Result<Derivative, ImageError> {
        self.until.check()?;
        let mut probe = Probe::read_by(self.job.limits.settings, self.job.source)?;
        self.job.limits.admit_source(&probe)?;
        if self.job.changes_nothing(&probe) {
            return self.cleaned(&probe);
        }
        let effects = Effects::of(self.job.operations).with_mark(self.job.mark);
        let described = description::Source::new(&probe, self.job.source);
        let view = View::new(&probe, self.job.operations)?;
        let turned = view.orientation != probe.orientation;
        probe.orientation = view.orientation;
        let (plan, decoded) = match self.job.operations.trim {
            None => (Plan::within(view.shown_window(), &self.job.request(&probe)), None),
            Some(tolerance) => self.trimmed(&probe, view, tolerance.get())?,
        };
        let plan = effects.pad(plan);
        let shown = plan.canvas;
        let format = self.job.format(&probe, shown.pixels());
        let order = Order::of(self.job.operations, format);
        let plan = made(plan, &effects, format, self.job.limits.settings);
        self.job.limits.admit_result(shown, format)?;
        let timeline = Timeline::of(&probe, self.job.operations, format);
        match &timeline {
            Some(timeline) => timeline.admit(&probe, &plan, &effects, self.job.limits)?,
            None => self.job.limits.admit_memory(&probe, &plan, &effects, &order)?,
        }
        self.until.check()?;
        let (plan, decoded) = self.aimed(plan, decoded, &probe, view)?;

        let content = match timeline {
            Some(timeline) => {
                // What `trim` and `g_smart` looked at; the frames are decoded one by one from here on.
                drop(decoded);
                Content::Moving(timeline)
            }
            None if format == Format::Json => {
                let picture = self.pixels(decoded, &probe, view, &plan, &effects, format)?;
                return Ok(derivative(description::describe(picture, shown, &described)?, format, shown));
            }
            None => Content::Still(self.drawn(decoded, &probe, view, &plan, &effects, &order)?),
        };
        let kept = Kept::of(self.job.source, probe.format(), self.job.operations.metadata);
        let fill = |order: Order| match &content {
            Content::Still(drawn) => order.fill(drawn, &kept, self.job.limits, self.until),
            Content::Moving(timeline) => self.moving(timeline, &probe, &plan, &effects, &order, &kept),
        };
        let covered = probe.alpha && self.job.operations.background.is_some();
        let keeps_pixels = !turned && !covered && !effects.change_pixels();
        let unchanged = plan.keeps_everything(probe.shown()) && keeps_pixels && format == probe.format();
        let keeps_frames = content.frames() == probe.frames;
        if unchanged && keeps_frames && order.is_served_by(self.job.source.len()) && kept.is_empty() {
            let bytes = fill(order.without_bound())?;
            if bytes.len() <= self.job.source.len() {
                return Ok(derivative(bytes, format, plan.canvas));
            }
            // Nothing was asked for that the source does not do with fewer bytes (IMG-8).
            if let Ok(cleaned) = self.cleaned(&probe) {
                return Ok(cleaned);
            }
        }
        Ok(derivative(fill(order)?, format, shown))
    }

    /// A still, by planes where that can be, else by pixels.
    fn drawn(
        &self,
        decoded: Option<Decoded>,
        probe: &Probe,
        view: View,
        plan: &Plan,
        effects: &Effects,
        order: &Order,
    ) -> Result<Drawn, ImageError> {
        let is_linear = plan.settings.linear && !plan.keeps_pixels(probe.shown());
        let is_worked_on = effects.change_pixels() || is_linear;
        let needs_pixels = decoded.is_some() || is_worked_on || order.halves_chroma_midway();
        if !needs_pixels && let Some(planes) = self.by_planes(probe, plan, order)? {
            return Ok(Drawn::Planes(planes));
        }
        self.pixels(decoded, probe, view, plan, effects, order.format).map(Drawn::Pixels)
    }

    /// The pixels of a still.
    fn pixels(
        &self,
        decoded: Option<Decoded>,
        probe: &Probe,
        view: View,
        plan: &Plan,
        effects: &Effects,
        format: Format,
    ) -> Result<Picture, ImageError> {
        let mut picture = if let Some(drawing) = probe.drawing.as_ref().filter(|_| !plan.at_full_size) {
            drop(decoded);
            // Straight at the size that is wanted: what follows sees a picture that needs no resize.
            let (part, size) =
                (probe.orientation.to_coded(plan.part, probe.size), probe.orientation.turn(plan.picture));
            self.until.has(drawing.cost(part, size)?.time)?;
            let drawn = drawing.draw(part, size)?;
            self.until.check()?;
            self.finished(drawn, None, &Probe { size, ..probe.clone() }, &plan.of_its_part(), effects, format)?
        } else {
            let decoded = decoded.map_or_else(|| self.decoded(probe, view, plan.decoder_shrink(probe)), Ok)?;
            self.finished(decoded.picture, decoded.profile.as_ref(), probe, plan, effects, format)?
        };
        if let Some(stamp) = self.stamp(plan)? {
            stamp.lay(&mut picture);
        }
        let picture = picture.without_idle_alpha();
        self.until.check()?;
        Ok(picture)
    }

    /// The planar road, where it may be taken.
    fn by_planes(&self, probe: &Probe, plan: &Plan, order: &Order) -> Result<Option<Planes>, ImageError> {
        if !planes::may_stay(probe, plan, order.format) {
            return Ok(None);
        }
        self.until.has(decode::time(probe, 0))?;
        let halved = order.format == Format::Webp || order.first_quality() < encode::FULL_CHROMA_QUALITY;
        let planes = planes::planes(self.job.source, probe, plan, halved, self.job.limits)?;
        self.until.check()?;
        Ok(planes)
    }

    /// The plan for what `trim` leaves, which only the pixels tell.
    fn trimmed(&self, probe: &Probe, mut view: View, tolerance: u32) -> Result<(Plan, Option<Decoded>), ImageError> {
        self.job.limits.admit_decoding(probe)?;
        let decoded = self.decoded(probe, view, 1)?;
        view.window = trim::trimmed(&decoded.picture, view.window, view.corner, tolerance);
        let plan = Plan::within(view.shown_window(), &self.job.request(probe));
        Ok((Plan { at_full_size: true, ..plan }, Some(decoded)))
    }

    /// The plan with its part where `g_smart` wants it, which only the pixels tell: they are decoded once, for both.
    fn aimed(
        &self,
        plan: Plan,
        decoded: Option<Decoded>,
        probe: &Probe,
        view: View,
    ) -> Result<(Plan, Option<Decoded>), ImageError> {
        if self.job.operations.gravity != Some(Gravity::Smart) || !plan.cuts() {
            return Ok((plan, decoded));
        }
        let shrink = plan.decoder_shrink(probe);
        let decoded = decoded.map_or_else(|| self.decoded(probe, view, shrink), Ok)?;
        let plan = attention::aimed(plan, &decoded.picture, probe.size, shrink, probe.orientation)?;
        Ok((plan, Some(decoded)))
    }

    fn decoded(&self, probe: &Probe, view: View, shrink: u32) -> Result<Decoded, ImageError> {
        self.until.has(match &probe.drawing {
            Some(drawing) => drawing.cost(Rect::whole(probe.size).area(), probe.size)?.time,
            None => decode::time(probe, view.frame),
        })?;
        let decoded = decode::decode_frame(self.job.source, probe, view.frame, shrink, self.job.limits)?;
        self.until.check()?;
        Ok(decoded)
    }

    /// The watermark at its size, which is laid on what is finished: on all frames the same.
    pub(super) fn stamp(&self, plan: &Plan) -> Result<Option<Stamp>, ImageError> {
        Stamp::of(self.job.operations, self.job.mark, plan.canvas)
    }

    /// The road through pixels, up to the watermark: a still, or a frame of an animation.
    pub(super) fn finished(
        &self,
        mut picture: Picture,
        mut profile: Option<&Profile>,
        probe: &Probe,
        plan: &Plan,
        effects: &Effects,
        format: Format,
    ) -> Result<Picture, ImageError> {
        // Which light a number stands for is known of sRGB.
        if plan.settings.linear
            && let Some(profile) = profile.take()
        {
            picture = colour::to_srgb(picture, profile);
        }
        if !plan.keeps_pixels(probe.shown()) {
            let shrink = plan.decoder_shrink(probe);
            let coded = |area| probe.orientation.to_coded(area, probe.size).shrunk(shrink);
            let window = coded(plan.window.area()).touched(picture.size);
            let target = probe.orientation.turn(plan.picture);
            self.until.has(resize::time(picture.size, target))?;
            let (part, is_linear) = (coded(plan.part), plan.settings.linear);
            let resized = if is_linear { resize::picture_in_linear_light } else { resize::picture };
            picture = resized(&picture, window, part, target)?;
            self.until.check()?;
        }
        if let Some(profile) = profile {
            picture = colour::to_srgb(picture, profile);
        }
        picture = effects.apply(picture.turned(probe.orientation), self.until)?;
        let (picture, background) = ground::laid(picture, plan, self.job.operations.background, format)?;
        Ok(effects.round(picture, format, background))
    }

    /// The source without its metadata.
    fn cleaned(&self, probe: &Probe) -> Result<Derivative, ImageError> {
        let bytes = clean::clean(self.job.source, probe)?;
        Ok(derivative(bytes, probe.format(), probe.shown()))
    }
}
