//! `sealpix doctor`: what stands between this configuration and a served picture, a line each.
//!
//! It opens the registry as every command does (which brings its schema up to date) and changes nothing else.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Args;
use sealpix_origin::clock::{Clock as _, SystemClock};
use sealpix_origin::config::{Config, Database, Environment};
use sealpix_origin::edge_link::client::{EdgeClient, HEALTH_PATH};
use sealpix_origin::observe::health::free_bytes;
use sealpix_origin::origin::{OpenError, Origin};
use sealpix_origin::registry::database::schema_version;
use sealpix_origin::registry::{AuditFilter, ChainVerdict, Registry, SourceKind};
use sealpix_origin::sources::configured::check_root;
use sealpix_origin::vault::VaultError;

use super::CommandError;
use super::findings::Findings;

/// When this was written: a clock before it is wrong.
const WRITTEN_MILLIS: u64 = 1_767_225_600_000;

/// How far the newest audit entry may be ahead of the clock: several origins' clocks differ.
const MAX_AHEAD_MILLIS: u64 = 60_000;

/// Free disk below which writes will soon fail, and below which it is time to look.
const LEAST_FREE_MIB: u64 = 100;
const LITTLE_FREE_MIB: u64 = 1_024;

/// Check configuration, database, secrets, edge link, folders and clock.
#[derive(Args)]
pub(crate) struct Doctor {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let mut findings = Findings::default();
        examine(&mut findings).await;
        findings.conclude(self.json)
    }
}

/// In the order in which a start needs things; what hangs on something that failed is not looked at.
async fn examine(findings: &mut Findings) {
    let config = match Config::read(&Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return findings.fail("configuration", error),
    };
    findings.ok("configuration", "every variable is known and reads");
    folder(findings, &config);
    disk(findings, &config.data_dir);
    file_roots(findings, &config);
    if !config.database.exists() {
        findings.fail("database", "is not there: run sealpix setup, or set SEALPIX_DATA_DIR or DATABASE_URL");
        return clock(findings, None);
    }
    if let Err(error) = Registry::open(&config.database).await {
        findings.fail("database", error);
        return clock(findings, None);
    }
    let kind = match &config.database {
        Database::Sqlite(file) => file.display().to_string(),
        Database::Postgres(address) if address.can_be_impersonated() => {
            findings.warn("database tls", "who answers is not proved: set sslmode=verify-full in DATABASE_URL");
            "PostgreSQL".to_owned()
        }
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    };
    findings.ok("database", format!("{kind}, schema {}", schema_version()));
    match Origin::open(config).await {
        Ok(origin) => registry(findings, &origin).await,
        Err(error) => {
            let what = match &error {
                OpenError::Vault(VaultError::ShortJwtSecret | VaultError::WrongJwtSecret) => "JWT secret",
                OpenError::Vault(VaultError::Damaged(_)) | OpenError::Content(_) => "secrets",
                OpenError::Vault(_) => "master key",
                _ => "database",
            };
            findings.fail(what, error);
            clock(findings, None);
        }
    }
}

async fn registry(findings: &mut Findings, origin: &Origin) {
    match (&origin.config.master_secret, &origin.config.database) {
        (None, Database::Sqlite(file)) => {
            let salt = file.with_file_name("master.salt");
            let why =
                format!("opens, and hangs on {}: a copied folder is not protected; set MASTER_SECRET", salt.display());
            findings.warn("master key", why);
        }
        _ => findings.ok("master key", "MASTER_SECRET opens the registry"),
    }
    match origin.check_cells().await {
        Ok((count, damaged)) if damaged.is_empty() => findings.ok("secrets", format!("{count} sealed, each opens")),
        Ok((_, damaged)) => damaged.iter().for_each(|error| findings.fail("secrets", error)),
        Err(error) => findings.fail("secrets", error),
    }
    match origin.registry.verify_audit_log().await {
        Ok(ChainVerdict::Intact { first, last }) => {
            findings.ok("audit log", format!("intact from entry {first} to {last}"))
        }
        Ok(ChainVerdict::Broken { at }) => findings.fail("audit log", format!("its chain breaks at entry {at}")),
        Err(error) => findings.fail("audit log", error),
    }
    edge(findings, origin).await;
    sources(findings, origin).await;
    let newest = origin.registry.audit_log(&AuditFilter::default(), None, 1).await;
    clock(findings, newest.ok().and_then(|entries| entries.first().map(|entry| entry.at)));
}

