//! What delivery writes down of requests: usage by key, minute, outcome and format, and the request log.
//!
//! Kept in memory, written every ten seconds and at a clean stop, never on a request's way. A batch keeps its name until
//! the registry has it, so that a write whose end was not seen counts once. What memory would not hold is lost and said
//! so in the log. A killed process loses the counts of up to ten seconds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use sealpix::denial::Code;
use sealpix::key::PublicKey;
use sealpix::source::Source;
use sealpix::target::{Request, Slug};
use sealpix::usage::{Count, Format, Outcome, ReportId};

use crate::clock::{NoEntropy, random};
use crate::origin::Origin;
use crate::registry::{Author, Key, LoggedRequest, RegistryError};
use crate::settings::SettingValue;

/// How often it is written.
const ROUND: Duration = Duration::from_secs(10);

/// Counts held: keys × minutes × outcomes × formats since the last write; a megabyte or two.
const MAX_COUNTS: usize = 20_000;

/// Rows of refused requests held: ten minutes of what the registry takes.
const MAX_DENIALS: usize = 1_000;

/// Answered requests logged one by one in a minute.
const MAX_ANSWERED: u64 = 1_000;

/// Of those, held while the registry does not take them.
const MAX_ANSWERED_HELD: usize = 2_000;

/// Characters of a source, or of operations, in the log.
const MAX_CHARS: usize = 500;

const MINUTE_MILLIS: u64 = 60_000;

/// What became known of a request on its way.
#[derive(Default)]
pub(super) struct Noted {
    /// The key and its project, if the registry has the key.
    key: Option<(PublicKey, Slug)>,
    source: String,
    operations: String,
    /// Whether its usage is ours to count; behind an edge it is the edge's.
    pub(super) is_counted: bool,
}

impl Noted {
    /// The request named a key, which is in the registry or not. Of a source's URL no query is kept: it may hold a
    /// signature of its own.
    pub(super) fn asked(&mut self, key: Option<&Key>, request: &Request) {
        let source = request.source.to_string();
        let without_query = match &request.source {
            Source::Remote(_) => source.split('?').next().unwrap_or_default(),
            Source::Named { .. } => &source,
        };
        self.key = key.map(|key| (key.public_key, key.project.clone()));
        self.source = without_query.chars().take(MAX_CHARS).collect();
        self.operations = request.operations.to_string().chars().take(MAX_CHARS).collect();
    }
}

/// Key, minute, outcome and format.
type Counted = (PublicKey, u64, Outcome, Option<Format>);

/// What was noted since the last write.
#[derive(Default)]
struct Held {
    /// Requests, and the bytes that were sent.
    counts: HashMap<Counted, (u64, u64)>,
    denials: HashMap<String, LoggedRequest>,
    answered: Vec<LoggedRequest>,
    /// A minute, and the answered requests that were logged in it.
    answered_in: (u64, u64),
    /// Requests that were not counted.
    lost: u64,
}

/// What goes into the registry in one change.
struct Batch {
    id: ReportId,
    counts: Vec<Count>,
    requests: Vec<LoggedRequest>,
}

/// What one process notes.
pub struct Journal {
    held: Mutex<Held>,
    sample_percent: AtomicU64,
    counter: [u8; 16],
    /// The number of the last batch, and the batch if the registry does not have it yet.
    writing: tokio::sync::Mutex<(u64, Option<Batch>)>,
}

