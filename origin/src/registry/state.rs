//! State as code: the file that `sealpix registry apply` reads (JSON, or TOML by its ending).
//!
//! Applying twice changes nothing the second time. What the file does not name is left alone. A file with
//! `secret_key` in it is a secret itself: keep it as one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sealpix::key::{PublicKey, SecretKey};
use sealpix::operations::Name;
use sealpix::quota::Limits;
use sealpix::record::{Caching, Environment, KeyState, Policy};
use sealpix::target::Slug;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{
    FallbackDeclared, Key, KeyDefaults, MAX_WATERMARK_BYTES, Project, ProjectError, SourceKind, StoredSource,
    check_policy, normalise_referer, normalise_source, read_grants, read_preset, read_watermark,
};
use crate::images::Derivative;
use crate::keys::seal;
use crate::origin::CredentialsGiven;
use crate::sources::s3::place::S3Place;
use crate::vault::{Vault, VaultError};

/// Why a state file is refused. Nothing of it is applied then.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It does not read.
    #[error("{0}")]
    Syntax(String),
    /// A project.
    #[error("project {project}: {error}")]
    Project {
        /// The project.
        project: Slug,
        /// What is wrong.
        error: ProjectError,
    },
    /// A source.
    #[error("source {name}: {reason}")]
    Source {
        /// The source.
        name: Name,
        /// What is wrong.
        reason: String,
    },
    /// A watermark.
    #[error("watermark {project}/{name}: {reason}")]
    Watermark {
        /// The project.
        project: Slug,
        /// The watermark.
        name: Name,
        /// What is wrong.
        reason: String,
    },
    /// A key.
    #[error("key {key}: {reason}")]
    Key {
        /// The key.
        key: PublicKey,
        /// What is wrong.
        reason: String,
    },
    /// A secret could not be sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// A state file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// Projects and their keys.
    pub projects: Vec<ProjectDeclared>,
    /// Configured sources.
    pub sources: Vec<SourceDeclared>,
}

/// A project, as a person writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectDeclared {
    /// Its name in URLs.
    pub slug: Slug,
    /// What it is for.
    #[serde(default)]
    pub environment: Environment,
    /// Sites that may embed.
    #[serde(default)]
    pub referers: Vec<String>,
    /// Refuse requests without a Referer.
    #[serde(default)]
    pub require_referer: bool,
    /// Hosts that may be fetched from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Configured sources it may use.
    #[serde(default)]
    pub grants: Vec<Name>,
    /// Presets: operations by name.
    #[serde(default)]
    pub presets: BTreeMap<Name, String>,
    /// Watermarks: pictures by name, relative to the state file's folder.
    #[serde(default)]
    pub watermarks: BTreeMap<Name, PathBuf>,
    /// Caching.
    #[serde(default)]
    pub caching: Caching,
    /// What is shown in place of a picture whose source is missing.
    #[serde(default)]
    pub fallback: Option<FallbackDeclared>,
    /// What its new keys get where their maker says nothing.
    #[serde(default)]
    pub key_defaults: KeyDefaults,
    /// Its keys.
    #[serde(default)]
    pub keys: Vec<KeyDeclared>,
}

/// A key, as a person writes it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDeclared {
    /// Its public half.
    pub public_key: PublicKey,
    /// Its secret half.
    #[serde(deserialize_with = "wiped")]
    pub secret_key: Zeroizing<String>,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// Active or revoked.
    #[serde(default = "active")]
    pub state: KeyState,
    /// Its last second, in unix seconds.
    #[serde(default)]
    pub not_after: Option<u64>,
    /// Requests a minute and a day.
    #[serde(default)]
    pub limits: Limits,
    /// What it may sign.
    #[serde(default)]
    pub policy: Policy,
}

impl std::fmt::Debug for KeyDeclared {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "KeyDeclared({}, redacted)", self.public_key)
    }
}

fn wiped<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

fn active() -> KeyState {
    KeyState::Active
}

