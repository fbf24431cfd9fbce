//! Rate limits: fixed windows aligned to UTC, a minute and a day, checked together.
//!
//! Arithmetic only. Who counts, and where the counts are kept, is the edge's `counters` and the origin's own.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Requests that a key may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct Limits {
    /// In a minute.
    #[n(0)]
    pub minute: u32,
    /// In a day, UTC.
    #[n(1)]
    pub day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        // A page of 60 pictures every 6 seconds, all of them cache misses; and a day of 70 a minute.
        Self { minute: 600, day: 100_000 }
    }
}

/// A window of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Window {
    /// 60 seconds from a full minute.
    Minute,
    /// 86,400 seconds from midnight UTC.
    Day,
}

impl Window {
    /// Both, in the order in which they are checked.
    pub const BOTH: [Self; 2] = [Self::Minute, Self::Day];

    /// Its length.
    #[must_use]
    pub const fn secs(self) -> u64 {
        match self {
            Self::Minute => 60,
            Self::Day => 86_400,
        }
    }

    /// Its name in headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Day => "day",
        }
    }

    /// The start of the window that holds `now`, in unix seconds.
    #[must_use]
    pub const fn start(self, now: u64) -> u64 {
        now - now % self.secs()
    }

    /// The start of the next window.
    #[must_use]
    pub const fn end(self, now: u64) -> u64 {
        self.start(now) + self.secs()
    }

    /// Seconds until the next window begins: 1 to the window's length.
    #[must_use]
    pub const fn secs_left(self, now: u64) -> u64 {
        self.secs() - now % self.secs()
    }

    /// This window's limit.
    #[must_use]
    pub const fn limit(self, limits: Limits) -> u32 {
        match self {
            Self::Minute => limits.minute,
            Self::Day => limits.day,
        }
    }
}

/// How a key stands in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The window.
    pub window: Window,
    /// The most it admits.
    pub limit: u32,
    /// What is left after this request.
    pub remaining: u32,
    /// Seconds until it starts anew.
    pub reset_secs: u64,
}

/// The answer of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request is admitted, and so was counted in both windows.
    pub admitted: bool,
    /// The standing that binds: the window that refused, or the one with the smaller part left.
    pub binding: Standing,
}

impl Verdict {
    /// Judges both windows by what was used before this request. A refused request spends neither window.
    #[must_use]
    pub fn of(limits: Limits, used_minute: u32, used_day: u32, now: u64) -> Self {
        let used = |window| if window == Window::Minute { used_minute } else { used_day };
        // The window with the longer wait binds a refusal: a retry before it would fail again.
        let full = Window::BOTH.into_iter().rev().find(|window| used(*window) >= window.limit(limits));
        let standing = |window: Window, spent: u32| Standing {
            window,
            limit: window.limit(limits),
            remaining: window.limit(limits).saturating_sub(spent),
            reset_secs: window.secs_left(now),
        };
        if let Some(window) = full {
            return Self { admitted: false, binding: standing(window, used(window)) };
        }
        let [minute, day] = Window::BOTH.map(|window| standing(window, used(window).saturating_add(1)));
        let day_is_tighter = u64::from(day.remaining) * u64::from(minute.limit.max(1))
            < u64::from(minute.remaining) * u64::from(day.limit.max(1));
        Self { admitted: true, binding: if day_is_tighter { day } else { minute } }
    }

    /// `RateLimit` and `RateLimit-Policy` (IETF draft-ietf-httpapi-ratelimit-headers).
    #[must_use]
    pub fn headers(&self, limits: Limits) -> [(&'static str, String); 2] {
        let Standing { window, remaining, reset_secs, .. } = self.binding;
        let policy =
            Window::BOTH.map(|window| format!("\"{}\";q={};w={}", window.name(), window.limit(limits), window.secs()));
        [
            ("RateLimit", format!("\"{}\";r={remaining};t={reset_secs}", window.name())),
            ("RateLimit-Policy", policy.join(", ")),
        ]
    }
}

/// The counts of one key in its present windows: what a counter keeps in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tally {
    minute: (u64, u32),
    day: (u64, u32),
}