impl Journal {
    pub(super) fn new() -> Result<Self, NoEntropy> {
        Ok(Self {
            held: Mutex::default(),
            sample_percent: AtomicU64::new(0),
            counter: random()?,
            writing: tokio::sync::Mutex::default(),
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what became of a request, at `now` (unix milliseconds).
    pub(super) fn note(&self, noted: Noted, outcome: Outcome, answer: &Response<Body>, took: Duration, now: u64) {
        let Noted { key, source, operations, is_counted } = noted;
        let (key, project) = key.unzip();
        let request = LoggedRequest {
            id: String::new(),
            at: now,
            key,
            project,
            outcome,
            status: answer.status().as_u16(),
            source,
            operations,
            millis: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            bytes: answer.body().size_hint().exact().unwrap_or(0),
            count: 1,
        };
        let id = match outcome {
            Outcome::Denied(_) => None,
            _ if key.is_some() && self.is_sampled() => random::<16>().ok(),
            _ => None,
        };
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
        let format = Format::of_content_type(content_type);
        let bytes = if format.is_some() { request.bytes } else { 0 };
        let mut held = self.held();
        if let Some(key) = key.filter(|_| is_counted) {
            held.count((key, now / MINUTE_MILLIS, outcome, format), bytes);
        }
        match (outcome, id) {
            (Outcome::Denied(code), _) => held.deny(request, code),
            (_, Some(id)) => held.answer(LoggedRequest { id: format!("{:032x}", u128::from_be_bytes(id)), ..request }),
            (_, None) => {}
        }
    }

    fn is_sampled(&self) -> bool {
        match self.sample_percent.load(Ordering::Relaxed) {
            0 => false,
            100.. => true,
            percent => random().is_ok_and(|bytes| u64::from_be_bytes(bytes) % 100 < percent),
        }
    }

    /// Reads how many answered requests are logged. Where that cannot be read, it stays.
    pub async fn read_settings(&self, origin: &Origin) {
        match origin.setting("request_log.sample").await {
            Ok(Some(SettingValue::Integer(percent))) => self.sample_percent.store(percent, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "request_log.sample cannot be read"),
        }
    }

    /// Writes for as long as it is polled.
    pub async fn run(&self, origin: &Origin) {
        loop {
            tokio::time::sleep(ROUND).await;
            self.read_settings(origin).await;
            self.write(origin).await;
        }
    }

    /// Writes what was noted so far. What the registry does not take is kept for the next time.
    pub async fn write(&self, origin: &Origin) {
        let mut writing = self.writing.lock().await;
        let (sequence, waiting) = &mut *writing;
        // What waits from the last time goes first, under its own name.
        for _ in 0..2 {
            if waiting.is_none() {
                *sequence += 1;
                *waiting = self.held().take(ReportId { counter: self.counter, sequence: *sequence });
            }
            let Some(batch) = waiting else { return };
            if let Err(error) = batch.write(origin).await {
                tracing::error!(%error, "counts of requests cannot be written now");
                return;
            }
            *waiting = None;
        }
    }
}

impl Held {
    fn count(&mut self, what: Counted, bytes: u64) {
        let has_room = self.counts.len() < MAX_COUNTS;
        match self.counts.get_mut(&what) {
            Some((count, sent)) => (*count, *sent) = (*count + 1, *sent + bytes),
            None if has_room => drop(self.counts.insert(what, (1, bytes))),
            None => self.lost += 1,
        }
    }

    /// Adds to the row of its key, code and minute.
    fn deny(&mut self, request: LoggedRequest, code: Code) {
        let id = LoggedRequest::denied_id(request.at, request.key, code);
        let has_room = self.denials.len() < MAX_DENIALS;
        if let Some(row) = self.denials.get_mut(&id) {
            row.count += 1;
        } else if has_room {
            // What nobody has signed may say anything.
            let is_signed = request.key.is_some() && code != Code::SignatureInvalid;
            let shown = |text: String| if is_signed { text } else { String::new() };
            let row = LoggedRequest {
                id: id.clone(),
                at: request.at - request.at % MINUTE_MILLIS,
                source: shown(request.source),
                operations: shown(request.operations),
                ..request
            };
            self.denials.insert(id, row);
        }
    }

    fn answer(&mut self, request: LoggedRequest) {
        let minute = request.at / MINUTE_MILLIS;
        if self.answered_in.0 != minute {
            self.answered_in = (minute, 0);
        }
        if self.answered_in.1 < MAX_ANSWERED && self.answered.len() < MAX_ANSWERED_HELD {
            self.answered_in.1 += 1;
            self.answered.push(request);
        }
    }

    /// Everything, as a batch of that name; none if there is nothing.
    fn take(&mut self, id: ReportId) -> Option<Batch> {
        let answered_in = self.answered_in;
        let taken = std::mem::replace(self, Self { answered_in, ..Self::default() });
        if taken.lost > 0 {
            tracing::error!(lost = taken.lost, "requests were not counted: too many keys between two writes");
        }
        let count =
            |((key, minute, outcome, format), (count, bytes))| Count { key, minute, outcome, count, bytes, format };
        let counts: Vec<_> = taken.counts.into_iter().map(count).collect();
        let requests: Vec<_> = taken.denials.into_values().chain(taken.answered).collect();
        (!counts.is_empty() || !requests.is_empty()).then_some(Batch { id, counts, requests })
    }
}

impl Batch {
    async fn write(&self, origin: &Origin) -> Result<(), RegistryError> {
        let mut change = origin.registry.change(&Author::system(origin.clock.millis())).await?;
        // Where it is counted, it is logged too.
        if change.count_usage(&self.id, &self.counts).await? {
            change.log_requests(&self.requests).await?;
            change.commit().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first millisecond of a minute.
    const NOW: u64 = 1_800_000_000_000;

    fn noted(number: u16) -> Noted {
        let mut bytes = [7; 16];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        let key = Some((PublicKey::from_bytes(bytes), Slug::new("my-app").unwrap()));
        Noted { key, source: "a.example/b.jpg".to_owned(), operations: "w_1".to_owned(), is_counted: true }
    }

    fn note(journal: &Journal, noted: Noted, outcome: Outcome, now: u64) {
        journal.note(noted, outcome, &Response::new(Body::from("12345")), Duration::from_millis(3), now);
    }

    fn taken(journal: &Journal) -> Batch {
        journal.held().take(ReportId { counter: [0; 16], sequence: 1 }).unwrap()
    }

    #[test]
    fn usage_is_counted_by_key_minute_and_outcome() {
        let journal = Journal::new().unwrap();
        for (key, outcome, now) in [
            (1, Outcome::Ok, NOW),
            (1, Outcome::Ok, NOW + 59_999),
            (1, Outcome::Ok, NOW + 60_000),
            (1, Outcome::NotModified, NOW),
            (2, Outcome::Ok, NOW),
        ] {
            note(&journal, noted(key), outcome, now);
        }
        note(&journal, Noted { is_counted: false, ..noted(3) }, Outcome::Ok, NOW);
        note(&journal, Noted::default(), Outcome::Denied(Code::KeyUnknown), NOW);
        let mut counts: Vec<_> = taken(&journal).counts.iter().map(|count| count.count).collect();
        counts.sort_unstable();
        assert_eq!(counts, [1, 1, 1, 2]);
        for content_type in ["image/avif", "image/webp", "image/avif", "application/problem+json"] {
            let answer = Response::builder().header(CONTENT_TYPE, content_type).body(Body::from("12345")).unwrap();
            journal.note(noted(1), Outcome::Ok, &answer, Duration::ZERO, NOW);
        }
        let mut sent: Vec<_> = taken(&journal).counts.iter().map(|row| (row.format, row.count, row.bytes)).collect();
        sent.sort_unstable();
        assert_eq!(sent, [(None, 1, 0), (Some(Format::Webp), 1, 5), (Some(Format::Avif), 2, 10)]);
        assert!(journal.held().take(ReportId { counter: [0; 16], sequence: 2 }).is_none());
    }

    #[test]
    fn refused_requests_are_one_row_a_key_code_and_minute_and_show_nothing_unsigned() {
        let journal = Journal::new().unwrap();
        for now in [NOW + 1, NOW + 2, NOW + 60_001] {
            note(&journal, noted(1), Outcome::Denied(Code::UrlExpired), now);
        }
        note(&journal, noted(1), Outcome::Denied(Code::SignatureInvalid), NOW + 1);
        note(&journal, Noted { key: None, ..noted(1) }, Outcome::Denied(Code::KeyUnknown), NOW + 1);
        let mut rows = taken(&journal).requests;
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        let shown: Vec<_> = rows.iter().map(|row| (row.outcome.as_str(), row.at, row.count, &*row.source)).collect();
        assert_eq!(
            shown,
            [
                ("key_unknown", NOW, 1, ""),
                ("signature_invalid", NOW, 1, ""),
                ("url_expired", NOW, 2, "a.example/b.jpg"),
                ("url_expired", NOW + 60_000, 1, "a.example/b.jpg"),
            ]
        );
    }

    #[test]
    fn answered_requests_are_sampled_and_capped() {
        let journal = Journal::new().unwrap();
        note(&journal, noted(1), Outcome::Ok, NOW);
        assert!(taken(&journal).requests.is_empty(), "0 percent");
        journal.sample_percent.store(100, Ordering::Relaxed);
        for second in 0..3_000 {
            note(&journal, noted(1), Outcome::Ok, NOW + second * 40);
        }
        // 1,500 in each of two minutes.
        assert_eq!(taken(&journal).requests.len(), 2_000);
        journal.sample_percent.store(20, Ordering::Relaxed);
        for _ in 0..1_000 {
            note(&journal, noted(1), Outcome::Ok, NOW + 180_000);
        }
        let logged = taken(&journal).requests.len();
        // Further from 200 than twelve standard deviations: not in this universe's time.
        assert!((50..350).contains(&logged), "{logged}");
    }

    #[test]
    fn memory_is_bounded_and_a_query_is_not_kept() {
        let journal = Journal::new().unwrap();
        for key in 0..u16::MAX {
            note(&journal, noted(key), Outcome::Denied(Code::UrlExpired), NOW);
        }
        assert_eq!(journal.held().lost, u64::from(u16::MAX) - MAX_COUNTS as u64);
        let batch = taken(&journal);
        assert_eq!((batch.counts.len(), batch.requests.len()), (MAX_COUNTS, MAX_DENIALS));
        let mut noted = Noted::default();
        let request = Request {
            project: Slug::new("my-app").unwrap(),
            operations: sealpix::operations::Operations::read("w_1").unwrap(),
            source: Source::read("https://a.example/b.jpg?X-Amz-Signature=0123").unwrap(),
            key: PublicKey::from_bytes([7; 16]),
            expires: None,
        };
        noted.asked(None, &request);
        assert_eq!((noted.source.as_str(), noted.operations.as_str()), ("a.example/b.jpg", "w_1"));
    }
}
