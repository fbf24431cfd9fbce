//! `sealpix audit`: who did what, and whether the log still says so.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealpix_origin::registry::{AuditEntry, AuditExport, AuditFilter, ChainVerdict, ExportedEntry, verify_export};
use serde_json::json;

use super::{CommandError, open_existing, print_json};

/// Entries of a page that is read at a time; `--limit` may be more.
const PAGE: u32 = 1_000;

/// Read, export and verify the audit log.
#[derive(Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// The newest entries; all filters that are given must hold
    List {
        /// The action, or its beginning up to a dot: key finds key.rotate
        #[arg(long)]
        action: Option<String>,
        /// A part of the actor
        #[arg(long)]
        actor: Option<String>,
        /// The target, whole
        #[arg(long)]
        target: Option<String>,
        /// Entries at most
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Every entry to standard output: a line of JSON each, the oldest first
    Export,
    /// Check every entry's hash against the one before it; exit code 1 where one is wrong
    Verify {
        /// An export instead of the registry's log
        #[arg(long)]
        file: Option<PathBuf>,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Audit {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        match self.command {
            AuditCommand::List { action, actor, target, limit, json } => {
                let filter = AuditFilter { action, actor, target, ..AuditFilter::default() };
                list(&filter, limit, json).await
            }
            AuditCommand::Export => export().await,
            AuditCommand::Verify { file, json } => verify(file.as_deref(), json).await,
        }
    }
}

async fn list(filter: &AuditFilter, limit: u32, json: bool) -> Result<(), CommandError> {
    let origin = open_existing().await?;
    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut left = limit;
    loop {
        let before = entries.last().map(|entry| entry.seq);
        let page = origin.registry.audit_log(filter, before, left.min(PAGE)).await?;
        if page.is_empty() {
            break;
        }
        left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
        entries.extend(page);
    }
    if json {
        print_json(&json!(entries));
        return Ok(());
    }
    for AuditEntry { seq, at, action, actor_kind, actor, target, .. } in &entries {
        println!("{seq}\t{at}\t{action}\t{actor_kind} {actor}\t{target}");
    }
    Ok(())
}

async fn export() -> Result<(), CommandError> {
    let origin = open_existing().await?;
    let mut export = AuditExport::default();
    let mut out = std::io::stdout().lock();
    loop {
        let page = export.next(&origin.registry).await?;
        if page.is_empty() {
            return Ok(());
        }
        let lines: String = page.iter().map(ExportedEntry::line).collect();
        out.write_all(lines.as_bytes()).map_err(|error| CommandError::Io("standard output".to_owned(), error))?;
    }
}

async fn verify(file: Option<&Path>, json: bool) -> Result<(), CommandError> {
    let verdict = match file {
        Some(path) => {
            let opened = File::open(path).map_err(|error| CommandError::Io(path.display().to_string(), error))?;
            let verified = verify_export(BufReader::new(opened));
            verified.map_err(|error| CommandError::Refused(format!("{}: {error}", path.display())))?
        }
        None => open_existing().await?.registry.verify_audit_log().await?,
    };
    match (&verdict, json) {
        (ChainVerdict::Intact { first, last }, true) => {
            print_json(&json!({ "intact": true, "first": first, "last": last }));
        }
        (ChainVerdict::Broken { at }, true) => print_json(&json!({ "intact": false, "broken_at": at })),
        (ChainVerdict::Intact { first, last }, false) => println!("intact: entries {first} to {last}"),
        (ChainVerdict::Broken { at }, false) => {
            println!("broken at entry {at}: it was changed, removed, or put in between");
        }
    }
    match verdict {
        ChainVerdict::Intact { .. } => Ok(()),
        ChainVerdict::Broken { .. } => Err(CommandError::Answered),
    }
}
