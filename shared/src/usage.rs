//! Usage reports: what the edge counted, told to the origin.
//!
//! `POST` to [`USAGE_PATH`] with the edge's proof over the body, which is a [`Report`] as CBOR ([`crate::wire`]). The
//! origin answers 200 `counted` once the report is in its database, and the same to each repetition, which counts
//! nothing: an edge that got no answer sends the same report again, under the same id.

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::denial::Code;
use crate::key::PublicKey;

/// Where the origin takes reports.
pub const USAGE_PATH: &str = "/api/edge/v1/usage";

/// Rows of a report, at most; a report has at least one.
pub const MAX_ROWS: usize = 1_000;

/// Bytes of a report, at most: a row takes 80.
pub const MAX_REPORT_BYTES: usize = 128 * 1024;

/// How far back a row's minute may be, in minutes: two days, in which an edge that was cut off comes back.
pub const MAX_AGE_MINUTES: u64 = 2 * 24 * 60;

/// How far ahead of the origin's clock a row's minute may begin, in seconds.
pub const MAX_AHEAD_SECS: u64 = 300;

/// The most that a row counts: far above what an isolate serves in a minute.
pub const MAX_COUNT: u64 = 1_000_000_000;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The origin answered with a picture, without an edge.
    Ok,
    /// The edge answered from its cache.
    Hit,
    /// The edge answered with what the origin made.
    Miss,
    /// The client held the picture already.
    NotModified,
    /// It was refused.
    Denied(Code),
}

impl Outcome {
    /// Those that are no denials.
    pub const ANSWERED: [Self; 4] = [Self::Ok, Self::Hit, Self::Miss, Self::NotModified];

    /// The outcome's name: `ok`, `hit`, `miss`, `not_modified`, or a denial's code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::NotModified => "not_modified",
            Self::Denied(code) => code.as_str(),
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let denied = Code::ALL.iter().copied().map(Self::Denied);
        Self::ANSWERED.into_iter().chain(denied).find(|outcome| outcome.as_str() == name)
    }
}

/// A report's name: an isolate's 16 random bytes, and the number of its report. One report has one name, however often
/// it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportId {
    /// Random, of one isolate or one process.
    pub counter: [u8; 16],
    /// 1, 2, 3, …
    pub sequence: u64,
}

impl fmt::Display for ReportId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}.{}", u128::from_be_bytes(self.counter), self.sequence)
    }
}

/// How often one thing became of requests with one key in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Count {
    /// The key in the URL.
    #[n(0)]
    pub key: PublicKey,
    /// Unix minutes.
    #[n(1)]
    pub minute: u64,
    /// What became of them.
    #[n(2)]
    pub outcome: Outcome,
    /// How often: 1 to [`MAX_COUNT`].
    #[n(3)]
    pub count: u64,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    /// Its name.
    #[n(0)]
    pub id: ReportId,
    /// 1 to [`MAX_ROWS`].
    #[n(1)]
    pub rows: Vec<Count>,
}

/// Why a report is not counted. Nothing of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// None, or more than [`MAX_ROWS`].
    #[error("a report has 1 to 1000 rows")]
    Rows,
    /// 0, or more than [`MAX_COUNT`].
    #[error("a row counts 1 to 1000000000 requests")]
    Count,
    /// A row's minute is more than [`MAX_AGE_MINUTES`] ago.
    #[error("a row is older than two days")]
    Old,
    /// A row's minute is more than [`MAX_AHEAD_SECS`] ahead.
    #[error("a row's minute is more than 5 minutes ahead of the origin's clock")]
    Ahead,
}

