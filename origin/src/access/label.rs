//! What people call a user or an API token: 1 to 100 characters, none of them a control character.

use std::fmt;

/// Most characters of a label.
pub const MAX_LABEL_CHARS: usize = 100;

/// The rule as a regular expression, for the API's description.
pub const LABEL_PATTERN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";

/// A label: of one line, so that it forges no line of a log or a terminal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

/// Not a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to {MAX_LABEL_CHARS} characters and no control characters")]
pub struct NotALabel;

impl Label {
    /// Reads a label.
    pub fn parse(text: &str) -> Result<Self, NotALabel> {
        let fits = (1..=MAX_LABEL_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then(|| Self(text.to_owned())).ok_or(NotALabel)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Label {
    type Error = NotALabel;

    fn try_from(text: String) -> Result<Self, NotALabel> {
        Self::parse(&text)
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_line_of_characters() {
        for text in ["a", "Ada Lovelace", "ада 🎨", &"ü".repeat(MAX_LABEL_CHARS)] {
            assert_eq!(Label::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "a\nb", "a\0", "\u{1b}[2J", "\u{85}", &"ü".repeat(MAX_LABEL_CHARS + 1)] {
            assert!(Label::parse(text).is_err(), "{text:?}");
        }
    }
}
