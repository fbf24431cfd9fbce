//! What an isolate remembers of one key: its own counts, what it saw of the others, and when the store is due.

use sealpix::quota::{Limits, Verdict, Window, scope_name};

use super::count::{Count, Plan, Put};
use super::days::Days;
use super::shard::{self, Shard};
use super::view::{Course, Own, View};

/// Between two writes of one key of the store: more often it answers 429.
const WRITE_MILLIS: u64 = 1_000;

/// Between two settlings of a key that is near its limit, of one that is far from it, and the most after 429s.
const NEAR_MILLIS: u64 = 10_000;
const FAR_MILLIS: u64 = 60_000;
const BUSY_MILLIS: u64 = 120_000;

/// Between two writes of the day's count, and between two lists of it near the limit and far from it.
const DAY_MILLIS: u64 = 30_000;
const DAY_FAR_MILLIS: u64 = 300_000;

/// How long shards outlive their window: a minute's until two later ones have used it, a day's as the next one's prior.
const MINUTE_KEPT_SECS: u64 = 240;
const DAY_KEPT_SECS: u64 = 6 * 3_600;

/// A list older than this says nothing, once the store fails.
const STALE_SECS: u64 = 300;

/// One key in one isolate.
#[derive(Debug)]
pub(super) struct Scope {
    name: String,
    dither: u64,
    since: u64,
    limits: Limits,
    minute: Count,
    past: Count,
    course: Course,
    past_course: Course,
    day: Count,
    view: View,
    days: Days,
    interval: u64,
    settled_at: u64,
    day_put_at: u64,
    day_listed_at: Option<u64>,
}

impl Scope {
    pub(super) fn new(scope: &str, writer: &str, limits: Limits, now: u64) -> Self {
        let dither = writer.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        Self {
            name: scope_name(scope),
            dither,
            since: now / 1000,
            limits,
            minute: Count::default(),
            past: Count::default(),
            course: Course::default(),
            past_course: Course::default(),
            day: Count::default(),
            view: View::default(),
            days: Days::default(),
            interval: NEAR_MILLIS,
            settled_at: 0,
            day_put_at: now,
            day_listed_at: None,
        }
    }

    /// Judges and counts one request. `failing`: the store does.
    pub(super) fn take(&mut self, limits: Limits, failing: bool, now: u64) -> Verdict {
        self.limits = limits;
        // A request that has waited for its records may come with an earlier time than one that was quicker.
        let secs = (now / 1000).max(self.minute.start);
        self.turn(secs);
        let used_day = u32::try_from(self.used_day()).unwrap_or(u32::MAX);
        let left = self.quota(failing, secs).saturating_sub(self.minute.shard.admitted.into());
        let used = limits.minute.saturating_sub(u32::try_from(left).unwrap_or(u32::MAX));
        let verdict = Verdict::of(limits, used, used_day, secs);
        self.minute.add(secs, verdict.admitted);
        self.day.add(secs, verdict.admitted);
        self.course.note(secs - self.minute.start, self.minute.shard.offered);
        verdict
    }

    fn quota(&self, failing: bool, secs: u64) -> u64 {
        if failing && self.view.listed_at.is_none_or(|at| secs.saturating_sub(at) > STALE_SECS) {
            return self.limits.minute.into();
        }
        let dither = self.dither.wrapping_add(self.minute.start).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16;
        self.view.quota(self.limits.minute, self.own(secs), dither, secs)
    }

    fn own(&self, secs: u64) -> Own {
        let is_last = self.past.start + 60 == self.minute.start;
        let last = if is_last { self.past.shard.offered } else { 0 };
        Own { age_secs: secs.saturating_sub(self.since), last: last.into(), course: self.past_course }
    }

    fn used_day(&self) -> u64 {
        self.days.others + u64::from(self.day.shard.admitted)
    }

    /// Begins new windows; an old one never comes back.
    fn turn(&mut self, secs: u64) {
        if self.minute.start < Window::Minute.start(secs) {
            self.past = self.minute;
            self.past.shard.secs = 60;
            self.past_course = std::mem::take(&mut self.course);
            self.minute = Count { start: Window::Minute.start(secs), ..Count::default() };
        }
        if self.day.start < Window::Day.start(secs) {
            self.day = Count { start: Window::Day.start(secs), ..Count::default() };
            self.days.others = 0;
            self.day_listed_at = None;
        }
    }

    /// When the store is due, in unix milliseconds; `None` while there is nothing that could matter.
    pub(super) fn due_at(&self, now: u64) -> Option<u64> {
        // A write that was refused moves no time of its own: without a floor it would be tried again at once.
        let floor = self.settled_at + WRITE_MILLIS.max(self.backoff());
        let day_due = self.day_is_due().then(|| floor.max(self.day_put_at + self.day_wait()));
        let minute_due = self.minute_due_at(now).map(|at| at.max(self.settled_at + WRITE_MILLIS));
        day_due.into_iter().chain(minute_due).min()
    }

