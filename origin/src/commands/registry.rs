//! `sealpix registry apply FILE`: projects, keys, rules, presets and sources as code.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sealpix_origin::origin::Origin;
use sealpix_origin::registry::{Mint, SourceKind, State};
use sealpix_origin::sources::configured::check_root;

use super::{CommandError, open};

/// Apply state as code.
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
}

impl Registry {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let RegistryCommand::Apply { file } = self.command;
        let state = State::read(&file)?;
        let origin = open().await?;
        apply(&origin, &state, file.parent().unwrap_or(Path::new("."))).await?;
        let keys: usize = state.projects.iter().map(|project| project.keys.len()).sum();
        println!("applied {} projects, {keys} keys, {} sources", state.projects.len(), state.sources.len());
        Ok(())
    }
}

/// Checks everything, then applies it in one transaction.
pub(crate) async fn apply(origin: &Origin, state: &State, folder: &Path) -> Result<(), CommandError> {
    let sources = state.stored_sources(folder)?;
    for source in sources.iter().filter(|source| source.kind == SourceKind::File) {
        check_root(&origin.config, Path::new(&source.location))?;
    }
    let mut known = origin.registry.sources().await?;
    known.extend(sources.iter().cloned());
    let projects = state.stored_projects(&known)?;
    let existing = origin.registry.keys(None).await?;
    let mint = Mint { vault: &origin.vault, existing: &existing };
    let mut keys = Vec::new();
    for project in &state.projects {
        for declared in &project.keys {
            keys.push(mint.declared(&project.slug, declared)?);
        }
    }
    origin.registry.apply(projects, keys, sources, origin.clock.millis()).await?;
    Ok(())
}
