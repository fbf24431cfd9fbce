//! Where original pictures come from.
//!
//! A [`Source`] turns the source text of a URL into bytes, within [`FetchLimits`]: from a remote server over https
//! ([`mod@http`]), from a folder ([`mod@file`]) or from a bucket ([`s3`]). What every kind keeps:
//! - nothing is returned that was not read whole and within its byte limit;
//! - the deadline covers the whole fetch, look-ups, retries and redirects included;
//! - an error says what happened in our words: never a byte of what the other side sent, never an address it led us to.
//!
//! The type of the picture is found later from its first bytes; no header or file name counts for it.

pub mod address;
mod answer;
mod condition;
pub mod configured;
pub mod file;
pub mod http;
pub mod listing;
pub mod resolver;
pub mod s3;
pub(crate) mod tls;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use listing::Listing;

/// A place that originals are fetched from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Fetches the original that `text` names: `host[:port]/path?query` for a remote source, a name below the root for
    /// the others.
    ///
    /// # Errors
    /// A [`SourceError`]; the original is then not available, in whole or in part.
    async fn fetch(&self, text: &str, limits: &FetchLimits) -> Result<Fetched, SourceError>;

    /// As [`Source::fetch`]; `None` where the original is the one that came with `held`, as far as the source can tell
    /// without sending it. A source that cannot tell fetches it whole.
    ///
    /// # Errors
    /// As [`Source::fetch`].
    async fn fetch_if_changed(
        &self,
        text: &str,
        _held: &Validator,
        limits: &FetchLimits,
    ) -> Result<Option<Fetched>, SourceError> {
        self.fetch(text, limits).await.map(Some)
    }

    /// Up to `most` pictures of a folder (empty for the root) with names after `after`.
    ///
    /// # Errors
    /// A [`SourceError`]; [`SourceError::NotFound`] where the source has no folders to look into.
    async fn list(
        &self,
        _folder: &str,
        _after: Option<String>,
        _most: usize,
        _deadline: Duration,
    ) -> Result<Listing, SourceError> {
        Err(SourceError::NotFound)
    }
}

/// An original, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The bytes as they were received or read.
    pub bytes: Bytes,
    /// Identifies the content: the same bytes have the same version, on every instance and from every kind of source.
    ///
    /// It is the BLAKE3 of the bytes in hexadecimal. Upstream validators (`ETag`, `Last-Modified`) are no version: servers
    /// behind one name disagree about them, and a server may lie about them.
    pub version: String,
    /// What the source takes instead of sending the same original again, if it gave one.
    pub validator: Option<Validator>,
}

/// What a source says an original's state is, in words of its own kind: told back to it, never compared with the
/// content. A server that lies with it can hide a change, but for no longer than whoever keeps it believes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator(Box<str>);

/// Longer ones are taken for none: they would cost more than they save.
const MAX_VALIDATOR_BYTES: usize = 512;

impl Validator {
    /// Of a source's words, unless they are too many.
    pub fn new(text: String) -> Option<Self> {
        (text.len() <= MAX_VALIDATOR_BYTES).then(|| Self(text.into()))
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Fetched {
    /// Names the version of `bytes`, which came without a validator.
    pub fn new(bytes: Bytes) -> Self {
        let mut content = blake3::Hasher::new();
        content.update(&bytes);
        Self { version: version(&content), bytes, validator: None }
    }
}

/// The version of the content that was hashed.
fn version(content: &blake3::Hasher) -> String {
    content.finalize().to_hex().to_string()
}

/// How much one fetch may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// The most bytes of an original; one more is [`SourceError::TooLarge`].
    pub max_bytes: usize,
    /// The time for the whole fetch, from look-up to last byte, redirects included.
    pub deadline: Duration,
}

impl FetchLimits {
    /// Camera JPEGs are under 30 MB, and the pixel limit of the decoder is met well before it by anything else.
    pub const MAX_BYTES: usize = 32 * 1024 * 1024;
    /// A visitor has gone by then, and an edge gives up on its origin not much later.
    pub const DEADLINE_SECS: u64 = 15;
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { max_bytes: Self::MAX_BYTES, deadline: Duration::from_secs(Self::DEADLINE_SECS) }
    }
}

/// Why an original is not available. The status behind each is the one that delivery answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The text cannot be a source of this kind, or parsing and printing its URL gives other bytes (400).
    #[error("the source is not spelled in the one accepted way")]
    Malformed,
    /// The host is, or resolves to, an address that is not global unicast (403).
    #[error("the source's host has an address that is not allowed")]
    AddressBlocked,
    /// The other side has no such picture (404).
    #[error("the source has no such picture")]
    NotFound,
    /// The original is larger than `limit_bytes` (413).
    #[error("the picture at the source is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit that was in force.
        limit_bytes: usize,
    },
    /// No address, no connection, or no TLS session (502).
    #[error("the source cannot be reached")]
    Unreachable,
    /// The storage refuses what it is asked with (502). Some answer so, too, where there is no such picture and the
    /// credentials do not give the right to list.
    #[error("the storage does not let the source's credentials read this picture")]
    AccessDenied,
    /// The server answered with this status (502).
    #[error("the source answered with status {0}")]
    UpstreamStatus(u16),
    /// The server answered with a redirect that is not followed (502).
    #[error("the source redirects: {0}")]
    RedirectNotAllowed(RedirectRefusal),
    /// The body ended early, or only a part was sent (502).
    #[error("the source sent an incomplete picture")]
    Incomplete,
    /// The body is compressed although we asked for it as it is (502).
    #[error("the source sent a content encoding that was not asked for")]
    ContentEncoding,
    /// The file is there but cannot be read, for want of permission or for a failing disk (502).
    #[error("the source's file cannot be read")]
    Unreadable,
    /// The deadline of the whole fetch passed (504).
    #[error("the source did not answer in time")]
    Timeout,
}

/// Why a redirect was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectRefusal {
    /// More redirects than the source's setting, which is none by default.
    #[error("more redirects than are allowed")]
    TooMany,
    /// No `Location`, or one that is not a URL, or one with a user name or password.
    #[error("its target is not a usable URL")]
    Malformed,
    /// The target is not https.
    #[error("its target is not https")]
    Scheme,
    /// The target's host or path is not one that this request may fetch.
    #[error("its target is not an allowed source")]
    Target,
    /// The target was visited before.
    #[error("it leads in a circle")]
    Loop,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_blake3_of_the_bytes() {
        let fetched = Fetched::new(Bytes::from_static(b"abc"));
        assert_eq!(fetched.version, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    }

    #[test]
    fn the_limits_have_defaults() {
        let limits = FetchLimits::default();
        assert_eq!((limits.max_bytes, limits.deadline.as_secs()), (33_554_432, 15));
    }
}
