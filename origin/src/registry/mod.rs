//! The registry: the origin's database of projects, keys, users, sources, settings and logs.
//!
//! Written once over [`database`], which has two drivers. Secrets come in and go out sealed: the registry stores
//! cells and never opens them. Every change is one [`Change`]: a transaction that has the registry to itself, and
//! writes what it did into the audit log and what the edge must learn into the outbox before it commits.
//!
//! One file a table. What a file reads it reads through [`Query`], from the database or from inside a change.

mod audit;
mod audit_export;
mod author;
pub mod database;
mod fallback;
mod host_rules;
mod idempotency;
mod instances;
mod keys;
mod links;
mod logins;
mod model;
mod outbox;
mod project_rules;
mod projects;
mod purges;
mod request_log;
mod retention;
mod sessions;
mod settings;
mod setup;
mod source_prefix;
mod sources;
mod state;
mod tokens;
pub mod transfer;
mod usage;
mod users;
mod watermarks;

use std::sync::Arc;

use tokio::sync::Notify;

pub use audit::{AuditEntry, AuditFilter, ChainVerdict};
pub use audit_export::{AuditExport, ExportError, ExportedEntry, verify_export};
pub use author::{Actor, Author};
pub use fallback::{FALLBACK_TTL_SECS, Fallback, FallbackDeclared, FallbackError};
pub use host_rules::{HostRuleError, normalise_referer, normalise_source};
pub use idempotency::{Earlier, answer_cell};
pub use instances::{ALIVE_MILLIS, Instance};
pub use model::{Cell, EdgeLink, Key, KeyDefaults, Project, SourceKind, StoredSource, Versioned};
pub use outbox::{RecordName, Waiting};
pub use project_rules::{ProjectError, check_policy, read_grants, read_preset};
pub use purges::{MAX_PREFIXES, Purged};
pub use request_log::{LoggedRequest, RequestFilter};
pub use sessions::{Session, SessionOwner};
pub use source_prefix::{MAX_PREFIX_BYTES, SourcePrefix, SourcePrefixError};
pub use state::{KeyDeclared, Mint, ProjectDeclared, SourceDeclared, State, StateError};
pub use tokens::StoredToken;
pub use usage::{KeyUsage, UsageBy, UsageFilter, UsageTotal};
pub use users::User;
pub use watermarks::{MAX_WATERMARK_BYTES, MAX_WATERMARKS, StoredWatermark, WatermarkError, read_watermark};

use crate::config;
use database::{Access, Database, Row, Transaction, Value};

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

/// The registry.
pub struct Registry {
    database: Box<dyn Database>,
    /// Rings when a change of this process has queued records for the edge.
    queued: Arc<Notify>,
}

impl Registry {
    /// Opens the database, makes it if there is none, and brings its schema up to date.
    pub async fn open(database: &config::Database) -> Result<Self, RegistryError> {
        let database: Box<dyn Database> = match database {
            config::Database::Sqlite(file) => Box::new(database::Sqlite::open(file)?),
            config::Database::Postgres(address) => Box::new(database::Postgres::open(address).await?),
        };
        Ok(Self { database, queued: Arc::default() })
    }

    /// Rings when a change of this process has queued records for the edge.
    #[must_use]
    pub fn queued(&self) -> Arc<Notify> {
        Arc::clone(&self.queued)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), RegistryError> {
        self.database.read("SELECT 1", Vec::new()).await.map(|_| ())
    }

    /// Begins a change. No other begins before it ends: be short.
    pub async fn change(&self, author: &Author) -> Result<Change, RegistryError> {
        Ok(Change {
            transaction: self.database.begin(Access::Change).await?,
            author: author.clone(),
            notes: Vec::new(),
            has_queued: false,
            queued: Arc::clone(&self.queued),
        })
    }

    /// Every sealed cell, of one moment.
    pub async fn cells(&self) -> Result<Vec<Cell>, RegistryError> {
        let mut db = Snapshot(self.database.begin(Access::Snapshot).await?);
        let mut cells = settings::cells(&mut db).await?;
        cells.extend(links::list(&mut db).await?.into_iter().map(|link| link.secret));
        cells.extend(keys::list(&mut db, None).await?.into_iter().map(|key| key.secret));
        cells.extend(sources::list(&mut db).await?.into_iter().filter_map(|source| source.credentials));
        Ok(cells)
    }

    fn reading(&self) -> Reading<'_> {
        Reading(self.database.as_ref())
    }
}

/// What can be asked: the database, a snapshot of it, or a change in its making.
pub(crate) trait Query: Send {
    /// The rows of one statement.
    fn rows(&mut self, sql: &str, values: Vec<Value>) -> impl Future<Output = Result<Vec<Row>, RegistryError>> + Send;

    /// The first row, if there is one.
    fn row(
        &mut self,
        sql: &str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Option<Row>, RegistryError>> + Send {
        async move { Ok(self.rows(sql, values).await?.into_iter().next()) }
    }
}

struct Reading<'a>(&'a dyn Database);

impl Query for Reading<'_> {
    async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        self.0.read(sql, values).await
    }
}

struct Snapshot(Box<dyn Transaction>);

impl Query for Snapshot {
    async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        self.0.query(sql, values).await
    }
}

/// A change in its making: dropped before [`Change::commit`], nothing of it happened.
pub struct Change {
    transaction: Box<dyn Transaction>,
    author: Author,
    notes: Vec<audit::Note>,
    has_queued: bool,
    queued: Arc<Notify>,
}

impl Query for Change {
    async fn rows(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError> {
        self.transaction.query(sql, values).await
    }
}

impl Change {
    /// Who makes it, and when.
    #[must_use]
    pub fn author(&self) -> &Author {
        &self.author
    }

    pub(crate) fn now(&self) -> u64 {
        self.author.at_millis
    }

    pub(crate) async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, RegistryError> {
        self.transaction.execute(sql, values).await
    }

    /// Notes what was done, for the audit log. `before` and `after` hold no secret.
    pub(crate) fn note(
        &mut self,
        action: &'static str,
        target: impl std::fmt::Display,
        before: Option<serde_json::Value>,
        after: Option<serde_json::Value>,
    ) {
        self.notes.push(audit::Note { action, target: target.to_string(), before, after });
    }

    /// Notes that something was made of which there is nothing to show.
    pub fn note_created(&mut self, action: &'static str, target: &str) {
        self.note(action, target, None, None);
    }

    /// Makes it so: what was noted is in the audit log, and what was queued goes to the edge.
    pub async fn commit(mut self) -> Result<(), RegistryError> {
        let entries = audit::append(&mut self).await?;
        self.transaction.commit().await?;
        for entry in &entries {
            entry.log();
        }
        if self.has_queued {
            self.queued.notify_one();
        }
        Ok(())
    }
}

/// The next version of a record: it rises even where the clock does not.
fn next_version(previous: u64, now_millis: u64) -> u64 {
    now_millis.max(previous + 1)
}

fn to_json(value: &impl serde::Serialize) -> Result<String, RegistryError> {
    serde_json::to_string(value).map_err(|error| RegistryError::Database(error.to_string()))
}

fn parsed<T>(value: Option<T>, what: &str) -> Result<T, RegistryError> {
    value.ok_or_else(|| RegistryError::Unreadable(what.to_owned()))
}