impl Tally {
    /// Judges a request and counts it in both windows if it is admitted.
    pub fn take(&mut self, limits: Limits, now: u64) -> Verdict {
        self.turn(now);
        let verdict = Verdict::of(limits, self.minute.1, self.day.1, now);
        if verdict.admitted {
            self.spend(now);
        }
        verdict
    }

    /// Counts a request that was admitted by another judge.
    pub fn spend(&mut self, now: u64) {
        self.turn(now);
        self.minute.1 = self.minute.1.saturating_add(1);
        self.day.1 = self.day.1.saturating_add(1);
    }

    fn turn(&mut self, now: u64) {
        for (window, count) in [(Window::Minute, &mut self.minute), (Window::Day, &mut self.day)] {
            // A request that waited may come with an earlier time than one that was quicker.
            if count.0 < window.start(now) {
                *count = (window.start(now), 0);
            }
        }
    }
}

/// The name of a scope where strangers might list it: 96 bits of its SHA-256, as 24 hex digits.
#[must_use]
pub fn scope_name(scope: &str) -> String {
    let hash = Sha256::new().chain_update(b"sealpix/counter/v1\n").chain_update(scope).finalize();
    hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { minute: 2, day: 5 };

    #[test]
    fn windows_are_aligned_to_utc() {
        assert_eq!(Window::Minute.start(119), 60);
        assert_eq!(Window::Minute.secs_left(119), 1);
        assert_eq!(Window::Day.secs_left(86_400), 86_400);
    }

    #[test]
    fn the_fuller_window_binds_and_the_longer_wait_is_told() {
        let verdict = Verdict::of(LIMITS, 1, 1, 30);
        assert!(verdict.admitted);
        assert_eq!((verdict.binding.window, verdict.binding.remaining), (Window::Minute, 0));
        let verdict = Verdict::of(LIMITS, 2, 2, 30);
        assert!(!verdict.admitted);
        assert_eq!((verdict.binding.window, verdict.binding.reset_secs), (Window::Minute, 30));
        let verdict = Verdict::of(LIMITS, 2, 5, 30);
        assert_eq!((verdict.admitted, verdict.binding.window), (false, Window::Day));
        assert!(!Verdict::of(Limits { minute: 0, day: 5 }, 0, 0, 30).admitted);
    }

    #[test]
    fn a_refused_request_spends_neither_window() {
        let mut tally = Tally::default();
        let admitted = |tally: &mut Tally, now| tally.take(LIMITS, now).admitted;
        assert!(admitted(&mut tally, 0) && admitted(&mut tally, 1));
        assert!(!admitted(&mut tally, 2) && !admitted(&mut tally, 3));
        assert!(admitted(&mut tally, 60) && admitted(&mut tally, 61) && admitted(&mut tally, 120));
        assert!(!admitted(&mut tally, 180), "five of the day are spent");
        assert!(admitted(&mut tally, 86_400));
    }

    #[test]
    fn a_late_request_of_the_window_before_brings_it_not_back() {
        let mut tally = Tally::default();
        tally.spend(60);
        tally.spend(60);
        tally.take(LIMITS, 59);
        assert!(!tally.take(LIMITS, 61).admitted);
    }

    #[test]
    fn what_another_judge_admitted_counts_too() {
        let mut tally = Tally::default();
        tally.spend(0);
        tally.spend(0);
        assert!(!tally.take(LIMITS, 1).admitted);
        tally.spend(60);
        assert_eq!(tally.take(LIMITS, 61).binding.remaining, 0);
    }

    #[test]
    fn a_scope_is_listed_under_a_hash() {
        let name = scope_name("pk_live_1");
        assert_eq!((name.len(), name == scope_name("pk_live_2")), (24, false));
        assert!(name.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn headers_follow_the_draft() {
        let [limit, policy] = Verdict::of(LIMITS, 0, 0, 30).headers(LIMITS);
        assert_eq!(limit.1, "\"minute\";r=1;t=30");
        assert_eq!(policy.1, "\"minute\";q=2;w=60, \"day\";q=5;w=86400");
    }
}
