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

async fn stored(db: &mut impl Query, name: &str) -> Result<(Option<String>, Option<Cell>), RegistryError> {
    let sql = "SELECT value, cell_version, value_cell FROM settings WHERE name = $1";
    let Some(row) = db.row(sql, values![name]).await? else { return Ok((None, None)) };
    let (version, sealed) = (row.get(1)?, row.get::<Option<String>>(2)?);
    Ok((row.get(0)?, sealed.map(|sealed| cell_of(name, version, sealed))))
}

impl Registry {
    /// A setting's value in the clear and its sealed cell, of one moment.
    pub async fn stored_setting(&self, name: &str) -> Result<(Option<String>, Option<Cell>), RegistryError> {
        stored(&mut self.reading(), name).await
    }

    /// Every setting's sealed cell, of one moment.
    pub async fn setting_cells(&self) -> Result<Vec<Cell>, RegistryError> {
        cells(&mut self.reading()).await
    }

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

    /// A setting's value in the clear and its sealed cell, as they stand in this change.
    pub async fn stored_setting(&mut self, name: &str) -> Result<(Option<String>, Option<Cell>), RegistryError> {
        stored(self, name).await
    }

    /// Every setting's sealed cell, as it stands in this change.
    pub async fn setting_cells(&mut self) -> Result<Vec<Cell>, RegistryError> {
        cells(self).await
    }

    /// Whether the registry holds any sealed secret.
    pub async fn has_cells(&mut self) -> Result<bool, RegistryError> {
        let sql = "SELECT name FROM settings WHERE value_cell IS NOT NULL UNION ALL SELECT public_key FROM api_keys \
                   UNION ALL SELECT id FROM edge_links UNION ALL \
                   SELECT name FROM sources WHERE credentials_cell IS NOT NULL LIMIT 1";
        Ok(self.row(sql, Vec::new()).await?.is_some())
    }

    /// Removes a setting, value and cell; the caller notes it. A cell's version stays, so that no later cell has the
    /// version of an earlier one (SIG-12). Whether there was one.
    pub async fn remove_setting(&mut self, name: &str) -> Result<bool, RegistryError> {
        let sql = "UPDATE settings SET value_cell = NULL WHERE name = $1 AND value_cell IS NOT NULL";
        let emptied = self.execute(sql, values![name]).await?;
        let removed = self.execute("DELETE FROM settings WHERE name = $1 AND value IS NOT NULL", values![name]).await?;
        Ok(emptied + removed > 0)
    }

    /// A setting's sealed cell, as it stands in this change.
    pub async fn setting_cell(&mut self, name: &str) -> Result<Option<Cell>, RegistryError> {
        cell(self, name).await
    }

    /// An empty cell for a setting's new secret: its version is above every earlier one of the setting. Seal into it,
    /// then [`Self::set_setting_cell`].
    pub async fn next_setting_cell(&mut self, name: &str) -> Result<Cell, RegistryError> {
        let sql = "SELECT cell_version FROM settings WHERE name = $1";
        let held = self.row(sql, values![name]).await?.map(|row| row.get::<u64>(0)).transpose()?;
        Ok(cell_of(name, held.map_or(1, |version| version + 1), String::new()))
    }

    /// Stores a setting's sealed cell; the caller notes it.
    pub async fn set_setting_cell(&mut self, cell: &Cell) -> Result<(), RegistryError> {
        let sql = "INSERT INTO settings (name, value_cell, cell_version) VALUES ($1, $2, $3) \
                   ON CONFLICT (name) DO UPDATE SET value_cell = $2, cell_version = $3";
        self.execute(sql, values![cell.row.as_str(), cell.sealed.as_str(), cell.version]).await.map(|_| ())
    }
}
