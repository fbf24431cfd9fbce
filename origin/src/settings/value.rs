//! A setting's type and its values.

use std::fmt;

use zeroize::Zeroizing;

use super::duration::{parse_duration, spell};

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingType {
    /// `168h`, `30m`, `7d`, `3600s` or `3600`.
    Duration {
        /// Least seconds.
        min_secs: u64,
        /// Most seconds.
        max_secs: u64,
    },
    /// `true`, `false`, `1`, `0`, in any case.
    Bool,
    /// A whole number.
    Integer {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// One line of text, not empty.
    Text {
        /// Most characters.
        max_chars: usize,
    },
    /// Text that is never shown, not empty.
    Secret {
        /// Most bytes.
        max_bytes: usize,
    },
}

impl SettingType {
    /// Reads a value, or says what it takes: never what it was given.
    pub(super) fn parse(self, text: &str) -> Result<SettingValue, String> {
        match self {
            Self::Duration { min_secs, max_secs } => {
                let secs = parse_duration(text).map_err(|error| error.to_string())?;
                let fits = (min_secs..=max_secs).contains(&secs);
                fits.then_some(SettingValue::Seconds(secs)).ok_or_else(|| format!("takes {self}"))
            }
            Self::Bool => match text.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(SettingValue::Bool(true)),
                "false" | "0" => Ok(SettingValue::Bool(false)),
                _ => Err(format!("takes {self}")),
            },
            Self::Integer { min, max } => {
                // `u64` would take a plus sign.
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                let number = text.parse().ok().filter(|number| digits && (min..=max).contains(number));
                number.map(SettingValue::Integer).ok_or_else(|| format!("takes {self}"))
            }
            Self::Text { max_chars } => {
                let fits = !text.trim().is_empty() && text.chars().count() <= max_chars;
                let plain = !text.chars().any(char::is_control) && text.trim() == text;
                (fits && plain).then(|| SettingValue::Text(text.to_owned())).ok_or_else(|| format!("takes {self}"))
            }
            Self::Secret { max_bytes } => {
                // Copied from a mail or a file, with the line's end.
                let text = text.trim();
                let fits = (1..=max_bytes).contains(&text.len());
                let secret = fits.then(|| SettingValue::Secret(Zeroizing::new(text.to_owned())));
                secret.ok_or_else(|| format!("takes {self}"))
            }
        }
    }
}

impl fmt::Display for SettingType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duration { min_secs, max_secs } => {
                write!(out, "a duration from {} to {}, such as 168h or 30m", spell(*min_secs), spell(*max_secs))
            }
            Self::Bool => out.write_str("true or false"),
            Self::Integer { min, max } => write!(out, "a whole number from {min} to {max}"),
            Self::Text { max_chars } => {
                write!(out, "1 to {max_chars} characters on one line, no space at either end")
            }
            Self::Secret { max_bytes } => write!(out, "a secret of 1 to {max_bytes} bytes"),
        }
    }
}

/// A value that its setting takes. Printed, by `Display` and by `Debug`, a secret is `(set)`.
#[derive(Clone)]
pub enum SettingValue {
    /// A duration.
    Seconds(u64),
    /// On or off.
    Bool(bool),
    /// A number.
    Integer(u64),
    /// Text.
    Text(String),
    /// A secret, wiped on drop.
    Secret(Zeroizing<String>),
}

impl SettingValue {
    /// What the registry keeps, in one spelling; the secret itself where it is one, to be sealed.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        match self {
            Self::Secret(secret) => secret.clone(),
            shown => Zeroizing::new(shown.to_string()),
        }
    }
}

impl fmt::Display for SettingValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(secs) => out.write_str(&spell(*secs)),
            Self::Bool(on) => write!(out, "{on}"),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Text(text) => out.write_str(text),
            Self::Secret(_) => out.write_str("(set)"),
        }
    }
}

impl fmt::Debug for SettingValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SettingValue({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DURATION: SettingType = SettingType::Duration { min_secs: 300, max_secs: 7_776_000 };
    const INTEGER: SettingType = SettingType::Integer { min: 0, max: 100 };
    const TEXT: SettingType = SettingType::Text { max_chars: 5 };
    const SECRET: SettingType = SettingType::Secret { max_bytes: 10 };

    #[test]
    fn each_type_takes_its_values_in_one_spelling() {
        for (kind, text, kept) in [
            (DURATION, "5m", "5m"),
            (DURATION, "90d", "2160h"),
            (DURATION, "604800", "168h"),
            (SettingType::Bool, "true", "true"),
            (SettingType::Bool, "TRUE", "true"),
            (SettingType::Bool, "1", "true"),
            (SettingType::Bool, "False", "false"),
            (SettingType::Bool, "0", "false"),
            (INTEGER, "0", "0"),
            (INTEGER, "100", "100"),
            (TEXT, "Größe", "Größe"),
            (TEXT, "a b", "a b"),
            (SECRET, "s3cret\n", "s3cret"),
        ] {
            let value = kind.parse(text).unwrap();
            assert_eq!(value.expose().as_str(), kept);
            assert_eq!(kind.parse(&value.expose()).unwrap().expose().as_str(), kept);
        }
    }

    #[test]
    fn each_type_refuses_what_is_none_and_says_what_it_takes() {
        let long = "x".repeat(1 << 20);
        for (kind, text) in [
            (DURATION, "299s"),
            (DURATION, "7776001"),
            (DURATION, "91d"),
            (DURATION, ""),
            (SettingType::Bool, ""),
            (SettingType::Bool, "yes"),
            (SettingType::Bool, "2"),
            (SettingType::Bool, " true"),
            (INTEGER, "101"),
            (INTEGER, "-1"),
            (INTEGER, "+1"),
            (INTEGER, "1.0"),
            (INTEGER, ""),
            (INTEGER, "99999999999999999999999"),
            (TEXT, ""),
            (TEXT, "  "),
            (TEXT, "a "),
            (TEXT, "a\nb"),
            (TEXT, "sixsix"),
            (TEXT, &long),
            (SECRET, " \n"),
            (SECRET, "hunter2hunter2"),
        ] {
            let reason = kind.parse(text).unwrap_err();
            assert!(reason.starts_with("takes "), "{reason}");
            assert!(!reason.contains("hunter2") && reason.len() < 100, "{reason}");
        }
    }

    #[test]
    fn no_secret_is_printed() {
        let value = SECRET.parse("hunter2").unwrap();
        assert_eq!(
            format!("{value} {value:?} {:?}", Some(&value)),
            "(set) SettingValue((set)) Some(SettingValue((set)))"
        );
        assert_eq!(value.expose().as_str(), "hunter2");
    }
}
