//! The audit log as a file that anybody can verify: a line of JSON an entry, the oldest first, each with its hash and
//! the hash before it.

use std::io::BufRead;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::audit::{AuditEntry, CHECKPOINT, COLUMNS, ChainVerdict, GENESIS, Link, PAGE, link};
use super::database::values;
use super::{Access, Query, Registry, RegistryError, Snapshot};

/// A line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportedEntry {
    /// The entry.
    #[serde(flatten)]
    pub entry: AuditEntry,
    /// The hash of the entry before it; 64 zeros before the first.
    pub previous: String,
}

impl ExportedEntry {
    /// Its line, with the line's end.
    #[must_use]
    pub fn line(&self) -> String {
        // Text and numbers always have a JSON form.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }
}

/// A way through the audit log, page by page.
#[derive(Debug, Default)]
pub struct AuditExport {
    /// The last entry that was read; at first the newest that was pruned.
    held: Option<Link>,
}

impl AuditExport {
    /// The next page, the oldest entries first; empty at the end. Entries that are written meanwhile are read too.
    pub async fn next(&mut self, registry: &Registry) -> Result<Vec<ExportedEntry>, RegistryError> {
        // Of one moment: pruning moves the checkpoint and the first entry together.
        let mut db = Snapshot(registry.database.begin(Access::Snapshot).await?);
        let mut held = match self.held.take() {
            Some(held) => held,
            None => link(&mut db, CHECKPOINT).await?,
        };
        let sql = format!("SELECT {COLUMNS} FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2");
        let mut page = Vec::new();
        for row in &db.rows(&sql, values![held.seq, PAGE]).await? {
            let entry = AuditEntry::read(row)?;
            let next = Link { seq: entry.seq, hash: entry.hash.clone() };
            page.push(ExportedEntry { entry, previous: held.hash });
            held = next;
        }
        self.held = Some(held);
        Ok(page)
    }
}

/// Why a file cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It does not read.
    #[error("line {line}: {reason}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// Why; nothing of the line.
        reason: String,
    },
    /// It has no line.
    #[error("the export has no entry")]
    Empty,
}

/// Verifies an export: every entry has its hash, and follows the one before it. That its last entry was the log's last,
/// and, of a log that was pruned, that its first one follows what was pruned, no export shows by itself.
pub fn verify_export(file: impl BufRead) -> Result<ChainVerdict, ExportError> {
    let mut verified: Option<(u64, Link)> = None;
    for (number, line) in file.lines().enumerate() {
        let fail = |reason: String| ExportError::Line { line: number + 1, reason };
        let line = line.map_err(|error| fail(error.to_string()))?;
        let read = serde_json::from_str(&line);
        let ExportedEntry { entry, previous } = read.map_err(|_| fail("is no entry of an audit log".to_owned()))?;
        let (first, expected) = match verified {
            Some((first, held)) => (first, held),
            None if entry.seq == 1 => (1, Link { seq: 0, hash: GENESIS.to_owned() }),
            None => (entry.seq, Link { seq: entry.seq.saturating_sub(1), hash: previous.clone() }),
        };
        let follows = entry.seq == expected.seq + 1 && previous == expected.hash;
        if !follows || entry.hash != entry.hash_after(&previous) {
            return Ok(ChainVerdict::Broken { at: expected.seq + 1 });
        }
        verified = Some((first, Link { seq: entry.seq, hash: entry.hash }));
    }
    let (first, last) = verified.ok_or(ExportError::Empty)?;
    Ok(ChainVerdict::Intact { first, last: last.seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(count: u64) -> Vec<ExportedEntry> {
        let mut previous = GENESIS.to_owned();
        let entry = |seq| AuditEntry {
            seq,
            at: 1_800_000_000_000 + seq,
            action: "key.rotate".to_owned(),
            actor_kind: "command".to_owned(),
            actor: "röot".to_owned(),
            address: (seq % 2 == 0).then(|| "192.0.2.1".to_owned()),
            request_id: None,
            target: format!("key {seq}"),
            before: None,
            after: Some(r#"{"a":"ü\n"}"#.to_owned()),
            hash: String::new(),
        };
        let chained = |seq| {
            let mut entry: AuditEntry = entry(seq);
            entry.hash = entry.hash_after(&previous);
            let line = ExportedEntry { previous: previous.clone(), entry };
            previous.clone_from(&line.entry.hash);
            line
        };
        (1..=count).map(chained).collect()
    }

    fn verdict(lines: &[ExportedEntry]) -> ChainVerdict {
        let text: String = lines.iter().map(ExportedEntry::line).collect();
        verify_export(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_export_is_verified_whole_or_from_a_checkpoint() {
        let lines = exported(5);
        assert_eq!(verdict(&lines), ChainVerdict::Intact { first: 1, last: 5 });
        assert_eq!(verdict(&lines[2..]), ChainVerdict::Intact { first: 3, last: 5 });
        assert!(matches!(verify_export(&b""[..]), Err(ExportError::Empty)));
        let text = format!("{}not JSON\n", lines[0].line());
        assert!(matches!(verify_export(text.as_bytes()), Err(ExportError::Line { line: 2, .. })));
    }

    #[test]
    fn whatever_is_changed_is_found() {
        let changes: [fn(&mut Vec<ExportedEntry>); 8] = [
            |lines| lines[2].entry.actor.push('x'),
            |lines| lines[2].entry.address = None,
            |lines| lines[2].entry.after = None,
            |lines| lines[2].entry.before = Some(String::new()),
            |lines| lines[2].entry.at += 1,
            |lines| drop(lines.remove(2)),
            |lines| lines.swap(2, 3),
            |lines| lines[2].previous = lines[0].entry.hash.clone(),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut lines = exported(5);
            lines[2].entry.address = Some("192.0.2.1".to_owned());
            lines[2].entry.hash = lines[2].entry.hash_after(&lines[2].previous.clone());
            lines[3].previous = lines[2].entry.hash.clone();
            lines[3].entry.hash = lines[3].entry.hash_after(&lines[3].previous.clone());
            lines[4].previous = lines[3].entry.hash.clone();
            lines[4].entry.hash = lines[4].entry.hash_after(&lines[4].previous.clone());
            assert_eq!(verdict(&lines), ChainVerdict::Intact { first: 1, last: 5 });
            change(&mut lines);
            assert_eq!(verdict(&lines), ChainVerdict::Broken { at: 3 }, "change {number}");
        }
        // Rewritten with its own hash, it does not carry the next one.
        let mut lines = exported(5);
        lines[2].entry.actor.push('x');
        lines[2].entry.hash = lines[2].entry.hash_after(&lines[2].previous.clone());
        assert_eq!(verdict(&lines), ChainVerdict::Broken { at: 4 });
        let mut lines = exported(5);
        lines[0].previous = "1".repeat(64);
        lines[0].entry.hash = lines[0].entry.hash_after(&lines[0].previous.clone());
        assert_eq!(verdict(&lines), ChainVerdict::Broken { at: 1 }, "the first follows nothing");
    }
}
