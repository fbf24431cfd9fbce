//! What flags and variables say of the settings (crate::settings), checked at the start.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{ConfigError, Environment, Secret};
use crate::settings::{SETTINGS, SetBy, Setting, SettingError, SettingValue, resolve};

/// The settings that a flag or a variable sets, by name. Each is a value that its setting takes.
#[derive(Debug, Clone, Default)]
pub struct Given {
    flags: BTreeMap<&'static str, Secret>,
    variables: BTreeMap<&'static str, Secret>,
}

impl Given {
    /// Reads the variables; the first that is set but invalid is the error.
    pub(super) fn read(environment: &Environment) -> Result<Self, ConfigError> {
        let mut variables = BTreeMap::new();
        for setting in SETTINGS {
            let text = if setting.is_secret() {
                environment.secret(setting.variable)?
            } else {
                environment.text(setting.variable).map(|text| Zeroizing::new(text.to_owned()))
            };
            if let Some(text) = text {
                setting.parse(&text)?;
                variables.insert(setting.name, Secret::new(text));
            }
        }
        Ok(Self { flags: BTreeMap::new(), variables })
    }

    /// What a flag sets.
    pub fn set_flag(&mut self, setting: &'static Setting, text: Zeroizing<String>) -> Result<(), SettingError> {
        setting.parse(&text)?;
        self.flags.insert(setting.name, Secret::new(text));
        Ok(())
    }

    /// The value in force and who set it; `registry` is the registry's value, opened where it is sealed.
    pub fn resolve(
        &self,
        setting: &Setting,
        registry: Option<&str>,
    ) -> Result<(Option<SettingValue>, SetBy), SettingError> {
        let text = |given: &BTreeMap<&str, Secret>| given.get(setting.name).cloned();
        let (flag, variable) = (text(&self.flags), text(&self.variables));
        resolve(setting, flag.as_ref().map(Secret::expose), variable.as_ref().map(Secret::expose), registry)
    }

    /// Who sets it, if a flag or a variable does.
    #[must_use]
    pub fn set_by(&self, setting: &Setting) -> Option<SetBy> {
        if self.flags.contains_key(setting.name) {
            Some(SetBy::Flag)
        } else {
            self.variables.contains_key(setting.name).then_some(SetBy::Environment)
        }
    }
}
