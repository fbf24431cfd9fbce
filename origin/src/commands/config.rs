//! `sealpix config show`: every variable and setting, and where its value came from.

use clap::{Args, Subcommand};
use sealpix_origin::config::{Config as Read, Environment, VARIABLES, is_secret};
use sealpix_origin::origin::{Origin, SettingShown};
use sealpix_origin::settings::SETTINGS;
use serde_json::json;

use super::settings::{line, shown};
use super::{CommandError, print_json};

/// Show the configuration.
#[derive(Args)]
pub(crate) struct Config {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Every variable and setting: its value, or (set) for a secret, and where it came from
    Show {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
}

/// A variable: its value, if it is set, and from where.
struct Variable {
    name: &'static str,
    value: Option<String>,
    set_by: &'static str,
}

impl Variable {
    fn read(name: &'static str, environment: &Environment) -> Self {
        match environment.text(name) {
            Some(_) if is_secret(name) => Self { name, value: Some("(set)".to_owned()), set_by: "environment" },
            Some(text) => Self { name, value: Some(text.to_owned()), set_by: "environment" },
            None if environment.sets(name) => Self { name, value: Some("(set)".to_owned()), set_by: "file" },
            None => Self { name, value: None, set_by: "default" },
        }
    }
}

impl Config {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        let ConfigCommand::Show { json: as_json } = self.command;
        let environment = Environment::of_process();
        let config = Read::read(&environment)?;
        let variables: Vec<_> = VARIABLES.iter().map(|(name, _)| Variable::read(name, &environment)).collect();
        let settings = settings(config).await?;
        if as_json {
            let variables =
                variables.iter().map(|held| json!({ "name": held.name, "value": held.value, "set_by": held.set_by }));
            let settings: Vec<_> = settings.iter().map(shown).collect();
            print_json(&json!({ "variables": variables.collect::<Vec<_>>(), "settings": settings }));
            return Ok(());
        }
        for Variable { name, value, set_by } in &variables {
            println!("{name:<28} {:<16} {set_by}", value.as_deref().unwrap_or("-"));
        }
        settings.iter().for_each(|held| println!("{}", line(held)));
        Ok(())
    }
}

/// The settings with the registry's values, where there is a registry: looking makes none.
async fn settings(config: Read) -> Result<Vec<SettingShown>, CommandError> {
    if config.database.exists() {
        return Ok(Origin::open(config).await?.settings().await?);
    }
    let resolved = SETTINGS.iter().map(|setting| {
        let (value, set_by) = config.given.resolve(setting, None)?;
        let is_allowed = value.as_ref().is_none_or(|value| setting.allowed(value, None).is_ok());
        Ok(SettingShown { setting, value, set_by, is_allowed })
    });
    resolved.collect()
}
