//! Durations as people write them: `7d`, `168h`, `30m`, `3600s`, `3600`.

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not one number and one unit.
    #[error("takes a whole number and one of d, h, m, s, such as 168h")]
    Form,
    /// More than 64 bits of seconds.
    #[error("takes no duration that long")]
    TooLong,
}

/// Units and their seconds, longest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration in seconds: a whole number and one unit; without one, seconds.
pub fn parse_duration(text: &str) -> Result<u64, DurationError> {
    let unit = UNITS.iter().find_map(|(unit, secs)| Some((text.strip_suffix(*unit)?, *secs)));
    let (number, secs) = unit.unwrap_or((text, 1));
    // `u64` would take a plus sign.
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DurationError::Form);
    }
    let number: u64 = number.parse().map_err(|_| DurationError::TooLong)?;
    number.checked_mul(secs).ok_or(DurationError::TooLong)
}

/// The spelling with the longest unit below the day that divides it: days are not the same length everywhere, and
/// `168h` is how the default is known.
pub(super) fn spell(secs: u64) -> String {
    let unit = UNITS.iter().skip(1).find(|(_, unit_secs)| secs.is_multiple_of(*unit_secs));
    let (unit, unit_secs) = unit.unwrap_or(&('s', 1));
    format!("{}{unit}", secs / unit_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads() {
        for (text, secs) in [
            ("168h", 604_800),
            ("7d", 604_800),
            ("30m", 1_800),
            ("3600s", 3_600),
            ("3600", 3_600),
            ("0", 0),
            ("007m", 420),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_duration(text), Ok(secs), "{text}");
        }
    }

    #[test]
    fn other_forms_do_not() {
        for text in [
            "", "h", "-1h", "+1h", "1.5h", "1h30m", "1 h", " 1h", "1h ", "1H", "1w", "1hh", "0x10", "1e3", "１h", "ms",
            "5é",
        ] {
            assert_eq!(parse_duration(text), Err(DurationError::Form), "{text:?}");
        }
        for text in ["18446744073709551616", "18446744073709551615m", &"9".repeat(100_000)] {
            assert_eq!(parse_duration(text), Err(DurationError::TooLong));
        }
    }

    #[test]
    fn what_is_spelled_reads_the_same() {
        for (secs, text) in
            [(604_800, "168h"), (1_800, "30m"), (61, "61s"), (0, "0h"), (u64::MAX, "307445734561825860m")]
        {
            let spelled = spell(secs);
            assert_eq!(parse_duration(&spelled), Ok(secs));
            if secs != u64::MAX {
                assert_eq!(spelled, text);
            }
        }
    }
}
