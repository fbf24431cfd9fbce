//! Image work: pure functions from bytes to bytes. No I/O, no clock but the deadline that is handed in.
//!
//! [`process`] is the straight line:
//!
//! ```text
//! probe ── limits ── view ── plan ──┬── planes: decode, resize, turn ─────────────┬── encode
//!  header   before any page, crop   └── pixels: decode, resize, colour, turn, bg ─┘   (f_json: describe)
//!  only     allocation rot, flip        (trim: plan after decoding; g_smart: aim after decoding)
//! ```
//!
//! Everything that can be refused is refused from the header. Only the folder `codec` holds unsafe code; a panic anywhere below
//! becomes [`ImageError::Broken`] for this one request (DOS-3).

#![deny(unsafe_code)]

mod attention;
mod blurhash;
mod clean;
mod codec;
mod colour;
mod decode;
mod description;
mod dominant;
mod effects;
mod encode;
mod error;
mod format;
mod geometry;
mod ground;
mod limits;
mod metadata;
mod orientation;
mod picture;
mod planes;
mod probe;
mod resize;
#[cfg(test)]
mod tests;
mod trim;
mod view;
mod watermark;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use sealpix::operations::{Gravity, Operations, OutputFormat};

use self::effects::Effects;
use self::encode::{Drawn, Order};
use self::geometry::{Plan, Request, Size};
use self::metadata::Kept;
use self::picture::Picture;
use self::planes::Planes;
use self::probe::Probe;
use self::view::View;
use self::watermark::Stamp;

pub use self::error::ImageError;
pub use self::format::{Derivative, Format};
pub use self::limits::Limits;
pub use self::watermark::Mark;

/// Turns a source into the derivative that the operations describe.
///
/// The operations are resolved: presets expanded, one width, a format that is not `auto`. Anything that the engine
/// cannot do is refused by name, never ignored; see [`unsupported`]. They name no watermark: see [`process_marked`].
///
/// # Errors
///
/// See [`ImageError`].
pub fn process(
    source: &[u8],
    operations: &Operations,
    limits: &Limits,
    deadline: Instant,
) -> Result<Derivative, ImageError> {
    process_marked(source, None, operations, limits, deadline)
}

/// [`process`], with the watermark that the operations name.
///
/// # Errors
///
/// See [`ImageError`].
pub fn process_marked(
    source: &[u8],
    mark: Option<&Mark>,
    operations: &Operations,
    limits: &Limits,
    deadline: Instant,
) -> Result<Derivative, ImageError> {
    if let Some(name) = unsupported(operations) {
        return Err(ImageError::Unsupported(name));
    }
    let work = Work { source, mark, operations, limits, deadline };
    caught(|| work.run())
}

/// The format of a source by its first bytes, if the engine knows it.
#[must_use]
pub fn recognise(source: &[u8]) -> Option<Format> {
    probe::recognise(source).ok()
}

/// Runs work so that a panic of a codec stays in it.
fn caught<T>(work: impl FnOnce() -> Result<T, ImageError>) -> Result<T, ImageError> {
    // Nothing is shared with the work: what it leaves half-made is dropped with it.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ImageError::Broken("a codec gave up on it")))
}

/// The name of the first operation, in the grammar's order, that the engine cannot do yet.
#[must_use]
pub fn unsupported(operations: &Operations) -> Option<&'static str> {
    let can_do = |name: &str| match name {
        "page" | "crop" | "trim" | "rot" | "flip" => true,
        "w" | "h" | "dpr" | "fit" | "up" | "dl" => true,
        "blur" | "sharpen" | "pixelate" | "bri" | "con" | "sat" | "hue" | "gray" | "invert" => true,
        "g" | "bg" | "pad" | "round" | "wm" => true,
        "frames" => operations.frames.is_some_and(|frames| frames.get() == 1),
        "f" => output_format(operations).is_ok(),
        "q" | "max" | "meta" => true,
        _ => false,
    };
    operations.items().map(|(name, _)| name).find(|name| !can_do(name))
}

