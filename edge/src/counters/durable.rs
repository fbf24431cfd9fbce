//! Counts in a Durable Object, one for each key: exact. The object grants leases, which isolates spend.

use std::future::Future;

use sealpix::quota::{Limits, Verdict};

use super::{Counters, OnFailure, StoreError, Unavailable, local::Local};

/// What an isolate asks of the object: the body of the request to it, in the text of [`Ask::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The limits as the isolate knows them.
    pub limits: Limits,
}

impl Ask {
    /// As a body.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{} {}", self.limits.minute, self.limits.day)
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(_text: &str) -> Option<Self> {
        None
    }
}

/// What the object answers, in the text of [`Grant::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Requests that may be admitted.
    pub granted: u32,
}

impl Grant {
    /// As a body.
    #[must_use]
    pub fn text(&self) -> String {
        self.granted.to_string()
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(_text: &str) -> Option<Self> {
        None
    }
}

/// The object's half: what it has granted. Kept in its storage as [`Book::text`], written before each answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {}

impl Book {
    /// As it is stored.
    #[must_use]
    pub fn text(&self) -> String {
        String::new()
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(_text: &str) -> Option<Self> {
        None
    }

    /// Answers an isolate. `now` is the object's clock, in unix milliseconds.
    pub fn lease(&mut self, _ask: &Ask, _now: u64) -> Grant {
        Grant { granted: 0 }
    }
}

/// The way to the object of a scope.
pub trait Ledger {
    /// Sends the ask and reads the grant.
    fn lease(&self, scope: &str, ask: Ask) -> impl Future<Output = Result<Grant, StoreError>>;
}

/// What an isolate remembers: the leases it holds.
#[derive(Debug, Default)]
pub struct Leases {
    local: Local,
}

impl Leases {
    /// No leases.
    #[must_use]
    pub const fn new() -> Self {
        Self { local: Local::new() }
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
        self.leases.local.take(scope, limits, now).await
    }

    fn due_at(&self) -> Option<u64> {
        None
    }

    async fn settle(&self, _now: u64) {}

    fn failures(&self) -> u64 {
        0
    }
}
