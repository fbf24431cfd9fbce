//! Usage reports: what the edge counted, told to the origin.
//!
//! `POST` to [`USAGE_PATH`] with the edge's proof over the body, which is a [`Report`] as CBOR ([`crate::wire`]). The
//! origin answers 200 `counted` once the report is in its database, and the same to each repetition, which counts
//! nothing: an edge that got no answer sends the same report again, under the same id.

mod outcome;

use std::fmt;

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use crate::key::PublicKey;

pub use outcome::{Event, Format, Outcome};

/// Where the origin takes reports.
pub const USAGE_PATH: &str = "/api/edge/v1/usage";

/// What the origin answers once it has counted a report.
pub const COUNTED: &str = "counted\n";

/// Rows of a report, at most.
pub const MAX_ROWS: usize = 1_000;

/// Events of a report, at most; a report has at least one row or event.
pub const MAX_EVENTS: usize = 100;

/// Bytes of a report, at most: a row takes 80.
pub const MAX_REPORT_BYTES: usize = 128 * 1024;

/// How far back a row's minute may be, in minutes: two days, in which an edge that was cut off comes back.
pub const MAX_AGE_MINUTES: u64 = 2 * 24 * 60;

/// How far ahead of the origin's clock a row's minute may begin, in seconds.
pub const MAX_AHEAD_SECS: u64 = 300;

/// The most that a row or an event counts: far above what an isolate serves in a minute.
pub const MAX_COUNT: u64 = 1_000_000_000;

/// The most bytes of a row, a petabyte: far above what an isolate sends in a minute, and sums of it are still numbers.
pub const MAX_BYTES: u64 = 1_000_000_000_000_000;

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

/// How often one thing became of requests with one key in one minute, by the format of what was sent.
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
    /// Bytes of pictures that were sent: 0 to [`MAX_BYTES`]. Not those of headers and of problems.
    #[n(4)]
    #[cbor(default)]
    pub bytes: u64,
    /// Their format; none where nothing was sent, or what is no picture.
    #[n(5)]
    pub format: Option<Format>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    /// Its name.
    #[n(0)]
    pub id: ReportId,
    /// At most [`MAX_ROWS`].
    #[n(1)]
    pub rows: Vec<Count>,
    /// What happened to the edge since its last report, and how often: at most [`MAX_EVENTS`].
    #[n(2)]
    #[cbor(default)]
    pub events: Vec<(Event, u64)>,
}

/// Why a report is not counted. Nothing of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Neither a row nor an event, or more than [`MAX_ROWS`] or [`MAX_EVENTS`].
    #[error("a report has 1 to 1000 rows, and at most 100 events")]
    Rows,
    /// 0, or more than [`MAX_COUNT`].
    #[error("a row or an event counts 1 to 1000000000")]
    Count,
    /// More than [`MAX_BYTES`].
    #[error("a row has at most 1000000000000000 bytes")]
    Bytes,
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
        let nothing = self.rows.is_empty() && self.events.is_empty();
        if nothing || self.rows.len() > MAX_ROWS || self.events.len() > MAX_EVENTS {
            return Err(ReportError::Rows);
        }
        let counts = self.rows.iter().map(|row| row.count).chain(self.events.iter().map(|(_, count)| *count));
        if counts.into_iter().any(|count| !(1..=MAX_COUNT).contains(&count)) {
            return Err(ReportError::Count);
        }
        let oldest = (now / 60).saturating_sub(MAX_AGE_MINUTES);
        let newest = now.saturating_add(MAX_AHEAD_SECS) / 60;
        for row in &self.rows {
            if row.bytes > MAX_BYTES {
                return Err(ReportError::Bytes);
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

    use crate::denial::Code;

    const NOW: u64 = 1_800_000_000;

    fn report(minute: u64, count: u64) -> Report {
        let (key, outcome) = (PublicKey::from_bytes([3; 16]), Outcome::Hit);
        let row = Count { key, minute, outcome, count, bytes: 70_000, format: Some(Format::Avif) };
        Report { id: ReportId { counter: [0xab; 16], sequence: 7 }, rows: vec![row], events: vec![] }
    }

    #[test]
    fn a_report_is_read_back() {
        for outcome in Outcome::ANSWERED.into_iter().chain(Code::ALL.iter().copied().map(Outcome::Denied)) {
            let mut report = report(NOW / 60, 5);
            report.rows[0].outcome = outcome;
            report.rows[0].format = None;
            report.events = vec![(Event::KvFailure, 3), (Event::Refused(Code::KeyUnknown), 4)];
            assert_eq!(wire::from_bytes::<Report>(&wire::to_bytes(&report)), Ok(report));
        }
        assert_eq!(report(1, 1).id.to_string(), format!("{}.7", "ab".repeat(16)));
    }

    #[test]
    fn a_report_without_bytes_formats_and_events_is_one_too() {
        let mut older = vec![0xa2, 0, 0x82, 0x50];
        older.extend([0xab; 16]);
        older.extend([7, 1, 0x81, 0x84, 0x78, 25]);
        older.extend(PublicKey::from_bytes([3; 16]).to_string().bytes());
        older.extend(*b"\x02\x63hit\x05");
        let mut expected = report(2, 5);
        (expected.rows[0].bytes, expected.rows[0].format) = (0, None);
        assert_eq!(wire::from_bytes::<Report>(&older), Ok(expected));
    }

    #[test]
    fn names_that_are_none_are_not_read() {
        let mut with_events = report(1, 1);
        with_events.events.push((Event::UsageLost, 1));
        let bytes = wire::to_bytes(&with_events);
        for name in [b"hit".as_slice(), b"usage_lost"] {
            let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
            let mut other = bytes.clone();
            other[at] = b'H';
            assert!(wire::from_bytes::<Report>(&other).is_err());
        }
        assert!(wire::from_bytes::<Report>(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn rows_events_counts_and_minutes_have_bounds() {
        let minute = NOW / 60;
        let mut full = report(minute, MAX_COUNT);
        full.rows[0].outcome = Outcome::Denied(Code::OperationUnsupported);
        full.rows[0].bytes = MAX_BYTES;
        full.rows = vec![full.rows[0]; MAX_ROWS];
        full.events = vec![(Event::Refused(Code::OperationUnsupported), MAX_COUNT); MAX_EVENTS];
        assert_eq!(full.check(NOW), Ok(()));
        assert!(wire::to_bytes(&full).len() < MAX_REPORT_BYTES);
        full.rows.push(full.rows[0]);
        assert_eq!(full.check(NOW), Err(ReportError::Rows));
        full.rows.clear();
        assert_eq!(full.check(NOW), Ok(()), "events alone are a report");
        full.events[0].1 = 0;
        assert_eq!(full.check(NOW), Err(ReportError::Count));
        full.events = vec![(Event::UsageLost, 1); MAX_EVENTS + 1];
        assert_eq!(full.check(NOW), Err(ReportError::Rows));
        full.events.clear();
        assert_eq!(full.check(NOW), Err(ReportError::Rows));
        let mut heavy = report(minute, 1);
        heavy.rows[0].bytes = MAX_BYTES + 1;
        assert_eq!(heavy.check(NOW), Err(ReportError::Bytes));
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
