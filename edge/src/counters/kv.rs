//! Counts in Workers KV: each isolate writes a shard of its own, and a list sums them.

use std::future::Future;

use sealpix::quota::{Limits, Verdict};

use super::{Counters, OnFailure, StoreError, Unavailable, local::Local};

/// What one isolate counted in one window: absolute, so that a write that is lost is made good by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shard {
    /// Requests that came.
    pub offered: u32,
    /// Requests that were admitted.
    pub admitted: u32,
}

impl Shard {
    /// As the metadata of a KV key.
    #[must_use]
    pub fn text(self) -> String {
        format!("{} {}", self.offered, self.admitted)
    }

    /// Reads [`Self::text`]; `None` if it is anything else.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (offered, admitted) = text.split_once(' ')?;
        Some(Self { offered: offered.parse().ok()?, admitted: admitted.parse().ok()? })
    }
}

/// The namespace that holds the shards: Workers KV, or the simulation's.
pub trait ShardStore {
    /// Writes an empty value with the shard as its metadata. `expires_at` is in unix seconds, at least 60 ahead.
    fn put(&self, name: &str, shard: Shard, expires_at: u64) -> impl Future<Output = Result<(), StoreError>>;

    /// Every key that begins with the prefix, all pages. A key whose metadata is not a shard is left out.
    fn list(&self, prefix: &str) -> impl Future<Output = Result<Vec<(String, Shard)>, StoreError>>;
}

/// What an isolate remembers.
#[derive(Debug, Default)]
pub struct Shards {
    local: Local,
}

impl Shards {
    /// Counters at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { local: Local::new() }
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
        self.shards.local.take(scope, limits, now).await
    }

    fn due_at(&self) -> Option<u64> {
        None
    }

    async fn settle(&self, _now: u64) {}

    fn failures(&self) -> u64 {
        0
    }
}
