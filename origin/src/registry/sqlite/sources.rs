//! Table `sources`.

use rusqlite::{Transaction, params};
use sealpix::operations::Name;

use super::{next_version, parsed, projects, signed, unsigned};
use crate::registry::{RegistryError, SourceKind, StoredSource};

pub(super) fn list(db: &Transaction<'_>) -> Result<Vec<StoredSource>, RegistryError> {
    let mut statement = db.prepare_cached("SELECT name, kind, location, version FROM sources ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, i64>(3)?))
    })?;
    rows.map(|row| {
        let (name, kind, location, version) = row?;
        let kind = match kind.as_str() {
            "file" => SourceKind::File,
            "http" => SourceKind::Http,
            _ => return Err(RegistryError::Unreadable("source's kind".to_owned())),
        };
        Ok(StoredSource { name: parsed(Name::new(&name), "source")?, kind, location, version: unsigned(version) })
    })
    .collect()
}

/// Creates the source, or changes it; an equal one keeps its version, so its cached pictures stay.
pub(super) fn put(db: &Transaction<'_>, source: &StoredSource, now_millis: u64) -> Result<(), RegistryError> {
    let stored = list(db)?.into_iter().find(|stored| stored.name == source.name);
    if stored.as_ref().is_some_and(|stored| StoredSource { version: stored.version, ..source.clone() } == *stored) {
        return Ok(());
    }
    let version = next_version(stored.map_or(0, |stored| stored.version), now_millis);
    db.execute(
        "INSERT INTO sources (name, kind, location, version) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (name) DO UPDATE SET kind = ?2, location = ?3, version = ?4",
        params![source.name.as_str(), source.kind.as_str(), source.location, signed(version)],
    )?;
    projects::touch_users_of(db, &source.name, now_millis)
}
