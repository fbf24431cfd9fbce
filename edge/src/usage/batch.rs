//! What this isolate has counted and the origin has not: rows that still grow, and reports that wait for its answer.
//!
//! A report is sealed once: its name, its rows and its bytes stay as they are however often it is sent, and that is what
//! makes it count once. Nothing here knows the Workers runtime.

use std::rc::Rc;

use sealpix::usage::{Count, Event, MAX_AGE_MINUTES, MAX_BYTES, Report, ReportId};
use sealpix::wire;

/// Rows that make a report full: half of what the origin takes, some 30 KB.
pub(super) const ROWS: usize = 500;

/// Reports that wait, at most: some 600 KB together.
const WAITING: usize = 20;

/// The counts of one isolate.
pub(super) struct Batch {
    /// The isolate's name in reports. Without one nothing could be counted once, so nothing is reported.
    counter: Option<[u8; 16]>,
    sequence: u64,
    rows: Vec<Count>,
    waiting: Vec<Waiting>,
    /// Requests that no report will tell of.
    lost: u64,
}

struct Waiting {
    sequence: u64,
    oldest_minute: u64,
    requests: u64,
    bytes: Rc<Vec<u8>>,
}

impl Batch {
    pub(super) const fn new(counter: Option<[u8; 16]>) -> Self {
        Self { counter, sequence: 0, rows: Vec::new(), waiting: Vec::new(), lost: 0 }
    }

    /// Adds to the row of the same key, minute, outcome and format. Whether the report is full, and to be sealed.
    pub(super) fn count(&mut self, more: Count) -> bool {
        let is_same = |held: &&mut Count| {
            (held.key, held.minute, held.outcome, held.format) == (more.key, more.minute, more.outcome, more.format)
        };
        let has_room = self.rows.len() < ROWS;
        // From the end: what was counted last comes again first.
        match self.rows.iter_mut().rev().find(is_same) {
            Some(held) => {
                held.count = held.count.saturating_add(more.count);
                held.bytes = held.bytes.saturating_add(more.bytes).min(MAX_BYTES);
            }
            None if has_room => self.rows.push(more),
            None => self.lost = self.lost.saturating_add(more.count),
        }
        self.rows.len() >= ROWS
    }

    /// Makes a report of what was counted and what happened; none of nothing.
    pub(super) fn seal(&mut self, mut events: Vec<(Event, u64)>) {
        let Some(counter) = self.counter else { return };
        if self.lost > 0 {
            events.push((Event::UsageLost, std::mem::take(&mut self.lost)));
        }
        if self.rows.is_empty() && events.is_empty() {
            return;
        }
        self.sequence += 1;
        let id = ReportId { counter, sequence: self.sequence };
        let report = Report { id, rows: std::mem::take(&mut self.rows), events };
        // What was lost before is lost again with the report that was to tell.
        let lost = report.events.iter().filter(|(event, _)| *event == Event::UsageLost).map(|(_, count)| *count);
        self.waiting.push(Waiting {
            sequence: id.sequence,
            oldest_minute: report.rows.iter().map(|row| row.minute).min().unwrap_or(u64::MAX),
            requests: report.rows.iter().map(|row| row.count).chain(lost).fold(0, u64::saturating_add),
            bytes: Rc::new(wire::to_bytes(&report)),
        });
        if self.waiting.len() > WAITING {
            // Not the first: it may be on its way.
            self.remove(1, false);
        }
    }

    /// The report to be sent next, its number and its bytes. One that the origin would no longer take is lost.
    pub(super) fn next(&mut self, now_secs: u64) -> Option<(u64, Rc<Vec<u8>>)> {
        while let Some(first) = self.waiting.first() {
            if first.oldest_minute.saturating_add(MAX_AGE_MINUTES) > now_secs / 60 {
                return Some((first.sequence, first.bytes.clone()));
            }
            self.ended(first.sequence, false);
        }
        None
    }

    /// A report is done with: the origin has counted it, or never will.
    pub(super) fn ended(&mut self, sequence: u64, is_counted: bool) {
        if let Some(at) = self.waiting.iter().position(|report| report.sequence == sequence) {
            self.remove(at, is_counted);
        }
    }