/// A bound on the memory that the work will hold at once, in bytes, from the source's header: what a queue can weigh
/// before it lets the work begin. The source itself is not counted.
///
/// # Errors
///
/// The errors of [`process`] that the header alone brings about.
pub fn estimate_bytes(source: &[u8], operations: &Operations, limits: &Limits) -> Result<u64, ImageError> {
    if let Some(name) = unsupported(operations) {
        return Err(ImageError::Unsupported(name));
    }
    caught(|| {
        let probe = Probe::read(source)?;
        limits.admit_source(&probe)?;
        if changes_nothing(operations) {
            return Ok(source.len() as u64);
        }
        let effects = Effects::of(operations);
        let (format, view) = (format_of(&probe, operations)?, View::new(&probe, operations)?);
        let (probe, request) = (Probe { orientation: view.orientation, ..probe }, Request::of(operations));
        let plan = effects.pad(match operations.trim {
            None => Plan::within(view.shown_window(), &request),
            Some(_) => Plan::largest_within(view.shown_window(), &request, limits.largest_result()),
        });
        Ok(limits::estimate_bytes(&probe, &made(plan, &effects, format), &effects, &Order::of(operations, format)))
    })
}

/// One piece of work.
struct Work<'a> {
    source: &'a [u8],
    mark: Option<&'a Mark>,
    operations: &'a Operations,
    limits: &'a Limits,
    deadline: Instant,
}

impl Work<'_> {
    fn run(&self) -> Result<Derivative, ImageError> {
        self.check_deadline()?;
        let mut probe = Probe::read(self.source)?;
        self.limits.admit_source(&probe)?;
        if changes_nothing(self.operations) {
            return self.cleaned(&probe);
        }
        let format = format_of(&probe, self.operations)?;
        let order = Order::of(self.operations, format);
        let effects = Effects::of(self.operations).with_mark(self.mark);
        let described = description::Source::new(&probe, self.source);
        let view = View::new(&probe, self.operations)?;
        let turned = view.orientation != probe.orientation;
        probe.orientation = view.orientation;
        let (plan, decoded) = match self.operations.trim {
            None => (Plan::within(view.shown_window(), &Request::of(self.operations)), None),
            Some(tolerance) => self.trimmed(&probe, view, tolerance.get())?,
        };
        let plan = effects.pad(plan);
        let shown = plan.canvas;
        let plan = made(plan, &effects, format);
        self.limits.admit_result(shown, format)?;
        self.limits.admit_memory(&probe, &plan, &effects, &order)?;
        self.check_deadline()?;
        let (plan, decoded) = self.aimed(plan, decoded, &probe, view)?;

        let needs_pixels = decoded.is_some() || effects.change_pixels() || order.halves_chroma_midway();
        let planes = if needs_pixels { None } else { self.by_planes(&probe, &plan, &order)? };
        let drawn = match planes {
            Some(planes) => Drawn::Planes(planes),
            None => {
                let decoded = decoded.map_or_else(|| self.decoded(&probe, view, plan.decoder_shrink(&probe)), Ok)?;
                let picture = self.by_pixels(decoded, &probe, &plan, &effects, format)?;
                if format == Format::Json {
                    return Ok(derivative(description::describe(picture, shown, &described)?, format, shown));
                }
                Drawn::Pixels(picture)
            }
        };
        let kept = Kept::of(self.source, probe.format(), self.operations.metadata);
        let covered = probe.alpha && self.operations.background.is_some();
        let keeps_pixels = !turned && !covered && !effects.change_pixels();
        let unchanged = plan.keeps_everything(probe.shown()) && keeps_pixels && format == probe.format();
        let fill = |order: Order| order.fill(&drawn, &kept, self.limits, self.deadline);
        if unchanged && probe.frames == 1 && order.is_served_by(self.source.len()) && kept.is_empty() {
            let bytes = fill(order.without_bound())?;
            if bytes.len() <= self.source.len() {
                return Ok(derivative(bytes, format, plan.canvas));
            }
            // Nothing was asked for that the source does not do with fewer bytes (IMG-8).
            if let Ok(cleaned) = self.cleaned(&probe) {
                return Ok(cleaned);
            }
        }
        Ok(derivative(fill(order)?, format, shown))
    }

    /// The planar road, where it may be taken.
    fn by_planes(&self, probe: &Probe, plan: &Plan, order: &Order) -> Result<Option<Planes>, ImageError> {
        if !planes::may_stay(probe, plan, order.format) {
            return Ok(None);
        }
        let halved = order.format == Format::Webp || order.first_quality() < encode::FULL_CHROMA_QUALITY;
        let planes = planes::planes(self.source, probe, plan, halved, self.limits)?;
        self.check_deadline()?;
        Ok(planes)
    }

    /// The plan for what `trim` leaves, which only the pixels tell.
    fn trimmed(
        &self,
        probe: &Probe,
        mut view: View,
        tolerance: u32,
    ) -> Result<(Plan, Option<decode::Decoded>), ImageError> {
        self.limits.admit_decoding(probe)?;
        let decoded = self.decoded(probe, view, 1)?;
        view.window = trim::trimmed(&decoded.picture, view.window, view.corner, tolerance);
        let plan = Plan::within(view.shown_window(), &Request::of(self.operations));
        Ok((Plan { at_full_size: true, ..plan }, Some(decoded)))
    }

    /// The plan with its part where `g_smart` wants it, which only the pixels tell: they are decoded once, for both.
    fn aimed(
        &self,
        plan: Plan,
        decoded: Option<decode::Decoded>,
        probe: &Probe,
        view: View,
    ) -> Result<(Plan, Option<decode::Decoded>), ImageError> {
        if self.operations.gravity != Some(Gravity::Smart) || !plan.cuts() {
            return Ok((plan, decoded));
        }
        let shrink = plan.decoder_shrink(probe);
        let decoded = decoded.map_or_else(|| self.decoded(probe, view, shrink), Ok)?;
        let plan = attention::aimed(plan, &decoded.picture, probe.size, shrink, probe.orientation)?;
        Ok((plan, Some(decoded)))
    }

    fn decoded(&self, probe: &Probe, view: View, shrink: u32) -> Result<decode::Decoded, ImageError> {
        let decoded = decode::decode_frame(self.source, probe, view.frame, shrink, self.limits)?;
        self.check_deadline()?;
        Ok(decoded)
    }

    /// The road through pixels.
    fn by_pixels(
        &self,
        decoded: decode::Decoded,
        probe: &Probe,
        plan: &Plan,
        effects: &Effects,
        format: Format,
    ) -> Result<Picture, ImageError> {
        let mut picture = decoded.picture;
        if !plan.keeps_pixels(probe.shown()) {
            let shrink = plan.decoder_shrink(probe);
            let coded = |area| probe.orientation.to_coded(area, probe.size).shrunk(shrink);
            let window = coded(plan.window.area()).touched(picture.size);
            picture = resize::picture(&picture, window, coded(plan.part), probe.orientation.turn(plan.picture))?;
            self.check_deadline()?;
        }
        if let Some(profile) = &decoded.profile {
            picture = colour::to_srgb(picture, profile);
        }
        picture = effects.apply(picture.turned(probe.orientation), self.deadline)?;
        let (picture, background) = ground::laid(picture, plan, self.operations.background, format)?;
        let mut picture = effects.round(picture, format, background);
        if let Some(stamp) = Stamp::of(self.operations, self.mark, picture.size)? {
            stamp.lay(&mut picture);
        }
        let picture = picture.without_idle_alpha();
        self.check_deadline()?;
        Ok(picture)
    }

    /// The source without its metadata.
    fn cleaned(&self, probe: &Probe) -> Result<Derivative, ImageError> {
        let bytes = clean::clean(self.source, probe)?;
        Ok(derivative(bytes, probe.format(), probe.shown()))
    }

    fn check_deadline(&self) -> Result<(), ImageError> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(ImageError::DeadlineExceeded) }
    }
}

