//! Table `sources`.

use sealpix::operations::Name;
use serde_json::json;

use super::database::{Row, values};
use super::{Change, Query, Registry, RegistryError, SourceKind, StoredSource, next_version};

async fn list(db: &mut impl Query) -> Result<Vec<StoredSource>, RegistryError> {
    let rows = db.rows("SELECT name, kind, location, version FROM sources", Vec::new()).await?;
    let mut sources: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
    sources.sort_by(|a: &StoredSource, b| a.name.as_str().cmp(b.name.as_str()));
    Ok(sources)
}

fn read(row: &Row) -> Result<StoredSource, RegistryError> {
    let kind = |text: &str| match text {
        "file" => Some(SourceKind::File),
        "http" => Some(SourceKind::Http),
        _ => None,
    };
    Ok(StoredSource {
        name: row.parsed(0, "source", Name::new)?,
        kind: row.parsed(1, "source's kind", kind)?,
        location: row.get(2)?,
        version: row.get(3)?,
    })
}

fn described(source: &StoredSource) -> serde_json::Value {
    json!({ "kind": source.kind.as_str(), "location": source.location })
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
        let sql = "INSERT INTO sources (name, kind, location, version) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (name) DO UPDATE SET kind = $2, location = $3, version = $4";
        let version = next_version(previous, self.now());
        let values = values![wanted.name.as_str(), wanted.kind.as_str(), wanted.location.as_str(), version];
        self.execute(sql, values).await?;
        self.touch_users_of(&source.name).await?;
        let action = if stored.is_some() { "source.change" } else { "source.create" };
        let before = stored.as_ref().map(described);
        self.note(action, format!("source @{}", source.name), before, Some(described(&wanted)));
        Ok(())
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
