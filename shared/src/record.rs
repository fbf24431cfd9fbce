//! Records: all that the gate must know of one key and of one project.
//!
//! The origin makes them from its registry, seals them (envelope.rs) and the edge opens them; the origin's own
//! gate reads the same types. `wire` says how they travel and how they grow.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::domain::HostRule;
use crate::key::{PublicKey, SigningKey};
use crate::operations::{Name, Operations, Width};
use crate::quota::Limits;
use crate::target::Slug;

/// Whether a key may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum KeyState {
    /// In use.
    #[n(0)]
    Active,
    /// Revoked; the record stays as a tombstone.
    #[n(1)]
    Revoked,
}

/// What a key may sign.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct Policy {
    /// Refuse URLs without `exp`.
    #[n(0)]
    pub require_expiry: bool,
    /// Most seconds that `exp` may lie ahead; implies `require_expiry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[n(1)]
    pub max_lifetime_secs: Option<u64>,
    /// Names of the operations that may be used; `None` allows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[n(2)]
    pub operations: Option<Vec<String>>,
    /// Allow a preset and nothing beside it.
    #[n(3)]
    pub presets_only: bool,
    /// Widest result; the operations must then say a width.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[n(4)]
    pub max_width: Option<u32>,
    /// Highest result; the operations must then say a height.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[n(5)]
    pub max_height: Option<u32>,
}

/// What the gate must know of a key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct KeyRecord {
    /// The key.
    #[n(0)]
    pub key: PublicKey,
    /// The project it belongs to.
    #[n(1)]
    pub project: Slug,
    /// What its URLs are verified with.
    #[n(2)]
    pub signing_key: SigningKey,
    /// Active or revoked.
    #[n(3)]
    pub state: KeyState,
    /// The key's own end, in unix seconds: valid while `now <= not_after`.
    #[n(4)]
    pub not_after: Option<u64>,
    /// Requests a minute and a day.
    #[n(5)]
    pub limits: Limits,
    /// What it may sign.
    #[n(6)]
    pub policy: Policy,
}

/// What a project is for; decides what an empty list of source rules means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum Environment {
    /// Live: nothing is fetched that no rule allows.
    #[default]
    #[n(0)]
    Production,
    /// As production.
    #[n(1)]
    Staging,
    /// A developer's: any public host may be fetched while there are no rules.
    #[n(2)]
    Development,
}

/// How long, and where, a project's pictures may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(default, deny_unknown_fields)]
#[cbor(map)]
pub struct Caching {
    /// Seconds a picture is fresh.
    #[n(0)]
    pub ttl_secs: u32,
    /// Let shared caches behind the edge keep answers. Refused with a referer list.
    #[n(1)]
    pub public: bool,
}

impl Default for Caching {
    fn default() -> Self {
        // A day: long enough that a popular picture is nearly always a hit, short enough to forget by itself.
        Self { ttl_secs: 86_400, public: false }
    }
}

/// A configured source or a watermark that the project may name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// Its name.
    #[n(0)]
    pub name: Name,
    /// Moves when its configuration changes, so that cached pictures of the old one are not used.
    #[n(1)]
    pub version: u64,
}

/// A preset under its name.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NamedPreset {
    /// Its name.
    #[n(0)]
    pub name: Name,
    /// What it stands for.
    #[n(1)]
    pub operations: Preset,
}

/// Purges of a source prefix.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SourceEpoch {
    /// Source texts that begin with this.
    #[n(0)]
    pub prefix: String,
    /// Their epoch.
    #[n(1)]
    pub epoch: u64,
}

/// What the gate must know of a project.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProjectRecord {
    /// The project.
    #[n(0)]
    pub slug: Slug,
    /// What it is for.
    #[n(1)]
    pub environment: Environment,
    /// Sites that may embed; empty admits all.
    #[n(2)]
    pub referers: Vec<HostRule>,
    /// Refuse requests without a Referer, where there are rules.
    #[n(3)]
    pub require_referer: bool,
    /// Hosts that may be fetched from.
    #[n(4)]
    pub sources: Vec<HostRule>,
    /// Configured sources it may use.
    #[n(5)]
    pub grants: Vec<Grant>,
    /// Presets.
    #[n(6)]
    pub presets: Vec<NamedPreset>,
    /// Watermarks that it may use.
    #[n(7)]
    pub watermarks: Vec<Grant>,
    /// Caching.
    #[n(8)]
    pub caching: Caching,
    /// Moves when the whole project is purged.
    #[n(9)]
    pub epoch: u64,
    /// Purges of a part.
    #[n(10)]
    pub source_epochs: Vec<SourceEpoch>,
}

impl ProjectRecord {
    /// A granted source.
    #[must_use]
    pub fn grant(&self, name: &Name) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.name == *name)
    }

    /// A watermark.
    #[must_use]
    pub fn watermark(&self, name: &Name) -> Option<&Grant> {
        self.watermarks.iter().find(|watermark| watermark.name == *name)
    }

    /// A preset.
    #[must_use]
    pub fn preset(&self, name: &Name) -> Option<&Preset> {
        self.presets.iter().find(|preset| preset.name == *name).map(|preset| &preset.operations)
    }

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

impl std::fmt::Display for Preset {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
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
