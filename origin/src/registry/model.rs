//! What the registry holds, as types.

use std::collections::BTreeMap;

use sealpix::domain::HostRule;
use sealpix::key::PublicKey;
use sealpix::operations::Name;
use sealpix::quota::Limits;
use sealpix::record::{Caching, Environment, Grant, KeyState, NamedPreset, Policy, Preset, ProjectRecord, SourceEpoch};
use sealpix::target::Slug;
use serde::{Deserialize, Serialize};

use super::{Fallback, RegistryError};
use crate::vault::Place;

/// A sealed secret and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The table.
    pub table: &'static str,
    /// The row's primary key.
    pub row: String,
    /// The column.
    pub column: &'static str,
    /// Rises each time the cell is written.
    pub version: u64,
    /// What the vault made.
    pub sealed: String,
}

impl Cell {
    /// Its place, which the vault binds into it.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place { table: self.table, row: &self.row, column: self.column, version: self.version }
    }
}

/// A row and the version of its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<T> {
    /// The row.
    pub value: T,
    /// max(previous + 1, unix milliseconds) at its last change.
    pub version: u64,
}

/// Limits and policy of a new key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyDefaults {
    /// Requests a minute and a day.
    pub limits: Limits,
    /// What it may sign.
    pub policy: Policy,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name in URLs.
    pub slug: Slug,
    /// What it is for.
    pub environment: Environment,
    /// Sites that may embed, normalised.
    pub referers: Vec<HostRule>,
    /// Refuse requests without a Referer.
    pub require_referer: bool,
    /// Hosts that may be fetched from, normalised.
    pub sources: Vec<HostRule>,
    /// Configured sources that it may use.
    pub grants: Vec<Grant>,
    /// Its presets.
    pub presets: BTreeMap<Name, Preset>,
    /// Its watermarks, in the order of their names' bytes; their pictures stand apart.
    pub watermarks: Vec<Grant>,
    /// Its caching.
    pub caching: Caching,
    /// What is shown in place of a picture whose source is missing; no part of its record.
    pub fallback: Option<Fallback>,
    /// What its new keys get where their maker says nothing; no part of its record.
    pub key_defaults: KeyDefaults,
    /// Moves when all of it is purged.
    pub epoch: u64,
    /// Purges of a part, in the order of their prefixes' bytes.
    pub source_epochs: Vec<SourceEpoch>,
}

impl Project {
    /// What the gate must know of it.
    #[must_use]
    pub fn record(&self) -> ProjectRecord {
        ProjectRecord {
            slug: self.slug.clone(),
            environment: self.environment,
            referers: self.referers.clone(),
            require_referer: self.require_referer,
            sources: self.sources.clone(),
            grants: self.grants.clone(),
            presets: self
                .presets
                .iter()
                .map(|(name, preset)| NamedPreset { name: name.clone(), operations: preset.clone() })
                .collect(),
            watermarks: self.watermarks.clone(),
            caching: self.caching,
            epoch: self.epoch,
            source_epochs: self.source_epochs.clone(),
        }
    }
}

/// A key pair; its secret is in the cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its public half.
    pub public_key: PublicKey,
    /// The project it signs for.
    pub project: Slug,
    /// What people call it.
    pub name: String,
    /// The secret key, sealed.
    pub secret: Cell,
    /// Active or revoked.
    pub state: KeyState,
    /// Its last second, in unix seconds.
    pub not_after: Option<u64>,
    /// Requests a minute and a day.
    pub limits: Limits,
    /// What it may sign.
    pub policy: Policy,
    /// The version of its record; set by the registry.
    pub version: u64,
    /// Unix milliseconds; set by the registry.
    pub created_at: u64,
}

impl Key {
    /// Whether it verifies URLs at `now_secs` (unix seconds).
    #[must_use]
    pub fn is_in_use(&self, now_secs: u64) -> bool {
        self.state == KeyState::Active && self.not_after.is_none_or(|last| now_secs <= last)
    }

    /// This key as a change of `stored`: a revoked key stays revoked, and an end only comes closer, so that applying an
    /// old file never revives what was revoked or rotated out.
    pub(super) fn changing(self, stored: &Self) -> Result<Self, RegistryError> {
        if stored.state == KeyState::Revoked && self.state == KeyState::Active {
            return Err(RegistryError::Refused(format!("key {} was revoked, for good", self.public_key)));
        }
        let not_after = match (stored.not_after, self.not_after) {
            (Some(held), Some(wanted)) => Some(held.min(wanted)),
            (held, wanted) => held.or(wanted),
        };
        Ok(Self { not_after, version: stored.version, created_at: stored.created_at, ..self })
    }

    /// This key with its last second, as a rotation gives it. A key that is revoked, or ends by then already, because it
    /// expired or was rotated before, is not rotated.
    pub(super) fn ending(self, last: u64) -> Result<Self, RegistryError> {
        let ends_already = self.not_after.is_some_and(|held| held <= last);
        if self.state == KeyState::Revoked || ends_already {
            let reason = "is revoked, has expired, or was rotated already: create a key instead";
            return Err(RegistryError::Refused(format!("key {} {reason}", self.public_key)));
        }
        Ok(Self { not_after: Some(last), ..self })
    }
}

/// What a configured source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceKind {
    /// A folder.
    File,
    /// An https base URL.
    Http,
    /// A bucket of an S3-compatible storage.
    S3,
}

impl SourceKind {
    /// The kind as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Http => "http",
            Self::S3 => "s3",
        }
    }
}

/// A configured source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSource {
    /// Its name, after the `@`.
    pub name: Name,
    /// What it is.
    pub kind: SourceKind,
    /// The folder's absolute path, the base URL, or the bucket's place.
    pub location: String,
    /// What the storage is asked with, sealed; none where it is asked unsigned.
    pub credentials: Option<Cell>,
    /// Rises when it changes; set by the registry.
    pub version: u64,
}

/// A secret shared with the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeLink {
    /// Its id, 8 hex digits.
    pub id: String,
    /// The secret, sealed.
    pub secret: Cell,
    /// Whether records are sealed with it.
    pub is_current: bool,
    /// Unix milliseconds.
    pub created_at: u64,
}
