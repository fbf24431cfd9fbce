//! The settings that may change while the origin runs: one typed table, the source of flags, variables, registry
//! keys and documentation.
//!
//! A flag beats the environment, the environment beats the registry, the registry beats the default. What a flag or
//! a variable sets is fixed: a change through the API is refused, because it would not take effect. Whether a
//! setting is secret is a matter of its type, and no caller chooses it.

mod duration;
mod resolve;
mod table;
mod value;

use crate::license::{Feature, License};

pub use duration::{DurationError, parse_duration};
pub use resolve::{SetBy, resolve};
pub use table::{SETTINGS, markdown};
pub use value::{SettingType, SettingValue};

/// What is wrong with a setting, by its name. No message holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No row of the table.
    #[error("{0} is not a setting of Sealpix")]
    Unknown(String),
    /// A value that is no value.
    #[error("{name} ({variable}) {reason}")]
    Invalid {
        /// The registry key.
        name: &'static str,
        /// The variable.
        variable: &'static str,
        /// Why; begins with a verb, as "takes".
        reason: String,
    },
    /// A flag or a variable sets it.
    #[error("{name} is fixed by {by}: change it there and start again, or remove it there to set it here")]
    Fixed {
        /// The registry key.
        name: &'static str,
        /// The flag or the variable.
        by: String,
    },
    /// No licence opens it.
    #[error("{name} takes a licence with the feature {} to differ from its default", .feature.as_str())]
    NotEntitled {
        /// The registry key.
        name: &'static str,
        /// What the licence lacks.
        feature: Feature,
    },
}

impl SettingError {
    /// The stable code, in answers and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "setting_unknown",
            Self::Invalid { .. } => "setting_invalid",
            Self::Fixed { .. } => "setting_fixed",
            Self::NotEntitled { .. } => "setting_not_entitled",
        }
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The registry key: dotted, lower-case.
    pub name: &'static str,
    /// The variable.
    pub variable: &'static str,
    /// What it takes.
    pub kind: SettingType,
    /// As text; none is "not set".
    pub default: Option<&'static str>,
    /// Shown to anybody, signed in or not.
    pub is_public: bool,
    /// What a licence must open before it may differ from its default.
    pub entitlement: Option<Feature>,
    /// One line.
    pub doc: &'static str,
}

impl Setting {
    /// The flag of `sealpix serve`: the variable without `SEALPIX_`, as `--jwt-expiration`. A secret's names a file, as
    /// `--license-key-file`: arguments are no place for secrets.
    #[must_use]
    pub fn flag(&self) -> String {
        let name = self.variable.strip_prefix("SEALPIX_").unwrap_or(self.variable);
        let file = if self.is_secret() { "-file" } else { "" };
        format!("--{}{file}", name.to_ascii_lowercase().replace('_', "-"))
    }

    /// Sealed in the registry, never shown, and taken from a file too.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, SettingType::Secret { .. })
    }

    /// Reads a value and checks it.
    pub fn parse(&self, text: &str) -> Result<SettingValue, SettingError> {
        self.kind.parse(text).map_err(|reason| SettingError::Invalid {
            name: self.name,
            variable: self.variable,
            reason,
        })
    }

    /// The default, if there is one.
    #[must_use]
    pub fn default_value(&self) -> Option<SettingValue> {
        self.default.and_then(|text| self.parse(text).ok())
    }

    /// Whether the API may change it, as things stand.
    pub fn changeable(&self, set_by: SetBy) -> Result<(), SettingError> {
        let by = match set_by {
            SetBy::Flag => self.flag(),
            SetBy::Environment => self.variable.to_owned(),
            SetBy::Registry | SetBy::Default => return Ok(()),
        };
        Err(SettingError::Fixed { name: self.name, by })
    }

    /// Whether the licence in force, if any, allows the value. The default is always allowed.
    pub fn allowed(&self, value: &SettingValue, license: Option<&License>) -> Result<(), SettingError> {
        match self.entitlement {
            Some(feature)
                if !license.is_some_and(|license| license.entitles(feature))
                    && self.default_value().is_none_or(|default| default.expose() != value.expose()) =>
            {
                Err(SettingError::NotEntitled { name: self.name, feature })
            }
            _ => Ok(()),
        }
    }
}

/// The setting of a registry key.
pub fn find(name: &str) -> Result<&'static Setting, SettingError> {
    SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| SettingError::Unknown(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> &'static Setting {
        find("session.expiration").unwrap()
    }

    #[test]
    fn what_a_flag_or_a_variable_sets_is_fixed() {
        let by = |set_by| session().changeable(set_by).map_err(|error| error.to_string());
        assert!(by(SetBy::Flag).unwrap_err().contains("session.expiration is fixed by --jwt-expiration"));
        assert!(by(SetBy::Environment).unwrap_err().contains("session.expiration is fixed by JWT_EXPIRATION"));
        assert_eq!((by(SetBy::Registry), by(SetBy::Default)), (Ok(()), Ok(())));
        assert_eq!(find("session.Expiration").unwrap_err().code(), "setting_unknown");
    }

    #[test]
    fn a_brand_of_ones_own_takes_the_entitlement() {
        let brand = find("brand.name").unwrap();
        let (mine, default) = (brand.parse("Mine").unwrap(), brand.parse("Sealpix").unwrap());
        let licensed = |features: &[&str]| License {
            id: "l".to_owned(),
            holder: "h".to_owned(),
            issued_at: 0,
            expires_at: 1,
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
            max_instances: 1,
        };
        let refused = brand.allowed(&mine, None).unwrap_err();
        assert!(refused.to_string().contains("white_label"), "{refused}");
        assert!(brand.allowed(&mine, Some(&licensed(&["teleport"]))).is_err());
        assert!(brand.allowed(&mine, Some(&licensed(&["white_label"]))).is_ok());
        assert!(brand.allowed(&default, None).is_ok());
        assert!(session().allowed(&session().parse("1h").unwrap(), None).is_ok());
    }
}
