//! `sealpix projects`: list and show.

use clap::{Args, Subcommand};
use sealpix::target::Slug;
use sealpix_origin::registry::{Project, Versioned};
use serde_json::{Value, json};

use super::{CommandError, open_existing, print_json};

/// List and show projects.
#[derive(Args)]
pub(crate) struct Projects {
    #[command(subcommand)]
    command: ProjectsCommand,
}

#[derive(Subcommand)]
enum ProjectsCommand {
    /// List projects, by name
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a project: its rules, presets, sources and caching
    Show {
        /// Its name in URLs
        project: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Projects {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let registry = open_existing().await?.registry;
        match self.command {
            ProjectsCommand::List { json } => {
                let projects = registry.projects().await?;
                if json {
                    print_json(&projects.iter().map(shown).collect());
                    return Ok(());
                }
                for project in projects {
                    let environment = shown(&project)["environment"].as_str().unwrap_or_default().to_owned();
                    println!("{:<20} {environment}", project.slug.to_string());
                }
            }
            ProjectsCommand::Show { project, json } => {
                let missing = || CommandError::Refused(format!("there is no project {project}"));
                let slug = Slug::new(&project).ok_or_else(missing)?;
                let Versioned { value, version } = registry.project(&slug).await?.ok_or_else(missing)?;
                let mut shown = shown(&value);
                shown["version"] = version.into();
                if json {
                    print_json(&shown);
                    return Ok(());
                }
                for (name, value) in shown.as_object().into_iter().flatten() {
                    println!("{name:<16} {}", in_words(value));
                }
            }
        }
        Ok(())
    }
}

fn shown(project: &Project) -> Value {
    json!({
        "slug": project.slug, "environment": project.environment, "referers": project.referers,
        "require_referer": project.require_referer, "sources": project.sources,
        "grants": project.grants.iter().map(|grant| &grant.name).collect::<Vec<_>>(),
        "presets": project.presets, "watermarks": project.watermarks.iter().map(|mark| &mark.name).collect::<Vec<_>>(),
        "caching": project.caching, "fallback": project.fallback, "epoch": project.epoch,
    })
}

/// A value for a person to read in one line.
fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(in_words).collect::<Vec<_>>().join(" "),
        Value::Object(fields) if fields.is_empty() => "-".to_owned(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}={}", in_words(value)));
            fields.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
