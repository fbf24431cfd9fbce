//! The picture that a project shows in place of one whose source is missing.

use sealpix::source::{Source, SourceError};
use serde::{Deserialize, Serialize};

/// How long it is kept where its project does not say, in seconds: a picture that comes late is soon seen.
pub const FALLBACK_TTL_SECS: u32 = 60;

/// The longest that it is kept, in seconds: a day, as pictures are unless a project says otherwise.
const MAX_TTL_SECS: u32 = 86_400;

/// The longest text of a source: far above any sensible one, and a URL has room for it.
const MAX_SOURCE_BYTES: usize = 2_048;

/// Why a fallback is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FallbackError {
    /// Its text names no source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Its text is too long.
    #[error("the source is longer than {MAX_SOURCE_BYTES} bytes")]
    TooLong,
    /// Its time.
    #[error("ttl_secs is 1 to {MAX_TTL_SECS}")]
    Ttl,
    /// The gate would not let a URL of the project ask for it.
    #[error("the project's sources and grants do not admit its source")]
    NotAdmitted,
}

/// A fallback as people write it, and as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackDeclared {
    /// What a signer would be given: `@gallery/missing.png`, `cdn.example.com/missing.png`.
    pub source: String,
    /// How long it may be kept, in seconds.
    #[serde(default = "ttl_secs")]
    pub ttl_secs: u32,
}

fn ttl_secs() -> u32 {
    FALLBACK_TTL_SECS
}

/// A fallback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "FallbackDeclared", into = "FallbackDeclared")]
pub struct Fallback {
    source: Source,
    ttl_secs: u32,
}

impl Fallback {
    /// Where the picture is.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How long it may be kept, by browsers, the edge and the origin, in seconds.
    #[must_use]
    pub fn ttl_secs(&self) -> u32 {
        self.ttl_secs
    }
}

impl TryFrom<FallbackDeclared> for Fallback {
    type Error = FallbackError;

    fn try_from(FallbackDeclared { source, ttl_secs }: FallbackDeclared) -> Result<Self, FallbackError> {
        if source.len() > MAX_SOURCE_BYTES {
            return Err(FallbackError::TooLong);
        }
        if !(1..=MAX_TTL_SECS).contains(&ttl_secs) {
            return Err(FallbackError::Ttl);
        }
        // Twice, so that all spellings of one URL are one source.
        let source = Source::read(&written(&Source::read(&source)?))?;
        Ok(Self { source, ttl_secs })
    }
}

impl From<Fallback> for FallbackDeclared {
    fn from(Fallback { source, ttl_secs }: Fallback) -> Self {
        Self { source: written(&source), ttl_secs }
    }
}

/// As [`Source::read`] takes it.
fn written(source: &Source) -> String {
    match source {
        Source::Remote(remote) => remote.authority_path_query(),
        Source::Named { .. } => source.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fallback(source: &str, ttl_secs: u32) -> Result<Fallback, FallbackError> {
        FallbackDeclared { source: source.to_owned(), ttl_secs }.try_into()
    }

    #[test]
    fn it_is_read_as_signers_read_and_comes_back_as_it_may_be_sent_again() {
        for (given, shown) in [
            ("@gallery/missing 1%.png", "@gallery/missing 1%.png"),
            ("https://CDN.example.com/a b/%C3%BC.png?v=a b%2F", "cdn.example.com/a%20b/%C3%BC.png?v=a%20b%2F"),
            ("cdn.example.com/50%25%zz.png", "cdn.example.com/50%25%25zz.png"),
        ] {
            let read = fallback(given, 60).unwrap();
            assert_eq!(FallbackDeclared::from(read.clone()).source, shown);
            assert_eq!(fallback(shown, 60), Ok(read), "{given}");
        }
        let declared: FallbackDeclared = serde_json::from_str(r#"{"source": "@gallery/x.png"}"#).unwrap();
        assert_eq!(Fallback::try_from(declared).unwrap().ttl_secs(), 60);
    }

    #[test]
    fn what_is_no_source_and_no_time_is_refused() {
        for text in
            ["", "missing.png", "@gallery", "@gallery/../x", "10.0.0.1/x.png", "http://a.example/x", "a.example/x#y"]
        {
            assert!(matches!(fallback(text, 60), Err(FallbackError::Source(_))), "{text}");
        }
        assert_eq!(fallback(&format!("@gallery/{}", "a".repeat(2_048)), 60), Err(FallbackError::TooLong));
        for ttl_secs in [0, 86_401] {
            assert_eq!(fallback("@gallery/x.png", ttl_secs), Err(FallbackError::Ttl));
        }
        assert!(fallback("@gallery/x.png", 1).is_ok() && fallback("@gallery/x.png", 86_400).is_ok());
    }
}
