//! Table `edge_outbox`, and when everything was last renewed in `settings`.

use rusqlite::{OptionalExtension as _, Transaction, params};

use super::{parsed, signed, unsigned};
use crate::registry::{RecordName, RegistryError, Waiting};

/// The setting that says, in unix milliseconds, when every record was last queued for renewal.
const RENEWED: &str = "edge.renewed_at";

/// What a newer change does to an older row; a lease stands, so that one name is sent by one sender at a time.
const REPLACE: &str = "ON CONFLICT (name) DO UPDATE SET version = excluded.version, \
                       queued_at = max(queued_at + 1, excluded.queued_at), attempts = 0, next_try = excluded.next_try";

/// Queues a changed record, in the transaction of its change.
pub(super) fn queue(
    db: &Transaction<'_>,
    name: &RecordName,
    version: u64,
    now_millis: u64,
) -> Result<(), RegistryError> {
    db.prepare_cached(&format!(
        "INSERT INTO edge_outbox (name, version, queued_at, next_try) VALUES (?1, ?2, ?3, ?3) {REPLACE}"
    ))?
    .execute(params![name.to_string(), signed(version), signed(now_millis)])?;
    Ok(())
}

/// Queues every record.
pub(super) fn queue_all(db: &Transaction<'_>, now_millis: u64) -> Result<(), RegistryError> {
    for (kind, column, table) in [("key", "public_key", "api_keys"), ("project", "slug", "projects")] {
        db.execute(
            &format!(
                "INSERT INTO edge_outbox (name, version, queued_at, next_try) \
                 SELECT '{kind}:' || {column}, version, ?1, ?1 FROM {table} WHERE true {REPLACE}"
            ),
            [signed(now_millis)],
        )?;
    }
    Ok(())
}

/// Queues records that the edge may lack; what waits already waits on.
pub(super) fn queue_missing(
    db: &Transaction<'_>,
    names: &[(RecordName, u64)],
    now_millis: u64,
) -> Result<(), RegistryError> {
    for (name, version) in names {
        db.execute(
            "INSERT INTO edge_outbox (name, version, queued_at, next_try) VALUES (?1, ?2, ?3, ?3) \
             ON CONFLICT (name) DO NOTHING",
            params![name.to_string(), signed(*version), signed(now_millis)],
        )?;
    }
    Ok(())
}

/// Queues every record if that was last done at `before` or earlier, or never.
pub(super) fn renew(db: &Transaction<'_>, before: u64, now_millis: u64) -> Result<bool, RegistryError> {
    let sql = "SELECT value FROM settings WHERE name = ?1";
    let held: Option<String> = db.prepare_cached(sql)?.query_row([RENEWED], |row| row.get(0)).optional()?.flatten();
    if held.and_then(|text| text.parse::<u64>().ok()).is_some_and(|renewed| renewed > before) {
        return Ok(false);
    }
    queue_all(db, now_millis)?;
    db.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![RENEWED, now_millis.to_string()],
    )?;
    Ok(true)
}

/// Leases rows that are due, the longest waiting first.
pub(super) fn lease(
    db: &Transaction<'_>,
    most: u32,
    until_millis: u64,
    now_millis: u64,
) -> Result<Vec<Waiting>, RegistryError> {
    let mut statement = db.prepare_cached(
        "UPDATE edge_outbox SET leased_until = ?2 WHERE name IN (SELECT name FROM edge_outbox \
         WHERE next_try <= ?1 AND leased_until <= ?1 ORDER BY next_try, name LIMIT ?3) \
         RETURNING name, version, queued_at, attempts",
    )?;
    let rows = statement.query_map(params![signed(now_millis), signed(until_millis), most], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, u32>(3)?))
    })?;
    rows.map(|row| {
        let (name, version, queued_at, attempts) = row?;
        let name = parsed(RecordName::parse(&name), "name in the outbox")?;
        Ok(Waiting { name, version: unsigned(version), queued_at: unsigned(queued_at), attempts })
    })
    .collect()
}

/// Takes the row out if nothing newer was queued meanwhile; ends the lease either way.
pub(super) fn finish(db: &Transaction<'_>, sent: &Waiting, version: u64) -> Result<(), RegistryError> {
    let name = sent.name.to_string();
    db.execute(
        "DELETE FROM edge_outbox WHERE name = ?1 AND version <= ?2 AND queued_at <= ?3",
        params![name, signed(version), signed(sent.queued_at)],
    )?;
    db.execute("UPDATE edge_outbox SET leased_until = 0 WHERE name = ?1", [name])?;
    Ok(())
}

/// Leaves the row for `next_try`, unless something newer was queued meanwhile; ends the lease either way.
pub(super) fn put_off(db: &Transaction<'_>, sent: &Waiting, next_try: u64) -> Result<(), RegistryError> {
    let name = sent.name.to_string();
    db.execute(
        "UPDATE edge_outbox SET attempts = attempts + 1, next_try = ?3 WHERE name = ?1 AND queued_at = ?2",
        params![name, signed(sent.queued_at), signed(next_try)],
    )?;
    db.execute("UPDATE edge_outbox SET leased_until = 0 WHERE name = ?1", [name])?;
    Ok(())
}

/// How many rows wait.
pub(super) fn len(db: &Transaction<'_>) -> Result<u64, RegistryError> {
    Ok(unsigned(db.query_row("SELECT count(*) FROM edge_outbox", [], |row| row.get(0))?))
}