async fn edge(findings: &mut Findings, origin: &Origin) {
    match origin.link_keys().await {
        Ok(links) if links.is_empty() => findings.warn("edge link", "there is none: no Worker can ask this origin"),
        Ok(_) => findings.ok("edge link", "is there, and opens"),
        Err(error) => findings.fail("edge link", error),
    }
    let Some(url) = &origin.config.edge_url else {
        return findings.warn("edge", "SEALPIX_EDGE_URL is not set: nothing is pushed, the edge asks every 30 seconds");
    };
    let answer = match EdgeClient::new(url) {
        Ok(client) => client.get(HEALTH_PATH).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match answer {
        Ok(answer) => {
            findings.ok("edge", format!("{url} answers ({}); sealpix edge doctor says more", answer.status));
        }
        Err(error) => findings.fail("edge", format!("{url}: {error}")),
    }
}

async fn sources(findings: &mut Findings, origin: &Origin) {
    let sources = match origin.registry.sources().await {
        Ok(sources) => sources,
        Err(error) => return findings.fail("sources", error),
    };
    for source in sources.iter().filter(|source| source.kind == SourceKind::File) {
        let root = Path::new(&source.location);
        let readable = check_root(&origin.config, root).map_err(|error| error.to_string());
        match readable.and_then(|()| listed(root)) {
            Ok(()) => findings.ok("source", format!("@{} is {}", source.name, root.display())),
            Err(why) => findings.fail("source", format!("@{}: {why}", source.name)),
        }
    }
}

fn listed(folder: &Path) -> Result<(), String> {
    std::fs::read_dir(folder).map(|_| ()).map_err(|error| format!("{}: {error}", folder.display()))
}

fn file_roots(findings: &mut Findings, config: &Config) {
    for root in &config.file_roots {
        match listed(root) {
            Ok(()) => findings.ok("file root", format!("{} is readable", root.display())),
            Err(why) => findings.fail("file root", why),
        }
    }
}

/// The folder and what is secret in it are their owner's alone.
fn folder(findings: &mut Findings, config: &Config) {
    let folder = &config.data_dir;
    let mut open = Vec::new();
    let mut files = vec![folder.clone()];
    if let Database::Sqlite(file) = &config.database {
        files.extend([file.clone(), file.with_file_name("master.salt")]);
    }
    for path in files {
        match std::fs::metadata(&path) {
            Ok(held) if held.permissions().mode() & 0o077 != 0 => {
                open.push(format!("{} ({:o})", path.display(), held.permissions().mode() & 0o777));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path != *folder => {}
            Err(error) => return findings.fail("data folder", format!("{}: {error}", path.display())),
        }
    }
    if open.is_empty() {
        findings.ok("data folder", format!("{} is its owner's alone", folder.display()));
    } else {
        findings.warn("data folder", format!("others may look into {}: chmod go= them", open.join(", ")));
    }
}

fn disk(findings: &mut Findings, folder: &Path) {
    match free_bytes(folder).map(|bytes| bytes / 1024 / 1024) {
        Err(error) => findings.warn("disk", format!("{}: {error}", folder.display())),
        Ok(mib @ ..LEAST_FREE_MIB) => findings.fail("disk", format!("{mib} MiB are free: no change will fit soon")),
        Ok(mib @ ..LITTLE_FREE_MIB) => findings.warn("disk", format!("{mib} MiB are free")),
        Ok(mib) => findings.ok("disk", format!("{mib} MiB are free")),
    }
}

/// Expiry and freshness are matters of the clock. `newest` is the time of the newest audit entry.
fn clock(findings: &mut Findings, newest: Option<u64>) {
    let now = SystemClock.millis();
    if now < WRITTEN_MILLIS {
        findings.fail("clock", "stands before 2026: every expiry is judged wrongly");
    } else if newest.is_some_and(|newest| newest > now + MAX_AHEAD_MILLIS) {
        findings.warn("clock", "is behind the newest audit entry: it was set back, or another origin's is ahead");
    } else {
        findings.ok("clock", "is after this version and the newest change");
    }
}