    fn remove(&mut self, at: usize, is_counted: bool) {
        let removed = self.waiting.remove(at);
        if !is_counted {
            self.lost = self.lost.saturating_add(removed.requests);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealpix::denial::Code;
    use sealpix::key::PublicKey;
    use sealpix::usage::{Format, MAX_REPORT_BYTES, Outcome};

    const NOW: u64 = 1_800_000_000;

    fn one(number: u16, outcome: Outcome) -> Count {
        let mut key = [0; 16];
        key[..2].copy_from_slice(&number.to_be_bytes());
        let key = PublicKey::from_bytes(key);
        Count { key, minute: NOW / 60, outcome, count: 1, bytes: 10, format: Some(Format::Avif) }
    }

    fn next(batch: &mut Batch, now: u64) -> Option<Report> {
        let (sequence, bytes) = batch.next(now)?;
        let report: Report = wire::from_bytes(&bytes).unwrap();
        assert_eq!((report.id, report.check(now)), (ReportId { counter: [7; 16], sequence }, Ok(())));
        Some(report)
    }

    #[test]
    fn what_is_the_same_is_one_row() {
        let mut batch = Batch::new(Some([7; 16]));
        let jpeg = Count { format: Some(Format::Jpeg), ..one(1, Outcome::Hit) };
        let later = Count { minute: NOW / 60 + 1, ..one(1, Outcome::Hit) };
        let rows = [one(1, Outcome::Hit), one(1, Outcome::Miss), one(2, Outcome::Hit), jpeg, later];
        for _ in 0..3 {
            rows.iter().for_each(|row| assert!(!batch.count(*row)));
        }
        assert!(batch.next(NOW).is_none(), "what still grows is not sent");
        batch.seal(vec![(Event::KvFailure, 2)]);
        let report = next(&mut batch, NOW).unwrap();
        assert_eq!(report.rows, rows.map(|row| Count { count: 3, bytes: 30, ..row }));
        assert_eq!(report.events, [(Event::KvFailure, 2)]);
    }

    #[test]
    fn a_report_stays_byte_for_byte_until_it_is_counted() {
        let mut batch = Batch::new(Some([7; 16]));
        batch.count(one(1, Outcome::Hit));
        batch.seal(vec![]);
        let first = batch.next(NOW).unwrap();
        batch.count(one(1, Outcome::Hit));
        batch.seal(vec![]);
        assert_eq!(batch.next(NOW), Some(first.clone()));
        assert_eq!(batch.next(NOW + 3_600), Some(first));
        batch.ended(1, true);
        // The answer to a repetition comes late.
        batch.ended(1, true);
        assert_eq!(next(&mut batch, NOW).unwrap().id.sequence, 2);
        batch.ended(2, true);
        batch.seal(vec![]);
        assert!(batch.next(NOW).is_none(), "nothing was counted, nothing was lost");
    }

    #[test]
    fn memory_is_bounded_and_what_it_does_not_hold_is_told() {
        let mut batch = Batch::new(Some([7; 16]));
        let mut counted = 0;
        for number in 0..u16::MAX {
            if batch.count(one(number, Outcome::Denied(Code::OperationUnsupported))) {
                batch.seal(vec![]);
            }
            counted += 1;
            assert!(batch.rows.len() < ROWS && batch.waiting.len() <= WAITING);
            assert!(batch.waiting.iter().all(|report| report.bytes.len() < MAX_REPORT_BYTES));
        }
        let (mut told, mut lost) = (0, 0);
        // Twice: what was dropped last is told by the report after it.
        for _ in 0..2 {
            batch.seal(vec![]);
            while let Some(report) = next(&mut batch, NOW) {
                told += report.rows.iter().map(|row| row.count).sum::<u64>();
                lost += report.events.iter().map(|(_, count)| *count).sum::<u64>();
                batch.ended(report.id.sequence, true);
            }
        }
        assert_eq!((told + lost, told >= 9_500), (counted, true), "{told} {lost}");
    }

    #[test]
    fn what_the_origin_will_not_take_is_told_as_lost() {
        let mut batch = Batch::new(Some([7; 16]));
        let count = Count { count: 40, ..one(1, Outcome::Hit) };
        batch.count(count);
        batch.seal(vec![]);
        let two_days = NOW + MAX_AGE_MINUTES * 60;
        assert!(next(&mut batch, two_days - 60).is_some());
        assert!(next(&mut batch, two_days).is_none(), "too old");
        batch.count(Count { count: 2, ..one(1, Outcome::Hit) });
        batch.seal(vec![]);
        let report = next(&mut batch, NOW).unwrap();
        assert_eq!((report.rows[0].count, &*report.events), (2, [(Event::UsageLost, 40)].as_slice()));
        // Refused, with the news of what was lost before.
        batch.ended(report.id.sequence, false);
        batch.seal(vec![]);
        assert_eq!(next(&mut batch, NOW).unwrap().events, [(Event::UsageLost, 42)]);
    }

    #[test]
    fn without_randomness_nothing_is_reported_and_nothing_grows() {
        let mut batch = Batch::new(None);
        for number in 0..2_000 {
            batch.count(one(number, Outcome::Hit));
            batch.seal(vec![]);
        }
        assert_eq!((batch.rows.len(), batch.waiting.len(), batch.lost), (ROWS, 0, 1_500));
    }
}
