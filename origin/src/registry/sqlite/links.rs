//! Table `edge_links`, and the vault's check cell in `settings`.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{signed, unsigned};
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
    db.execute(
        "INSERT INTO edge_links (id, secret_cell, cell_version, is_current, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![link.id, link.secret.sealed, signed(link.secret.version), link.is_current, signed(link.created_at)],
    )?;
    Ok(())
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
