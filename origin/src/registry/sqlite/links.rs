//! Table `edge_links`, and the vault's check cell in `settings`.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{outbox, signed, unsigned};
use crate::registry::{Cell, EdgeLink, RegistryError};

/// The setting whose cell tells a wrong master secret from a damaged cell.
const CHECK: &str = "vault.check";

pub(super) fn list(db: &Transaction<'_>) -> Result<Vec<EdgeLink>, RegistryError> {
    let mut statement = db.prepare_cached(
        "SELECT id, secret_cell, cell_version, is_current, created_at FROM edge_links \
         ORDER BY is_current DESC, created_at DESC",
    )?;
    let rows = statement.query_map([], |row| {
        let id: String = row.get(0)?;
        let version = unsigned(row.get(2)?);
        let sealed = row.get(1)?;
        let secret = Cell { table: "edge_links", row: id.clone(), column: "secret_cell", version, sealed };
        Ok(EdgeLink { id, secret, is_current: row.get(3)?, created_at: unsigned(row.get(4)?) })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn insert(db: &Transaction<'_>, link: &EdgeLink) -> Result<(), RegistryError> {
    if !list(db)?.is_empty() {
        return Err(RegistryError::Exists("an edge link".to_owned()));
    }
    add(db, link)
}

fn add(db: &Transaction<'_>, link: &EdgeLink) -> Result<(), RegistryError> {
    db.execute(
        "INSERT INTO edge_links (id, secret_cell, cell_version, is_current, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![link.id, link.secret.sealed, signed(link.secret.version), link.is_current, signed(link.created_at)],
    )?;
    Ok(())
}

/// Adds a link that is to be the next one; see the trait.
pub(super) fn rotate(
    db: &Transaction<'_>,
    new: &EdgeLink,
    compromised: bool,
    now_millis: u64,
) -> Result<(), RegistryError> {
    let held = list(db)?;
    let current = held.iter().find(|link| link.is_current);
    let current = current.ok_or_else(|| RegistryError::Missing("edge link".to_owned()))?;
    // By their age alone is a link the next one or the previous one.
    let created_at = now_millis.max(current.created_at + 1);
    if compromised {
        db.execute("DELETE FROM edge_links", [])?;
        add(db, &EdgeLink { is_current: true, created_at, ..new.clone() })?;
        return outbox::queue_all(db, now_millis);
    }
    if held.iter().any(|link| link.created_at < current.created_at) {
        return Err(RegistryError::Exists("a previous edge link".to_owned()));
    }
    db.execute("DELETE FROM edge_links WHERE is_current = 0", [])?;
    add(db, &EdgeLink { is_current: false, created_at, ..new.clone() })
}

/// Makes link `id` the current one if it is newer than that.
pub(super) fn adopt(db: &Transaction<'_>, id: &str, now_millis: u64) -> Result<bool, RegistryError> {
    let held = list(db)?;
    let current = held.iter().find(|link| link.is_current);
    let next = held.iter().find(|link| link.id == id);
    let (Some(current), Some(next)) = (current, next) else { return Ok(false) };
    if next.created_at <= current.created_at {
        return Ok(false);
    }
    db.execute("UPDATE edge_links SET is_current = (id = ?1)", [id])?;
    outbox::queue_all(db, now_millis)?;
    Ok(true)
}

/// Removes the links that the current one has replaced.
pub(super) fn retire(db: &Transaction<'_>) -> Result<u64, RegistryError> {
    let removed = db.execute(
        "DELETE FROM edge_links WHERE created_at < (SELECT created_at FROM edge_links WHERE is_current)",
        [],
    )?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

pub(super) fn check_cell(db: &Transaction<'_>) -> Result<Option<Cell>, RegistryError> {
    let mut statement = db.prepare_cached("SELECT value_cell, cell_version FROM settings WHERE name = ?1")?;
    let cell = statement.query_row([CHECK], |row| {
        let version = unsigned(row.get(1)?);
        Ok(Cell { table: "settings", row: CHECK.to_owned(), column: "value_cell", version, sealed: row.get(0)? })
    });
    Ok(cell.optional()?)
}

pub(super) fn set_check_cell(db: &Transaction<'_>, cell: &Cell) -> Result<(), RegistryError> {
    db.execute(
        "INSERT INTO settings (name, value_cell, cell_version) VALUES (?1, ?2, ?3)",
        params![CHECK, cell.sealed, signed(cell.version)],
    )?;
    Ok(())
}
