//! Table `edge_links`, and the vault's check cell in `settings`.

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::registry::rows::{self, CHECK, LinkRow, signed};
use crate::registry::{Cell, EdgeLink, RegistryError};

pub(super) fn list(db: &Transaction<'_>) -> Result<Vec<EdgeLink>, RegistryError> {
    let mut statement = db.prepare_cached(
        "SELECT id, secret_cell, cell_version, is_current, created_at FROM edge_links \
         ORDER BY is_current DESC, created_at DESC",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(LinkRow {
            id: row.get(0)?,
            sealed: row.get(1)?,
            cell_version: row.get(2)?,
            is_current: row.get(3)?,
            created_at: row.get(4)?,
        })
    })?;
    rows.map(|row| Ok(row?.link())).collect()
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
    let cell = statement.query_row([CHECK], |row| Ok(rows::check_cell(row.get(0)?, row.get(1)?)));
    Ok(cell.optional()?)
}

pub(super) fn set_check_cell(db: &Transaction<'_>, cell: &Cell) -> Result<(), RegistryError> {
    let stored = db.execute(
        "INSERT INTO settings (name, value_cell, cell_version) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO NOTHING",
        params![CHECK, cell.sealed, signed(cell.version)],
    )?;
    if stored == 0 { Err(RegistryError::Exists("the vault's check cell".to_owned())) } else { Ok(()) }
}
