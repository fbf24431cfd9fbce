//! Counts in Workers KV: each isolate writes a shard of its own, and a list sums them.
//!
//! KV has no compare-and-swap, allows one write a second for a key, and is 30 to 60 seconds behind. So nobody
//! shares a key, a request never waits for the store, and a minute is limited by shares ([`view`](self::view)'s story).
//! A request is judged by memory; `settle` writes and lists afterwards.

mod count;
mod days;
#[cfg(test)]
mod kv_tests;
mod scope;
mod shard;
mod view;

use std::cell::{Cell, RefCell};
use std::future::Future;

use sealpix::quota::{Limits, Verdict};

use self::scope::Scope;
pub use self::shard::Shard;
pub(super) use self::shard::numbers;
use super::agenda::Agenda;
use super::{Counters, OnFailure, StoreError, Unavailable};
use crate::bounded::Bounded;

/// Scopes in a generation: half a kilobyte each, so some megabytes of the isolate's 128 at most.
const SCOPES: usize = 10_000;

/// After a failure the store is left alone for so long.
const RETRY_MILLIS: u64 = 5_000;

/// The namespace that holds the shards: Workers KV, or the simulation's.
pub trait ShardStore {
    /// Writes an empty value with the shard as its metadata. `expires_at` is in unix seconds, at least 60 ahead.
    fn put(&self, name: &str, shard: Shard, expires_at: u64) -> impl Future<Output = Result<(), StoreError>>;

    /// The keys that begin with the prefix: all of them, or so many that the rest does not matter. A key whose metadata is not a shard is left out.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<(String, Shard)>, StoreError>>;
}

/// What an isolate remembers.
#[derive(Debug)]
pub struct Shards {
    scopes: RefCell<Bounded<String, Scope>>,
    agenda: Agenda,
    failures: Cell<u64>,
    failing: Cell<bool>,
    retry_at: Cell<u64>,
}

impl Shards {
    /// Counters at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            scopes: RefCell::new(Bounded::new(SCOPES)),
            agenda: Agenda::new(),
            failures: Cell::new(0),
            failing: Cell::new(false),
            retry_at: Cell::new(0),
        }
    }

    fn with<T>(&self, scope: &str, act: impl FnOnce(&mut Scope) -> T) -> Option<T> {
        self.scopes.borrow_mut().get_mut(scope).map(act)
    }

    // A store that has failed is asked again after a while, whichever scope would ask it.
    fn put_on_agenda(&self, scope: &str, due_at: Option<u64>) {
        if let Some(at) = due_at {
            self.agenda.add(scope, at.max(self.retry_at.get()));
        }
    }

    // Whether the store answered; 429 is an answer.
    fn heard<T>(&self, result: Result<T, StoreError>, now: u64) -> (Option<T>, bool) {
        match result {
            Ok(value) => {
                self.failing.set(false);
                (Some(value), false)
            }
            Err(StoreError::Busy) => (None, true),
            Err(StoreError::Failed) => {
                self.failing.set(true);
                self.failures.set(self.failures.get() + 1);
                self.retry_at.set(now + RETRY_MILLIS);
                (None, false)
            }
        }
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self::new()
    }
}

/// The counter of one request: what its isolate remembers, and the store.
#[derive(Debug)]
pub struct Kv<'a, S> {
    /// The isolate's memory.
    pub shards: &'a Shards,
    /// The store of this request.
    pub store: S,
    /// The isolate's name among all others, `{location}.{random id}`: `FRA.1f0c9a…`.
    pub writer: &'a str,
    /// What a failing store means.
    pub on_failure: OnFailure,
}

impl<S: ShardStore> Counters for Kv<'_, S> {
    async fn take(&self, scope: &str, limits: Limits, now: u64) -> Result<Verdict, Unavailable> {
        let failing = self.shards.failing.get();
        let mut scopes = self.shards.scopes.borrow_mut();
        if scopes.get_mut(scope).is_none() {
            scopes.insert(scope.to_owned(), Scope::new(scope, self.writer, limits, now));
        }
        let Some(counts) = scopes.get_mut(scope) else { return Err(Unavailable) };
        let verdict = counts.take(limits, failing, now);
        // While the store fails, any request may try it again, even one whose own counts do not matter.
        let due_at = if failing { Some(now) } else { counts.due_at(now) };
        self.shards.put_on_agenda(scope, due_at);
        if failing && self.on_failure == OnFailure::Deny { Err(Unavailable) } else { Ok(verdict) }
    }

    fn due_at(&self) -> Option<u64> {
        self.shards.agenda.due_at()
    }

    async fn settle(&self, now: u64) {
        let Some(due) = self.shards.agenda.begin(now) else { return };
        for scope in due {
            self.settle_one(&scope, now).await;
        }
        self.shards.agenda.end();
    }

    fn failures(&self) -> u64 {
        self.shards.failures.get()
    }
}

impl<S: ShardStore> Kv<'_, S> {
    async fn settle_one(&self, scope: &str, now: u64) {
        let shards = self.shards;
        let Some(plan) = shards.with(scope, |counts| counts.plan(self.writer, now)) else { return };
        let mut was_busy = false;
        for put in &plan.puts {
            let (done, busy) = shards.heard(self.store.put(&put.name, put.shard, put.expires_at).await, now);
            was_busy |= busy;
            if done.is_some() {
                shards.with(scope, |counts| counts.wrote(put, now));
            }
        }
        // The day first: it is the prior of a key that was quiet.
        if let Some(prefix) = &plan.days {
            let (listed, busy) = shards.heard(self.store.list(prefix).await, now);
            was_busy |= busy;
            if let Some(listed) = listed {
                shards.with(scope, |counts| counts.saw_days(&listed, self.writer, now));
            }
        }
        if let Some(prefix) = &plan.minutes {
            let (listed, busy) = shards.heard(self.store.list(prefix).await, now);
            was_busy |= busy;
            if let Some(listed) = listed {
                shards.with(scope, |counts| counts.saw_minutes(&listed, self.writer, now));
            }
        }
        let due_at = shards.with(scope, |counts| {
            counts.paced(was_busy);
            counts.due_at(now)
        });
        shards.put_on_agenda(scope, due_at.flatten());
    }
}
