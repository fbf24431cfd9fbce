//! The registry: the origin's database of projects, keys, sources and the edge link.
//!
//! One trait and one model; `sqlite` is a database behind it. Secrets come in and go out sealed: the registry
//! stores cells and never opens them. Every change is one transaction.

mod host_rules;
mod model;
mod outbox;
pub mod sqlite;
mod state;

use async_trait::async_trait;
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;

pub use host_rules::{HostRuleError, normalise_referer, normalise_source};
pub use model::{Cell, EdgeLink, Key, Project, SourceKind, StoredSource, Versioned};
pub use outbox::{RecordName, Waiting};
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

    /// Stores that cell once.
    async fn set_check_cell(&self, cell: Cell) -> Result<(), RegistryError>;

    /// Every sealed cell.
    async fn cells(&self) -> Result<Vec<Cell>, RegistryError>;

    /// Whether the database answers.
    async fn ping(&self) -> Result<(), RegistryError>;

    // The edge link: the outbox, and the rotation of the link's secret.

    /// A key alone, for its record.
    async fn key(&self, key: PublicKey) -> Result<Option<Key>, RegistryError>;

    /// A project alone, for its record.
    async fn project(&self, slug: &Slug) -> Result<Option<Versioned<Project>>, RegistryError>;

    /// Leases up to `most` rows of the outbox that are due and not leased, until `until_millis`.
    async fn lease_outbox(&self, most: u32, until_millis: u64, now_millis: u64) -> Result<Vec<Waiting>, RegistryError>;

    /// The edge holds `version`: the row goes, unless something newer was queued meanwhile; the lease ends.
    async fn finish_outbox(&self, sent: Waiting, version: u64) -> Result<(), RegistryError>;

    /// The push failed: the row waits until `next_try`, unless something newer was queued meanwhile; the lease ends.
    async fn put_off_outbox(&self, sent: Waiting, next_try: u64) -> Result<(), RegistryError>;

    /// Queues records, with their versions, that the edge may lack; what waits already is left as it is.
    async fn queue_missing(&self, names: Vec<(RecordName, u64)>, now_millis: u64) -> Result<(), RegistryError>;

    /// Queues every record, if that was last done at `before` (unix milliseconds) or earlier, or never. Whether it was.
    async fn renew_outbox(&self, before: u64, now_millis: u64) -> Result<bool, RegistryError>;

    /// How many records wait.
    async fn outbox_len(&self) -> Result<u64, RegistryError>;

    /// Adds a new link, which becomes the current one once the edge has it; one that never did is replaced. Refused
    /// while a previous one is left. `compromised`: every other link goes at once, the new one is current, and
    /// everything is queued.
    async fn rotate_edge_link(&self, new: EdgeLink, compromised: bool, now_millis: u64) -> Result<(), RegistryError>;

    /// The edge has link `id`: if that is newer than the current one, it becomes the current one, and everything is
    /// queued. Whether it did.
    async fn adopt_edge_link(&self, id: &str, now_millis: u64) -> Result<bool, RegistryError>;

    /// Removes the links older than the current one. How many there were.
    async fn retire_edge_links(&self) -> Result<u64, RegistryError>;
}
