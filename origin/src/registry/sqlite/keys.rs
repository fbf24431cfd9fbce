//! Table `api_keys`.

use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;

use crate::registry::rows::{KEY_COLUMNS, KeyRow, changed_key, columns};
use crate::registry::{Key, RegistryError};

pub(super) fn find(db: &Transaction<'_>, key: PublicKey) -> Result<Option<Key>, RegistryError> {
    let sql = format!("SELECT {} FROM api_keys WHERE public_key = ?1", columns(&KEY_COLUMNS, ""));
    let row = db.prepare_cached(&sql)?.query_row([key.to_string()], read).optional()?;
    row.map(KeyRow::key).transpose()
}

pub(super) fn list(db: &Transaction<'_>, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
    let sql = format!(
        "SELECT {} FROM api_keys WHERE ?1 IS NULL OR project = ?1 ORDER BY created_at, public_key",
        columns(&KEY_COLUMNS, "")
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([project.map(Slug::as_str)], read)?;
    rows.map(|row| row?.key()).collect()
}

pub(super) fn insert(db: &Transaction<'_>, key: &Key, now_millis: u64) -> Result<(), RegistryError> {
    if find(db, key.public_key)?.is_some() {
        return Err(RegistryError::Exists(format!("key {}", key.public_key)));
    }
    if super::projects::find(db, &key.project)?.is_none() {
        return Err(RegistryError::Missing(format!("project {}", key.project)));
    }
    let row = KeyRow::of(&Key { version: now_millis, created_at: now_millis, ..key.clone() })?;
    db.prepare_cached(&format!(
        "INSERT INTO api_keys ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        columns(&KEY_COLUMNS, "")
    ))?
    .execute(params![
        row.public_key,
        row.project,
        row.name,
        row.sealed,
        row.cell_version,
        row.state,
        row.not_after,
        row.limits,
        row.policy,
        row.version,
        row.created_at,
    ])?;
    Ok(())
}

/// Creates the key, or changes what may change; an equal key keeps its version.
pub(super) fn put(db: &Transaction<'_>, key: &Key, now_millis: u64) -> Result<(), RegistryError> {
    match find(db, key.public_key)? {
        Some(stored) => update(db, &stored, key, now_millis),
        None => insert(db, key, now_millis),
    }
}

pub(super) fn set_state(
    db: &Transaction<'_>,
    key: PublicKey,
    state: KeyState,
    now_millis: u64,
) -> Result<(), RegistryError> {
    let stored = existing(db, key)?;
    update(db, &stored, &Key { state, ..stored.clone() }, now_millis)
}

/// Gives an active key its last second.
pub(super) fn end(db: &Transaction<'_>, key: PublicKey, last: u64, now_millis: u64) -> Result<(), RegistryError> {
    let stored = existing(db, key)?;
    update(db, &stored, &stored.clone().ending(last)?, now_millis)
}

fn existing(db: &Transaction<'_>, key: PublicKey) -> Result<Key, RegistryError> {
    find(db, key)?.ok_or_else(|| RegistryError::Missing(format!("key {key}")))
}

fn update(db: &Transaction<'_>, stored: &Key, wanted: &Key, now_millis: u64) -> Result<(), RegistryError> {
    let Some(changed) = changed_key(stored, wanted, now_millis)? else {
        return Ok(());
    };
    let row = KeyRow::of(&changed)?;
    db.prepare_cached(
        "UPDATE api_keys SET name = ?2, state = ?3, not_after = ?4, limits = ?5, policy = ?6, version = ?7 \
         WHERE public_key = ?1",
    )?
    .execute(params![row.public_key, row.name, row.state, row.not_after, row.limits, row.policy, row.version])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        public_key: row.get(0)?,
        project: row.get(1)?,
        name: row.get(2)?,
        sealed: row.get(3)?,
        cell_version: row.get(4)?,
        state: row.get(5)?,
        not_after: row.get(6)?,
        limits: row.get(7)?,
        policy: row.get(8)?,
        version: row.get(9)?,
        created_at: row.get(10)?,
    })
}
