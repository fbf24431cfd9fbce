//! The object's half: what it has granted. Exact, because all asks of a key pass through one object, one at a time.
//!
//! A granted request counts as used until it comes back unspent; a lease whose isolate has died never does. So what is
//! admitted is never above a limit, and an under-use ends with the window.

use sealpix::quota::Window;

use super::wire::{Ask, Grant, narrow, text};
use crate::counters::kv::numbers;

/// A lease ends after this, so that what an idle isolate holds comes back: sooner once half of the minute is used.
const LEASE_MILLIS: u64 = 15_000;
const LATE_LEASE_MILLIS: u64 = 5_000;

/// Beyond the requests that wait, a lease takes at most this part of what is left: near the limit leases are small, so
/// that little lies idle.
const PART_OF_LEFT: u32 = 16;

/// While leases may come back, a refused isolate may ask again after this.
const AGAIN_MILLIS: u64 = 1_000;

/// The counts of one key. Kept in the object's storage as [`Book::text`], written before each answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Book {
    minute: u64,
    day: u64,
    lapse_at: u64,
    used_minute: u32,
    used_day: u32,
    leased: u32,
}

impl Book {
    /// As it is stored.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { minute, day, lapse_at, used_minute, used_day, leased } = *self;
        text([minute, day, lapse_at, used_minute.into(), used_day.into(), leased.into()].into_iter())
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(stored: &str) -> Option<Self> {
        let [minute, day, lapse_at, rest @ ..] = numbers::<6, u64>(stored)?;
        let [used_minute, used_day, leased] = narrow(rest)?;
        Some(Self { minute, day, lapse_at, used_minute, used_day, leased })
    }

    /// Answers an isolate. `now` is the object's clock, in unix milliseconds.
    pub fn lease(&mut self, ask: &Ask, now: u64) -> Grant {
        // A clock that steps back opens no window again.
        let secs = (now / 1000).max(self.minute);
        self.turn(secs);
        self.take_back(ask);
        let left_minute = ask.limits.minute.saturating_sub(self.used_minute);
        let left_day = ask.limits.day.saturating_sub(self.used_day);
        let left = left_minute.min(left_day);
        let spare = (left / PART_OF_LEFT).max(u32::from(ask.waiting == 0));
        let granted = ask.waiting.saturating_add(ask.want.min(spare)).min(left);
        let minute_end = Window::Minute.end(secs) * 1000;
        let is_early = self.used_minute < ask.limits.minute / 2;
        let lapses_at = minute_end.min(now + if is_early { LEASE_MILLIS } else { LATE_LEASE_MILLIS });
        if granted > 0 {
            self.used_minute = self.used_minute.saturating_add(granted);
            self.used_day = self.used_day.saturating_add(granted);
            self.leased = self.leased.saturating_add(granted);
            self.lapse_at = self.lapse_at.max(lapses_at);
        }
        let may_come_back = self.leased > 0 && now < self.lapse_at + AGAIN_MILLIS;
        let end = if left_day == 0 { Window::Day.end(secs) * 1000 } else { minute_end };
        let full_until = match (granted, may_come_back) {
            _ if ask.waiting.max(ask.want) == 0 => 0,
            (0, true) => end.min(now + AGAIN_MILLIS),
            (0, false) => end,
            _ => 0,
        };
        let Self { minute, used_minute, used_day, .. } = *self;
        Grant { granted, minute, lapses_at, used_minute, used_day, full_until }
    }

    fn turn(&mut self, secs: u64) {
        if self.minute < Window::Minute.start(secs) {
            (self.minute, self.used_minute, self.leased, self.lapse_at) = (Window::Minute.start(secs), 0, 0, 0);
        }
        if self.day < Window::Day.start(secs) {
            (self.day, self.used_day) = (Window::Day.start(secs), 0);
        }
    }

    // What an isolate says it holds is bounded by what was leased, so a repeated ask cannot lift the limit far.
    fn take_back(&mut self, ask: &Ask) {
        let back = ask.back;
        if back.minute == self.minute {
            let held = back.held.min(self.leased);
            self.leased -= held;
            self.used_minute = self.used_minute.saturating_sub(back.unspent.min(held));
        }
        if Window::Day.start(back.minute) == self.day {
            self.used_day = self.used_day.saturating_sub(back.unspent_day);
        }
    }
}

