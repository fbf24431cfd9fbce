//! Records on their way to the edge: their names, and what waits in the outbox.

use std::fmt;

use sealpix::envelope::Kind;
use sealpix::key::PublicKey;
use sealpix::target::Slug;

/// A record's name, `key:pk_…` or `project:my-app`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordName {
    /// A key's record.
    Key(PublicKey),
    /// A project's record.
    Project(Slug),
}

impl RecordName {
    /// Reads the form above.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("key", key) => PublicKey::parse(key).ok().map(Self::Key),
            ("project", slug) => Slug::new(slug).map(Self::Project),
            _ => None,
        }
    }
}

impl fmt::Display for RecordName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => write!(out, "{}:{key}", Kind::Key.as_str()),
            Self::Project(slug) => write!(out, "{}:{slug}", Kind::Project.as_str()),
        }
    }
}

/// A row of the outbox, leased to who holds this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The record to be pushed.
    pub name: RecordName,
    /// Its version when the row was written; the record may be newer by now.
    pub version: u64,
    /// Unix milliseconds; rises each time the row is written again.
    pub queued_at: u64,
    /// Pushes of it that failed.
    pub attempts: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        for text in ["key:pk_ZGVmZ2hpamtsbW5vcHFycw", "project:my-app"] {
            assert_eq!(RecordName::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "key", "key:", "key:sk_a", "project:api", "preset:a", "project:my-app "] {
            assert_eq!(RecordName::parse(text), None, "{text}");
        }
    }
}
