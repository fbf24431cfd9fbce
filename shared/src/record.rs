//! Records: all that the gate must know of one key and of one project.
//!
//! The origin makes them from its registry, seals them (envelope.rs) and the edge opens them; the origin's own
//! gate reads the same types. Fields added later have defaults that deny nothing new, so an older record still
//! opens; a field whose absence would widen access needs a new record version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::HostRule;
use crate::key::{PublicKey, SigningKey};
use crate::operations::{Name, Operations, Width};
use crate::quota::Limits;
use crate::target::Slug;

/// Whether a key may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// In use.
    Active,
    /// Revoked; the record stays as a tombstone.
    Revoked,
}

/// What a key may sign.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Refuse URLs without `exp`.
    pub require_expiry: bool,
    /// Most seconds that `exp` may lie ahead; implies `require_expiry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lifetime_secs: Option<u64>,
    /// Names of the operations that may be used; `None` allows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operations: Option<Vec<String>>,
    /// Allow a preset and nothing beside it.
    pub presets_only: bool,
    /// Widest result; the operations must then say a width.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_width: Option<u32>,
    /// Highest result; the operations must then say a height.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_height: Option<u32>,
}

/// What the gate must know of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The key.
    pub key: PublicKey,
    /// The project it belongs to.
    pub project: Slug,
    /// What its URLs are verified with.
    pub signing_key: SigningKey,
    /// Active or revoked.
    pub state: KeyState,
    /// The key's own end, in unix seconds: valid while `now <= not_after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<u64>,
    /// Requests a minute and a day.
    #[serde(default)]
    pub limits: Limits,
    /// What it may sign.
    #[serde(default)]
    pub policy: Policy,
}

/// What a project is for; decides what an empty list of source rules means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Live: nothing is fetched that no rule allows.
    #[default]
    Production,
    /// As production.
    Staging,
    /// A developer's: any public host may be fetched while there are no rules.
    Development,
}

/// How long, and where, a project's pictures may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Caching {
    /// Seconds a picture is fresh.
    pub ttl_secs: u32,
    /// Let shared caches behind the edge keep answers. Refused with a referer list.
    pub public: bool,
}

impl Default for Caching {
    fn default() -> Self {
        // A day: long enough that a popular picture is nearly always a hit, short enough to forget by itself.
        Self { ttl_secs: 86_400, public: false }
    }
}

/// A configured source that is granted to the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its name, after the `@`.
    pub name: Name,
    /// Moves when its configuration changes, so that cached pictures of the old one are not used.
    pub version: u64,
}

/// Purges of a source prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEpoch {
    /// Source texts that begin with this.
    pub prefix: String,
    /// Their epoch.
    pub epoch: u64,
}

/// What the gate must know of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRecord {
    /// The project.
    pub slug: Slug,
    /// What it is for.
    #[serde(default)]
    pub environment: Environment,
    /// Sites that may embed; empty admits all.
    #[serde(default)]
    pub referers: Vec<HostRule>,
    /// Refuse requests without a Referer, where there are rules.
    #[serde(default)]
    pub require_referer: bool,
    /// Hosts that may be fetched from.
    #[serde(default)]
    pub sources: Vec<HostRule>,
    /// Configured sources it may use.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Presets: canonical operations by name.
    #[serde(default)]
    pub presets: BTreeMap<Name, Preset>,
    /// Watermarks and their versions.
    #[serde(default)]
    pub watermarks: BTreeMap<Name, u64>,
    /// Caching.
    #[serde(default)]
    pub caching: Caching,
    /// Moves when the whole project is purged.
    #[serde(default)]
    pub epoch: u64,
    /// Purges of a part.
    #[serde(default)]
    pub source_epochs: Vec<SourceEpoch>,
}

impl ProjectRecord {
    /// The newest purge of a source text: the highest epoch of the prefixes it begins with.
    #[must_use]
    pub fn source_epoch(&self, source: &str) -> u64 {
        let covering = self.source_epochs.iter().filter(|purge| source.starts_with(&purge.prefix));
        covering.map(|purge| purge.epoch).max().unwrap_or(0)
    }
}

/// Operations under a name. No preset in a preset, and no width list: `&w=` follows from the URL alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset(Operations);

impl Preset {
    /// The preset, if the operations may be one.
    #[must_use]
    pub fn new(operations: Operations) -> Option<Self> {
        let plain = operations.preset.is_none() && !matches!(operations.width, Some(Width::List(_)));
        plain.then_some(Self(operations))
    }

    /// Its operations.
    #[must_use]
    pub fn operations(&self) -> &Operations {
        &self.0
    }
}

impl Serialize for Preset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Preset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let operations = Operations::parse(&text).map_err(serde::de::Error::custom)?;
        Self::new(operations).ok_or_else(|| serde::de::Error::custom("a preset holds no preset and no width list"))
    }
}