/// A configured source, as a person writes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum SourceDeclared {
    /// A folder.
    File {
        /// Its name.
        name: Name,
        /// The folder; relative to the state file's folder.
        root: PathBuf,
    },
    /// An https base.
    Http {
        /// Its name.
        name: Name,
        /// `https://host/path`.
        base: String,
    },
    /// A bucket.
    S3 {
        /// Its name.
        name: Name,
        /// `s3://bucket/prefix?region=…&endpoint=https://…&style=path|virtual`.
        location: String,
        /// What it is asked with. Not there: what it has stays.
        #[serde(default)]
        credentials: CredentialsGiven,
    },
}

impl State {
    /// Reads a state file.
    pub fn read(path: &Path) -> Result<Self, StateError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| StateError::Syntax(format!("{}: {error}", path.display())))?;
        let text = Zeroizing::new(text);
        let fail = |error: String| StateError::Syntax(format!("{}: {error}", path.display()));
        if path.extension().is_some_and(|ending| ending == "toml") {
            // toml's messages quote the offending line, which may hold a secret: only its message is kept.
            toml::from_str(&text).map_err(|error| fail(masked(error.message())))
        } else {
            serde_json::from_str(&text).map_err(|error| fail(masked(&error.to_string())))
        }
    }

    /// The sources, checked; relative roots are below `folder`.
    pub fn stored_sources(&self, folder: &Path) -> Result<Vec<StoredSource>, StateError> {
        self.sources.iter().map(|source| source.stored(folder)).collect()
    }

    /// The projects, checked: rules normalised, presets canonical, grants of known sources.
    pub fn stored_projects(&self, known_sources: &[StoredSource]) -> Result<Vec<Project>, StateError> {
        self.projects.iter().map(|project| project.stored(known_sources)).collect()
    }

    /// The projects' watermarks, as they are kept; relative paths are below `folder`. This reads and decodes them.
    pub fn marks(&self, folder: &Path) -> Result<Vec<(Slug, Name, Derivative)>, StateError> {
        let named = self.projects.iter().flat_map(|project| project.watermarks.iter().map(move |mark| (project, mark)));
        named
            .map(|(project, (name, path))| {
                Ok((project.slug.clone(), name.clone(), project.mark(name, &folder.join(path))?))
            })
            .collect()
    }
}

/// A parser's message without what may be a secret: parsers repeat a value that stands in the wrong place (SIG-13).
fn masked(message: &str) -> String {
    let mut out = String::new();
    let mut rest = message;
    while let Some(at) = ["sk_", "el_"].iter().filter_map(|prefix| rest.find(prefix)).min() {
        let (before, secret) = rest.split_at(at);
        let end = secret.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(secret.len());
        out.push_str(before);
        out.push_str("(a secret)");
        rest = secret.split_at(end).1;
    }
    out.push_str(rest);
    out
}

impl SourceDeclared {
    /// What is said about its credentials.
    #[must_use]
    pub fn credentials(&self) -> CredentialsGiven {
        match self {
            Self::S3 { credentials, .. } => credentials.clone(),
            Self::File { .. } | Self::Http { .. } => CredentialsGiven::Kept,
        }
    }

    /// The source, checked, without its credentials; a relative root is below `folder`.
    pub fn stored(&self, folder: &Path) -> Result<StoredSource, StateError> {
        match self {
            Self::File { name, root } => {
                let root = folder.join(root);
                let root = root.canonicalize().map_err(|error| StateError::Source {
                    name: name.clone(),
                    reason: format!("{}: {error}", root.display()),
                })?;
                let location = root.display().to_string();
                Ok(StoredSource { name: name.clone(), kind: SourceKind::File, location, credentials: None, version: 0 })
            }
            Self::Http { name, base } => {
                let read = sealpix::source::Source::read(&format!("{}/x", base.trim_end_matches('/')));
                let url = read.ok().and_then(|source| match source {
                    sealpix::source::Source::Remote(remote) => remote.url().strip_suffix("/x").map(str::to_owned),
                    sealpix::source::Source::Named { .. } => None,
                });
                let location = url.filter(|url| !url.contains('?')).ok_or_else(|| StateError::Source {
                    name: name.clone(),
                    reason: "base is not https://host/path without a query".to_owned(),
                })?;
                Ok(StoredSource { name: name.clone(), kind: SourceKind::Http, location, credentials: None, version: 0 })
            }
            Self::S3 { name, location, .. } => {
                let place = S3Place::parse(location)
                    .map_err(|error| StateError::Source { name: name.clone(), reason: error.to_string() })?;
                let location = place.to_string();
                Ok(StoredSource { name: name.clone(), kind: SourceKind::S3, location, credentials: None, version: 0 })
            }
        }
    }
}

