//! Table `settings`: values in the clear, and sealed cells, by name.

use super::database::values;
use super::{Cell, Change, Query, Registry, RegistryError};

/// The place of a setting's cell.
fn cell_of(name: &str, version: u64, sealed: String) -> Cell {
    Cell { table: "settings", row: name.to_owned(), column: "value_cell", version, sealed }
}

pub(super) async fn value(db: &mut impl Query, name: &str) -> Result<Option<String>, RegistryError> {
    let row = db.row("SELECT value FROM settings WHERE name = $1", values![name]).await?;
    row.map_or(Ok(None), |row| row.get(0))
}

pub(super) async fn put_value(change: &mut Change, name: &str, value: &str) -> Result<(), RegistryError> {
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2";
    change.execute(sql, values![name, value]).await.map(|_| ())
}

async fn cell(db: &mut impl Query, name: &str) -> Result<Option<Cell>, RegistryError> {
    let sql = "SELECT cell_version, value_cell FROM settings WHERE name = $1 AND value_cell IS NOT NULL";
    let row = db.row(sql, values![name]).await?;
    row.map(|row| Ok(cell_of(name, row.get(0)?, row.get(1)?))).transpose()
}

pub(super) async fn cells(db: &mut impl Query) -> Result<Vec<Cell>, RegistryError> {
    let sql = "SELECT name, cell_version, value_cell FROM settings WHERE value_cell IS NOT NULL ORDER BY name";
    let rows = db.rows(sql, Vec::new()).await?;
    rows.iter().map(|row| Ok(cell_of(&row.get::<String>(0)?, row.get(1)?, row.get(2)?))).collect()
}

impl Registry {
    /// A setting's value in the clear.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, RegistryError> {
        value(&mut self.reading(), name).await
    }

    /// A setting's sealed cell.
    pub async fn setting_cell(&self, name: &str) -> Result<Option<Cell>, RegistryError> {
        cell(&mut self.reading(), name).await
    }
}

impl Change {
    /// A setting's value in the clear, as it stands in this change.
    pub async fn setting(&mut self, name: &str) -> Result<Option<String>, RegistryError> {
        value(self, name).await
    }

    /// Sets a setting's value in the clear; the caller notes it.
    pub async fn set_setting(&mut self, name: &str, value: &str) -> Result<(), RegistryError> {
        put_value(self, name, value).await
    }

    /// Removes a setting, value and cell. Whether there was one.
    pub async fn remove_setting(&mut self, name: &str) -> Result<bool, RegistryError> {
        Ok(self.execute("DELETE FROM settings WHERE name = $1", values![name]).await? > 0)
    }

    /// A setting's sealed cell, as it stands in this change.
    pub async fn setting_cell(&mut self, name: &str) -> Result<Option<Cell>, RegistryError> {
        cell(self, name).await
    }

    /// An empty cell for a setting's new secret: its version is above every earlier one of the setting. Seal into it,
    /// then [`Self::set_setting_cell`].
    pub async fn next_setting_cell(&mut self, name: &str) -> Result<Cell, RegistryError> {
        let held = cell(self, name).await?;
        Ok(cell_of(name, held.map_or(1, |held| held.version + 1), String::new()))
    }

    /// Stores a setting's sealed cell; the caller notes it.
    pub async fn set_setting_cell(&mut self, cell: &Cell) -> Result<(), RegistryError> {
        let sql = "INSERT INTO settings (name, value_cell, cell_version) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET value_cell = $2, cell_version = $3";
        self.execute(sql, values![cell.row.as_str(), cell.sealed.as_str(), cell.version]).await.map(|_| ())
    }
}
