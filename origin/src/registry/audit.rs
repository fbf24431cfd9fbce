//! Table `audit_log`: who did what, append-only, each entry's hash over the one before it.
//!
//! The hash is SHA-256 over the previous hash and the entry's fields, each behind its length. Pruning leaves a
//! checkpoint, the number and hash of the last entry removed, from which verification starts. Head and checkpoint are
//! settings; changes are one at a time, so the head is locked while it moves. The chain shows that an entry was
//! changed, removed or put in between; who can write the database can also make a new chain: export it elsewhere.

use std::fmt::Write as _;

use sealpix::encoding::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::database::{Row, values};
use super::{Change, Query, Registry, RegistryError, settings};

/// The setting with the number and hash of the newest entry.
const HEAD: &str = "audit.head";

/// The setting with the number and hash of the newest entry that was pruned.
pub(super) const CHECKPOINT: &str = "audit.checkpoint";

/// The hash before the first entry.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub(super) const COLUMNS: &str = "seq, at, action, actor_kind, actor, address, request_id, target, before, after, hash";

/// Entries read at a time while the chain is verified.
pub(super) const PAGE: u32 = 1_000;

/// What a change has done, before it is an entry.
pub(crate) struct Note {
    pub(super) action: &'static str,
    pub(super) target: String,
    pub(super) before: Option<Json>,
    pub(super) after: Option<Json>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number: 1, 2, 3, …
    pub seq: u64,
    /// When, in unix milliseconds.
    pub at: u64,
    /// What was done, such as `key.rotate`.
    pub action: String,
    /// What kind of actor did it.
    pub actor_kind: String,
    /// Who did it.
    pub actor: String,
    /// From where.
    pub address: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// To what, such as `key pk_…`.
    pub target: String,
    /// What it was before, as the text of a JSON value, without secrets.
    pub before: Option<String>,
    /// What it is after, as the text of a JSON value, without secrets.
    pub after: Option<String>,
    /// SHA-256 over this entry and the hash of the one before it, in hexadecimal.
    pub hash: String,
}

impl AuditEntry {
    pub(super) fn read(row: &Row) -> Result<Self, RegistryError> {
        Ok(Self {
            seq: row.get(0)?,
            at: row.get(1)?,
            action: row.get(2)?,
            actor_kind: row.get(3)?,
            actor: row.get(4)?,
            address: row.get(5)?,
            request_id: row.get(6)?,
            target: row.get(7)?,
            before: row.get(8)?,
            after: row.get(9)?,
            hash: row.get(10)?,
        })
    }

    /// The hash that this entry must have behind `previous`.
    #[must_use]
    pub fn hash_after(&self, previous: &str) -> String {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        field(b"sealpix/audit/v1");
        field(previous.as_bytes());
        field(&self.seq.to_be_bytes());
        field(&self.at.to_be_bytes());
        for text in [&self.action, &self.actor_kind, &self.actor, &self.target] {
            field(text.as_bytes());
        }
        for text in [&self.address, &self.request_id, &self.before, &self.after] {
            match text {
                Some(text) => {
                    field(b"+");
                    field(text.as_bytes());
                }
                None => field(b"-"),
            }
        }
        hex(&hasher.finalize())
    }

    pub(super) fn log(&self) {
        tracing::info!(
            audit = self.seq,
            action = self.action,
            actor_kind = self.actor_kind,
            actor = self.actor,
            address = self.address,
            target = self.target,
            before = self.before,
            after = self.after,
            "audit"
        );
    }
}

/// Which entries: all that are set must hold.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The action, or its beginning up to a dot: `key` finds `key.rotate`.
    pub action: Option<String>,
    /// A part of the actor.
    pub actor: Option<String>,
    /// The target.
    pub target: Option<String>,
    /// From this time on, in unix milliseconds.
    pub from: Option<u64>,
    /// Before this time.
    pub until: Option<u64>,
}

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainVerdict {
    /// Every entry is as it was written, from `first` to `last`.
    Intact {
        /// The first entry's number; one more than `last` where there is none.
        first: u64,
        /// The last entry's number.
        last: u64,
    },
    /// The first entry that is not.
    Broken {
        /// The number at which the chain breaks.
        at: u64,
    },
}

/// A place in the chain.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: String,
}

pub(super) async fn link(db: &mut impl Query, setting: &str) -> Result<Link, RegistryError> {
    let Some(text) = settings::value(db, setting).await? else {
        return Ok(Link { seq: 0, hash: GENESIS.to_owned() });
    };
    let read =
        text.split_once(':').and_then(|(seq, hash)| Some(Link { seq: seq.parse().ok()?, hash: hash.to_owned() }));
    super::parsed(read, setting)
}

