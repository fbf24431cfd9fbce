//! Image work: pure functions from bytes to bytes. No I/O, no clock but the deadline that is handed in.
//!
//! [`process`] is the straight line:
//!
//! ```text
//! probe ── limits ── view ── plan ──┬── planes: decode, resize, turn ─────────────┬── encode
//!  header   before any page, crop   └── pixels: decode, resize, colour, turn, bg ─┘
//!  only     allocation rot, flip        (trim: plan after decoding; animations: frame by frame)
//! ```
//!
//! Everything that can be refused is refused from the header. Only the folder `codec` holds unsafe code; a panic anywhere below
//! becomes [`ImageError::Broken`] for this one request (DOS-3).

#![deny(unsafe_code)]

mod animation;
mod clean;
mod codec;
mod colour;
mod decode;
mod effects;
mod encode;
mod error;
mod format;
mod geometry;
mod limits;
mod orientation;
mod picture;
mod planes;
mod probe;
mod resize;
#[cfg(test)]
mod tests;
mod trim;
mod view;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use sealpix::operations::{Background, Gravity, Operations, OutputFormat, Quality};

use self::animation::Timeline;
use self::effects::Effects;
use self::geometry::{Plan, Request, Size};
use self::picture::Picture;
use self::probe::Probe;
use self::view::View;

pub use self::error::ImageError;
pub use self::format::{Derivative, Format};
pub use self::limits::Limits;

/// Turns a source into the derivative that the operations describe.
///
/// The operations are resolved: presets expanded, one width, a format that is not `auto`. Anything that the engine
/// cannot do is refused by name, never ignored; see [`unsupported`].
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
    if let Some(name) = unsupported(operations) {
        return Err(ImageError::Unsupported(name));
    }
    let work = Work { source, operations, limits, deadline };
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
        "page" | "frames" | "crop" | "trim" | "rot" | "flip" => true,
        "w" | "h" | "dpr" | "fit" | "up" | "dl" => true,
        "blur" | "sharpen" | "pixelate" | "bri" | "con" | "sat" | "hue" | "gray" | "invert" => true,
        "pad" | "round" => true,
        "g" => operations.gravity != Some(Gravity::Smart),
        "bg" => matches!(operations.background, None | Some(Background::Colour(_))),
        "f" => output_format(operations).is_ok(),
        "q" => operations.quality != Some(Quality::Auto),
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
        Ok(match Timeline::of(&probe, operations, format) {
            Some(timeline) => timeline.estimate_bytes(&probe, &plan, &effects),
            None => limits::estimate_bytes(&probe, &plan, &effects, format),
        })
    })
}

