//! The databases under the registry: two drivers behind one trait, and one SQL for both.
//!
//! Statements are written once, with `$1`, `$2`, …, over three types: text, 64-bit integers (booleans too) and bytes.
//! What the two databases spell differently is not used. A change has the registry to itself until it ends, on both
//! (SQLite's one writer, an advisory lock of PostgreSQL), so what it read stays true while it decides: no statement
//! locks rows.

mod address;
mod migrations;
mod postgres;
mod sqlite;
mod tls;
mod value;

use async_trait::async_trait;

use super::RegistryError;

pub use address::{PostgresAddress, Protection};
pub use migrations::newest as schema_version;
pub use postgres::Postgres;
pub use sqlite::Sqlite;
pub(crate) use value::values;
pub use value::{FromValue, Row, Value};

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Changes, alone.
    Change,
    /// Reads of one moment.
    Snapshot,
}

/// A database.
#[async_trait]
pub trait Database: Send + Sync {
    /// One statement that changes nothing; it sees every change that was committed before.
    async fn read(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError>;

    /// Begins a transaction.
    async fn begin(&self, access: Access) -> Result<Box<dyn Transaction>, RegistryError>;
}

/// A transaction. Dropped without [`Transaction::commit`], nothing of it happened.
#[async_trait]
pub trait Transaction: Send {
    /// The rows of one statement.
    async fn query(&mut self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, RegistryError>;

    /// How many rows one statement changed.
    async fn execute(&mut self, sql: &str, values: Vec<Value>) -> Result<u64, RegistryError>;

    /// Ends it; what it changed survives a crash from here on.
    async fn commit(self: Box<Self>) -> Result<(), RegistryError>;
}