/// Writes the change's notes behind the head.
pub(super) async fn append(change: &mut Change) -> Result<Vec<AuditEntry>, RegistryError> {
    let notes = std::mem::take(&mut change.notes);
    if notes.is_empty() {
        return Ok(Vec::new());
    }
    let mut head = link(change, HEAD).await?;
    let mut entries = Vec::new();
    for note in notes {
        let author = change.author();
        let mut entry = AuditEntry {
            seq: head.seq + 1,
            at: author.at_millis,
            action: note.action.to_owned(),
            actor_kind: author.actor.kind().to_owned(),
            actor: author.actor.name(),
            address: author.address.map(|address| address.to_string()),
            request_id: author.request_id.clone(),
            target: note.target,
            before: note.before.map(|json| json.to_string()),
            after: note.after.map(|json| json.to_string()),
            hash: String::new(),
        };
        entry.hash = entry.hash_after(&head.hash);
        insert(change, &entry).await?;
        head = Link { seq: entry.seq, hash: entry.hash.clone() };
        entries.push(entry);
    }
    settings::put_value(change, HEAD, &format!("{}:{}", head.seq, head.hash)).await?;
    Ok(entries)
}

async fn insert(change: &mut Change, entry: &AuditEntry) -> Result<(), RegistryError> {
    let sql = format!("INSERT INTO audit_log ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)");
    let entry = entry.clone();
    let values = values![
        entry.seq,
        entry.at,
        entry.action,
        entry.actor_kind,
        entry.actor,
        entry.address,
        entry.request_id,
        entry.target,
        entry.before,
        entry.after,
        entry.hash,
    ];
    change.execute(&sql, values).await.map(|_| ())
}

impl Registry {
    /// Up to `most` entries with numbers below `before`, the newest first.
    pub async fn audit_log(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        most: u32,
    ) -> Result<Vec<AuditEntry>, RegistryError> {
        let mut sql = format!("SELECT {COLUMNS} FROM audit_log WHERE seq < $1");
        let mut values = values![before.unwrap_or(i64::MAX.unsigned_abs())];
        let mut condition = |text: &str, value: super::database::Value| {
            values.push(value);
            let _ = write!(sql, " AND {}", text.replace("$n", &format!("${}", values.len())));
        };
        if let Some(action) = &filter.action {
            condition("(action = $n OR substr(action, 1, length($n) + 1) = $n || '.')", action.clone().into());
        }
        if let Some(actor) = &filter.actor {
            condition("replace(actor, $n, '') <> actor", actor.clone().into());
        }
        if let Some(target) = &filter.target {
            condition("target = $n", target.clone().into());
        }
        if let Some(from) = filter.from {
            condition("at >= $n", from.into());
        }
        if let Some(until) = filter.until {
            condition("at < $n", until.into());
        }
        values.push(most.into());
        let _ = write!(sql, " ORDER BY seq DESC LIMIT ${}", values.len());
        self.database.read(&sql, values).await?.iter().map(AuditEntry::read).collect()
    }

    /// Checks every entry's hash against the one before it, of one moment.
    pub async fn verify_audit_log(&self) -> Result<ChainVerdict, RegistryError> {
        let mut db = super::Snapshot(self.database.begin(super::Access::Snapshot).await?);
        let mut held = link(&mut db, CHECKPOINT).await?;
        let head = link(&mut db, HEAD).await?;
        let first = held.seq + 1;
        let sql = format!("SELECT {COLUMNS} FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2");
        loop {
            let rows = db.rows(&sql, values![held.seq, PAGE]).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                let entry = AuditEntry::read(row)?;
                if entry.seq != held.seq + 1 || entry.hash != entry.hash_after(&held.hash) {
                    return Ok(ChainVerdict::Broken { at: held.seq + 1 });
                }
                held = Link { seq: entry.seq, hash: entry.hash };
            }
        }
        if held.seq != head.seq || held.hash != head.hash {
            return Ok(ChainVerdict::Broken { at: held.seq + 1 });
        }
        Ok(ChainVerdict::Intact { first, last: held.seq })
    }
}

impl Change {
    /// Removes entries older than `before` (unix milliseconds); a checkpoint stands for them. How many there were.
    pub async fn prune_audit_log(&mut self, before: u64) -> Result<u64, RegistryError> {
        let sql = "SELECT seq, hash FROM audit_log WHERE seq < \
                   (SELECT coalesce(min(seq), 9223372036854775807) FROM audit_log WHERE at >= $1) \
                   ORDER BY seq DESC LIMIT 1";
        let Some(last) = self.row(sql, values![before]).await? else { return Ok(0) };
        let (seq, hash): (u64, String) = (last.get(0)?, last.get(1)?);
        settings::put_value(self, CHECKPOINT, &format!("{seq}:{hash}")).await?;
        let removed = self.execute("DELETE FROM audit_log WHERE seq <= $1", values![seq]).await?;
        self.note("audit.prune", "audit log", None, Some(serde_json::json!({ "removed": removed, "up_to": seq })));
        Ok(removed)
    }
}
