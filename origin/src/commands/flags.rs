//! The flags of the settings, made from their table.

use std::path::Path;
use std::sync::LazyLock;

use clap::{Arg, ArgMatches, Command, FromArgMatches};
use sealpix_origin::config::Config;
use sealpix_origin::settings::{SETTINGS, Setting};
use zeroize::Zeroizing;

use super::CommandError;

/// Each setting's flag, without its dashes.
static FLAGS: LazyLock<Vec<(&'static Setting, String)>> = LazyLock::new(|| {
    let bare = |setting: &Setting| setting.flag().trim_start_matches('-').to_owned();
    SETTINGS.iter().map(|setting| (setting, bare(setting))).collect()
});

/// The flags that were given.
pub(crate) struct SettingFlags(Vec<(&'static Setting, String)>);

impl SettingFlags {
    /// Puts them into the configuration, over its variables. A secret's flag names a file.
    pub(crate) fn apply(self, config: &mut Config) -> Result<(), CommandError> {
        for (setting, text) in self.0 {
            let text = if setting.is_secret() { read_secret(Path::new(&text))? } else { Zeroizing::new(text) };
            config.given.set_flag(setting, text)?;
        }
        Ok(())
    }
}

/// A secret from its file, without the line's end.
pub(crate) fn read_secret(file: &Path) -> Result<Zeroizing<String>, CommandError> {
    let text = std::fs::read_to_string(file).map_err(|error| CommandError::Io(file.display().to_string(), error))?;
    let text = Zeroizing::new(text);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

impl clap::Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        FLAGS.iter().fold(command, |command, (setting, flag)| {
            let value = if setting.is_secret() { "FILE" } else { "VALUE" };
            let flag = Arg::new(setting.name).long(flag.as_str()).value_name(value).help(setting.doc);
            command.arg(flag.help_heading("Settings: over their variables and the registry"))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = FLAGS.iter().filter_map(|(setting, _)| Some((*setting, matches.get_one::<String>(setting.name)?)));
        Ok(Self(given.map(|(setting, text)| (setting, text.clone())).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
