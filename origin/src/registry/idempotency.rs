//! Table `idempotency`: answers to requests that may be sent twice.
//!
//! An answer with a secret in it is sealed, and kept ten minutes; for a day after that the key is refused, so that a late
//! repetition makes nothing twice.

use super::database::values;
use super::{Cell, Change, Query, RegistryError};

/// How long an answer is kept, in milliseconds.
const ANSWER_MILLIS: u64 = 600_000;

/// How long its key is refused, in milliseconds.
const KEY_MILLIS: u64 = 86_400_000;

/// What was answered before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// This, sealed.
    Answer(Cell),
    /// Something that is not kept any more.
    Gone,
    /// The key was another request's.
    OtherRequest,
}

impl Change {
    /// What was answered to the request `id` (actor, route and key, hashed), whose content hashes to `request`.
    pub async fn earlier_answer(&mut self, id: &str, request: &str) -> Result<Option<Earlier>, RegistryError> {
        self.sweep_answers().await?;
        let sql = "SELECT request_hash, cell_version, answer_cell FROM idempotency WHERE id = $1";
        let Some(row) = self.row(sql, values![id]).await? else { return Ok(None) };
        if row.get::<String>(0)? != request {
            return Ok(Some(Earlier::OtherRequest));
        }
        let sealed: Option<String> = row.get(2)?;
        let version = row.get(1)?;
        Ok(Some(sealed.map_or(Earlier::Gone, |sealed| Earlier::Answer(Cell { version, sealed, ..answer_cell(id) }))))
    }

    /// Empties answers whose time has passed, and forgets keys whose time has. How many keys there were.
    pub async fn sweep_answers(&mut self) -> Result<u64, RegistryError> {
        let now = self.now();
        let sql = "UPDATE idempotency SET answer_cell = NULL WHERE created_at <= $1 AND answer_cell IS NOT NULL";
        self.execute(sql, values![now.saturating_sub(ANSWER_MILLIS)]).await?;
        let sql = "DELETE FROM idempotency WHERE created_at <= $1";
        self.execute(sql, values![now.saturating_sub(KEY_MILLIS)]).await
    }

    /// Empties every answer, as one that was sealed under a master key that is replaced; its key stays refused.
    pub async fn drop_answers(&mut self) -> Result<u64, RegistryError> {
        self.execute("UPDATE idempotency SET answer_cell = NULL WHERE answer_cell IS NOT NULL", Vec::new()).await
    }

    /// Keeps an answer, sealed in [`answer_cell`].
    pub async fn keep_answer(&mut self, request: &str, cell: &Cell) -> Result<(), RegistryError> {
        let now = self.now();
        let sql = "INSERT INTO idempotency (id, request_hash, answer_cell, cell_version, created_at) \
                   VALUES ($1, $2, $3, $4, $5)";
        let values = values![cell.row.as_str(), request, cell.sealed.as_str(), cell.version, now];
        self.execute(sql, values).await.map(|_| ())
    }
}

/// The empty cell of the answer to the request `id`.
#[must_use]
pub fn answer_cell(id: &str) -> Cell {
    Cell { table: "idempotency", row: id.to_owned(), column: "answer_cell", version: 1, sealed: String::new() }
}
