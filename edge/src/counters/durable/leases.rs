//! The isolate's half: the leases it holds, what it spends of them, and when it asks for more.
//!
//! An ask is never repeated: if its answer is lost, what it granted or gave back stays used, which errs under the limit.

use std::cell::{Cell, RefCell};

use sealpix::quota::{Limits, Tally, Verdict, Window};

use super::Ledger;
use super::wire::{Ask, Back, Grant};
use crate::bounded::Bounded;
use crate::counters::agenda::Agenda;
use crate::counters::{Counters, OnFailure, StoreError, Unavailable};

/// Scopes in a generation: some hundred bytes each.
const SCOPES: usize = 10_000;

/// The object is asked for more at most this often, but by a request that finds no lease.
const ASK_MILLIS: u64 = 1_000;

/// The seconds that a lease is meant to last while there is plenty.
const WANTED_SECS: u64 = 3;

/// After a failure the objects are left alone for so long.
const RETRY_MILLIS: u64 = 1_000;

/// What an isolate remembers: the leases it holds.
#[derive(Debug)]
pub struct Leases {
    scopes: RefCell<Bounded<String, Lease>>,
    agenda: Agenda,
    failures: Cell<u64>,
    retry_at: Cell<u64>,
}

/// One key in one isolate.
#[derive(Debug, Default)]
struct Lease {
    limits: Limits,
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
    tally: Tally,
}

/// What memory says of a request.
enum Known {
    Judged(Verdict),
    Ask(Ask),
}

impl Lease {
    fn judge(&mut self, limits: Limits, now: u64) -> Known {
        self.limits = limits;
        self.offered = self.offered.saturating_add(1);
        self.end_lapsed(now);
        match self.spend(now) {
            Some(verdict) => Known::Judged(verdict),
            None if now < self.told.full_until => Known::Judged(self.refuse(now)),
            None => Known::Ask(self.ask(now)),
        }
    }

    fn spend(&mut self, now: u64) -> Option<Verdict> {
        if self.spent >= self.granted {
            return None;
        }
        self.spent += 1;
        self.tally.spend(now / 1000);
        let below = |used: u32, limit: u32| used.min(limit.saturating_sub(1));
        let Limits { minute, day } = self.limits;
        let (minute, day) = (below(self.told.used_minute, minute), below(self.told.used_day, day));
        Some(Verdict::of(self.limits, minute, day, now / 1000))
    }

    fn refuse(&self, now: u64) -> Verdict {
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

    fn told(&mut self, grant: Grant) {
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
    fn due_at(&self) -> Option<u64> {
        if self.granted > 0 && self.left() < self.need && self.told.full_until == 0 {
            return Some(self.asked_at + ASK_MILLIS);
        }
        (self.left() > 0 || self.back.unspent_day > 0).then_some(self.told.lapses_at)
    }

    fn settling(&mut self, now: u64) -> Option<Ask> {
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

impl Leases {
    /// No leases.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            scopes: RefCell::new(Bounded::new(SCOPES)),
            agenda: Agenda::new(),
            failures: Cell::new(0),
            retry_at: Cell::new(0),
        }
    }

    fn with<T>(&self, scope: &str, act: impl FnOnce(&mut Lease) -> T) -> Option<T> {
        let mut scopes = self.scopes.borrow_mut();
        if scopes.get_mut(scope).is_none() {
            scopes.insert(scope.to_owned(), Lease::default());
        }
        let lease = scopes.get_mut(scope)?;
        let result = act(lease);
        if let Some(at) = lease.due_at() {
            self.agenda.add(scope, at);
        }
        Some(result)
    }

    fn failed(&self, now: u64) {
        self.failures.set(self.failures.get() + 1);
        self.retry_at.set(now + RETRY_MILLIS);
    }
}

impl Default for Leases {
    fn default() -> Self {
        Self::new()
    }
}

/// The counter of one request: what its isolate remembers, and the way to the object.
#[derive(Debug)]
pub struct Durable<'a, L> {
    /// The isolate's memory.
    pub leases: &'a Leases,
    /// The way to the object.
    pub ledger: L,
    /// What a failing object means.
    pub on_failure: OnFailure,
}

impl<L: Ledger> Counters for Durable<'_, L> {
    async fn take(&self, scope: &str, limits: Limits, now: u64) -> Result<Verdict, Unavailable> {
        let leases = self.leases;
        let failing = now < leases.retry_at.get();
        let known = leases.with(scope, |lease| match lease.judge(limits, now) {
            Known::Ask(_) if failing => None,
            known => Some(known),
        });
        let ask = match known.flatten() {
            Some(Known::Judged(verdict)) => return Ok(verdict),
            Some(Known::Ask(ask)) => ask,
            None => return self.without_object(scope, limits, now),
        };
        match self.ledger.lease(scope, ask).await {
            Ok(grant) => leases
                .with(scope, |lease| {
                    lease.limits = limits;
                    lease.told(grant);
                    lease.spend(now).unwrap_or_else(|| lease.refuse(now))
                })
                .ok_or(Unavailable),
            Err(StoreError::Busy | StoreError::Failed) => {
                leases.failed(now);
                self.without_object(scope, limits, now)
            }
        }
    }

    fn due_at(&self) -> Option<u64> {
        self.leases.agenda.due_at()
    }

    async fn settle(&self, now: u64) {
        let leases = self.leases;
        let Some(due) = leases.agenda.begin(now) else { return };
        for scope in due {
            if now < leases.retry_at.get() {
                continue;
            }
            let Some(ask) = leases.with(&scope, |lease| lease.settling(now)).flatten() else { continue };
            match self.ledger.lease(&scope, ask).await {
                Ok(grant) => drop(leases.with(&scope, |lease| lease.told(grant))),
                Err(_) => leases.failed(now),
            }
        }
        leases.agenda.end();
    }

    fn failures(&self) -> u64 {
        self.leases.failures.get()
    }
}

impl<L> Durable<'_, L> {
    fn without_object(&self, scope: &str, limits: Limits, now: u64) -> Result<Verdict, Unavailable> {
        match self.on_failure {
            OnFailure::Deny => Err(Unavailable),
            OnFailure::Local => {
                self.leases.with(scope, |lease| lease.tally.take(limits, now / 1000)).ok_or(Unavailable)
            }
        }
    }
}
