//! Table `edge_links`.

use super::database::{Row, values};
use super::{Cell, Change, EdgeLink, Query, Registry, RegistryError, outbox};

pub(super) async fn list(db: &mut impl Query) -> Result<Vec<EdgeLink>, RegistryError> {
    let sql = "SELECT id, secret_cell, cell_version, is_current, created_at FROM edge_links \
               ORDER BY is_current DESC, created_at DESC";
    db.rows(sql, Vec::new()).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<EdgeLink, RegistryError> {
    let id: String = row.get(0)?;
    let secret =
        Cell { table: "edge_links", row: id.clone(), column: "secret_cell", version: row.get(2)?, sealed: row.get(1)? };
    Ok(EdgeLink { id, secret, is_current: row.get(3)?, created_at: row.get(4)? })
}

async fn insert(change: &mut Change, link: &EdgeLink) -> Result<(), RegistryError> {
    let sql =
        "INSERT INTO edge_links (id, secret_cell, cell_version, is_current, created_at) VALUES ($1, $2, $3, $4, $5)";
    let values =
        values![link.id.as_str(), link.secret.sealed.as_str(), link.secret.version, link.is_current, link.created_at,];
    change.execute(sql, values).await.map(|_| ())
}

impl Registry {
    /// The edge links in use, the current one first.
    pub async fn edge_links(&self) -> Result<Vec<EdgeLink>, RegistryError> {
        list(&mut self.reading()).await
    }
}

impl Change {
    /// The edge links as they stand in this change, the current one first.
    pub async fn edge_links(&mut self) -> Result<Vec<EdgeLink>, RegistryError> {
        list(self).await
    }

    /// Adds the first edge link.
    pub async fn add_edge_link(&mut self, link: &EdgeLink) -> Result<(), RegistryError> {
        if !list(self).await?.is_empty() {
            return Err(RegistryError::Exists("an edge link".to_owned()));
        }
        insert(self, link).await?;
        self.note("edge_link.create", format!("edge link {}", link.id), None, None);
        Ok(())
    }

    /// Adds a new link, which becomes the current one once the edge has it; one that never did is replaced. Refused
    /// while a previous one is left. `compromised`: every other link goes at once, the new one is current, and
    /// everything is queued.
    pub async fn rotate_edge_link(&mut self, new: &EdgeLink, compromised: bool) -> Result<(), RegistryError> {
        let held = list(self).await?;
        let current = held.iter().find(|link| link.is_current);
        let current = current.ok_or_else(|| RegistryError::Missing("edge link".to_owned()))?;
        // By their age alone is a link the next one or the previous one.
        let created_at = self.now().max(current.created_at + 1);
        if !compromised && held.iter().any(|link| link.created_at < current.created_at) {
            return Err(RegistryError::Exists("a previous edge link".to_owned()));
        }
        let gone = if compromised { "DELETE FROM edge_links" } else { "DELETE FROM edge_links WHERE is_current = 0" };
        self.execute(gone, Vec::new()).await?;
        insert(self, &EdgeLink { is_current: compromised, created_at, ..new.clone() }).await?;
        if compromised {
            outbox::queue_all(self).await?;
        }
        let after = serde_json::json!({ "compromised": compromised });
        self.note("edge_link.rotate", format!("edge link {}", new.id), None, Some(after));
        Ok(())
    }

    /// The edge has link `id`: if that is newer than the current one, it becomes the current one, and everything is
    /// queued. Whether it did.
    pub async fn adopt_edge_link(&mut self, id: &str) -> Result<bool, RegistryError> {
        let held = list(self).await?;
        let current = held.iter().find(|link| link.is_current);
        let next = held.iter().find(|link| link.id == id);
        let (Some(current), Some(next)) = (current, next) else { return Ok(false) };
        if next.created_at <= current.created_at {
            return Ok(false);
        }
        let sql = "UPDATE edge_links SET is_current = CASE WHEN id = $1 THEN 1 ELSE 0 END";
        self.execute(sql, values![id]).await?;
        outbox::queue_all(self).await?;
        self.note("edge_link.adopt", format!("edge link {id}"), None, None);
        Ok(true)
    }

    /// Removes the links older than the current one. How many there were.
    pub async fn retire_edge_links(&mut self) -> Result<u64, RegistryError> {
        let sql = "DELETE FROM edge_links WHERE created_at < (SELECT created_at FROM edge_links WHERE is_current = 1)";
        let removed = self.execute(sql, Vec::new()).await?;
        if removed > 0 {
            self.note("edge_link.retire", "previous edge link", None, None);
        }
        Ok(removed)
    }

    /// Stores a link's secret sealed anew.
    pub async fn reseal_edge_link(&mut self, cell: &Cell) -> Result<(), RegistryError> {
        let sql = "UPDATE edge_links SET secret_cell = $2, cell_version = $3 WHERE id = $1";
        self.execute(sql, values![cell.row.as_str(), cell.sealed.as_str(), cell.version]).await.map(|_| ())
    }
}
