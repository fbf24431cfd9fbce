//! New keys for the vault: a new master secret, a new JWT secret, a new data key, each in one change.
//!
//! Running instances hold the old keys in memory, so a rotation is refused while any is alive. The check cell's version
//! rises with each, so that a process that opened the registry before can seal nothing more ([`Origin::change`]) and
//! no instance registers with old keys. Killed at any moment, the registry opens with the old secret or with the new.

use serde_json::json;

use super::opening::{CHECK, CHECKED, empty};
use super::{OpenError, Origin, SealedUnder, sealed_under};
use crate::registry::{Author, Cell, Change, RegistryError};
use crate::vault::{DataKey, DataVault, JwtKey, JwtSecret, MasterKey, Vault, reseal, rewrap};

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Cells that were sealed anew; none where there was nothing to do.
    pub cells: usize,
    /// Sessions that were ended.
    pub sessions: u64,
}

/// Which JWT secret follows.
pub enum NextJwt {
    /// A new one, kept sealed in the registry.
    Generated,
    /// This one, which is configured from now on; the registry's is forgotten.
    Configured(JwtSecret),
    /// The same.
    Same,
}

impl Origin {
    /// Seals everything that stands under the master key anew, under the one of `secret`. With the secret that is in
    /// use already there is nothing to do.
    ///
    /// `compromised`: whoever has the old one and a copy of the registry has read the JWT secret too, so where the
    /// registry keeps that, it and the data key are replaced and every session ends. What else they have read, the
    /// edge link and the secret keys, is to be rotated by its own commands.
    pub async fn rotate_master(&self, secret: &str, compromised: bool, author: &Author) -> Result<Rotation, OpenError> {
        let new = Vault::new(&MasterKey::from_secret(secret)?);
        let mut change = self.change(author).await?;
        let check = change.setting_cell(CHECK).await?;
        if check.is_some_and(|cell| new.open(cell.place(), &cell.sealed).is_ok()) {
            return Ok(Rotation { cells: 0, sessions: 0 });
        }
        refuse_while_running(&mut change).await?;
        let mut done = Rotation { cells: 0, sessions: 0 };
        if compromised && self.config.jwt_secret.is_none() {
            done = self.replace_jwt(&mut change, NextJwt::Generated, true).await?;
        }
        let mut cells = change.setting_cells().await?;
        cells.retain(|cell| sealed_under(cell) == SealedUnder::Master);
        for cell in cells {
            change.set_setting_cell(&self.under(&new, cell)?).await?;
            done.cells += 1;
        }
        for key in change.keys().await? {
            change.reseal_key(&self.under(&new, key.secret)?).await?;
            done.cells += 1;
        }
        for link in change.edge_links().await? {
            change.reseal_edge_link(&self.under(&new, link.secret)?).await?;
            done.cells += 1;
        }
        change.drop_answers().await?;
        let after = json!({ "cells": done.cells, "compromised": compromised, "sessions_ended": done.sessions });
        change.note("master.rotate", "vault", None, Some(after));
        change.commit().await?;
        Ok(done)
    }

    fn under(&self, new: &Vault, cell: Cell) -> Result<Cell, OpenError> {
        let (version, sealed) = reseal(&self.vault, new, cell.place(), &cell.sealed)?;
        Ok(Cell { version, sealed, ..cell })
    }

    /// Replaces the JWT secret and ends every session, as none is signed under the new one. `new_data_key`: the data
    /// key too, and every cell under it is sealed anew.
    pub async fn rotate_jwt(&self, next: NextJwt, new_data_key: bool, author: &Author) -> Result<Rotation, OpenError> {
        let mut change = self.change(author).await?;
        refuse_while_running(&mut change).await?;
        let done = self.replace_jwt(&mut change, next, new_data_key).await?;
        let mut check = change.next_setting_cell(CHECK).await?;
        check.sealed = self.vault.seal(check.place(), CHECKED)?;
        change.set_setting_cell(&check).await?;
        let after = json!({ "new_data_key": new_data_key, "cells": done.cells, "sessions_ended": done.sessions });
        change.note("jwt_secret.rotate", "vault", None, Some(after));
        change.commit().await?;
        Ok(done)
    }

    async fn replace_jwt(&self, change: &mut Change, next: NextJwt, new_data_key: bool) -> Result<Rotation, OpenError> {
        let mut cells = 0;
        let name = JwtSecret::place(0).row;
        let jwt = match next {
            NextJwt::Generated => {
                let secret = JwtSecret::generate()?;
                let mut cell = change.next_setting_cell(name).await?;
                cell.sealed = self.vault.seal(cell.place(), secret.expose().as_bytes())?;
                change.set_setting_cell(&cell).await?;
                cells += 1;
                secret
            }
            NextJwt::Configured(secret) => {
                change.remove_setting(name).await?;
                secret
            }
            NextJwt::Same => JwtSecret::clone(&self.jwt),
        };
        let (old, new) = (JwtKey::new(&self.jwt), JwtKey::new(&jwt));
        let held = change.setting_cell(DataKey::place(0).row).await?;
        let held = held.ok_or_else(|| RegistryError::Missing("data key".to_owned()))?;
        let (version, sealed) = if new_data_key {
            let key = DataKey::generate()?;
            cells += self.reseal_data(change, &DataVault::new(&key)).await?;
            (held.version + 1, key.seal(&new, held.version + 1)?)
        } else {
            rewrap(&old, &new, held.version, &held.sealed)?
        };
        change.set_setting_cell(&Cell { sealed, ..empty(&held.row, version) }).await?;
        Ok(Rotation { cells: cells + 1, sessions: change.end_every_session().await? })
    }

    async fn reseal_data(&self, change: &mut Change, new: &DataVault) -> Result<usize, OpenError> {
        let mut cells = change.setting_cells().await?;
        cells.retain(|cell| sealed_under(cell) == SealedUnder::Data);
        for cell in &cells {
            let (version, sealed) = self.data.reseal(new, cell.place(), &cell.sealed)?;
            change.set_setting_cell(&Cell { sealed, ..empty(&cell.row, version) }).await?;
        }
        let sources = change.sources().await?;
        let credentials: Vec<Cell> = sources.into_iter().filter_map(|source| source.credentials).collect();
        for cell in &credentials {
            let (version, sealed) = self.data.reseal(new, cell.place(), &cell.sealed)?;
            change.reseal_source(&Cell { version, sealed, ..cell.clone() }).await?;
        }
        Ok(cells.len() + credentials.len())
    }
}

/// They would serve on with keys that open nothing.
async fn refuse_while_running(change: &mut Change) -> Result<(), RegistryError> {
    let running = change.instances().await?;
    if running.is_empty() {
        return Ok(());
    }
    let hosts: Vec<_> = running.iter().map(|instance| instance.host.as_str()).collect();
    let (count, hosts) = (running.len(), hosts.join(", "));
    Err(RegistryError::Refused(format!(
        "{count} instances are running ({hosts}) and hold the old secret: stop them first; one that was killed counts \
         for 30 seconds; nothing was changed"
    )))
}
