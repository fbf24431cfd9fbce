//! `sealpix settings`: what may change while the origin runs.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, Subcommand};
use sealpix_origin::origin::SettingShown;
use sealpix_origin::registry::Author;
use sealpix_origin::settings::find;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::flags::read_secret;
use super::{CommandError, open, open_existing, print_json, read_stdin};

/// List, read and change settings.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(subcommand)]
    command: SettingsCommand,
}

#[derive(Subcommand)]
enum SettingsCommand {
    /// Every setting: its value, and who set it
    List {
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// One setting; a secret's value is never shown
    Get {
        /// Its name, such as session.expiration
        name: String,
        /// Print as JSON
        #[arg(long)]
        json: bool,
    },
    /// Set a setting in the registry
    Set {
        /// Its name, such as session.expiration
        name: String,
        /// - reads the value from standard input
        #[arg(value_parser = ["-"], required_unless_present_any = ["value", "value_file"])]
        stdin: Option<String>,
        /// The value; not for secrets, as arguments are seen by others
        #[arg(long, conflicts_with_all = ["stdin", "value_file"])]
        value: Option<String>,
        /// A file with the value
        #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
        value_file: Option<PathBuf>,
    },
    /// Remove a setting from the registry: its default is in force
    Unset {
        /// Its name, such as session.expiration
        name: String,
    },
}

impl Settings {
    pub(crate) async fn run(self) -> Result<(), CommandError> {
        match self.command {
            SettingsCommand::List { json } => list(json).await,
            SettingsCommand::Get { name, json } => get(&name, json).await,
            SettingsCommand::Set { name, stdin: _, value, value_file } => set(&name, value, value_file).await,
            SettingsCommand::Unset { name } => unset(&name).await,
        }
    }
}

/// A setting as JSON shows it.
pub(crate) fn shown(held: &SettingShown) -> Value {
    json!({
        "name": held.setting.name,
        "variable": held.setting.variable,
        "value": held.value.as_ref().map(ToString::to_string),
        "set_by": held.set_by.as_str(),
        "allowed": held.is_allowed,
    })
}

/// A setting as a line shows it.
pub(crate) fn line(held: &SettingShown) -> String {
    let value = held.value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let note = if held.is_allowed { "" } else { " (no licence allows it: the default is in force)" };
    format!("{:<28} {value:<16} {}{note}", held.setting.name, held.set_by.as_str())
}

async fn list(as_json: bool) -> Result<(), CommandError> {
    let held = open_existing().await?.settings().await?;
    if as_json {
        print_json(&held.iter().map(shown).collect());
    } else {
        held.iter().for_each(|held| println!("{}", line(held)));
    }
    Ok(())
}

async fn get(name: &str, as_json: bool) -> Result<(), CommandError> {
    let setting = find(name)?;
    let held = open_existing().await?.settings().await?;
    for held in held.iter().filter(|held| held.setting.name == setting.name) {
        if as_json {
            print_json(&shown(held));
        } else {
            println!("{}", held.value.as_ref().map_or_else(String::new, ToString::to_string));
        }
    }
    Ok(())
}

async fn set(name: &str, value: Option<String>, file: Option<PathBuf>) -> Result<(), CommandError> {
    let setting = find(name)?;
    let text = match (value, file) {
        (Some(_), _) if setting.is_secret() => {
            let message = format!("{name} is a secret: --value-file FILE, or - for standard input\n");
            clap::Error::raw(ErrorKind::ArgumentConflict, message).exit()
        }
        (Some(value), _) => Zeroizing::new(value),
        (None, Some(file)) => read_secret(&file)?,
        (None, None) => read_stdin()?,
    };
    let origin = open().await?;
    let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
    origin.set_setting(&mut change, name, text.trim_end_matches(['\r', '\n'])).await?;
    Ok(change.commit().await?)
}

async fn unset(name: &str) -> Result<(), CommandError> {
    let origin = open_existing().await?;
    let mut change = origin.change(&Author::command(origin.clock.millis())).await?;
    if !origin.unset_setting(&mut change, name).await? {
        return Err(CommandError::Refused(format!("{name} is not set in the registry")));
    }
    Ok(change.commit().await?)
}
