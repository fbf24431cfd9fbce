//! Table `sources`. Credentials are sealed by the caller, into the cell that this table gives.

use sealpix::operations::Name;
use serde_json::json;

use super::database::{Row, values};
use super::{Cell, Change, Query, Registry, RegistryError, SourceKind, StoredSource, next_version};

/// The place of a source's credentials.
fn cell_of(name: &str, version: u64, sealed: String) -> Cell {
    Cell { table: "sources", row: name.to_owned(), column: "credentials_cell", version, sealed }
}

pub(super) async fn list(db: &mut impl Query) -> Result<Vec<StoredSource>, RegistryError> {
    let sql = "SELECT name, kind, location, version, credentials_cell, cell_version FROM sources";
    let rows = db.rows(sql, Vec::new()).await?;
    let mut sources: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
    sources.sort_by(|a: &StoredSource, b| a.name.as_str().cmp(b.name.as_str()));
    Ok(sources)
}

fn read(row: &Row) -> Result<StoredSource, RegistryError> {
    let kind = |text: &str| match text {
        "file" => Some(SourceKind::File),
        "http" => Some(SourceKind::Http),
        "s3" => Some(SourceKind::S3),
        _ => None,
    };
    let name = row.parsed(0, "source", Name::new)?;
    let (sealed, cell_version) = (row.get::<Option<String>>(4)?, row.get(5)?);
    Ok(StoredSource {
        credentials: sealed.map(|sealed| cell_of(name.as_str(), cell_version, sealed)),
        name,
        kind: row.parsed(1, "source's kind", kind)?,
        location: row.get(2)?,
        version: row.get(3)?,
    })
}

fn described(source: &StoredSource) -> serde_json::Value {
    let mut shown = json!({ "kind": source.kind.as_str(), "location": source.location });
    if source.credentials.is_some() {
        shown["credentials"] = json!("(set)");
    }
    shown
}

impl Registry {
    /// The configured sources, in the order of their names' bytes.
    pub async fn sources(&self) -> Result<Vec<StoredSource>, RegistryError> {
        list(&mut self.reading()).await
    }
}

impl Change {
    /// The configured sources as they stand in this change.
    pub async fn sources(&mut self) -> Result<Vec<StoredSource>, RegistryError> {
        list(self).await
    }

    /// Creates the source, or changes it; an equal one keeps its version, so that its cached pictures stay.
    pub async fn put_source(&mut self, source: &StoredSource) -> Result<(), RegistryError> {
        let stored = list(self).await?.into_iter().find(|stored| stored.name == source.name);
        let previous = stored.as_ref().map_or(0, |stored| stored.version);
        let wanted = StoredSource { version: previous, ..source.clone() };
        if stored.as_ref() == Some(&wanted) {
            return Ok(());
        }
        // Without credentials the cell's version stays, so that no later cell has the version of an earlier one (SIG-12).
        let sql = "INSERT INTO sources (name, kind, location, version, credentials_cell, cell_version) \
                   VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO UPDATE SET kind = $2, location = $3, \
                   version = $4, credentials_cell = $5, cell_version = $6";
        let version = next_version(previous, self.now());
        let sealed = wanted.credentials.as_ref().map(|cell| cell.sealed.as_str());
        let cell_version = match &wanted.credentials {
            Some(cell) => cell.version,
            None => self.cell_version_of(&source.name).await?,
        };
        let (name, kind, location) = (wanted.name.as_str(), wanted.kind.as_str(), wanted.location.as_str());
        self.execute(sql, values![name, kind, location, version, sealed, cell_version]).await?;
        self.touch_users_of(&source.name).await?;
        let action = if stored.is_some() { "source.change" } else { "source.create" };
        let before = stored.as_ref().map(described);
        self.note(action, format!("source @{}", source.name), before, Some(described(&wanted)));
        Ok(())
    }

    async fn cell_version_of(&mut self, name: &Name) -> Result<u64, RegistryError> {
        let row = self.row("SELECT cell_version FROM sources WHERE name = $1", values![name.as_str()]).await?;
        row.map_or(Ok(0), |row| row.get(0))
    }

    /// An empty cell for a source's new credentials: its version is above every earlier one of the name. Seal into it,
    /// then [`Self::put_source`].
    pub async fn next_source_cell(&mut self, name: &Name) -> Result<Cell, RegistryError> {
        let held = self.cell_version_of(name).await?;
        Ok(cell_of(name.as_str(), next_version(held, self.now()), String::new()))
    }

    /// Stores credentials that were sealed anew; the source is the same, and its version stays.
    pub async fn reseal_source(&mut self, cell: &Cell) -> Result<(), RegistryError> {
        let sql = "UPDATE sources SET credentials_cell = $2, cell_version = $3 WHERE name = $1";
        self.execute(sql, values![cell.row.as_str(), cell.sealed.as_str(), cell.version]).await.map(|_| ())
    }

    /// Removes a source that no project may use.
    pub async fn remove_source(&mut self, name: &Name) -> Result<(), RegistryError> {
        let stored = list(self).await?.into_iter().find(|stored| stored.name == *name);
        let stored = stored.ok_or_else(|| RegistryError::Missing(format!("source @{name}")))?;
        let user = self.row("SELECT project FROM grants WHERE source = $1", values![name.as_str()]).await?;
        if let Some(user) = user {
            let project: String = user.get(0)?;
            return Err(RegistryError::Refused(format!("project {project} uses source @{name}")));
        }
        self.execute("DELETE FROM sources WHERE name = $1", values![name.as_str()]).await?;
        self.note("source.remove", format!("source @{name}"), Some(described(&stored)), None);
        Ok(())
    }
}
