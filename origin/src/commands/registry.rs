//! `sealpix registry`: state as code (`apply FILE`), and a registry moved whole ([`transfer`]).

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::{Author, Change, Key, Mint, SourceKind, State};
use sealpix_origin::sources::configured::{check_endpoint, check_root};

use super::{CommandError, open, transfer};

/// Apply state as code; back up, restore and copy the registry.
#[derive(Args)]
pub(crate) struct Registry {
    #[command(subcommand)]
    command: RegistryCommand,
}

#[derive(Subcommand)]
enum RegistryCommand {
    /// Make the registry hold what FILE declares; what it does not name is left alone
    Apply {
        /// JSON, or TOML by its ending
        file: PathBuf,
    },
    /// Write every table, as it stands at one moment, into FILE; secrets stay sealed
    Backup {
        /// Replaced as a whole if it is there; readable by you alone
        file: PathBuf,
    },
    /// Fill the empty registry from a backup, all or nothing
    Restore {
        /// What backup wrote
        file: PathBuf,
    },
    /// Copy a registry into another, empty database, all or nothing
    Copy(transfer::Copy),
}

impl Registry {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        match self.command {
            RegistryCommand::Apply { file } => Self::apply(&file).await,
            RegistryCommand::Backup { file } => transfer::backup(&file).await,
            RegistryCommand::Restore { file } => transfer::restore(&file).await,
            RegistryCommand::Copy(copy) => copy.run().await,
        }
    }

    async fn apply(file: &Path) -> Result<(), CommandError> {
        let state = State::read(file)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        // Pictures are read and decoded before the change begins, which holds up every other.
        let marks = state.marks(folder)?;
        let origin = open().await?;
        let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
        apply(&origin, &mut change, &state, folder).await?;
        for (project, name, mark) in &marks {
            change.put_watermark(project, name, mark).await?;
        }
        change.commit().await?;
        let keys: usize = state.projects.iter().map(|project| project.keys.len()).sum();
        println!("applied {} projects, {keys} keys, {} sources", state.projects.len(), state.sources.len());
        Ok(())
    }
}

/// Checks everything, then makes it a part of `change`.
pub(crate) async fn apply(
    origin: &Origin,
    change: &mut Change,
    state: &State,
    folder: &Path,
) -> Result<(), CommandError> {
    let mut sources = state.stored_sources(folder)?;
    for source in sources.iter().filter(|source| source.kind == SourceKind::File) {
        check_root(&origin.config, Path::new(&source.location))?;
    }
    for source in sources.iter().filter(|source| source.kind == SourceKind::S3) {
        check_endpoint(&origin.config, &source.location)?;
    }
    let mut known = change.sources().await?;
    known.extend(sources.iter().cloned());
    let projects = state.stored_projects(&known)?;
    let existing = change.keys().await?;
    let mint = Mint { vault: &origin.vault, existing: &existing };
    let mut keys = Vec::new();
    for project in &state.projects {
        for declared in &project.keys {
            let key = mint.declared(&project.slug, declared)?;
            if keys.iter().any(|other: &Key| other.public_key == key.public_key) {
                return Err(CommandError::Refused(format!("key {} is declared twice", key.public_key)));
            }
            keys.push(key);
        }
    }
    for (source, declared) in sources.iter_mut().zip(&state.sources) {
        *source = origin.with_credentials(change, source.clone(), declared.credentials()).await?;
    }
    change.apply(&sources, &projects, &keys).await?;
    Ok(())
}
