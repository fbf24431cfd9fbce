//! What the Worker says of itself: `edge/src/doctor.rs`, which writes it, describes it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How the Worker stands.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Report {
    pub(super) version: String,
    pub(super) engine: u32,
    pub(super) environment: String,
    pub(super) links: Vec<String>,
    pub(super) bindings: BTreeMap<String, bool>,
    pub(super) counter: String,
    pub(super) limit_counts: String,
    pub(super) cache_host: String,
    pub(super) origin: String,
    pub(super) origin_says: String,
    pub(super) records: Vec<Held>,
    pub(super) arrived: u64,
    pub(super) answered: u64,
}

impl Report {
    /// Whether the Worker has this binding.
    pub(super) fn has(&self, binding: &str) -> bool {
        self.bindings.get(binding).copied().unwrap_or_default()
    }
}

/// A record, as the edge holds it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Held {
    pub(super) name: String,
    /// In the memory of the isolate that answered.
    pub(super) memory: Option<Stamp>,
    /// In its KV namespace.
    pub(super) kv: Option<Stored>,
}

/// Version, and unix seconds until which the record is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Stamp(pub(super) u64, pub(super) u64);

/// What KV has under a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Stored {
    /// A record.
    Opens(Stamp),
    /// Something that does not open, and why.
    Shut(String),
}

/// When the question was sent and its answer was there, in unix milliseconds by our clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoundTrip {
    pub(super) sent: u64,
    pub(super) received: u64,
}
