//! One key in one isolate: what it may still admit, what it gives back, who asks for more and for how much.

use sealpix::quota::{Limits, Tally, Verdict, Window};

use super::wire::{Ask, Back, Grant};

/// The object is asked for more at most this often, but by a request that finds no lease.
const ASK_MILLIS: u64 = 1_000;

/// While there is plenty, a lease is meant for as many requests as came in this time.
const SPAN_MILLIS: u64 = 5_000;

/// One request asks for all. After this it counts as dead, and another one asks.
const ASKING_MILLIS: u64 = 2_000;

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
    /// Requests since `since`, and in a span before it: by these the next lease is sized.
    offered: u32,
    since: u64,
    before: u32,
    /// Whether a request has come since the last ask.
    is_live: bool,
    /// Requests that wait for another one's ask.
    queued: u32,
    queued_at: u64,
    asked_at: u64,
    asking_until: u64,
    /// All that this isolate admitted: the judge while the object fails.
    pub(super) tally: Tally,
}

/// What memory says of a request.
pub(super) enum Known {
    Judged(Verdict),
    /// Nothing, and nobody asks: this request is to.
    Ask(Ask),
    /// Another request asks: look again soon.
    Wait,
    /// Nothing, and the object is not to be asked.
    Failing,
}

/// How a request comes to its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    First,
    /// After it has waited.
    Again,
    /// After it has waited too long: it asks for itself.
    Last,
}

impl Lease {
    pub(super) fn judge(&mut self, limits: Limits, look: Look, fails: bool, now: u64) -> Known {
        if self.limits != limits {
            // What was full may not be under these.
            (self.limits, self.told.full_until) = (limits, 0);
        }
        if look == Look::First {
            self.arrive(now);
        } else {
            self.queued = self.queued.saturating_sub(1);
        }
        self.end_lapsed(now);
        match self.spend(now) {
            Some(verdict) => Known::Judged(verdict),
            None if now < self.told.full_until => Known::Judged(self.refuse(now)),
            None if fails => Known::Failing,
            None if look == Look::Last => Known::Ask(Ask { limits, waiting: 1, ..Ask::default() }),
            None if now < self.asking_until => {
                (self.queued, self.queued_at) = (self.queued(now).saturating_add(1), now);
                Known::Wait
            }
            None => Known::Ask(self.ask(self.queued(now).saturating_add(1), now)),
        }
    }

    fn arrive(&mut self, now: u64) {
        if now >= self.since + SPAN_MILLIS {
            (self.before, self.offered, self.since) = (self.expected(now), 0, now);
        }
        self.offered = self.offered.saturating_add(1);
        self.is_live = true;
    }

    // Who waits says so each time that it looks. Some may have died: when nobody looks, nobody waits.
    fn queued(&self, now: u64) -> u32 {
        if now < self.queued_at + ASK_MILLIS { self.queued } else { 0 }
    }

    // What the next span brings, by the last one.
    fn expected(&self, now: u64) -> u32 {
        let elapsed = now.saturating_sub(self.since);
        let of = |count: u32, part: u64, whole: u64| u64::from(count) * part / whole;
        let before = of(self.before, SPAN_MILLIS.saturating_sub(elapsed), SPAN_MILLIS);
        u32::try_from(before + of(self.offered, SPAN_MILLIS, elapsed.max(SPAN_MILLIS))).unwrap_or(u32::MAX)
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

    fn ask(&mut self, waiting: u32, now: u64) -> Ask {
        let want = self.expected(now).saturating_sub(waiting.saturating_add(self.left()));
        (self.asked_at, self.asking_until, self.is_live) = (now, now + ASKING_MILLIS, false);
        Ask { limits: self.limits, waiting, want, back: std::mem::take(&mut self.back) }
    }

    /// The ask that was made for all has been answered, or has failed.
    pub(super) fn asked(&mut self) {
        self.asking_until = 0;
    }

    /// The object grants, or refuses, by these limits.
    pub(super) fn told(&mut self, limits: Limits, grant: Grant) {
        self.limits = limits;
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

    // When to ask for more: while requests go on coming, and less than a second's are left.
    fn more_at(&self) -> Option<u64> {
        let at = self.asking_until.max(self.asked_at + ASK_MILLIS);
        let is_near = u64::from(self.left()) < u64::from(self.expected(at)) * ASK_MILLIS / SPAN_MILLIS;
        (self.granted > 0 && self.is_live && is_near && self.told.full_until == 0).then_some(at)
    }

    /// When to ask without a request that waits: for more while the last is spent, or to give back.
    pub(super) fn due_at(&self) -> Option<u64> {
        let lapses_at = (self.left() > 0 || self.back.unspent_day > 0).then_some(self.told.lapses_at);
        self.more_at().or(lapses_at)
    }

    pub(super) fn settling(&mut self, now: u64) -> Option<Ask> {
        self.end_lapsed(now);
        if self.more_at().is_some_and(|at| at <= now) {
            return Some(self.ask(0, now));
        }
        let ask = Ask { limits: self.limits, back: self.back, ..Ask::default() };
        (self.back.unspent_day > 0).then(|| {
            self.back = Back::default();
            ask
        })
    }
}
