//! Usage: each answer is counted by key, minute, outcome and format, and reported to the origin.
//!
//! Nothing of this is on a request's way. The request that opens a batch leaves a wake-up behind its answer, which
//! sleeps, then seals what was counted meanwhile and sends it; a full batch is sent at once. What the origin does not
//! take is kept under its name and sent again (batch.rs). Only keys whose record is known are counted: strangers invent
//! others without end, and what is refused before is an event (events.rs).
//!
//! The platform ends what a request left behind 30 seconds after its answer, or at any time with the isolate. So marks
//! lapse: who is gone keeps nobody else from waking or sending.

mod batch;

use std::cell::{Cell, RefCell};
use std::time::Duration;

use sealpix::denial::Code;
use sealpix::usage::{Count, Event, Outcome};
use worker::{Context, Delay, Env, Response};

use self::batch::Batch;
use crate::asked::Asked;
use crate::clock;
use crate::config::Config;
use crate::events;
use crate::origin::{Origin, REPORT_TIMEOUT_SECS};
use crate::trace::{Trace, trouble};

/// How long one request's wake-ups sleep together, at most, so that there is time left to send.
const ASLEEP_SECS: u32 = 20;

/// How much later than it should be a wake-up may come before another takes its place.
const LATE_SECS: u32 = 5;

thread_local! {
    static BATCH: RefCell<Batch> = RefCell::new(Batch::new(clock::random()));
    /// Until when, in unix milliseconds, a wake-up is to be waited for.
    static WAKING: Cell<u64> = const { Cell::new(0) };
    /// Until when a report is under way.
    static SENDING: Cell<u64> = const { Cell::new(0) };
}

/// Counts a request for a picture that is about to be answered.
pub(crate) fn count(asked: &Asked, trace: &Trace, response: &Response, env: &Env, context: &Context) {
    let is_full = match (trace.key, trace.refused) {
        (Some(key), refused) => {
            let status = response.status_code();
            let outcome = match refused {
                Some(code) => Outcome::Denied(code),
                None if status == 304 => Outcome::NotModified,
                None if trace.cache == "hit" => Outcome::Hit,
                None => Outcome::Miss,
            };
            let (minute, (format, bytes)) = (asked.now() / 60, trace.sent);
            BATCH.with_borrow_mut(|batch| batch.count(Count { key, minute, outcome, count: 1, bytes, format }))
        }
        (None, refused) => {
            events::note(Event::Refused(refused.unwrap_or(Code::Internal)));
            false
        }
    };
    // Without a configuration there is nobody to tell.
    let Ok(config) = Config::of(env) else { return };
    let secs = config.usage_secs;
    if is_full || !is_set(&WAKING) {
        set(&WAKING, secs + LATE_SECS);
        let first = if is_full { 0 } else { secs };
        context.wait_until(wake(Origin::new(config), (first, secs), asked.id.clone()));
    }
}

/// Sleeps and sends, and again while the origin does not take it and there is time.
async fn wake(origin: Origin, (mut sleep, secs): (u32, u32), request_id: String) {
    let mut asleep = 0;
    while asleep + sleep <= ASLEEP_SECS {
        Delay::from(Duration::from_secs(sleep.into())).await;
        asleep += sleep;
        sleep = secs;
        // From here on, what is counted opens a batch of its own: this one is sealed before anything else runs.
        WAKING.set(0);
        if send(&origin, &request_id).await || is_set(&WAKING) {
            return;
        }
        set(&WAKING, secs + LATE_SECS);
    }
    WAKING.set(0);
}

/// Seals what was counted and sends what waits, the oldest first, one after the other, until one is not taken.
/// Whether none waits any more.
async fn send(origin: &Origin, request_id: &str) -> bool {
    let events = events::take();
    BATCH.with_borrow_mut(|batch| batch.seal(events));
    if is_set(&SENDING) {
        return false;
    }
    loop {
        let now = clock::now_millis() / 1000;
        let next = BATCH.with_borrow_mut(|batch| batch.next(now));
        let Some((sequence, bytes)) = next else { return true };
        let mark = set(&SENDING, REPORT_TIMEOUT_SECS + LATE_SECS);
        let counted = origin.report(&bytes).await;
        if SENDING.get() == mark {
            SENDING.set(0);
        }
        match counted {
            Ok(()) => BATCH.with_borrow_mut(|batch| batch.ended(sequence, true)),
            Err(status) => {
                trouble(request_id, &["the origin does not count a usage report: ", &status.to_string()].concat());
                // It would say the same again.
                if !matches!(status, 400 | 413) {
                    return false;
                }
                BATCH.with_borrow_mut(|batch| batch.ended(sequence, false));
            }
        }
    }
}

type Mark = std::thread::LocalKey<Cell<u64>>;

fn is_set(mark: &'static Mark) -> bool {
    mark.get() > clock::now_millis()
}

fn set(mark: &'static Mark, secs: u32) -> u64 {
    let until = clock::now_millis() + u64::from(secs) * 1000;
    mark.set(until);
    until
}
