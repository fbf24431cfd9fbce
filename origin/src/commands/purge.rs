//! `sealpix purge`: empties caches, by moving epochs.

use clap::{ArgGroup, Args};
use sealpix::target::Slug;
use sealpix_origin::registry::{Author, SourcePrefix};
use serde_json::json;

use super::{CommandError, open_existing, print_json};

/// Empty the caches of a project, or of some of its sources. The origin that serves tells the edge.
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["source", "all"]))]
pub(crate) struct Purge {
    /// The project's name in URLs
    project: String,
    /// Sources that begin with this: @gallery, @gallery/albums/, cdn.example.com/photo.jpg
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// The whole project
    #[arg(long)]
    all: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

impl Purge {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let origin = open_existing().await?;
        let missing = || CommandError::Refused(format!("there is no project {:?}", self.project));
        let slug = Slug::new(&self.project).ok_or_else(missing)?;
        let prefix = self.source.as_deref().map(SourcePrefix::read).transpose();
        let prefix = prefix.map_err(|error| CommandError::Refused(format!("source: {error}")))?;
        let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
        let purged = change.purge(&slug, prefix.as_ref()).await?;
        change.commit().await?;
        let source = prefix.as_ref().map(SourcePrefix::as_str);
        if self.json {
            let emptied = if purged.is_whole { "project" } else { "source" };
            print_json(&json!({ "project": slug, "source": source, "emptied": emptied, "epoch": purged.epoch }));
            return Ok(());
        }
        match source {
            Some(source) if purged.is_whole => {
                println!("purged all of {slug}: there was no room for {source} beside its other purges");
            }
            Some(source) => println!("purged {source} of {slug}"),
            None => println!("purged all of {slug}"),
        }
        Ok(())
    }
}