#[cfg(test)]
mod tests {
    use sealpix::quota::Limits;

    use super::super::wire::Back;
    use super::*;

    const LIMITS: Limits = Limits { minute: 100, day: 150 };

    fn ask(want: u32) -> Ask {
        Ask { limits: LIMITS, waiting: 0, want, back: Back::default() }
    }

    /// Asks until nothing is granted.
    fn drain(book: &mut Book, now: u64) -> u32 {
        std::iter::repeat_with(|| book.lease(&ask(50), now).granted).take_while(|granted| *granted > 0).sum()
    }

    #[test]
    fn never_more_is_granted_than_the_limit_and_leases_shrink_near_it() {
        let mut book = Book::default();
        assert_eq!(book.lease(&ask(50), 1_000).granted, 6, "a sixteenth of what is left");
        assert_eq!(drain(&mut book, 1_000), 94);
        assert_eq!(book.lease(&ask(1), 1_000).granted, 0);
    }

    #[test]
    fn who_waits_is_granted_all_that_is_left_and_spare_only_a_part_of_it() {
        let mut book = Book::default();
        assert_eq!(book.lease(&Ask { waiting: 60, ..ask(50) }, 1_000).granted, 66);
        assert_eq!(book.lease(&Ask { waiting: 31, ..ask(50) }, 1_000).granted, 33);
        assert_eq!(book.lease(&Ask { waiting: 60, ..ask(50) }, 1_000).granted, 1);
    }

    #[test]
    fn what_comes_back_unspent_is_granted_again_and_a_lease_that_never_does_stays_used() {
        let mut book = Book::default();
        assert_eq!(drain(&mut book, 0), 100);
        assert_eq!(book.lease(&ask(60), 500).full_until, 1_500, "leases may come back: ask again in a second");
        let back = Back { minute: 0, held: 60, unspent: 25, unspent_day: 25 };
        assert_eq!(book.lease(&Ask { back, ..ask(0) }, 2_000).full_until, 0);
        assert_eq!(drain(&mut book, 2_000), 25);
        assert_eq!(book.lease(&ask(1), 17_000).full_until, 60_000, "all leases have lapsed: full for the minute");
    }

    #[test]
    fn a_day_counts_across_its_minutes_and_what_comes_back_late_counts_for_the_day_only() {
        let mut book = Book::default();
        assert_eq!(drain(&mut book, 0), 100);
        let back = Back { minute: 0, held: 100, unspent: 20, unspent_day: 20 };
        assert_eq!(book.lease(&Ask { back, ..ask(0) }, 61_000).used_day, 80);
        assert_eq!(drain(&mut book, 61_000), 70);
        let full = book.lease(&ask(1), 80_000);
        assert_eq!((full.granted, full.full_until), (0, 86_400_000), "the day is full and every lease has lapsed");
        assert_eq!(drain(&mut book, 86_400_000), 100, "a new day");
    }

    #[test]
    fn a_clock_that_steps_back_grants_nothing_twice() {
        let mut book = Book::default();
        assert_eq!(drain(&mut book, 86_400_000), 100);
        let full = book.lease(&ask(1), 86_399_000);
        assert_eq!((full.granted, full.minute), (0, 86_400));
        assert_eq!(drain(&mut book, 86_460_000), 50, "the day's rest");
        assert_eq!(drain(&mut book, 86_399_000), 0);
    }

    #[test]
    fn a_limit_of_zero_grants_nothing() {
        let limits = Limits { minute: 0, day: 0 };
        assert_eq!(Book::default().lease(&Ask { limits, ..ask(1) }, 0).full_until, 86_400_000);
    }

    #[test]
    fn the_book_is_read_as_it_was_stored_and_nothing_else_is_a_book() {
        let mut book = Book::default();
        book.lease(&ask(3), 200_000_000);
        assert_eq!(Book::read(&book.text()), Some(book));
        assert_eq!(Book::read("1 2 3"), None);
        assert_eq!(Book::read(&book.text().replacen(' ', "  ", 1)), None);
    }
}
