//! Table `edge_outbox`: records on their way to the edge, and when everything was last renewed, in `settings`.

use std::fmt;

use sealpix::envelope::Kind;
use sealpix::key::PublicKey;
use sealpix::target::Slug;

use super::database::values;
use super::{Change, Query, Registry, RegistryError, parsed, settings};

/// The setting that says, in unix milliseconds, when every record was last queued for renewal.
const RENEWED: &str = "edge.renewed_at";

/// What a newer change does to an older row; a lease stands, so that one name is sent by one sender at a time.
const REPLACE: &str = "ON CONFLICT (name) DO UPDATE SET version = excluded.version, queued_at = CASE WHEN \
     edge_outbox.queued_at >= excluded.queued_at THEN edge_outbox.queued_at + 1 ELSE excluded.queued_at END, \
     attempts = 0, next_try = excluded.next_try";

/// A record's name, `key:pk_…` or `project:my-app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordName {
    /// A key's record.
    Key(PublicKey),
    /// A project's record.
    Project(Slug),
}

impl RecordName {
    /// Reads the form above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("key", key) => PublicKey::parse(key).ok().map(Self::Key),
            ("project", slug) => Slug::new(slug).map(Self::Project),
            _ => None,
        }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(out, "{}:{key}", Kind::Key.as_str()),
            Self::Project(slug) => write!(out, "{}:{slug}", Kind::Project.as_str()),
        }
    }
}

/// A row of the outbox, leased to who holds this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The record to be pushed.
    pub name: RecordName,
    /// Its version when the row was written; the record may be newer by now.
    pub version: u64,
    /// Unix milliseconds; rises each time the row is written again.
    pub queued_at: u64,
    /// Pushes of it that failed.
    pub attempts: u32,
}

/// Queues a changed record, in the transaction of its change.
pub(super) async fn queue(change: &mut Change, name: &RecordName, version: u64) -> Result<(), RegistryError> {
    let sql = format!("INSERT INTO edge_outbox (name, version, queued_at, next_try) VALUES ($1, $2, $3, $3) {REPLACE}");
    let now = change.now();
    change.execute(&sql, values![name.to_string(), version, now]).await?;
    change.has_queued = true;
    Ok(())
}

/// Queues every record.
pub(super) async fn queue_all(change: &mut Change) -> Result<(), RegistryError> {
    let now = change.now();
    for (kind, column, table) in [("key", "public_key", "api_keys"), ("project", "slug", "projects")] {
        let sql = format!(
            "INSERT INTO edge_outbox (name, version, queued_at, next_try) \
             SELECT '{kind}:' || {column}, version, $1, $1 FROM {table} WHERE true {REPLACE}"
        );
        change.execute(&sql, values![now]).await?;
    }
    change.has_queued = true;
    Ok(())
}

impl Registry {
    /// How many records wait.
    pub async fn outbox_len(&self) -> Result<u64, RegistryError> {
        let row = self.reading().row("SELECT count(*) FROM edge_outbox", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.get(0))
    }

    /// Whether a record is due and not leased.
    pub async fn is_outbox_due(&self, now_millis: u64) -> Result<bool, RegistryError> {
        let sql = "SELECT 1 FROM edge_outbox WHERE next_try <= $1 AND leased_until <= $1 LIMIT 1";
        Ok(self.reading().row(sql, values![now_millis]).await?.is_some())
    }

    /// Whether a record waits.
    pub async fn is_waiting(&self, name: &RecordName) -> Result<bool, RegistryError> {
        let sql = "SELECT 1 FROM edge_outbox WHERE name = $1";
        Ok(self.reading().row(sql, values![name.to_string()]).await?.is_some())
    }
}

impl Change {
    /// Leases up to `most` records that are due and not leased, until `until_millis`, the longest waiting first.
    pub async fn lease_outbox(&mut self, most: u32, until_millis: u64) -> Result<Vec<Waiting>, RegistryError> {
        let sql = "UPDATE edge_outbox SET leased_until = $2 WHERE name IN (SELECT name FROM edge_outbox \
                   WHERE next_try <= $1 AND leased_until <= $1 ORDER BY next_try, name LIMIT $3) \
                   RETURNING name, version, queued_at, attempts";
        let now = self.now();
        let rows = self.rows(sql, values![now, until_millis, most]).await?;
        let read = |row: &super::database::Row| {
            let name = row.parsed(0, "name in the outbox", RecordName::parse)?;
            Ok(Waiting { name, version: row.get(1)?, queued_at: row.get(2)?, attempts: row.get(3)? })
        };
        rows.iter().map(read).collect()
    }

    /// The edge holds `version`: the row goes, unless something newer was queued meanwhile; the lease ends.
    pub async fn finish_outbox(&mut self, sent: &Waiting, version: u64) -> Result<(), RegistryError> {
        let sql = "DELETE FROM edge_outbox WHERE name = $1 AND version <= $2 AND queued_at <= $3";
        self.execute(sql, values![sent.name.to_string(), version, sent.queued_at]).await?;
        self.end_lease(sent).await
    }

    /// The push failed: the row waits until `next_try`, unless something newer was queued meanwhile; the lease ends.
    pub async fn put_off_outbox(&mut self, sent: &Waiting, next_try: u64) -> Result<(), RegistryError> {
        let sql = "UPDATE edge_outbox SET attempts = attempts + 1, next_try = $3 WHERE name = $1 AND queued_at = $2";
        self.execute(sql, values![sent.name.to_string(), sent.queued_at, next_try]).await?;
        self.end_lease(sent).await
    }

    async fn end_lease(&mut self, sent: &Waiting) -> Result<(), RegistryError> {
        let sql = "UPDATE edge_outbox SET leased_until = 0 WHERE name = $1";
        self.execute(sql, values![sent.name.to_string()]).await.map(|_| ())
    }

    /// Queues records, with their versions, that the edge may lack; what waits already is left as it is.
    pub async fn queue_missing(&mut self, names: &[(RecordName, u64)]) -> Result<(), RegistryError> {
        let sql = "INSERT INTO edge_outbox (name, version, queued_at, next_try) VALUES ($1, $2, $3, $3) \
                   ON CONFLICT (name) DO NOTHING";
        let now = self.now();
        for (name, version) in names {
            self.execute(sql, values![name.to_string(), *version, now]).await?;
        }
        self.has_queued = true;
        Ok(())
    }

    /// Queues every record, if that was last done at `before` (unix milliseconds) or earlier, or never. Whether it was.
    pub async fn renew_outbox(&mut self, before: u64) -> Result<bool, RegistryError> {
        let held = settings::value(self, RENEWED).await?;
        let renewed = held.map(|text| parsed(text.parse::<u64>().ok(), RENEWED)).transpose()?;
        if renewed.is_some_and(|renewed| renewed > before) {
            return Ok(false);
        }
        queue_all(self).await?;
        let now = self.now();
        settings::put_value(self, RENEWED, &now.to_string()).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        for text in ["key:pk_ZGVmZ2hpamtsbW5vcHFycw", "project:my-app"] {
            assert_eq!(RecordName::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "key", "key:", "key:sk_a", "project:api", "preset:a", "project:my-app "] {
            assert_eq!(RecordName::parse(text), None, "{text}");
        }
    }
}
