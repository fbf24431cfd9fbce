//! Table `edge_links`, and the vault's check cell in `settings`.

use deadpool_postgres::{GenericClient, Transaction};

use crate::registry::rows::{self, CHECK, LinkRow, signed};
use crate::registry::{Cell, EdgeLink, RegistryError};

pub(super) async fn list(db: &impl GenericClient) -> Result<Vec<EdgeLink>, RegistryError> {
    let statement = db
        .prepare_cached(
            "SELECT id, secret_cell, cell_version, is_current, created_at FROM edge_links \
             ORDER BY is_current DESC, created_at DESC",
        )
        .await?;
    let rows = db.query(&statement, &[]).await?;
    let links = rows.iter().map(|row| {
        let row = LinkRow {
            id: row.try_get(0)?,
            sealed: row.try_get(1)?,
            cell_version: row.try_get(2)?,
            is_current: row.try_get(3)?,
            created_at: row.try_get(4)?,
        };
        Ok(row.link())
    });
    links.collect()
}

pub(super) async fn insert(db: &Transaction<'_>, link: &EdgeLink) -> Result<(), RegistryError> {
    // There is no row to lock yet: the table is, against a second first link.
    db.batch_execute("LOCK TABLE edge_links IN SHARE ROW EXCLUSIVE MODE").await?;
    if !list(db).await?.is_empty() {
        return Err(RegistryError::Exists("an edge link".to_owned()));
    }
    let statement = db
        .prepare_cached(
            "INSERT INTO edge_links (id, secret_cell, cell_version, is_current, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .await?;
    db.execute(
        &statement,
        &[&link.id, &link.secret.sealed, &signed(link.secret.version), &link.is_current, &signed(link.created_at)],
    )
    .await?;
    Ok(())
}

pub(super) async fn check_cell(db: &impl GenericClient) -> Result<Option<Cell>, RegistryError> {
    let statement = db.prepare_cached("SELECT value_cell, cell_version FROM settings WHERE name = $1").await?;
    let row = db.query_opt(&statement, &[&CHECK]).await?;
    row.map(|row| Ok(rows::check_cell(row.try_get(0)?, row.try_get(1)?))).transpose()
}

pub(super) async fn set_check_cell(db: &impl GenericClient, cell: &Cell) -> Result<(), RegistryError> {
    let statement = db
        .prepare_cached(
            "INSERT INTO settings (name, value_cell, cell_version) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
        )
        .await?;
    let stored = db.execute(&statement, &[&CHECK, &cell.sealed, &signed(cell.version)]).await?;
    if stored == 0 { Err(RegistryError::Exists("the vault's check cell".to_owned())) } else { Ok(()) }
}
