//! The target: path and query of a signed URL, as bytes.
//!
//! ```text
//! /{project}/{operations}/{source}?key={public key}[&exp={unix seconds}]&sig={signature}[&w={width}]
//! ```
//!
//! One picture, one key, one expiry: one accepted spelling. [`Target::parse`] refuses or takes as it is; it
//! never repairs. What it takes is a fixed point of what URL parsers and CDNs do to URLs (WHATWG URL, RFC 3986
//! section 6, slash merging), so what arrives is what was signed.

use std::fmt;

use crate::encoding::{EncodingError, escape, unescape};
use crate::key::{PublicKey, SigningKey};
use crate::operations::{Int, OperationError, Operations, Value as _, Width};
use crate::signature::{self, Signature};
use crate::source::{Source, SourceError};

/// Longest target, in bytes: what every server and CDN on the way takes in a request line.
pub const MAX_TARGET_BYTES: usize = 8_192;

/// First segments that the origin's router uses for itself.
pub const RESERVED_SLUGS: [&str; 9] =
    ["api", "healthz", "readyz", "metrics", "assets", "setup", "login", "dashboard", "docs"];

/// Why a text is not a target. Messages name the part; they repeat nothing of the URL but checked names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Longer than [`MAX_TARGET_BYTES`].
    #[error("the target is longer than 8192 bytes")]
    TooLong,
    /// Not `/project/operations/source?query`.
    #[error("the target is not /project/operations/source?key=…&sig=…")]
    Shape,
    /// The project's slug.
    #[error("the project is not 3 to 50 of a-z 0-9 -, without - at an end, and not a reserved word")]
    Project,
    /// The path's encoding.
    #[error("the path's encoding is not canonical: {0}")]
    Encoding(#[from] EncodingError),
    /// The operations.
    #[error("{0}")]
    Operations(#[from] OperationError),
    /// The source.
    #[error("{0}")]
    Source(#[from] SourceError),
    /// A query parameter that is unknown, repeated, missing or out of order.
    #[error("the query is not key, then exp if there is one, then sig, then w if the operations list widths")]
    Query,
    /// The public key.
    #[error("key is not pk_ and 22 base64url characters")]
    Key,
    /// The expiry.
    #[error("exp is not unix seconds: 1 to 10 digits without a leading zero")]
    Expiry,
    /// Thirteen digits.
    #[error("exp looks like milliseconds: write unix seconds")]
    ExpiryInMilliseconds,
    /// The signature's form.
    #[error("sig is not 32 base64url characters")]
    Signature,
    /// A width list without `&w=`, `&w=` without a list, or a width that is not listed.
    #[error("w must be one of the widths that the operations list, and only then")]
    Width,
}

/// A tenant's name in URLs: 3 to 50 of `a-z 0-9 -`, no `-` at either end, not a reserved word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// The slug, if it is one.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends = text.starts_with('-') || text.ends_with('-');
        let fits = (3..=50).contains(&text.len()) && plain && !ends && !RESERVED_SLUGS.contains(&text);
        fits.then(|| Self(text.to_owned()))
    }

    /// The slug as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl serde::Serialize for Slug {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Slug {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("a project slug is 3 to 50 of a-z 0-9 -"))
    }
}

/// What a backend asks to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The project.
    pub project: Slug,
    /// The operations as signed; a width list is still a list.
    pub operations: Operations,
    /// The image asked for.
    pub source: Source,
    /// The key it is signed with.
    pub key: PublicKey,
    /// Valid while `now <= expires`, in unix seconds.
    pub expires: Option<u64>,
}

impl Request {
    /// The bytes that are signed: the target up to, not including, `&sig=`.
    #[must_use]
    pub fn signed_part(&self) -> String {
        let Self { project, operations, source, key, expires } = self;
        let operations = operations.to_string();
        let source = source.to_string();
        let mut out = format!("/{project}/{}/{}?key={key}", escape(&operations), escape(&source));
        if let Some(expires) = expires {
            out.push_str(&format!("&exp={expires}"));
        }
        out
    }

