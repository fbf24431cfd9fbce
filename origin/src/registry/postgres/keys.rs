//! Table `api_keys`.

use deadpool_postgres::{GenericClient, Transaction};
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;
use tokio_postgres::Row;

use crate::registry::rows::{KEY_COLUMNS, KeyRow, changed_key, columns};
use crate::registry::{Key, RegistryError};

pub(super) async fn list(db: &impl GenericClient, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
    let sql = format!(
        "SELECT {} FROM api_keys WHERE $1::TEXT IS NULL OR project = $1 ORDER BY created_at, public_key",
        columns(&KEY_COLUMNS, "")
    );
    let statement = db.prepare_cached(&sql).await?;
    let rows = db.query(&statement, &[&project.map(Slug::as_str)]).await?;
    rows.iter().map(|row| read(row)?.key()).collect()
}

pub(super) async fn insert(db: &Transaction<'_>, key: &Key, now_millis: u64) -> Result<(), RegistryError> {
    let project = db.prepare_cached("SELECT 1 FROM projects WHERE slug = $1 FOR KEY SHARE").await?;
    let has_project = db.query_opt(&project, &[&key.project.as_str()]).await?.is_some();
    if !has_project {
        return Err(RegistryError::Missing(format!("project {}", key.project)));
    }
    let row = KeyRow::of(&Key { version: now_millis, created_at: now_millis, ..key.clone() })?;
    let sql = format!(
        "INSERT INTO api_keys ({}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (public_key) DO NOTHING",
        columns(&KEY_COLUMNS, "")
    );
    let statement = db.prepare_cached(&sql).await?;
    let inserted = db
        .execute(
            &statement,
            &[
                &row.public_key,
                &row.project,
                &row.name,
                &row.sealed,
                &row.cell_version,
                &row.state,
                &row.not_after,
                &row.limits,
                &row.policy,
                &row.version,
                &row.created_at,
            ],
        )
        .await?;
    if inserted == 0 { Err(RegistryError::Exists(format!("key {}", key.public_key))) } else { Ok(()) }
}

/// Creates the key, or changes what may change; an equal key keeps its version.
pub(super) async fn put(db: &Transaction<'_>, key: &Key, now_millis: u64) -> Result<(), RegistryError> {
    match locked(db, key.public_key).await? {
        Some(stored) => update(db, &stored, key, now_millis).await,
        None => insert(db, key, now_millis).await,
    }
}

pub(super) async fn set_state(
    db: &Transaction<'_>,
    key: PublicKey,
    state: KeyState,
    now_millis: u64,
) -> Result<(), RegistryError> {
    let stored = existing(db, key).await?;
    update(db, &stored, &Key { state, ..stored.clone() }, now_millis).await
}

/// Gives an active key its last second.
pub(super) async fn end(db: &Transaction<'_>, key: PublicKey, last: u64, now_millis: u64) -> Result<(), RegistryError> {
    let stored = existing(db, key).await?;
    update(db, &stored, &stored.clone().ending(last)?, now_millis).await
}

async fn existing(db: &Transaction<'_>, key: PublicKey) -> Result<Key, RegistryError> {
    locked(db, key).await?.ok_or_else(|| RegistryError::Missing(format!("key {key}")))
}

/// The key as the last transaction left it; nobody else changes it before this one ends.
async fn locked(db: &Transaction<'_>, key: PublicKey) -> Result<Option<Key>, RegistryError> {
    let sql = format!("SELECT {} FROM api_keys WHERE public_key = $1 FOR UPDATE", columns(&KEY_COLUMNS, ""));
    let statement = db.prepare_cached(&sql).await?;
    let row = db.query_opt(&statement, &[&key.to_string()]).await?;
    row.map(|row| read(&row)?.key()).transpose()
}

async fn update(db: &Transaction<'_>, stored: &Key, wanted: &Key, now_millis: u64) -> Result<(), RegistryError> {
    let Some(changed) = changed_key(stored, wanted, now_millis)? else {
        return Ok(());
    };
    let row = KeyRow::of(&changed)?;
    let statement = db
        .prepare_cached(
            "UPDATE api_keys SET name = $2, state = $3, not_after = $4, limits = $5, policy = $6, version = $7 \
             WHERE public_key = $1",
        )
        .await?;
    db.execute(
        &statement,
        &[&row.public_key, &row.name, &row.state, &row.not_after, &row.limits, &row.policy, &row.version],
    )
    .await?;
    Ok(())
}

/// Reads [`KEY_COLUMNS`], which stand first in the row.
pub(super) fn read(row: &Row) -> Result<KeyRow, RegistryError> {
    Ok(KeyRow {
        public_key: row.try_get(0)?,
        project: row.try_get(1)?,
        name: row.try_get(2)?,
        sealed: row.try_get(3)?,
        cell_version: row.try_get(4)?,
        state: row.try_get(5)?,
        not_after: row.try_get(6)?,
        limits: row.try_get(7)?,
        policy: row.try_get(8)?,
        version: row.try_get(9)?,
        created_at: row.try_get(10)?,
    })
}
