//! Image work: pure functions from bytes to bytes. No I/O, no clock but for the deadline that is handed in.
//!
//! [`Job::run`] is the straight line:
//!
//! ```text
//! probe ── limits ── view ── plan ──┬── planes: decode, resize, turn ─────────────┬── encode
//!  header   before any page, crop   └── pixels: decode, resize, colour, turn, bg ─┘   (f_json: describe)
//!  only     allocation rot, flip        (trim: plan after decoding; g_smart: aim after decoding; animations: frame by frame)
//! ```
//!
//! Everything that can be refused is refused from the header. Only the folder `codec` holds unsafe code; a panic anywhere below
//! becomes [`ImageError::Broken`] for this one request (DOS-3).

#![deny(unsafe_code)]

mod animation;
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
mod settings;
mod svg;
#[cfg(test)]
mod tests;
mod trim;
mod until;
mod view;
mod watermark;
mod work;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use sealpix::operations::{Operations, OutputFormat};

use self::animation::Timeline;
use self::effects::Effects;
use self::encode::Order;
use self::geometry::{Plan, Request, Size};
use self::probe::Probe;
use self::view::View;
use self::work::Work;

pub use self::error::ImageError;
pub use self::format::{Derivative, Format};
pub use self::limits::Limits;
pub use self::settings::Settings;
pub use self::until::{Until, Wanted};
pub use self::watermark::Mark;

/// What is to be made of a source.
///
/// The operations are resolved: presets expanded, one width, a format that is not `auto`.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The whole file.
    pub source: &'a [u8],
    /// What is done with it.
    pub operations: &'a Operations,
    /// The watermark that they name.
    pub mark: Option<&'a Mark>,
    /// Whether the format is what `auto` became. Then AVIF becomes WebP, which every client reads that reads AVIF, where it
    /// would take away movement, or more than [`AVIF_TIME`].
    pub is_negotiated: bool,
    /// What it may cost.
    pub limits: &'a Limits,
}

/// As long as the encode of a negotiated AVIF may take, see [`encode::time`].
const AVIF_TIME: Duration = Duration::from_secs(2);

impl Job<'_> {
    /// Turns the source into the derivative that the operations describe. Anything that the engine cannot do is refused by
    /// name, never ignored.
    ///
    /// # Errors
    ///
    /// See [`ImageError`].
    pub fn run(&self, until: &Until) -> Result<Derivative, ImageError> {
        if let Some(name) = unresolved(self.operations) {
            return Err(ImageError::Unsupported(name));
        }
        caught(|| Work { job: *self, until }.run())
    }

    /// A bound on the memory that the work will hold at once, in bytes, from the source's header: what a queue can weigh
    /// before it lets the work begin. The source itself is not counted.
    ///
    /// # Errors
    ///
    /// The errors of [`Self::run`] that the header alone brings about.
    pub fn estimate_bytes(&self) -> Result<u64, ImageError> {
        if let Some(name) = unresolved(self.operations) {
            return Err(ImageError::Unsupported(name));
        }
        caught(|| self.estimated_bytes())
    }

    fn estimated_bytes(&self) -> Result<u64, ImageError> {
        let (operations, limits) = (self.operations, self.limits);
        let probe = Probe::read_by(limits.settings, self.source)?;
        limits.admit_source(&probe)?;
        if self.changes_nothing(&probe) {
            return Ok(self.source.len() as u64);
        }
        let effects = Effects::of(operations).with_mark(self.mark);
        let view = View::new(&probe, operations)?;
        let request = self.request(&probe);
        let probe = Probe { orientation: view.orientation, ..probe };
        let plan = effects.pad(match operations.trim {
            None => Plan::within(view.shown_window(), &request),
            Some(_) => Plan::largest_within(view.shown_window(), &request, limits.largest_result()),
        });
        // What `trim` leaves may be little enough for AVIF, which takes more memory than WebP.
        let format = self.format(&probe, if operations.trim.is_some() { 0 } else { plan.canvas.pixels() });
        let plan = made(plan, &effects, format, limits.settings);
        Ok(match Timeline::of(&probe, operations, format) {
            Some(timeline) => timeline.estimate_bytes(&probe, &plan, &effects),
            None => limits::estimate_bytes(&probe, &plan, &effects, &Order::of(operations, format)),
        })
    }

    /// What the operations ask of the geometry. A drawing is as sharp at any size, so that it is never enlarged; but `trim` works
    /// on its pixels.
    fn request(&self, probe: &Probe) -> Request {
        let request = Request::of(self.operations);
        let is_drawn = probe.drawing.is_some() && self.operations.trim.is_none();
        Request { enlarge: request.enlarge || is_drawn, ..request }
    }

    /// Whether no pixel work is asked for: `dl` only names the answer. A drawing has no pixels to pass on (SVG-1).
    fn changes_nothing(&self, probe: &Probe) -> bool {
        probe.drawing.is_none() && self.operations.items().all(|(name, _)| name == "dl")
    }

    /// The format of a result of so many pixels: the one asked for, else the source's, or PNG for SVG's. The same on every
    /// machine (IMG-7).
    fn format(&self, probe: &Probe, pixels: u64) -> Format {
        let own = if probe.format() == Format::Svg { Format::Png } else { probe.format() };
        let format = output_format(self.operations).unwrap_or(own);
        let moves = || Timeline::of(probe, self.operations, Format::Webp).is_some();
        let takes_long = encode::time(format, pixels) > AVIF_TIME;
        if self.is_negotiated && format == Format::Avif && (takes_long || moves()) { Format::Webp } else { format }
    }
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

/// What the gate resolves, or its sides, before work begins: never ignored where it is still there.
fn unresolved(operations: &Operations) -> Option<&'static str> {
    match operations {
        Operations { preset: Some(_), .. } => Some("p"),
        Operations { format: Some(OutputFormat::Auto), .. } => Some("f"),
        _ => None,
    }
}

/// The plan of the pixels that are made: few for a description, unless an effect works on those of the whole result.
fn made(plan: Plan, effects: &Effects, format: Format, settings: Settings) -> Plan {
    let plan = Plan { settings, ..plan };
    let small = format == Format::Json && !effects.change_pixels();
    if small { plan.at_most(description::SIDE_PIXELS) } else { plan }
}

fn output_format(operations: &Operations) -> Option<Format> {
    match operations.format? {
        OutputFormat::Jpeg => Some(Format::Jpeg),
        OutputFormat::Png => Some(Format::Png),
        OutputFormat::Webp => Some(Format::Webp),
        OutputFormat::Avif => Some(Format::Avif),
        OutputFormat::Json => Some(Format::Json),
        OutputFormat::Gif => Some(Format::Gif),
        OutputFormat::Auto => None,
    }
}

fn derivative(bytes: Vec<u8>, format: Format, size: Size) -> Derivative {
    Derivative { bytes, format, width: size.width, height: size.height }
}
