//! Keys: the public key in URLs, the secret key that a backend signs with, the signing key derived from it.
//!
//! One secret, one purpose each: the secret key is never an HMAC key itself, the signing key is derived from
//! it by HKDF-SHA256 (RFC 5869) and is all that the edge ever holds (SIG-16).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// HKDF's info string for signing keys.
const URL_SIGNING: &[u8] = b"sealpix/url-signing/v1";

/// Why a text is not a key. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not `pk_` and 22 base64url characters.
    #[error("a public key is pk_ and 22 base64url characters")]
    Public,
    /// Not `sk_` and 43 base64url characters.
    #[error("a secret key is sk_ and 43 base64url characters")]
    Secret,
    /// 32 zero bytes.
    #[error("a secret key of zeros protects nothing")]
    Zero,
}

/// The name of a key pair: `pk_` and 16 random bytes in base64url. No secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 16]);

impl PublicKey {
    /// The public key of 16 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads the one spelling: no padding, no trailing bits.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix("pk_").filter(|encoded| encoded.len() == 22).ok_or(KeyError::Public)?;
        decode(encoded).map(Self).ok_or(KeyError::Public)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "pk_{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl serde::Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What a backend signs with: `sk_` and 32 random bytes in base64url. Shown once, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey([u8; 32]);

impl SecretKey {
    /// The secret key of 32 random bytes; zeros are refused (SIG-10).
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        if bytes == [0; 32] { Err(KeyError::Zero) } else { Ok(Self(bytes)) }
    }

    /// Reads the one spelling.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix("sk_").filter(|encoded| encoded.len() == 43).ok_or(KeyError::Secret)?;
        Self::from_bytes(decode(encoded).ok_or(KeyError::Secret)?)
    }

    /// The key's text, to be shown once or sealed. The caller keeps it from logs.
    #[must_use]
    pub fn reveal(&self) -> zeroize::Zeroizing<String> {
        let mut text = String::with_capacity(46);
        text.push_str("sk_");
        URL_SAFE_NO_PAD.encode_string(self.0, &mut text);
        zeroize::Zeroizing::new(text)
    }

    /// The HMAC key for this key pair's URLs.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey(derive(&self.0, URL_SIGNING))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretKey(redacted)")
    }
}

/// The HMAC key of a key pair's URLs. Wiped on drop.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// The signing key of a record; zeros are none (SIG-10).
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        (bytes != [0; 32]).then_some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(redacted)")
    }
}

/// HKDF-SHA256 (RFC 5869) without salt: 32 bytes for one purpose, which the label `info` names.
#[must_use]
pub fn derive(secret: &[u8], info: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // 32 bytes are far below HKDF's limit of 255 hash lengths, its only error.
    let _ = Hkdf::<Sha256>::new(None, secret).expand(info, &mut out);
    out
}

/// Strict base64url without padding, of exactly `N` bytes; trailing bits must be zero.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    #[test]
    fn the_worked_example_derives_its_signing_key() {
        let signing_key = SecretKey::parse(SECRET).unwrap().signing_key();
        assert_eq!(
            crate::encoding::hex(signing_key.as_bytes()),
            "28cae0d241eed3e430dafc3ebf943faf36e5135f6224d8faf74218c7d877babd"
        );
    }

    #[test]
    fn sig5_sig10_other_spellings_and_empty_keys_are_refused() {
        for text in ["", "sk_", "sk_AAAA", "sk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", &format!("{SECRET}=")] {
            assert!(SecretKey::parse(text).is_err(), "{text}");
        }
        // The last character carries 2 spare bits in a secret key, 4 in a public key: they must be zero.
        assert!(SecretKey::parse("sk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9").is_err());
        assert!(PublicKey::parse("pk_ZGVmZ2hpamtsbW5vcHFycw").is_ok());
        for text in ["pk_ZGVmZ2hpamtsbW5vcHFycx", "pk_ZGVmZ2hpamtsbW5vcHFyc", "PK_ZGVmZ2hpamtsbW5vcHFycw", ""] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sig13_debug_output_redacts() {
        let key = SecretKey::parse(SECRET).unwrap();
        assert_eq!(format!("{key:?} {:?}", key.signing_key()), "SecretKey(redacted) SigningKey(redacted)");
        assert_eq!(key.reveal().as_str(), SECRET);
    }
}
