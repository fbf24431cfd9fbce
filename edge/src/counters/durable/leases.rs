//! The isolate's half: the leases of all keys, who asks the object for them, and what happens while it fails.
//!
//! An ask is never repeated: if its answer is lost, what it granted or gave back stays used, which errs under the limit.

use std::cell::{Cell, RefCell};

use sealpix::quota::{Limits, Verdict};

use super::lease::{Known, Lease, Look};
use super::{Ask, Grant, Ledger};
use crate::bounded::Bounded;
use crate::counters::agenda::Agenda;
use crate::counters::{Counters, OnFailure, Unavailable};

/// Scopes in a generation: some hundred bytes each.
const SCOPES: usize = 10_000;

/// After a failure the objects are left alone for so long.
const RETRY_MILLIS: u64 = 1_000;

/// A request waits so long for another one's ask, longer than one that has died holds it up; then it asks for itself.
const PATIENCE_MILLIS: u64 = 3_000;

/// What an isolate remembers: the leases it holds.
#[derive(Debug)]
pub struct Leases {
    scopes: RefCell<Bounded<String, Lease>>,
    agenda: Agenda,
    failures: Cell<u64>,
    retry_at: Cell<u64>,
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
        // The look-up of its records may have taken the request a while.
        let mut now = now.max(self.ledger.now());
        let patient_until = now + PATIENCE_MILLIS;
        let mut look = Look::First;
        let ask = loop {
            let fails = now < leases.retry_at.get();
            match leases.with(scope, |lease| lease.judge(limits, look, fails, now)) {
                Some(Known::Judged(verdict)) => return Ok(verdict),
                Some(Known::Ask(ask)) => break ask,
                Some(Known::Wait) => self.ledger.pause().await,
                Some(Known::Failing) | None => return self.without_object(scope, limits, now),
            }
            now = now.max(self.ledger.now());
            look = if now < patient_until { Look::Again } else { Look::Last };
        };
        match self.lease(scope, ask).await {
            Some(grant) => leases
                .with(scope, |lease| {
                    lease.told(limits, grant);
                    lease.spend(now).unwrap_or_else(|| lease.refuse(now))
                })
                .ok_or(Unavailable),
            None => self.without_object(scope, limits, now),
        }
    }

    fn due_at(&self) -> Option<u64> {
        self.leases.agenda.due_at()
    }

    async fn settle(&self, now: u64) {
        let leases = self.leases;
        let Some(due) = leases.agenda.begin(now) else { return };
        for scope in due {
            let retry_at = leases.retry_at.get();
            if now < retry_at {
                leases.agenda.add(&scope, retry_at);
                continue;
            }
            let Some(ask) = leases.with(&scope, |lease| lease.settling(now)).flatten() else { continue };
            if let Some(grant) = self.lease(&scope, ask).await.filter(|_| ask.want > 0) {
                leases.with(&scope, |lease| lease.told(ask.limits, grant));
            }
        }
        leases.agenda.end();
    }

    fn failures(&self) -> u64 {
        self.leases.failures.get()
    }
}

impl<L: Ledger> Durable<'_, L> {
    async fn lease(&self, scope: &str, ask: Ask) -> Option<Grant> {
        let answer = self.ledger.lease(scope, ask).await;
        if ask.waiting.max(ask.want) > 0 {
            self.leases.with(scope, Lease::asked);
        }
        if answer.is_err() {
            self.leases.failed(self.ledger.now());
        }
        answer.ok()
    }

    fn without_object(&self, scope: &str, limits: Limits, now: u64) -> Result<Verdict, Unavailable> {
        match self.on_failure {
            OnFailure::Deny => Err(Unavailable),
            OnFailure::Local => {
                self.leases.with(scope, |lease| lease.tally.take(limits, now / 1000)).ok_or(Unavailable)
            }
        }
    }
}
