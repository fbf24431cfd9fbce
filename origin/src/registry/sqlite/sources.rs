//! Table `sources`.

use rusqlite::{Transaction, params};

use super::projects;
use crate::registry::rows::{SourceRow, changed_source, signed};
use crate::registry::{RegistryError, StoredSource};

pub(super) fn list(db: &Transaction<'_>) -> Result<Vec<StoredSource>, RegistryError> {
    let mut statement = db.prepare_cached("SELECT name, kind, location, version FROM sources ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(SourceRow { name: row.get(0)?, kind: row.get(1)?, location: row.get(2)?, version: row.get(3)? })
    })?;
    rows.map(|row| row?.source()).collect()
}

/// Creates the source, or changes it; an equal one keeps its version.
pub(super) fn put(db: &Transaction<'_>, source: &StoredSource, now_millis: u64) -> Result<(), RegistryError> {
    let stored = list(db)?.into_iter().find(|stored| stored.name == source.name);
    let Some(changed) = changed_source(stored.as_ref(), source, now_millis) else {
        return Ok(());
    };
    db.execute(
        "INSERT INTO sources (name, kind, location, version) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET kind = ?2, location = ?3, version = ?4",
        params![changed.name.as_str(), changed.kind.as_str(), changed.location, signed(changed.version)],
    )?;
    projects::touch_users_of(db, &source.name, now_millis)
}