/// One piece of work.
struct Work<'a> {
    source: &'a [u8],
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
        let effects = Effects::of(self.operations);
        let view = View::new(&probe, self.operations)?;
        let turned = view.orientation != probe.orientation;
        probe.orientation = view.orientation;
        let (plan, decoded) = match self.operations.trim {
            None => (Plan::within(view.shown_window(), &Request::of(self.operations)), None),
            Some(tolerance) => self.trimmed(&probe, view, tolerance.get())?,
        };
        let plan = effects.pad(plan);
        self.limits.admit_result(plan.canvas, format)?;
        let timeline = Timeline::of(&probe, self.operations, format);
        match &timeline {
            Some(timeline) => timeline.admit(&probe, &plan, &effects, self.limits)?,
            None => self.limits.admit_memory(&probe, &plan, &effects, format)?,
        }
        self.check_deadline()?;

        let quality = self.quality(format);
        let bytes = match &timeline {
            Some(timeline) => {
                drop(decoded);
                self.animated(timeline, &probe, &plan, &effects, quality)?
            }
            None => self.still(decoded, &probe, view, &plan, &effects, (format, quality))?,
        };
        let covered = probe.alpha && self.operations.background.is_some();
        let keeps_pixels = !turned && !covered && !effects.change_pixels();
        let keeps_frames = timeline.map_or(1, |timeline| timeline.count) == probe.frames;
        let unchanged = plan.keeps_everything(probe.shown()) && keeps_pixels && format == probe.format();
        if unchanged && self.operations.quality.is_none() && bytes.len() > self.source.len() && keeps_frames {
            // Nothing was asked for that the source does not do with fewer bytes (IMG-8).
            if let Ok(cleaned) = self.cleaned(&probe) {
                return Ok(cleaned);
            }
        }
        Ok(derivative(bytes, format, plan.canvas))
    }

    /// A result that does not move, by planes where that can be, else by pixels.
    fn still(
        &self,
        decoded: Option<decode::Decoded>,
        probe: &Probe,
        view: View,
        plan: &Plan,
        effects: &Effects,
        (format, quality): (Format, u8),
    ) -> Result<Vec<u8>, ImageError> {
        if !effects.change_pixels()
            && let Some(bytes) = self.by_planes(probe, plan, format, quality)?
        {
            return Ok(bytes);
        }
        let decoded = decoded.map_or_else(|| self.decoded(probe, view, plan.decoder_shrink(probe)), Ok)?;
        let picture = self.finished(decoded, probe, plan, effects, format)?.without_idle_alpha();
        self.check_deadline()?;
        encode::encode(&picture, format, quality)
    }

    /// The planar road, where it may be taken.
    fn by_planes(
        &self,
        probe: &Probe,
        plan: &Plan,
        format: Format,
        quality: u8,
    ) -> Result<Option<Vec<u8>>, ImageError> {
        if !planes::may_stay(probe, plan, format) {
            return Ok(None);
        }
        let halved = format == Format::Webp || quality < encode::FULL_CHROMA_QUALITY;
        let Some(planes) = planes::planes(self.source, probe, plan, halved, self.limits)? else { return Ok(None) };
        self.check_deadline()?;
        match format {
            Format::Webp => encode::webp_of_planes(planes, quality).map(Some),
            _ => encode::jpeg_of_planes(&planes, quality).map(Some),
        }
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

    fn decoded(&self, probe: &Probe, view: View, shrink: u32) -> Result<decode::Decoded, ImageError> {
        let decoded = decode::decode_frame(self.source, probe, view.frame, shrink, self.limits)?;
        self.check_deadline()?;
        Ok(decoded)
    }

    /// The road through pixels, up to the encoder.
    fn finished(
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
        let background = self.background(format);
        picture = picture.over(background);
        if plan.has_margin() {
            picture = picture.on_canvas(plan, background);
        }
        Ok(effects.round(picture, format, background))
    }

    /// The source without its metadata.
    fn cleaned(&self, probe: &Probe) -> Result<Derivative, ImageError> {
        let bytes = clean::clean(self.source, probe)?;
        Ok(derivative(bytes, probe.format(), probe.shown()))
    }

    fn quality(&self, format: Format) -> u8 {
        match self.operations.quality {
            Some(Quality::Exact(quality)) => u8::try_from(quality.get()).unwrap_or(100),
            Some(Quality::Auto) | None => encode::default_quality(format),
        }
    }

    /// The background; a format without alpha has one in any case, and it is opaque.
    fn background(&self, format: Format) -> [u8; 4] {
        let asked = match self.operations.background {
            Some(Background::Colour(colour)) => Some([colour.red, colour.green, colour.blue, colour.alpha]),
            Some(Background::Blur | Background::Auto) | None => None,
        };
        match (format.has_alpha(), asked) {
            (true, asked) => asked.unwrap_or([0; 4]),
            (false, asked) => picture::on_white(asked.unwrap_or([255; 4])),
        }
    }

    fn check_deadline(&self) -> Result<(), ImageError> {
        if Instant::now() < self.deadline { Ok(()) } else { Err(ImageError::DeadlineExceeded) }
    }
}

/// Whether no pixel work is asked for: `dl` only names the answer.
fn changes_nothing(operations: &Operations) -> bool {
    operations.items().all(|(name, _)| name == "dl")
}

/// The format of the result: the one asked for, else the source's.
fn format_of(probe: &Probe, operations: &Operations) -> Result<Format, ImageError> {
    Ok(output_format(operations)?.unwrap_or(probe.format()))
}

fn output_format(operations: &Operations) -> Result<Option<Format>, ImageError> {
    match operations.format {
        None => Ok(None),
        Some(OutputFormat::Jpeg) => Ok(Some(Format::Jpeg)),
        Some(OutputFormat::Png) => Ok(Some(Format::Png)),
        Some(OutputFormat::Webp) => Ok(Some(Format::Webp)),
        Some(OutputFormat::Avif) => Ok(Some(Format::Avif)),
        Some(OutputFormat::Gif) => Ok(Some(Format::Gif)),
        Some(OutputFormat::Auto | OutputFormat::Json) => Err(ImageError::Unsupported("f")),
    }
}

fn derivative(bytes: Vec<u8>, format: Format, size: Size) -> Derivative {
    Derivative { bytes, format, width: size.width, height: size.height }
}
