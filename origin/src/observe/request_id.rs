//! The name of one request, in its answer and in each of its log lines.
//!
//! A client, or a proxy before us, may bring one as `X-Request-Id`; a name that is not plainly one is ignored, so that
//! none can forge a log line or a header. It names, and secures nothing.

use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use sealpix::encoding::hex;

use crate::clock::random;

/// The header that brings and returns it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest name, in characters.
const MAX_CHARS: usize = 64;

/// Shortest name that a client may bring, in characters: shorter ones name too many requests.
const MIN_CHARS: usize = 8;

/// The name of a request: up to 64 of `A-Z a-z 0-9 _ -`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestId(String);

impl RequestId {
    /// The client's, if it brings exactly one that can be one; a new one otherwise.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Self {
        let mut brought = headers.get_all(HEADER).iter();
        match (brought.next(), brought.next()) {
            (Some(one), None) => one.to_str().ok().and_then(Self::brought).unwrap_or_else(Self::random),
            _ => Self::random(),
        }
    }

    /// The one that the request was given when it came in.
    #[must_use]
    pub fn of_extensions(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    /// One that the edge has proved, which may be shorter.
    #[must_use]
    pub fn proven(text: &str) -> Option<Self> {
        let fits = (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(is_plain);
        fits.then(|| Self(text.to_owned()))
    }

    fn brought(text: &str) -> Option<Self> {
        Self::proven(text).filter(|id| id.0.len() >= MIN_CHARS)
    }

    fn random() -> Self {
        // Without randomness the name is empty and the request goes on.
        random::<16>().map(|bytes| Self(hex(&bytes))).unwrap_or_default()
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of the answer's header.
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        // The characters of a name always make one.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> RequestId {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        RequestId::of_headers(&headers)
    }

    #[test]
    fn a_name_that_a_client_brings_is_kept() {
        for name in ["12345678", "a_b-C_d-9", &"x".repeat(64)] {
            assert_eq!(of(&[name]).as_str(), name);
        }
    }

    #[test]
    fn a_forged_name_is_replaced_by_a_new_one() {
        let long = "x".repeat(65);
        for values in [
            &[][..],
            &["1234567"],
            &[""],
            &[long.as_str()],
            &["12345678\"}"],
            &["12345678 9"],
            &["12345678\tx"],
            &["pétale-de-rose"],
            &["12345678", "12345678"],
        ] {
            let id = of(values);
            assert!(id.as_str().len() == 32 && id.as_str().bytes().all(|b| b.is_ascii_hexdigit()), "{values:?}");
            assert_ne!(id, of(values));
        }
    }

    #[test]
    fn the_edge_may_prove_a_short_one_and_no_other_characters() {
        assert_eq!(RequestId::proven("abc-1").unwrap().as_str(), "abc-1");
        for wrong in ["", "a b", "a\n", "é"] {
            assert_eq!(RequestId::proven(wrong), None);
        }
    }
}
