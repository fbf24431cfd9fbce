//! Table `api_keys`.

use rusqlite::{OptionalExtension as _, Row, Transaction, named_params, params};
use sealpix::key::PublicKey;
use sealpix::record::KeyState;
use sealpix::target::Slug;

use super::{json, next_version, outbox, parsed, signed, to_json, unsigned};
use crate::registry::{Cell, Key, RecordName, RegistryError};

const COLUMNS: &str = "public_key, project, name, secret_cell, cell_version, state, not_after, limits, policy, \
                       version, created_at";

pub(super) fn find(db: &Transaction<'_>, key: PublicKey) -> Result<Option<Key>, RegistryError> {
    let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE public_key = ?1");
    let row = db.prepare_cached(&sql)?.query_row([key.to_string()], read).optional()?;
    row.transpose()
}

pub(super) fn list(db: &Transaction<'_>, project: Option<&Slug>) -> Result<Vec<Key>, RegistryError> {
    let sql =
        format!("SELECT {COLUMNS} FROM api_keys WHERE ?1 IS NULL OR project = ?1 ORDER BY created_at, public_key");
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map([project.map(Slug::as_str)], read)?;
    rows.map(|row| row?).collect()
}

pub(super) fn insert(db: &Transaction<'_>, key: &Key, now_millis: u64) -> Result<(), RegistryError> {
    if find(db, key.public_key)?.is_some() {
        return Err(RegistryError::Exists(format!("key {}", key.public_key)));
    }
    if super::projects::find(db, &key.project)?.is_none() {
        return Err(RegistryError::Missing(format!("project {}", key.project)));
    }
    db.prepare_cached(&format!(
        "INSERT INTO api_keys ({COLUMNS}) VALUES (:key, :project, :name, :cell, :cell_version, :state, :not_after, \
         :limits, :policy, :now, :now)"
    ))?
    .execute(named_params! {
        ":key": key.public_key.to_string(),
        ":project": key.project.as_str(),
        ":name": key.name,
        ":cell": key.secret.sealed,
        ":cell_version": signed(key.secret.version),
        ":state": state_text(key.state),
        ":not_after": key.not_after.map(signed),
        ":limits": to_json(&key.limits)?,
        ":policy": to_json(&key.policy)?,
        ":now": signed(now_millis),
    })?;
    outbox::queue(db, &RecordName::Key(key.public_key), now_millis, now_millis)
}

/// Creates the key, or changes what may change; an equal key keeps its version.
pub(super) fn put(db: &Transaction<'_>, key: &Key, now_millis: u64) -> Result<(), RegistryError> {
    let Some(stored) = find(db, key.public_key)? else {
        return insert(db, key, now_millis);
    };
    let key = key.clone().changing(&stored)?;
    if key == stored {
        return Ok(());
    }
    let version = next_version(stored.version, now_millis);
    db.execute(
        "UPDATE api_keys SET name = ?2, state = ?3, not_after = ?4, limits = ?5, policy = ?6, version = ?7 \
         WHERE public_key = ?1",
        params![
            key.public_key.to_string(),
            key.name,
            state_text(key.state),
            key.not_after.map(signed),
            to_json(&key.limits)?,
            to_json(&key.policy)?,
            signed(version),
        ],
    )?;
    outbox::queue(db, &RecordName::Key(key.public_key), version, now_millis)
}

pub(super) fn set_state(
    db: &Transaction<'_>,
    key: PublicKey,
    state: KeyState,
    now_millis: u64,
) -> Result<(), RegistryError> {
    let stored = find(db, key)?.ok_or_else(|| RegistryError::Missing(format!("key {key}")))?;
    put(db, &Key { state, ..stored }, now_millis)
}

/// Gives an active key its last second.
pub(super) fn end(db: &Transaction<'_>, key: PublicKey, last: u64, now_millis: u64) -> Result<(), RegistryError> {
    let stored = find(db, key)?.ok_or_else(|| RegistryError::Missing(format!("key {key}")))?;
    put(db, &stored.ending(last)?, now_millis)
}

fn state_text(state: KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Revoked => "revoked",
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Key, RegistryError>> {
    let public_key: String = row.get(0)?;
    let project: String = row.get(1)?;
    let name = row.get(2)?;
    let sealed = row.get(3)?;
    let cell_version = unsigned(row.get(4)?);
    let state: String = row.get(5)?;
    let not_after = row.get::<_, Option<i64>>(6)?.map(unsigned);
    let (limits, policy): (String, String) = (row.get(7)?, row.get(8)?);
    let (version, created_at) = (unsigned(row.get(9)?), unsigned(row.get(10)?));
    let key = || {
        Ok(Key {
            public_key: parsed(PublicKey::parse(&public_key).ok(), "key")?,
            project: parsed(Slug::new(&project), "key's project")?,
            secret: Cell { table: "api_keys", row: public_key, column: "secret_cell", version: cell_version, sealed },
            state: match state.as_str() {
                "active" => KeyState::Active,
                "revoked" => KeyState::Revoked,
                _ => return Err(RegistryError::Unreadable("key's state".to_owned())),
            },
            limits: json(&limits, "key's limits")?,
            policy: json(&policy, "key's policy")?,
            name,
            not_after,
            version,
            created_at,
        })
    };
    Ok(key())
}
