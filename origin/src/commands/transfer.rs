//! `sealpix registry backup`, `restore` and `copy`: a registry moved whole.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use sealpix_origin::clock::{Clock as _, SystemClock};
use sealpix_origin::config::{Config, Database, Environment};
use sealpix_origin::origin::moving::{Target, prove_master};
use sealpix_origin::registry::transfer::{BackupFile, Counts, TransferError};
use sealpix_origin::registry::{Author, ChainVerdict, Change, Registry};

use super::{CommandError, configured_existing};

/// What a registry without MASTER_SECRET is told.
const NEEDS_SECRET: &str = "the target must have the same master key, and without MASTER_SECRET the key hangs on the \
     database's path and its salt file: set MASTER_SECRET_NEW and run sealpix secrets rotate master first, then set \
     MASTER_SECRET to it and run this again; nothing was changed";

/// From where, and to where.
#[derive(Args)]
pub(crate) struct Copy {
    /// The source: sqlite:PATH, or postgres://… without a password (or SEALPIX_COPY_FROM)
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    /// A file with the source's URL, which may then hold a password
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    from_file: Option<PathBuf>,
    /// The target, empty: sqlite:PATH, or postgres://… without a password (or SEALPIX_COPY_TO)
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// A file with the target's URL, which may then hold a password
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    to_file: Option<PathBuf>,
}

/// Writes the registry into `file`, which is whole or not there.
pub(crate) async fn backup(file: &Path) -> Result<(), CommandError> {
    let config = configured_existing()?;
    let registry = Registry::open(&config.database).await?;
    let in_file = |error| CommandError::Backup(file.display().to_string(), error);
    let part = Part::beside(file).map_err(|error| in_file(error.into()))?;
    let mut out = BufWriter::new(&part.file);
    let counts = registry.back_up(&mut out, SystemClock.millis()).await.map_err(in_file)?;
    let written = out.flush();
    drop(out);
    written.and_then(|()| part.publish(file)).map_err(|error| in_file(error.into()))?;
    println!("backed up {} into {}", told(&counts), file.display());
    if let (Database::Sqlite(database), None) = (&config.database, &config.master_secret) {
        let salt = database.with_file_name("master.salt");
        println!("its secrets open with {} alone: keep a copy of that file apart from this one", salt.display());
    }
    Ok(())
}

/// Fills the configured registry, which must be empty, from `file`.
pub(crate) async fn restore(file: &Path) -> Result<(), CommandError> {
    let config = Config::read(&Environment::of_process())?;
    let in_file = |error| CommandError::Backup(file.display().to_string(), error);
    let mut backup = BackupFile::open(file).map_err(in_file)?;
    let target = Target::open(&config.database).await?;
    let mut change = target.registry.change(&Author::command(SystemClock.millis())).await?;
    let counts = change.restore(&mut backup).await.map_err(in_file)?;
    finish(&config, &target.registry, change).await?;
    println!("restored {} from {}", told(&counts), file.display());
    Ok(())
}

impl Copy {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let environment = Environment::of_process();
        let config = Config::read(&environment)?;
        let from = named(&environment, "from", self.from, self.from_file.as_deref())?;
        let to = named(&environment, "to", self.to, self.to_file.as_deref())?;
        if config.master_secret.is_none() {
            return Err(CommandError::Refused(NEEDS_SECRET.to_owned()));
        }
        if let Database::Sqlite(file) = &from
            && !from.exists()
        {
            return Err(CommandError::Refused(format!("{} is not there", file.display())));
        }
        let source = Registry::open(&from).await?;
        let target = Target::open(&to).await?;
        let mut change = target.registry.change(&Author::command(SystemClock.millis())).await?;
        let counts = change.copy_from(&source).await?;
        finish(&Config { database: to, ..config }, &target.registry, change).await?;
        println!("copied {}", told(&counts));
        println!("the source is as it was: stop what uses it before anything starts on the copy");
        Ok(())
    }
}

/// Proves the master key on what the change took over, and makes it so.
async fn finish(config: &Config, registry: &Registry, mut change: Change) -> Result<(), CommandError> {
    prove_master(config, &mut change).await?;
    change.commit().await?;
    match registry.verify_audit_log().await? {
        ChainVerdict::Intact { first, last } => println!("the audit log is intact from entry {first} to {last}"),
        ChainVerdict::Broken { at } => println!("the audit log is broken at entry {at}, as it was where it came from"),
    }
    Ok(())
}

/// The database of `--from` or `--to`. On the command line every user of the machine reads it: no password there.
fn named(
    environment: &Environment,
    flag: &str,
    url: Option<String>,
    file: Option<&Path>,
) -> Result<Database, CommandError> {
    let variable = format!("SEALPIX_COPY_{}", flag.to_ascii_uppercase());
    let parse = |url: &str, name: &str| {
        Database::parse(url.trim()).map_err(|reason| CommandError::Usage(format!("{name}: {reason}")))
    };
    if let Some(url) = url {
        let database = parse(&url, &format!("--{flag}"))?;
        if matches!(&database, Database::Postgres(address) if address.has_password()) {
            let elsewhere =
                format!("--{flag} holds a password: put the URL into a file for --{flag}-file, or {variable}");
            return Err(CommandError::Usage(elsewhere));
        }
        return Ok(database);
    }
    if let Some(file) = file {
        let read = std::fs::read_to_string(file).map(zeroize::Zeroizing::new);
        let url = read.map_err(|error| CommandError::Io(file.display().to_string(), error))?;
        return parse(&url, &format!("--{flag}-file"));
    }
    match environment.secret(&variable)? {
        Some(url) => parse(&url, &variable),
        None => Err(CommandError::Usage(format!("name a database by --{flag}, --{flag}-file or {variable}"))),
    }
}

fn told(counts: &Counts) -> String {
    format!("{} rows of {} tables", counts.values().sum::<u64>(), counts.len())
}

/// A file in its making, under another name beside its place; readable by us alone.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn beside(path: &Path) -> std::io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let path = PathBuf::from(name);
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file })
    }

    /// On disk, then in its place, then its place on disk.
    fn publish(self, place: &Path) -> std::io::Result<()> {
        self.file.sync_all()?;
        // Not renamed: what is at that place, another backup or the registry itself, is never replaced.
        std::fs::hard_link(&self.path, place)?;
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

impl Drop for Part {
    /// Removes what was not published; once it was, there is nothing to remove.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl From<TransferError> for CommandError {
    fn from(error: TransferError) -> Self {
        Self::Refused(error.to_string())
    }
}
