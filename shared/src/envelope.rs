//! Sealed records: AES-256-GCM with a 96-bit random nonce, every circumstance bound as associated data.
//!
//! ```text
//! r1.{link id}.{version}.{sealed at}.{fresh until}.{base64url(nonce ‖ ciphertext ‖ tag)}
//! ```
//!
//! Associated data are the length-prefixed fields `sealpix/record/v1`, link id, edge environment, kind, name,
//! version, sealed-at and fresh-until: a record moved to another name, or with another version, does not open
//! (SIG-12). The nonce is an argument; callers draw 12 random bytes for each seal.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::link::{LinkId, LinkKeys};

/// Largest sealed record: far above a project of 64 rules and presets, far below KV's 25 MiB.
pub const MAX_SEALED_BYTES: usize = 131_072;

/// How far ahead of the reader's clock a version may be, in milliseconds.
pub const MAX_VERSION_AHEAD_MILLIS: u64 = 300_000;

/// How long a record may be relied on, in seconds: the most that a writer of the KV namespace can roll back.
pub const FRESH_SECS: u64 = 86_400;

/// What kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A key's, named by its public key.
    Key,
    /// A project's, named by its slug.
    Project,
}

impl Kind {
    /// The kind in record names: `key:pk_…`, `project:my-app`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Project => "project",
        }
    }
}

/// Where a record belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// The edge's environment, so that a staging record never opens in production.
    pub environment: &'a str,
    /// Key or project.
    pub kind: Kind,
    /// The public key or the slug.
    pub name: &'a str,
}

/// When a record was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Rises with every change of the name: max(previous + 1, unix milliseconds).
    pub version: u64,
    /// Unix seconds.
    pub sealed_at: u64,
    /// Unix seconds after which the record says nothing.
    pub fresh_until: u64,
}

/// Why a sealed record does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not the form above.
    #[error("the record is not in its sealed form")]
    Malformed,
    /// Sealed under a link that is not in use.
    #[error("the record is sealed under another edge link")]
    UnknownLink,
    /// Changed, moved to another name or environment, or sealed with another key.
    #[error("the record does not open here")]
    Forged,
    /// A version that the clock does not allow.
    #[error("the record's version lies in the future")]
    FarAhead,
}

/// An opened record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The link it was sealed under.
    pub link: LinkId,
    /// When.
    pub stamp: Stamp,
    /// What.
    pub plaintext: Vec<u8>,
}

/// Seals a record.
#[must_use]
pub fn seal(keys: &LinkKeys, context: Context<'_>, stamp: Stamp, plaintext: &[u8], nonce: [u8; 12]) -> String {
    let associated = associated_data(keys.id, context, stamp);
    let cipher = Aes256Gcm::new(&keys.record.into());
    let payload = Payload { msg: plaintext, aad: &associated };
    // AES-GCM's only error is a plaintext of 64 GiB.
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), payload).unwrap_or_default();
    let mut bytes = nonce.to_vec();
    bytes.extend_from_slice(&ciphertext);
    let Stamp { version, sealed_at, fresh_until } = stamp;
    format!("r1.{}.{version}.{sealed_at}.{fresh_until}.{}", keys.id, URL_SAFE_NO_PAD.encode(bytes))
}

