//! What a remote server's answer must be: status 200, as it is, whole, and within the byte limit.
//!
//! The server decides about every byte here, so nothing it declares is believed before it is seen (RFC 9110, RFC 9112).

use std::error::Error as _;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, TRANSFER_ENCODING};

use super::{Fetched, SourceError, condition, version};

/// A declared length is only a promise: this much is reserved for it, the rest grows with the bytes that came.
const RESERVED_BYTES: usize = 256 * 1024;

/// The whole body of a plain 200, at most `max_bytes` long.
pub(super) async fn read_whole(mut response: Response, max_bytes: usize) -> Result<Fetched, SourceError> {
    match response.status().as_u16() {
        200 => {}
        206 => return Err(SourceError::Incomplete),
        404 | 410 => return Err(SourceError::NotFound),
        status => return Err(SourceError::UpstreamStatus(status)),
    }
    if is_encoded(response.headers()) {
        return Err(SourceError::ContentEncoding);
    }
    let validator = condition::validator(response.headers());
    let declared = declared_length(response.headers());
    if declared.is_some_and(|length| length > max_bytes) {
        return Err(SourceError::TooLarge { limit_bytes: max_bytes });
    }
    let mut bytes = Vec::with_capacity(declared.unwrap_or(0).min(RESERVED_BYTES));
    // Hashed as it comes, so that a large original does not hold the thread at its end.
    let mut content = blake3::Hasher::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| cause(error, SourceError::Incomplete))? {
        if chunk.len() > max_bytes - bytes.len() {
            return Err(SourceError::TooLarge { limit_bytes: max_bytes });
        }
        content.update(&chunk);
        bytes.extend_from_slice(&chunk);
    }
    // The HTTP library fails such a body by itself; that it was read whole is too much to rest on one place.
    if declared.is_some_and(|length| length != bytes.len()) {
        return Err(SourceError::Incomplete);
    }
    // No spare room: what it takes is what is counted.
    Ok(Fetched { bytes: Bytes::from(bytes.into_boxed_slice()), version: version(&content), validator })
}

/// A 304 to a request that had a condition. It has no body (RFC 9110, 15.4.5); one that has is no 304.
pub(super) async fn read_unchanged(mut response: Response) -> Result<(), SourceError> {
    match response.chunk().await.map_err(|error| cause(error, SourceError::Incomplete))? {
        Some(chunk) if !chunk.is_empty() => Err(SourceError::UpstreamStatus(304)),
        _ => Ok(()),
    }
}

/// Whether the body went through a coding other than chunking. Nothing here decompresses, so no bomb can go off, and
/// compressed bytes must not be taken for the picture either.
fn is_encoded(headers: &HeaderMap) -> bool {
    let other_than = |name: HeaderName, plain: &str| {
        headers.get_all(name).iter().any(|value| !value.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
    };
    other_than(CONTENT_ENCODING, "identity") || other_than(TRANSFER_ENCODING, "chunked")
}

/// The declared length; with `Transfer-Encoding` it does not count (RFC 9112, 6.3).
fn declared_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok()?;
    (!headers.contains_key(TRANSFER_ENCODING)).then(|| usize::try_from(length).unwrap_or(usize::MAX))
}

/// The refusal of ours inside a client's error, if there is one; else what the error means at this point of the way.
pub(super) fn cause(error: reqwest::Error, otherwise: SourceError) -> SourceError {
    let mut inner = error.source();
    while let Some(error) = inner {
        if let Some(ours) = error.downcast_ref::<SourceError>() {
            return *ours;
        }
        inner = error.source();
    }
    let timeout = error.is_timeout();
    // A source's query may hold a credential of its server.
    tracing::debug!(error = ?error.without_url(), "a source's fetch failed");
    if timeout { SourceError::Timeout } else { otherwise }
}
