//! The email address that a user signs in with.
//!
//! The rule is the one of browsers' email fields (HTML Living Standard, "valid e-mail address"), at most 254 characters
//! (RFC 5321, 4.5.3.1.3), and lower-case: two spellings of one address are one user.

use std::fmt;

/// Most characters of an address.
pub const MAX_EMAIL_CHARS: usize = 254;

/// The rule as a regular expression, for the API's description.
pub const EMAIL_PATTERN: &str = "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\
                                 (\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$";

/// Most characters between the dots of a host's name.
const MAX_DOMAIN_LABEL_CHARS: usize = 63;

/// An address, lower-case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

/// Not an address. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an email address is name@host, at most {MAX_EMAIL_CHARS} characters, without spaces or letters beyond ASCII")]
pub struct NotAnEmail;

impl Email {
    /// Reads an address; capitals become small.
    pub fn parse(text: &str) -> Result<Self, NotAnEmail> {
        let (local, host) = text.split_once('@').ok_or(NotAnEmail)?;
        let is_address = !local.is_empty() && local.bytes().all(is_local) && host.split('.').all(is_domain_label);
        let fits = text.len() <= MAX_EMAIL_CHARS;
        (is_address && fits).then(|| Self(text.to_ascii_lowercase())).ok_or(NotAnEmail)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_domain_label(label: &str) -> bool {
    let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let hangs = label.starts_with('-') || label.ends_with('-');
    (1..=MAX_DOMAIN_LABEL_CHARS).contains(&label.len()) && plain && !hangs
}

impl fmt::Display for Email {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = NotAnEmail;

    fn try_from(text: String) -> Result<Self, NotAnEmail> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_made_lower_case() {
        let long = format!("{}@b.example", "a".repeat(MAX_EMAIL_CHARS - 10));
        for (text, email) in [
            ("ada@example.com", "ada@example.com"),
            ("Ada.Lovelace+x@Mail.EXAMPLE.com", "ada.lovelace+x@mail.example.com"),
            ("root@localhost", "root@localhost"),
            ("o'neil@xn--bcher-kva.example", "o'neil@xn--bcher-kva.example"),
            (&long, &long),
        ] {
            assert_eq!(Email::parse(text).unwrap().as_str(), email);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@b.example", "a".repeat(MAX_EMAIL_CHARS - 9));
        let label = format!("a@{}.example", "b".repeat(64));
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            " a@b",
            "a@b ",
            "a@b\n",
            "a@.b",
            "a@b.",
            "a@b..c",
            "a@-b",
            "a@b-.c",
            "a@b_c",
            "ä@b",
            "a@ß.example",
            "a\0@b",
            "\"a\"@b",
            "a@[127.0.0.1]",
            &long,
            &label,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }
}