/// Opens a record for its place. Whether it is still fresh is the caller's question: the stamp answers it.
pub fn open(slots: &[LinkKeys], context: Context<'_>, sealed: &str, now_secs: u64) -> Result<Opened, EnvelopeError> {
    if sealed.len() > MAX_SEALED_BYTES {
        return Err(EnvelopeError::Malformed);
    }
    let mut parts = sealed.split('.');
    let mut next = || parts.next().ok_or(EnvelopeError::Malformed);
    if next()? != "r1" {
        return Err(EnvelopeError::Malformed);
    }
    let link = LinkId::parse(next()?).ok_or(EnvelopeError::Malformed)?;
    let stamp = Stamp { version: number(next()?)?, sealed_at: number(next()?)?, fresh_until: number(next()?)? };
    let bytes = URL_SAFE_NO_PAD.decode(next()?).map_err(|_| EnvelopeError::Malformed)?;
    if next().is_ok() {
        return Err(EnvelopeError::Malformed);
    }
    let keys = LinkKeys::choose(slots, link).ok_or(EnvelopeError::UnknownLink)?;
    let (nonce, ciphertext) = bytes.split_first_chunk::<12>().ok_or(EnvelopeError::Malformed)?;
    let associated = associated_data(link, context, stamp);
    let cipher = Aes256Gcm::new(&keys.record.into());
    let plaintext = cipher
        .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad: &associated })
        .map_err(|_| EnvelopeError::Forged)?;
    if stamp.version > now_secs.saturating_mul(1000).saturating_add(MAX_VERSION_AHEAD_MILLIS) {
        return Err(EnvelopeError::FarAhead);
    }
    Ok(Opened { link, stamp, plaintext })
}

/// Each field behind its length, so that no two lists of fields give the same bytes (SIG-3).
pub(crate) fn length_prefixed<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}

fn associated_data(link: LinkId, context: Context<'_>, stamp: Stamp) -> Vec<u8> {
    length_prefixed([
        b"sealpix/record/v1".as_slice(),
        link.to_string().as_bytes(),
        context.environment.as_bytes(),
        context.kind.as_str().as_bytes(),
        context.name.as_bytes(),
        &stamp.version.to_be_bytes(),
        &stamp.sealed_at.to_be_bytes(),
        &stamp.fresh_until.to_be_bytes(),
    ])
}

fn number(text: &str) -> Result<u64, EnvelopeError> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain).ok_or(EnvelopeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::LinkSecret;

    const NOW: u64 = 1_800_000_000;
    const STAMP: Stamp = Stamp { version: NOW * 1000, sealed_at: NOW, fresh_until: NOW + FRESH_SECS };
    const HERE: Context<'_> = Context { environment: "production", kind: Kind::Key, name: "pk_a" };

    fn keys(id: u8) -> LinkKeys {
        LinkSecret::from_bytes([id; 4], [id; 32]).unwrap().keys()
    }

    #[test]
    fn a_record_opens_in_its_place_only() {
        let sealed = seal(&keys(1), HERE, STAMP, b"record", [3; 12]);
        let opened = open(&[keys(2), keys(1)], HERE, &sealed, NOW).unwrap();
        assert_eq!((opened.plaintext.as_slice(), opened.stamp), (b"record".as_slice(), STAMP));
        for elsewhere in [
            Context { environment: "staging", ..HERE },
            Context { kind: Kind::Project, ..HERE },
            Context { name: "pk_b", ..HERE },
        ] {
            assert_eq!(open(&[keys(1)], elsewhere, &sealed, NOW), Err(EnvelopeError::Forged));
        }
        assert_eq!(open(&[keys(2)], HERE, &sealed, NOW), Err(EnvelopeError::UnknownLink));
    }

    #[test]
    fn sig12_no_changed_byte_opens_and_no_version_from_the_future() {
        let sealed = seal(&keys(1), HERE, STAMP, b"record", [3; 12]);
        for at in 0..sealed.len() {
            for other in [b'0', b'1', b'A', b'z', b'.'] {
                let mut bytes = sealed.clone().into_bytes();
                if bytes[at] != other {
                    bytes[at] = other;
                    let text = String::from_utf8(bytes).unwrap();
                    assert!(open(&[keys(1)], HERE, &text, NOW).is_err(), "{text}");
                }
            }
        }
        let ahead = Stamp { version: STAMP.version + MAX_VERSION_AHEAD_MILLIS + 1, ..STAMP };
        let sealed = seal(&keys(1), HERE, ahead, b"record", [3; 12]);
        assert_eq!(open(&[keys(1)], HERE, &sealed, NOW), Err(EnvelopeError::FarAhead));
    }
}
