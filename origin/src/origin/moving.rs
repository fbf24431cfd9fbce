//! Opening a registry that is to be filled from a backup or from another registry.
//!
//! Unlike [`Origin::open`](super::Origin::open) it writes nothing into it: no secret is made where some are to come.

use std::fs::File;

use super::OpenError;
use super::opening::{CHECK, lock_beside, master_key};
use crate::config::{Config, Database};
use crate::registry::{Change, Registry};
use crate::vault::Vault;

/// A registry to be filled. While it is held no other process opens the file to make its schema.
pub struct Target {
    /// The registry; it may hold something.
    pub registry: Registry,
    _opening: Option<File>,
}

impl Target {
    /// Opens the database; makes it and its schema where there is none.
    pub async fn open(database: &Database) -> Result<Self, OpenError> {
        let opening = match database {
            Database::Sqlite(file) => Some(lock_beside(file).await?),
            Database::Postgres(_) => None,
        };
        Ok(Self { registry: Registry::open(database).await?, _opening: opening })
    }
}

/// Proves that the configured master key opens what `change` took over: its check cell. A salt file is never made.
pub async fn prove_master(config: &Config, change: &mut Change) -> Result<(), OpenError> {
    let Some(cell) = change.setting_cell(CHECK).await? else {
        return Err(OpenError::Content(format!("{CHECK}, which proves the master key")));
    };
    let vault = Vault::new(&master_key(config, true)?);
    vault.open(cell.place(), &cell.sealed)?;
    Ok(())
}