    /// Signs: the target, which for a width list still lacks its `&w=`. Refuses what the gate would refuse as
    /// malformed, so a signer never mints a dead URL (SIG-14).
    pub fn sign(&self, key: &SigningKey) -> Result<String, TargetError> {
        let signed = self.signed_part();
        let target = format!("{signed}&sig={}", signature::sign(key, &signed));
        let asked = match &self.operations.width {
            Some(width @ Width::List(_)) => format!("{target}&w={}", width.largest()),
            _ => target.clone(),
        };
        Target::parse(&asked)?;
        Ok(target)
    }
}

/// A parsed target. Made only by [`Target::parse`], so it always comes from the bytes that were received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    request: Request,
    signature: Signature,
    width: Option<Int<1, 8192>>,
    signed_part: &'a str,
}

impl<'a> Target<'a> {
    /// Reads a target. Anything but the one spelling is an error that names the part.
    pub fn parse(text: &'a str) -> Result<Self, TargetError> {
        if text.len() > MAX_TARGET_BYTES {
            return Err(TargetError::TooLong);
        }
        let (path, query) = text.split_once('?').ok_or(TargetError::Shape)?;
        let mut parts = path.strip_prefix('/').ok_or(TargetError::Shape)?.splitn(3, '/');
        let (Some(project), Some(operations), Some(source)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(TargetError::Shape);
        };
        let project = Slug::new(project).ok_or(TargetError::Project)?;
        let operations = Operations::parse(&unescape(operations)?)?;
        let source = Source::parse(&unescape(source)?)?;
        let (query, width) = match query.split_once("&w=") {
            Some((query, width)) => (query, Some(width)),
            None => (query, None),
        };
        let (before, signature) = query.split_once("&sig=").ok_or(TargetError::Query)?;
        if signature.contains('&') {
            return Err(TargetError::Query);
        }
        let before = before.strip_prefix("key=").ok_or(TargetError::Query)?;
        let (key, expires) = match before.split_once("&exp=") {
            Some((key, expires)) => (key, Some(parse_expiry(expires)?)),
            None => (before, None),
        };
        if key.contains('&') {
            return Err(TargetError::Query);
        }
        let key = PublicKey::parse(key).map_err(|_| TargetError::Key)?;
        let signature = Signature::parse(signature).ok_or(TargetError::Signature)?;
        let width = asked_width(&operations, width)?;
        let signed_length = text.find("&sig=").unwrap_or(text.len());
        let signed_part = text.get(..signed_length).unwrap_or(text);
        Ok(Self { request: Request { project, operations, source, key, expires }, signature, width, signed_part })
    }

    /// What was signed.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The signature the URL carries.
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The width chosen from a list by `&w=`.
    #[must_use]
    pub fn width(&self) -> Option<u32> {
        self.width.map(Int::get)
    }

    /// The bytes the signature covers, as received.
    #[must_use]
    pub fn signed_part(&self) -> &'a str {
        self.signed_part
    }

    /// The string to sign, as `inspect` shows it.
    #[must_use]
    pub fn string_to_sign(&self) -> String {
        format!("{}{}", signature::PREFIX, self.signed_part)
    }

    /// The operations with a width list replaced by the width asked for.
    #[must_use]
    pub fn resolved_operations(&self) -> Operations {
        let mut operations = self.request.operations.clone();
        if let Some(width) = self.width {
            operations.width = Some(Width::One(width));
        }
        operations
    }

    /// Whether the signature is that of these bytes under `key`.
    #[must_use]
    pub fn is_signed_by(&self, key: &SigningKey) -> bool {
        signature::verify(key, self.signed_part, &self.signature)
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}&sig={}", self.request.signed_part(), self.signature)?;
        self.width.map_or(Ok(()), |width| write!(out, "&w={width}"))
    }
}

