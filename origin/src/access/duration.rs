//! How long a session lives: `JWT_EXPIRATION`, such as `168h`, `30m`, `7d`, `3600s`, or `3600` for seconds.

use std::fmt;

/// Shortest life of a session: 5 minutes.
pub const MIN_SESSION_SECS: u64 = 5 * 60;

/// Longest life of a session: 90 days.
pub const MAX_SESSION_SECS: u64 = 90 * 24 * 3600;

/// A session's life, from 5 minutes to 90 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionLifetime(u64);

/// Why a text is no session's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Not digits and at most one unit.
    #[error("is a whole number of seconds, or one with a unit: 3600s, 30m, 168h, 7d")]
    Spelling,
    /// Out of bounds.
    #[error("is from 5 minutes to 90 days")]
    Bounds,
}

impl SessionLifetime {
    /// 168 hours: the default.
    pub const DEFAULT: Self = Self(168 * 3600);

    /// Reads digits and at most one of the units `s m h d`, without sign, space or fraction.
    pub fn parse(text: &str) -> Result<Self, LifetimeError> {
        let (digits, unit_secs) = match text.as_bytes().last() {
            Some(b's') => (text.strip_suffix('s'), 1),
            Some(b'm') => (text.strip_suffix('m'), 60),
            Some(b'h') => (text.strip_suffix('h'), 3600),
            Some(b'd') => (text.strip_suffix('d'), 24 * 3600),
            _ => (Some(text), 1),
        };
        let digits = digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
        let digits = digits.ok_or(LifetimeError::Spelling)?;
        // Digits that overflow are out of bounds, no other error is left.
        let secs = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_secs));
        let bounds = MIN_SESSION_SECS..=MAX_SESSION_SECS;
        secs.filter(|secs| bounds.contains(secs)).map(Self).ok_or(LifetimeError::Bounds)
    }

    /// The life in seconds.
    #[must_use]
    pub const fn secs(self) -> u64 {
        self.0
    }
}

impl Default for SessionLifetime {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for SessionLifetime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_unit_is_read_within_the_bounds() {
        for (text, secs) in [
            ("168h", Ok(604_800)),
            ("30m", Ok(1800)),
            ("7d", Ok(604_800)),
            ("3600s", Ok(3600)),
            ("3600", Ok(3600)),
            ("0007d", Ok(604_800)),
            ("5m", Ok(300)),
            ("300", Ok(300)),
            ("90d", Ok(7_776_000)),
            ("299", Err(LifetimeError::Bounds)),
            ("4m", Err(LifetimeError::Bounds)),
            ("0", Err(LifetimeError::Bounds)),
            ("7776001s", Err(LifetimeError::Bounds)),
            ("91d", Err(LifetimeError::Bounds)),
            ("18446744073709551616", Err(LifetimeError::Bounds)),
            ("18446744073709551615d", Err(LifetimeError::Bounds)),
            ("", Err(LifetimeError::Spelling)),
            ("h", Err(LifetimeError::Spelling)),
            ("+1h", Err(LifetimeError::Spelling)),
            ("-1h", Err(LifetimeError::Spelling)),
            ("1.5h", Err(LifetimeError::Spelling)),
            ("1 h", Err(LifetimeError::Spelling)),
            (" 1h", Err(LifetimeError::Spelling)),
            ("1H", Err(LifetimeError::Spelling)),
            ("1w", Err(LifetimeError::Spelling)),
            ("500ms", Err(LifetimeError::Spelling)),
            ("1h30m", Err(LifetimeError::Spelling)),
            ("١٢٣h", Err(LifetimeError::Spelling)),
        ] {
            assert_eq!(SessionLifetime::parse(text).map(SessionLifetime::secs), secs, "{text:?}");
        }
    }

    #[test]
    fn the_default_is_168_hours() {
        assert_eq!(SessionLifetime::parse("168h"), Ok(SessionLifetime::default()));
    }

    proptest! {
        #[test]
        fn what_is_read_is_bounded_and_reads_back(text in "\\PC{0,12}|[0-9]{1,8}[smhd]?") {
            if let Ok(life) = SessionLifetime::parse(&text) {
                prop_assert!((MIN_SESSION_SECS..=MAX_SESSION_SECS).contains(&life.secs()));
                prop_assert_eq!(SessionLifetime::parse(&life.to_string()), Ok(life));
            }
        }
    }
}
