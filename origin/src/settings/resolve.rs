//! Which value of a setting is in force, and who set it.

use super::{Setting, SettingError, SettingValue};

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// A flag of the command line.
    Flag,
    /// A variable, or the file that its `_FILE` names.
    Environment,
    /// The registry.
    Registry,
    /// Nobody.
    Default,
}

impl SetBy {
    /// The word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::Registry => "registry",
            Self::Default => "default",
        }
    }
}

/// The value in force and who set it; none is a setting without default that nobody set.
///
/// `registry` is the opened cell where the setting is secret. Flag and variable are both checked, although one
/// wins: a set-but-invalid value stops the start. The registry's is checked only where it counts, so that a flag can
/// get an origin past a bad one.
pub fn resolve(
    setting: &Setting,
    flag: Option<&str>,
    environment: Option<&str>,
    registry: Option<&str>,
) -> Result<(Option<SettingValue>, SetBy), SettingError> {
    let flag = flag.map(|text| setting.parse(text)).transpose()?;
    let environment = environment.map(|text| setting.parse(text)).transpose()?;
    if flag.is_some() {
        Ok((flag, SetBy::Flag))
    } else if environment.is_some() {
        Ok((environment, SetBy::Environment))
    } else if let Some(text) = registry {
        Ok((Some(setting.parse(text)?), SetBy::Registry))
    } else {
        Ok((setting.default_value(), SetBy::Default))
    }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn session() -> &'static Setting {
        find("session.expiration").unwrap()
    }

    fn hours(flag: Option<&str>, environment: Option<&str>, registry: Option<&str>) -> (u64, SetBy) {
        match resolve(session(), flag, environment, registry).unwrap() {
            (Some(SettingValue::Seconds(secs)), by) => (secs / 3600, by),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cfg1_flag_then_environment_then_registry_then_default() {
        assert_eq!(hours(Some("1h"), Some("2h"), Some("3h")), (1, SetBy::Flag));
        assert_eq!(hours(None, Some("2h"), Some("3h")), (2, SetBy::Environment));
        assert_eq!(hours(None, None, Some("3h")), (3, SetBy::Registry));
        assert_eq!(hours(None, None, None), (168, SetBy::Default));
        let unset = resolve(find("license.key").unwrap(), None, None, None).unwrap();
        assert!(matches!(unset, (None, SetBy::Default)));
    }

    #[test]
    fn cfg2_a_set_but_invalid_value_is_refused_by_name_even_where_another_wins() {
        for (flag, environment, registry) in [
            (Some("x"), Some("2h"), None),
            (Some("1h"), Some("x"), None),
            (Some("1h"), Some(""), None),
            (None, None, Some("x")),
        ] {
            let error = resolve(session(), flag, environment, registry).unwrap_err();
            assert!(error.to_string().contains("JWT_EXPIRATION"), "{error}");
            assert_eq!(error.code(), "setting_invalid");
        }
        assert_eq!(hours(Some("1h"), None, Some("x")), (1, SetBy::Flag));
    }
}
