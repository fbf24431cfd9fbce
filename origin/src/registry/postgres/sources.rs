//! Table `sources`.

use deadpool_postgres::{GenericClient, Transaction};
use tokio_postgres::Row;

use super::projects;
use crate::registry::rows::{SourceRow, changed_source, signed};
use crate::registry::{RegistryError, StoredSource};

pub(super) async fn list(db: &impl GenericClient) -> Result<Vec<StoredSource>, RegistryError> {
    let statement = db.prepare_cached("SELECT name, kind, location, version FROM sources ORDER BY name").await?;
    let rows = db.query(&statement, &[]).await?;
    rows.iter().map(read).collect()
}

/// Creates the source, or changes it; an equal one keeps its version.
pub(super) async fn put(db: &Transaction<'_>, source: &StoredSource, now_millis: u64) -> Result<(), RegistryError> {
    let statement = db
        .prepare_cached("SELECT name, kind, location, version FROM sources WHERE name = $1 FOR NO KEY UPDATE")
        .await?;
    let row = db.query_opt(&statement, &[&source.name.as_str()]).await?;
    let stored = row.map(|row| read(&row)).transpose()?;
    let Some(changed) = changed_source(stored.as_ref(), source, now_millis) else {
        return Ok(());
    };
    let statement = db
        .prepare_cached(
            "INSERT INTO sources (name, kind, location, version) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (name) DO UPDATE SET kind = $2, location = $3, version = $4",
        )
        .await?;
    db.execute(
        &statement,
        &[&changed.name.as_str(), &changed.kind.as_str(), &changed.location, &signed(changed.version)],
    )
    .await?;
    projects::touch_users_of(db, &source.name, now_millis).await
}

fn read(row: &Row) -> Result<StoredSource, RegistryError> {
    let row =
        SourceRow { name: row.try_get(0)?, kind: row.try_get(1)?, location: row.try_get(2)?, version: row.try_get(3)? };
    row.source()
}
