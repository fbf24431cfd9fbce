//! How many bytes, and how good: the quality that a result is encoded at. The pixels are worked out once; only the
//! encoding is repeated, a bounded number of times, and none is begun that would outlast the deadline. What comes out
//! depends on the picture alone, never on how busy the machine is (IMG-7): work that has no time left is refused.

use std::time::{Duration, Instant};

use sealpix::operations::{Operations, Quality};

use super::super::error::ImageError;
use super::super::format::Format;
use super::super::limits::Limits;
use super::super::metadata::Kept;
use super::super::until::Until;
use super::{Drawn, FULL_CHROMA_QUALITY, default_quality, encode, has_quality, likeness, time};

/// Most encodes of one result within `max`. Seven: halving from 100 ends at quality 1 with the seventh, and where some
/// quality fits, the third or fourth is within the bound and close to it.
const MOST_ENCODES: u32 = 7;

/// What is asked of the result's bytes.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Order {
    pub(in super::super) format: Format,
    quality: Option<Quality>,
    /// Most bytes of the result, metadata included.
    pub(in super::super) max_bytes: Option<usize>,
}

impl Order {
    /// Reads the operations.
    pub(in super::super) fn of(operations: &Operations, format: Format) -> Self {
        let max_bytes = operations.max_bytes.and_then(|max| usize::try_from(max.get()).ok());
        Self { format, quality: operations.quality, max_bytes }
    }

    /// The quality of the first encode, which `max` never raises.
    pub(in super::super) fn first_quality(&self) -> u8 {
        match self.quality {
            Some(Quality::Exact(quality)) => u8::try_from(quality.get()).unwrap_or(100),
            Some(Quality::Auto) | None => default_quality(self.format),
        }
    }

    /// Whether results are decoded again to be judged.
    pub(in super::super) fn is_judged(&self) -> bool {
        self.quality == Some(Quality::Auto) && has_quality(self.format)
    }

    /// Whether a JPEG may be encoded with whole chroma first and with halved chroma then, which planes cannot.
    pub(in super::super) fn halves_chroma_midway(&self) -> bool {
        self.max_bytes.is_some() && self.format == Format::Jpeg && self.first_quality() >= FULL_CHROMA_QUALITY
    }

    /// Whether a source of so many bytes would do, if nothing else is asked for.
    pub(in super::super) fn is_served_by(&self, bytes: usize) -> bool {
        self.quality.is_none() && self.max_bytes.is_none_or(|max| bytes <= max)
    }

    /// The order without its `max`.
    pub(in super::super) fn without_bound(self) -> Self {
        Self { max_bytes: None, ..self }
    }

    /// Encodes at the quality that is asked for, or at the best below it that `max` allows.
    ///
    /// # Errors
    ///
    /// [`ImageError::ResultTooLarge`] where no quality is within `max`.
    pub(in super::super) fn fill(
        &self,
        drawn: &Drawn,
        kept: &Kept,
        limits: &Limits,
        until: &Until,
    ) -> Result<Vec<u8>, ImageError> {
        let mut press = Press { drawn, format: self.format, kept, until, longest: Duration::ZERO };
        let mut quality = self.first_quality();
        let mut bytes = press.encode(quality)?;
        if self.is_judged() {
            let unlikeness = likeness::of(drawn, &bytes, limits)?;
            let chosen = likeness::quality(self.format, unlikeness);
            if chosen != quality {
                (quality, bytes) = (chosen, press.encode(chosen)?);
            }
        }
        match self.max_bytes {
            Some(max) if bytes.len() > max => press.within(max, quality, bytes.len()),
            _ => Ok(bytes),
        }
    }
}

/// Encodes one picture again and again.
struct Press<'a> {
    drawn: &'a Drawn,
    format: Format,
    kept: &'a Kept,
    until: &'a Until,
    /// The longest encode until now.
    longest: Duration,
}

impl Press<'_> {
    fn encode(&mut self, quality: u8) -> Result<Vec<u8>, ImageError> {
        let begun = Instant::now();
        self.until.has(self.longest.max(time(self.format, self.drawn.size().pixels())))?;
        let bytes = encode(self.drawn, self.format, quality, self.kept)?;
        self.longest = self.longest.max(begun.elapsed());
        Ok(bytes)
    }

    /// The best result of at most `max` bytes below a quality that is too much: by halves until one fits, then between
    /// the best that fits and the least that does not, until the best is within a twentieth of the bound.
    fn within(&mut self, max: usize, mut high: u8, mut high_bytes: usize) -> Result<Vec<u8>, ImageError> {
        if !has_quality(self.format) {
            return Err(ImageError::ResultTooLarge);
        }
        let mut best: Option<(u8, Vec<u8>)> = None;
        for _ in 1..MOST_ENCODES {
            let next = match &best {
                None => high / 2,
                Some((low, bytes)) if high - low > 1 => between((*low, bytes.len()), (high, high_bytes), max),
                Some(_) => break,
            };
            if next == 0 {
                break;
            }
            let bytes = self.encode(next)?;
            if bytes.len() > max {
                (high, high_bytes) = (next, bytes.len());
                continue;
            }
            let close = bytes.len() >= max - max / 20;
            best = Some((next, bytes));
            if close {
                break;
            }
        }
        best.map(|(_, bytes)| bytes).ok_or(ImageError::ResultTooLarge)
    }
}

/// A quality strictly between two, where a straight line between their bytes meets `max`.
fn between((low, low_bytes): (u8, usize), (high, high_bytes): (u8, usize), max: usize) -> u8 {
    let share = usize::from(high - low) * (max - low_bytes) / (high_bytes - low_bytes);
    u8::try_from(usize::from(low) + share).unwrap_or(high).clamp(low + 1, high - 1)
}
