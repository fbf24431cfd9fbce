//! A purge's source as people write it, made the text that the gate compares.
//!
//! The gate compares bytes of canonical source texts (url-format.md, "From source text to what is fetched"), so what is
//! read here goes through the parser of sources: `https://CDN.example.com/a%20b/` is `cdn.example.com/a b/`. A prefix is
//! one of text, not of segments: `@gallery/cat` is also the beginning of `@gallery/cat2.jpg`. It empties too much then,
//! which costs a fetch; a folder is named with its `/` (PATH-2).

use std::fmt;

use sealpix::operations::Name;
use sealpix::source::{Source, SourceError};

/// Longest prefix: 64 of them take a third of the largest record.
pub const MAX_PREFIX_BYTES: usize = 512;

/// Why a text is the beginning of no source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourcePrefixError {
    /// No source begins like this.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Longer than [`MAX_PREFIX_BYTES`].
    #[error("it has more than {MAX_PREFIX_BYTES} bytes: purge a shorter beginning of it")]
    TooLong,
}

/// The beginning of canonical source texts: a source, a folder of one (with its `/`), or all of a host or named source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePrefix(String);

impl SourcePrefix {
    /// Reads `@gallery`, `@gallery/albums/`, `https://cdn.example.com/photos/`, `cdn.example.com/photo.jpg?v=2`.
    pub fn read(text: &str) -> Result<Self, SourcePrefixError> {
        let behind_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        let whole = if behind_scheme.contains('/') { text.to_owned() } else { format!("{text}/") };
        let prefix = if whole.ends_with('/') {
            // A source of that folder stands for it: `x` is changed by no parser.
            let inside = Source::read(&format!("{whole}x"))?.to_string();
            inside.strip_suffix('x').unwrap_or(&inside).to_owned()
        } else {
            Source::read(&whole)?.to_string()
        };
        if prefix.len() > MAX_PREFIX_BYTES { Err(SourcePrefixError::TooLong) } else { Ok(Self(prefix)) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The configured source that it is in, if it is in one.
    #[must_use]
    pub fn named_source(&self) -> Option<Name> {
        let (name, _) = self.0.strip_prefix('@')?.split_once('/')?;
        Name::new(name)
    }
}

impl fmt::Display for SourcePrefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, SourcePrefixError> {
        SourcePrefix::read(text).map(|prefix| prefix.to_string())
    }

    #[test]
    fn what_people_write_becomes_the_gates_text() {
        for (written, prefix) in [
            ("@gallery", "@gallery/"),
            ("@gallery/", "@gallery/"),
            ("@gallery/albums/", "@gallery/albums/"),
            ("@gallery/a%20b.jpg", "@gallery/a%20b.jpg"),
            ("https://cdn.example.com", "cdn.example.com/"),
            ("CDN.example.com", "cdn.example.com/"),
            ("cdn.example.com:8443/", "cdn.example.com:8443/"),
            ("https://CDN.example.com/photos/", "cdn.example.com/photos/"),
            ("https://cdn.example.com/a%20b/%C3%BC/", "cdn.example.com/a b/ü/"),
            ("cdn.example.com/photo.jpg", "cdn.example.com/photo.jpg"),
            ("cdn.example.com/photo.jpg?v=2&to=/a/", "cdn.example.com/photo.jpg?v=2&to=/a/"),
        ] {
            assert_eq!(read(written).as_deref(), Ok(prefix), "{written}");
            assert_eq!(read(prefix).as_deref(), Ok(prefix), "it reads back");
        }
    }

    #[test]
    fn what_no_source_begins_with_is_refused() {
        for written in [
            "",
            "/",
            "//",
            "@",
            "@/",
            "@Gallery/",
            "@gallery//",
            "@gallery/../",
            "@gallery/a/./",
            "gallery",
            "gallery/",
            "*.example.com/",
            "127.0.0.1/",
            "localhost/a",
            "http://cdn.example.com/",
            "https://",
            "https:///",
            "u:p@cdn.example.com/",
            "cdn.example.com/a#b/",
            "cdn.example.com/a%2Fb/",
            "cdn.example.com/a//b",
            "cdn.example.com:443/",
            "@gallery/a\nb",
            "@gallery/a\0",
        ] {
            assert!(matches!(read(written), Err(SourcePrefixError::Source(_))), "{written:?}: {:?}", read(written));
        }
        let longest = format!("@gallery/{}", "a".repeat(MAX_PREFIX_BYTES - 9));
        assert_eq!(read(&longest), Ok(longest.clone()));
        assert_eq!(read(&format!("{longest}a")), Err(SourcePrefixError::TooLong));
    }

    #[test]
    fn a_named_source_is_known_from_a_host() {
        let named = |text: &str| SourcePrefix::read(text).unwrap().named_source();
        assert_eq!(named("@gallery/a"), Name::new("gallery"));
        assert_eq!(named("cdn.example.com/@gallery/"), None);
    }

    proptest! {
        #[test]
        fn every_source_begins_with_what_is_read_of_it_and_of_its_folders(text in "(@[a-z]{1,5}|[a-c]{1,3}\\.[a-c]{2})(/[a-zü% ,.]{1,5}){1,4}(\\?[a-z=%/]{0,6})?") {
            if let Ok(source) = Source::read(&text) {
                let source = source.to_string();
                prop_assert_eq!(read(&text), Ok(source.clone()));
                let path = text.split('?').next().unwrap_or_default();
                let (folder, _) = path.rsplit_once('/').unwrap();
                for prefix in [read(&format!("{folder}/")), read(path.split('/').next().unwrap_or_default())] {
                    let prefix = prefix.unwrap();
                    prop_assert!(source.starts_with(&prefix), "{source:?} does not begin with {prefix:?}");
                }
            }
        }
    }
}
