//! A registry moved whole: into a backup file, out of one, and from one database into another.
//!
//! What leaves is of one moment (a snapshot); what arrives is one change of an empty registry, so it is there whole or
//! not at all. Rows are moved as they are: secrets stay sealed, versions and hashes stay what they were. The change
//! adds its own entry behind the audit chain that it brought.

mod file;
mod tables;

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::json;

use super::database::{Access, Row, Transaction, Value, schema_version};
use super::{Change, Registry, RegistryError};

pub use file::BackupFile;
pub use tables::{TABLES, Table};

/// Rows read at a time.
const PAGE_ROWS: usize = 500;

/// Rows added by one statement: the widest table stays far below the 32,766 values that SQLite takes.
const INSERT_ROWS: usize = 100;

/// Rows by table.
pub type Counts = BTreeMap<&'static str, u64>;

/// Why a registry is not moved. The target is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Some other file.
    #[error("is no backup of a Sealpix registry")]
    NotABackup,
    /// Without its last line.
    #[error("is cut short: it does not end with the line that proves the others")]
    Cut,
    /// Not the bytes that were written.
    #[error("is damaged: its SHA-256 is not the one in its last line")]
    Damaged,
    /// A line that holds no row of this schema.
    #[error("line {0} is no row of this registry's tables")]
    Line(u64),
    /// Of another schema.
    #[error("was made with schema {made}, and this version has {ours}: restore it with {}", whose(*made, *ours))]
    Schema {
        /// The backup's.
        made: i64,
        /// This version's.
        ours: i64,
    },
    /// The target holds something.
    #[error("the target is not empty: its table {0} has rows; name a new, empty database; nothing was changed")]
    NotEmpty(&'static str),
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

fn whose(made: i64, ours: i64) -> &'static str {
    if made > ours { "a newer version of Sealpix" } else { "the version that made it, then start this one" }
}

impl Registry {
    /// Writes every table, as it stands at one moment, as a backup file's lines. `made_at` is in unix milliseconds.
    pub async fn back_up(&self, out: &mut (impl Write + Send), made_at: u64) -> Result<Counts, TransferError> {
        let mut from = self.database.begin(Access::Snapshot).await?;
        let mut file = file::Writer::begin(out, schema_version(), made_at)?;
        for table in TABLES {
            let mut pages = Pages::of(table);
            while let Some(rows) = pages.next(from.as_mut()).await? {
                rows.iter().try_for_each(|row| file.row(table, row))?;
            }
        }
        Ok(file.end()?)
    }
}

impl Change {
    /// Takes over every row of a backup. The registry must be empty.
    pub async fn restore(&mut self, backup: &mut BackupFile) -> Result<Counts, TransferError> {
        self.require_empty().await?;
        let mut counts = Counts::new();
        let mut held: Option<(&'static Table, Vec<Row>)> = None;
        let mut lines = backup.lines()?;
        while let Some((table, row)) = lines.next_row()? {
            match &mut held {
                Some((of, rows)) if *of == table && rows.len() < table.at_once(INSERT_ROWS) => rows.push(row),
                _ => {
                    if let Some((table, rows)) = held.replace((table, vec![row])) {
                        self.put_rows(table, rows, &mut counts).await?;
                    }
                }
            }
        }
        if let Some((table, rows)) = held {
            self.put_rows(table, rows, &mut counts).await?;
        }
        self.note("registry.restore", "registry", None, Some(json!({ "rows": counts })));
        Ok(counts)
    }

    /// Takes over every row of another registry, as it stands at one moment. This one must be empty.
    pub async fn copy_from(&mut self, source: &Registry) -> Result<Counts, TransferError> {
        self.require_empty().await?;
        let mut counts = Counts::new();
        let mut from = source.database.begin(Access::Snapshot).await?;
        for table in TABLES {
            let mut pages = Pages::of(table);
            while let Some(rows) = pages.next(from.as_mut()).await? {
                for rows in rows.chunks(table.at_once(INSERT_ROWS)) {
                    self.put_rows(table, rows.to_vec(), &mut counts).await?;
                }
            }
        }
        self.note("registry.copy", "registry", None, Some(json!({ "rows": counts })));
        Ok(counts)
    }

    async fn require_empty(&mut self) -> Result<(), TransferError> {
        for table in TABLES {
            let sql = format!("SELECT 1 FROM {} LIMIT 1", table.name);
            if !self.transaction.query(&sql, Vec::new()).await?.is_empty() {
                return Err(TransferError::NotEmpty(table.name));
            }
        }
        Ok(())
    }

    async fn put_rows(
        &mut self,
        table: &'static Table,
        rows: Vec<Row>,
        counts: &mut Counts,
    ) -> Result<(), RegistryError> {
        let sql = table.insert(rows.len());
        let values: Vec<Value> = rows.into_iter().flat_map(|row| row.0).collect();
        *counts.entry(table.name).or_default() += self.execute(&sql, values).await?;
        Ok(())
    }
}

/// A table's rows in the order of their keys, a page at a time.
struct Pages {
    table: &'static Table,
    /// The key of the last row read.
    behind: Option<Vec<Value>>,
    is_over: bool,
}

impl Pages {
    fn of(table: &'static Table) -> Self {
        Self { table, behind: None, is_over: false }
    }

    async fn next(&mut self, from: &mut dyn Transaction) -> Result<Option<Vec<Row>>, RegistryError> {
        if self.is_over {
            return Ok(None);
        }
        let most = self.table.at_once(PAGE_ROWS);
        let sql = self.table.page(self.behind.is_none(), most);
        let rows = from.query(&sql, self.behind.take().unwrap_or_default()).await?;
        self.is_over = rows.len() < most;
        self.behind = rows.last().map(|row| row.0.iter().take(self.table.key).cloned().collect());
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}
