//! The registry: the origin's database of projects, keys, sources and the edge link.
//!
//! One trait and one model; `sqlite` and `postgres` are the databases behind it, and `rows` is what they share. Secrets
//! come in and go out sealed: the registry stores cells and never opens them. Every change is one transaction.

mod host_rules;
mod model;
pub mod postgres;
mod rows;
pub mod sqlite;
mod state;

use async_trait::async_trait;
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;

pub use host_rules::{HostRuleError, normalise_referer, normalise_source};
pub use model::{Cell, EdgeLink, Key, Project, SourceKind, StoredSource, Versioned};
pub use state::{KeyDeclared, Mint, ProjectDeclared, SourceDeclared, State, StateError};

/// Why the registry did not do what was asked. Nothing is half done then.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The database did.
    #[error("the registry's database: {0}")]
    Database(String),
    /// A row that this version cannot read.
    #[error("the registry holds a {0} that this version cannot read")]
    Unreadable(String),
    /// Something with this name exists already.
    #[error("{0} exists already")]
    Exists(String),
    /// No such thing.
    #[error("there is no {0}")]
    Missing(String),
    /// A change that may not be.
    #[error("{0}")]
    Refused(String),
    /// A schema newer than this binary.
    #[error("the registry was made by a newer version of Sealpix; start that version, or restore a backup")]
    NewerSchema,
}

/// What a rotation makes of the old key.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The key that is replaced.
    pub old: PublicKey,
    /// The old key's last second.
    pub old_not_after: u64,
    /// The new key, its secret sealed.
    pub new: Key,
}

/// The registry. Each method is one transaction.
#[async_trait]
pub trait Registry: Send + Sync {
    /// A key with the project it belongs to, for the gate: one read.
    async fn key_and_project(
        &self,
        key: PublicKey,
        project: &Slug,
    ) -> Result<(Option<Key>, Option<Versioned<Project>>), RegistryError>;

    /// All keys, of one project or of all.
    async fn keys(&self, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError>;

    /// All projects.
    async fn projects(&self) -> Result<Vec<Project>, RegistryError>;

    /// Adds a key to its project.
    async fn add_key(&self, key: Key, now_millis: u64) -> Result<(), RegistryError>;

    /// Sets a key's state.
    async fn set_key_state(&self, key: PublicKey, state: KeyState, now_millis: u64) -> Result<(), RegistryError>;

    /// Ends the old key and adds the new one, together.
    async fn rotate_key(&self, rotation: Rotation, now_millis: u64) -> Result<(), RegistryError>;

    /// Makes the registry hold what is declared: creates or changes, leaves the rest alone.
    async fn apply(
        &self,
        projects: Vec<Project>,
        keys: Vec<Key>,
        sources: Vec<StoredSource>,
        now_millis: u64,
    ) -> Result<(), RegistryError>;

    /// A configured source.
    async fn sources(&self) -> Result<Vec<StoredSource>, RegistryError>;

    /// The edge links in use, the current one first.
    async fn edge_links(&self) -> Result<Vec<EdgeLink>, RegistryError>;

    /// Adds the first edge link.
    async fn add_edge_link(&self, link: EdgeLink) -> Result<(), RegistryError>;

    /// The cell that tells a wrong master from a damaged cell, if the registry has one.
    async fn check_cell(&self) -> Result<Option<Cell>, RegistryError>;

    /// Stores that cell once; a second time it `Exists`.
    async fn set_check_cell(&self, cell: Cell) -> Result<(), RegistryError>;

    /// Every sealed cell.
    async fn cells(&self) -> Result<Vec<Cell>, RegistryError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), RegistryError>;
}