    fn day_is_due(&self) -> bool {
        // Nothing below a sixteen-thousandth of the limit: thousands of isolates may hold back as much.
        let unwritten = self.day.shard.admitted - self.day.written.admitted;
        unwritten > self.limits.day / 16_384
    }

    fn day_wait(&self) -> u64 {
        let unwritten = self.day.shard.admitted - self.day.written.admitted;
        if unwritten > self.limits.day / 64 { WRITE_MILLIS } else { DAY_MILLIS.max(self.interval) }
    }

    fn minute_due_at(&self, now: u64) -> Option<u64> {
        let secs = (now / 1000).max(self.minute.start);
        if self.used_day() >= self.limits.day.into() {
            return None;
        }
        let past_waits = self.past.matters(self.limits) && self.past.is_unwritten() && secs < self.past.start + 120;
        if !self.minute.matters(self.limits) {
            return past_waits.then_some(self.settled_at + self.backoff());
        }
        let is_new = !self.view.is_of(secs) && self.settled_at / 1000 < self.minute.start;
        if past_waits || is_new || self.view.listed_at.is_none() {
            return Some(self.settled_at + self.backoff());
        }
        let end = Window::Minute.end(self.minute.start) * 1000;
        let is_unwritten = self.minute.is_unwritten();
        if self.view.confirms(self.limits.minute, self.minute.shard.admitted, secs) {
            return is_unwritten.then_some(end);
        }
        let moved = self.minute.shard.admitted - self.minute.written.admitted;
        let wait = if moved > self.limits.minute / 8 { WRITE_MILLIS } else { self.interval };
        is_unwritten.then(|| end.min(self.settled_at + wait.max(self.backoff())))
    }

    // After 429s not even the pressing is done at once.
    fn backoff(&self) -> u64 {
        if self.interval > FAR_MILLIS { self.interval } else { 0 }
    }

    /// What to do now.
    pub(super) fn plan(&mut self, writer: &str, now: u64) -> Plan {
        let secs = (now / 1000).max(self.minute.start);
        self.turn(secs);
        let mut puts = Vec::new();
        let mut put = |window: Window, count: &Count, shard: Shard| {
            let kept = if window == Window::Minute { MINUTE_KEPT_SECS } else { DAY_KEPT_SECS };
            puts.push(Put {
                window,
                start: count.start,
                shard,
                name: shard::name(&self.name, window, count.start, writer),
                expires_at: count.start + window.secs() + kept,
            });
        };
        let blocked = self.used_day() >= self.limits.day.into();
        for count in [&self.past, &self.minute] {
            if !blocked && count.is_unwritten() && count.matters(self.limits) && secs < count.start + 120 {
                let age = u32::try_from(secs.saturating_sub(count.start)).unwrap_or(60).clamp(1, 60);
                put(Window::Minute, count, Shard { secs: age, ..count.shard });
            }
        }
        if self.day_is_due() && self.day_put_at + self.day_wait() <= now {
            put(Window::Day, &self.day, self.day.shard);
        }
        let day_wait = if self.used_day() * 4 > u64::from(self.limits.day) * 3 { DAY_MILLIS } else { DAY_FAR_MILLIS };
        let list_day = !blocked && self.day_listed_at.is_none_or(|at| at + day_wait <= now);
        let list_minute = !blocked && !self.view.confirms(self.limits.minute, self.minute.shard.admitted, secs);
        self.settled_at = now;
        Plan {
            puts,
            minutes: list_minute.then(|| shard::prefix(&self.name, Window::Minute)),
            days: list_day.then(|| shard::prefix(&self.name, Window::Day)),
        }
    }

    /// A write has arrived.
    pub(super) fn wrote(&mut self, put: &Put, now: u64) {
        let counts = match put.window {
            Window::Minute => [Some(&mut self.past), Some(&mut self.minute)],
            Window::Day => {
                self.day_put_at = now;
                [Some(&mut self.day), None]
            }
        };
        for count in counts.into_iter().flatten().filter(|count| count.start == put.start) {
            count.written = put.shard;
        }
    }

    /// The store was too busy (429), or not.
    pub(super) fn paced(&mut self, busy: bool) {
        let far = (1..=self.limits.minute / 4).contains(&u32::try_from(self.view.expected()).unwrap_or(u32::MAX));
        let usual = if far { FAR_MILLIS } else { NEAR_MILLIS };
        self.interval = if busy { (self.interval * 2).min(BUSY_MILLIS) } else { usual };
    }

    /// The day's shards have been listed.
    pub(super) fn saw_days(&mut self, listed: &[(String, Shard)], writer: &str, now: u64) {
        self.day_listed_at = Some(now);
        self.days.update(listed, (&shard::prefix(&self.name, Window::Day), writer), self.day.start, now / 1000);
    }

    /// The minutes' shards have been listed.
    pub(super) fn saw_minutes(&mut self, listed: &[(String, Shard)], writer: &str, now: u64) {
        let (secs, prefix) = (now / 1000, shard::prefix(&self.name, Window::Minute));
        self.view.update(listed, (&prefix, writer), &self.days, self.own(secs), self.limits.minute, secs);
    }
}