/// The plan of the pixels that are made: few for a description, unless an effect works on those of the whole result.
fn made(plan: Plan, effects: &Effects, format: Format) -> Plan {
    let small = format == Format::Json && !effects.change_pixels();
    if small { plan.at_most(description::SIDE_PIXELS) } else { plan }
}

/// Whether no pixel work is asked for: `dl` only names the answer.
fn changes_nothing(operations: &Operations) -> bool {
    operations.items().all(|(name, _)| name == "dl")
}

/// The format of the result: the one asked for, else the source's where the engine writes it. A GIF becomes PNG, which
/// keeps its transparency and its colours.
fn format_of(probe: &Probe, operations: &Operations) -> Result<Format, ImageError> {
    let asked = output_format(operations)?;
    Ok(asked.unwrap_or(match probe.format() {
        Format::Gif => Format::Png,
        format => format,
    }))
}

fn output_format(operations: &Operations) -> Result<Option<Format>, ImageError> {
    match operations.format {
        None => Ok(None),
        Some(OutputFormat::Jpeg) => Ok(Some(Format::Jpeg)),
        Some(OutputFormat::Png) => Ok(Some(Format::Png)),
        Some(OutputFormat::Webp) => Ok(Some(Format::Webp)),
        Some(OutputFormat::Avif) => Ok(Some(Format::Avif)),
        Some(OutputFormat::Json) => Ok(Some(Format::Json)),
        Some(OutputFormat::Auto | OutputFormat::Gif) => Err(ImageError::Unsupported("f")),
    }
}

fn derivative(bytes: Vec<u8>, format: Format, size: Size) -> Derivative {
    Derivative { bytes, format, width: size.width, height: size.height }
}
