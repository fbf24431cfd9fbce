//! Rate counters: how many requests a key has spent in its minute and its day.
//!
//! Nothing here knows the Workers runtime, so that the same code runs in a simulated world. Arithmetic is
//! `sealpix::quota`'s; a counter decides only where the counts are kept and how exact they are.

pub mod local;

use std::future::Future;

use sealpix::quota::{Limits, Verdict};

/// Counts requests.
pub trait Counters {
    /// Takes one request of `scope`, a public key, from both windows, or from neither if one of them is full.
    /// `now` is in unix seconds.
    fn take(&self, scope: &str, limits: Limits, now: u64) -> impl Future<Output = Verdict>;
}