fn parse_expiry(text: &str) -> Result<u64, TargetError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        // `exp=1&exp=2` and `exp=1&x=2` are a wrong query, not a wrong number.
        return Err(if text.contains('&') { TargetError::Query } else { TargetError::Expiry });
    }
    if text.len() == 13 {
        return Err(TargetError::ExpiryInMilliseconds);
    }
    if text.len() > 10 || text.starts_with('0') {
        return Err(TargetError::Expiry);
    }
    text.parse().map_err(|_| TargetError::Expiry)
}

fn asked_width(operations: &Operations, width: Option<&str>) -> Result<Option<Int<1, 8192>>, TargetError> {
    match (&operations.width, width) {
        (Some(list @ Width::List(_)), Some(text)) => {
            let width = Int::read(text).filter(|width| width.to_string() == text && list.lists(width.get()));
            width.map(Some).ok_or(TargetError::Width)
        }
        (Some(Width::List(_)), None) => Err(TargetError::Width),
        // `&w=` where nothing is listed, or something behind it.
        (_, Some(_)) => Err(TargetError::Width),
        (_, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;

    const EXAMPLES: [&str; 3] = [
        "/my-app/w_800,f_webp/cdn.example.com/photo.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=1800000000&sig=KnTrSRr8ZeYuU0s7Xk1i25MLwxp5Gvvz",
        "/my-app/_/cdn.example.com/a%20b/%C3%BC.png%3Fv=2%26x=%271%27?key=pk_ZGVmZ2hpamtsbW5vcHFycw&sig=CtMWljGKNJSbeoCCkDmN7KBFXGcHyMF2",
        "/my-app/w_320%7C640%7C960,f_auto/@gallery/2026/sunset.jpg?key=pk_ZGVmZ2hpamtsbW5vcHFycw&exp=1800000000&sig=PlV2l1blJVoyIHQIAX--U4_LXSKS6T5-&w=640",
    ];

    #[test]
    fn the_worked_examples_parse_print_and_verify() {
        let key = SecretKey::parse("sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap().signing_key();
        for example in EXAMPLES {
            let target = Target::parse(example).unwrap();
            assert_eq!(target.to_string(), example);
            assert!(target.is_signed_by(&key));
            let signed = target.request().sign(&key).unwrap();
            assert_eq!(signed, example.split("&w=").next().unwrap());
        }
    }

    #[test]
    fn sig5_each_wrong_part_has_its_error() {
        let good = EXAMPLES[0];
        let with = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            good.replace(from, to)
        };
        for (text, error) in [
            (with("&exp=1800000000", "&exp=1800000000123"), TargetError::ExpiryInMilliseconds),
            (with("&exp=1800000000", "&exp=0"), TargetError::Expiry),
            (with("&exp=1800000000", "&exp=01"), TargetError::Expiry),
            (with("&exp=1800000000", "&exp=+1"), TargetError::Expiry),
            (with("&exp=1800000000", "&exp=1junk"), TargetError::Expiry),
            (with("&exp=1800000000", "&exp="), TargetError::Expiry),
            (with("&exp=1800000000", "&exp=1&exp=2"), TargetError::Query),
            (with("&exp=1800000000", "&x=1"), TargetError::Query),
            (with("?key=", "?x=1&key="), TargetError::Query),
            (with("&sig=", "&sig=A&sig="), TargetError::Query),
            (format!("{good}&w=800"), TargetError::Width),
            (format!("{good}="), TargetError::Signature),
            (format!("{good}&x=1"), TargetError::Query),
            (with("my-app", "my--"), TargetError::Project),
            (with("my-app", "api"), TargetError::Project),
            (with("/my-app", "my-app"), TargetError::Shape),
            (format!("{good}{}", "a".repeat(MAX_TARGET_BYTES)), TargetError::TooLong),
            (EXAMPLES[2].replace("&w=640", ""), TargetError::Width),
            (EXAMPLES[2].replace("&w=640", "&w=641"), TargetError::Width),
            (EXAMPLES[2].replace("&w=640", "&w=0640"), TargetError::Width),
            (EXAMPLES[2].replace("&w=640", "&w=640&w=320"), TargetError::Width),
        ] {
            assert_eq!(Target::parse(&text).unwrap_err(), error, "{text}");
        }
    }
}
