//! The signature: the first 24 bytes of HMAC-SHA256 over `sealpix:url:v1\n` and the target's bytes.
//!
//! It covers the bytes that were received, up to `&sig=`, so nothing is rebuilt before it is verified (SIG-1,
//! SIG-2, SIG-3), and it is compared whole and in constant time (SIG-8).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::key::{SigningKey, decode};

/// What every string to sign begins with: the purpose and version of this MAC.
pub const PREFIX: &str = "sealpix:url:v1\n";

/// Bytes of a signature: 192 bits.
pub const SIGNATURE_BYTES: usize = 24;

/// A signature as it stands in a URL: 32 base64url characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; SIGNATURE_BYTES]);

impl Signature {
    /// Reads 32 base64url characters; 24 bytes leave no spare bits, so the spelling is the only one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        decode(text).map(Self)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

/// Signs the part of a target before `&sig=`.
#[must_use]
pub fn sign(key: &SigningKey, signed_part: &str) -> Signature {
    let mac = mac(key, signed_part).finalize().into_bytes();
    let mut first = [0; SIGNATURE_BYTES];
    for (to, from) in first.iter_mut().zip(mac) {
        *to = from;
    }
    Signature(first)
}

/// Whether `signature` is that of `signed_part`, in constant time.
#[must_use]
pub fn verify(key: &SigningKey, signed_part: &str, signature: &Signature) -> bool {
    mac(key, signed_part).verify_truncated_left(&signature.0).is_ok()
}

fn mac(key: &SigningKey, signed_part: &str) -> Hmac<Sha256> {
    let mut mac = keyed(key.as_bytes());
    mac.update(PREFIX.as_bytes());
    mac.update(signed_part.as_bytes());
    mac
}

/// HMAC-SHA256 under a 32-byte key, zero-filled to the hash's block as RFC 2104 says: a form that cannot fail.
pub(crate) fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::<Sha256>::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SecretKey;

    #[test]
    fn sig8_no_shorter_longer_or_other_signature_verifies() {
        let key = SecretKey::from_bytes([7; 32]).unwrap().signing_key();
        let signature = sign(&key, "/p/_/a.bc/d?key=x");
        assert!(verify(&key, "/p/_/a.bc/d?key=x", &signature));
        assert!(!verify(&key, "/p/_/a.bc/e?key=x", &signature));
        let text = signature.to_string();
        for other in ["", &text[..31], &format!("{text}A"), &format!("{text}="), &text[..4]] {
            assert!(Signature::parse(other).is_none());
        }
        for bit in 0..SIGNATURE_BYTES * 8 {
            let mut flipped = signature;
            flipped.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify(&key, "/p/_/a.bc/d?key=x", &flipped));
        }
    }
}
