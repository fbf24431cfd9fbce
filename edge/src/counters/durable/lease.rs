//! One key in one isolate: what it may still admit, what it gives back, and how much to ask for.

use sealpix::quota::{Limits, Tally, Verdict, Window};

use super::wire::{Ask, Back, Grant};

/// The object is asked for more at most this often, but by a request that finds no lease.
const ASK_MILLIS: u64 = 1_000;

/// The seconds that a lease is meant to last while there is plenty.
const WANTED_SECS: u64 = 5;

/// One key in one isolate.
#[derive(Debug, Default)]
pub(super) struct Lease {
    pub(super) limits: Limits,
    /// What the object said last.
    told: Grant,
    /// Of the present lease: the minute is `told.minute`.
    granted: u32,
    spent: u32,
    back: Back,
    /// Requests since `since`, by which the next lease is sized.
    offered: u32,
    since: u64,
    asked_at: u64,
    need: u32,
    /// All that this isolate admitted: the judge while the object fails.
    pub(super) tally: Tally,
}

/// What memory says of a request.
pub(super) enum Known {
    Judged(Verdict),
    Ask(Ask),
}

impl Lease {
    pub(super) fn judge(&mut self, limits: Limits, now: u64) -> Known {
        self.limits = limits;
        self.offered = self.offered.saturating_add(1);
        self.end_lapsed(now);
        match self.spend(now) {
            Some(verdict) => Known::Judged(verdict),
            None if now < self.told.full_until => Known::Judged(self.refuse(now)),
            None => Known::Ask(self.ask(now)),
        }
    }

    pub(super) fn spend(&mut self, now: u64) -> Option<Verdict> {
        if self.spent >= self.granted {
            return None;
        }
        self.spent += 1;
        self.tally.spend(now / 1000);
        // What the object counts as used holds this request and what is left of the lease.
        let unspent = self.granted - self.spent + 1;
        let below = |used: u32, limit: u32| used.saturating_sub(unspent).min(limit.saturating_sub(1));
        let Limits { minute, day } = self.limits;
        let (minute, day) = (below(self.told.used_minute, minute), below(self.told.used_day, day));
        Some(Verdict::of(self.limits, minute, day, now / 1000))
    }

    pub(super) fn refuse(&self, now: u64) -> Verdict {
        // The object granted nothing, so one of the two was full.
        let day_is_full = self.told.used_day >= self.limits.day;
        let used_minute = if day_is_full { self.told.used_minute } else { self.limits.minute };
        Verdict::of(self.limits, used_minute, self.told.used_day, now / 1000)
    }

    /// A lease that has lapsed is spent no more: what is left of it goes back with the next ask.
    fn end_lapsed(&mut self, now: u64) {
        if now < self.told.lapses_at || self.granted == 0 {
            return;
        }
        let unspent = self.granted - self.spent;
        let Back { minute, unspent_day, .. } = self.back;
        let same_day = Window::Day.start(minute) == Window::Day.start(self.told.minute);
        self.back = Back {
            minute: self.told.minute,
            held: self.granted,
            unspent,
            unspent_day: if same_day { unspent_day.saturating_add(unspent) } else { unspent },
        };
        (self.granted, self.spent) = (0, 0);
    }

    fn ask(&mut self, now: u64) -> Ask {
        let elapsed = now.saturating_sub(self.since).max(1_000);
        let over = |secs: u64| u32::try_from(u64::from(self.offered) * secs * 1_000 / elapsed).unwrap_or(u32::MAX);
        let (need, want) = (over(1).max(1), over(WANTED_SECS).max(1));
        if now >= self.since + 1_000 {
            (self.since, self.offered) = (now, 0);
        }
        (self.asked_at, self.need) = (now, need);
        Ask { limits: self.limits, want, back: std::mem::take(&mut self.back) }
    }

    pub(super) fn told(&mut self, grant: Grant) {
        if grant.granted > 0 {
            if grant.minute != self.told.minute {
                // The old lease belongs to a minute that is over.
                self.end_lapsed(u64::MAX);
            }
            self.granted = self.granted.saturating_add(grant.granted);
        }
        let lapses_at = if grant.granted > 0 { grant.lapses_at } else { self.told.lapses_at };
        let minute = if grant.granted > 0 { grant.minute } else { self.told.minute };
        self.told = Grant { lapses_at, minute, ..grant };
    }

    fn left(&self) -> u32 {
        self.granted - self.spent
    }

    /// When to ask without a request that waits: for more while the last is spent, or to give back.
    pub(super) fn due_at(&self) -> Option<u64> {
        if self.granted > 0 && self.left() < self.need && self.told.full_until == 0 {
            return Some(self.asked_at + ASK_MILLIS);
        }
        (self.left() > 0 || self.back.unspent_day > 0).then_some(self.told.lapses_at)
    }

    pub(super) fn settling(&mut self, now: u64) -> Option<Ask> {
        self.end_lapsed(now);
        if self.granted > 0 && self.left() < self.need && self.asked_at + ASK_MILLIS <= now {
            return Some(self.ask(now));
        }
        let ask = Ask { limits: self.limits, back: self.back, ..Ask::default() };
        (self.back.unspent_day > 0).then(|| {
            self.back = Back::default();
            ask
        })
    }
}