impl ProjectDeclared {
    fn stored(&self, known_sources: &[StoredSource]) -> Result<Project, StateError> {
        self.checked(known_sources).map_err(|error| StateError::Project { project: self.slug.clone(), error })
    }

    fn mark(&self, name: &Name, path: &Path) -> Result<Derivative, StateError> {
        let fail = |reason: String| StateError::Watermark { project: self.slug.clone(), name: name.clone(), reason };
        let unread = |error| fail(format!("{}: {error}", path.display()));
        // One byte more than may be: what is larger is refused by its size, and not read whole.
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unread)?;
        file.take(MAX_WATERMARK_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unread)?;
        read_watermark(&bytes).map_err(|error| fail(error.to_string()))
    }

    fn checked(&self, known_sources: &[StoredSource]) -> Result<Project, ProjectError> {
        let referers: Result<Vec<_>, _> =
            self.referers.iter().map(|rule| normalise_referer(rule, self.environment)).collect();
        let sources: Result<Vec<_>, _> = self.sources.iter().map(|rule| normalise_source(rule)).collect();
        let presets = self.presets.iter().map(|(name, text)| Ok((name.clone(), read_preset(name, text)?)));
        let project = Project {
            slug: self.slug.clone(),
            environment: self.environment,
            require_referer: self.require_referer,
            referers: referers?,
            sources: sources?,
            grants: read_grants(&self.grants, known_sources)?,
            presets: presets.collect::<Result<_, ProjectError>>()?,
            watermarks: Vec::new(),
            caching: self.caching,
            fallback: self.fallback.clone().map(TryInto::try_into).transpose()?,
            key_defaults: self.key_defaults.clone(),
            epoch: 0,
            source_epochs: Vec::new(),
        };
        project.check()?;
        Ok(project)
    }
}

/// Makes sealed keys of declared ones.
pub struct Mint<'a> {
    /// The vault that seals.
    pub vault: &'a Vault,
    /// Keys that exist: their secrets never change.
    pub existing: &'a [Key],
}

impl Mint<'_> {
    /// A key of a project as declared, its secret sealed. An existing key keeps its cell, and must keep its secret.
    pub fn declared(&self, project: &Slug, declared: &KeyDeclared) -> Result<Key, StateError> {
        let fail = |reason: String| StateError::Key { key: declared.public_key, reason };
        let secret = SecretKey::parse(&declared.secret_key).map_err(|error| fail(error.to_string()))?;
        check_policy(&declared.policy).map_err(|error| fail(error.to_string()))?;
        let public_key = declared.public_key;
        let cell = match self.existing.iter().find(|key| key.public_key == public_key) {
            Some(existing) if existing.project != *project => {
                return Err(fail("belongs to another project".to_owned()));
            }
            Some(existing) => {
                let held = self.vault.open_text(existing.secret.place(), &existing.secret.sealed)?;
                if held.as_str() != declared.secret_key.as_str() {
                    return Err(fail("has another secret in the registry; rotate it instead".to_owned()));
                }
                existing.secret.clone()
            }
            None => seal(self.vault, public_key, &secret)?,
        };
        Ok(Key {
            public_key,
            project: project.clone(),
            name: declared.name.clone(),
            secret: cell,
            state: declared.state,
            not_after: declared.not_after,
            limits: declared.limits,
            policy: declared.policy.clone(),
            version: 0,
            created_at: 0,
        })
    }
}