impl Report {
    /// Checks the rows against each other and the clock (unix seconds).
    pub fn check(&self, now: u64) -> Result<(), ReportError> {
        if !(1..=MAX_ROWS).contains(&self.rows.len()) {
            return Err(ReportError::Rows);
        }
        let oldest = (now / 60).saturating_sub(MAX_AGE_MINUTES);
        let newest = now.saturating_add(MAX_AHEAD_SECS) / 60;
        for row in &self.rows {
            if !(1..=MAX_COUNT).contains(&row.count) {
                return Err(ReportError::Count);
            }
            if row.minute < oldest {
                return Err(ReportError::Old);
            }
            if row.minute > newest {
                return Err(ReportError::Ahead);
            }
        }
        Ok(())
    }
}

impl<C> Encode<C> for Outcome {
    fn encode<W: encode::Write>(&self, out: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        out.str(self.as_str())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Outcome {
    fn decode(bytes: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::parse(bytes.str()?).ok_or(decode::Error::message("not an outcome"))
    }
}

impl<C> Encode<C> for ReportId {
    fn encode<W: encode::Write>(&self, out: &mut Encoder<W>, _: &mut C) -> Result<(), encode::Error<W::Error>> {
        out.array(2)?.bytes(&self.counter)?.u64(self.sequence)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for ReportId {
    fn decode(bytes: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let other = || decode::Error::message("not a report's id");
        if bytes.array()? != Some(2) {
            return Err(other());
        }
        let counter = bytes.bytes()?.try_into().map_err(|_| other())?;
        Ok(Self { counter, sequence: bytes.u64()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    const NOW: u64 = 1_800_000_000;

    fn report(minute: u64, count: u64) -> Report {
        let row = Count { key: PublicKey::from_bytes([3; 16]), minute, outcome: Outcome::Hit, count };
        Report { id: ReportId { counter: [0xab; 16], sequence: 7 }, rows: vec![row] }
    }

    #[test]
    fn a_report_is_read_back() {
        for outcome in Outcome::ANSWERED.into_iter().chain(Code::ALL.iter().copied().map(Outcome::Denied)) {
            let mut report = report(NOW / 60, 5);
            report.rows[0].outcome = outcome;
            assert_eq!(wire::from_bytes::<Report>(&wire::to_bytes(&report)), Ok(report));
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
        assert_eq!(report(1, 1).id.to_string(), format!("{}.7", "ab".repeat(16)));
    }

    #[test]
    fn names_that_are_none_are_not_read() {
        for name in ["", "OK", "okay", "denied", "ok "] {
            assert_eq!(Outcome::parse(name), None, "{name:?}");
        }
        let bytes = wire::to_bytes(&report(1, 1));
        let at = bytes.windows(3).position(|window| window == b"hit").unwrap();
        let mut other = bytes.clone();
        other[at] = b'H';
        assert!(wire::from_bytes::<Report>(&other).is_err());
        assert!(wire::from_bytes::<Report>(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn rows_counts_and_minutes_have_bounds() {
        let minute = NOW / 60;
        let mut full = report(minute, 1);
        full.rows = vec![full.rows[0]; MAX_ROWS];
        assert_eq!(full.check(NOW), Ok(()));
        assert!(wire::to_bytes(&full).len() < MAX_REPORT_BYTES);
        full.rows.push(full.rows[0]);
        assert_eq!(full.check(NOW), Err(ReportError::Rows));
        full.rows.clear();
        assert_eq!(full.check(NOW), Err(ReportError::Rows));
        for (report, checked) in [
            (report(minute, 0), Err(ReportError::Count)),
            (report(minute, MAX_COUNT), Ok(())),
            (report(minute, MAX_COUNT + 1), Err(ReportError::Count)),
            (report(minute - MAX_AGE_MINUTES, 1), Ok(())),
            (report(minute - MAX_AGE_MINUTES - 1, 1), Err(ReportError::Old)),
            (report(minute + 5, 1), Ok(())),
            (report(minute + 6, 1), Err(ReportError::Ahead)),
            (report(u64::MAX, 1), Err(ReportError::Ahead)),
        ] {
            assert_eq!(report.check(NOW), checked, "{report:?}");
        }
    }
}
