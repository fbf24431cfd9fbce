//! Rate counters: how many requests a key has spent in its minute and its day.
//!
//! Nothing here knows the Workers runtime, so that the same code runs in a simulated world (`make simulate`).
//! Arithmetic is `sealpix::quota`'s; a counter decides only where the counts are kept and how exact they are.
//! What a counter remembers lives as long as its isolate; its store is made for each request. Requests of one
//! isolate interleave wherever they wait, so nothing is borrowed while a store is asked.

mod agenda;
pub mod durable;
pub mod kv;
pub mod local;

use std::future::Future;

use sealpix::quota::{Limits, Verdict};

/// Counts requests.
pub trait Counters {
    /// Takes one request of `scope`, a public key, from both windows, or from neither if one of them is full.
    /// `now` is in unix milliseconds, here and below.
    fn take(&self, scope: &str, limits: Limits, now: u64) -> impl Future<Output = Result<Verdict, Unavailable>>;

    /// When the next `settle` is due; `None` if nothing is unsettled.
    fn due_at(&self) -> Option<u64>;

    /// Writes what is due and reads what others have written. One at a time in an isolate: while one runs, another does
    /// nothing, and `due_at` is ten seconds after its beginning at the earliest, in case its request has died.
    fn settle(&self, now: u64) -> impl Future<Output = ()>;

    /// How often a store has failed since the isolate began: for the metric.
    fn failures(&self) -> u64;
}

/// The store fails, and the operator has chosen to deny then (`OnFailure::Deny`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be counted now")]
pub struct Unavailable;

/// What a failing store means for requests: `on_counter_failure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// The count of this isolate alone is held against the whole limit: neither a stop nor no limit.
    #[default]
    Local,
    /// Nothing is admitted.
    Deny,
}

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreError {
    /// 429: asked too often. Nothing is wrong; ask less often.
    Busy,
    /// It cannot be reached, or what it said cannot be read.
    Failed,
}
