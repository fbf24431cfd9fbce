//! The vendor's key pair. A private key is `SPXK.` and 43 base64url characters, so that neither people nor
//! scanners of repositories take it for the public key, which is 43 base64url characters.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer as _, VerifyingKey};
use zeroize::Zeroizing;

use crate::clock::{NoEntropy, random};

const PRIVATE_FORM: &str = "SPXK.";

/// Why a text is not a key. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the private form.
    #[error("a licence signing key is SPXK. and 43 base64url characters")]
    Private,
    /// Not the public form, or no key that can verify anything.
    #[error("a licence public key is 43 base64url characters, of a valid Ed25519 key")]
    Public,
}

/// The key that licences are verified with. No secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads its one spelling; space around it, as at the end of a file, is no part of it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text.trim()).ok_or(KeyError::Public)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Public)?;
        // A key of low order verifies what nobody signed.
        if key.is_weak() { Err(KeyError::Public) } else { Ok(Self(key)) }
    }

    pub(super) fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "PublicKey({self})")
    }
}

/// The vendor's private key. Wiped on drop, never printed.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A new one.
    pub fn generate() -> Result<Self, NoEntropy> {
        let seed = Zeroizing::new(random::<32>()?);
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// Reads its one spelling; space around it, as at the end of a file, is no part of it.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.trim().strip_prefix(PRIVATE_FORM).ok_or(KeyError::Private)?;
        let seed = Zeroizing::new(decode(encoded).ok_or(KeyError::Private)?);
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&seed)))
    }

    /// The private key's text, for its file.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PRIVATE_FORM}{}", URL_SAFE_NO_PAD.encode(self.0.as_bytes())))
    }

    /// The key that verifies what it signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SigningKey(redacted)")
    }
}

/// 32 bytes from their one spelling: no padding, no trailing bits.
fn decode(text: &str) -> Option<[u8; 32]> {
    // The length first: nobody's megabytes are decoded.
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(Some(text).filter(|text| text.len() == 43)?).ok()?);
    bytes.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_text() {
        let key = SigningKey::generate().unwrap();
        let text = key.expose();
        assert!(text.starts_with("SPXK.") && text.len() == 48, "{} characters", text.len());
        let again = SigningKey::parse(&format!("{}\n", text.as_str())).unwrap();
        assert_eq!(again.public(), key.public());
        let public = key.public().to_string();
        assert_eq!(public.len(), 43);
        assert_eq!(PublicKey::parse(&format!("{public}\r\n")).unwrap(), key.public());
        assert_ne!(SigningKey::generate().unwrap().public(), key.public());
    }

    #[test]
    fn the_keys_of_rfc_8032_test_1() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let key = SigningKey::parse(&format!("SPXK.{}", URL_SAFE_NO_PAD.encode(seed))).unwrap();
        assert_eq!(key.public().to_string(), URL_SAFE_NO_PAD.encode(public));
        let signature = hex("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac\
                             c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
        assert_eq!(key.sign(b"").as_slice(), signature);
        assert!(key.public().signed(b"", &key.sign(b"")));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = SigningKey::generate().unwrap();
        let (private, public) = (key.expose(), key.public().to_string());
        assert_eq!(PublicKey::parse(&private).unwrap_err(), KeyError::Public);
        assert_eq!(SigningKey::parse(&public).unwrap_err(), KeyError::Private);
        // Points of low order: the identity, and the point of order two.
        let mut two = [0xff; 32];
        (two[0], two[31]) = (0xec, 0x7f);
        let mut one = [0; 32];
        one[0] = 1;
        for bytes in [[0; 32], one, two] {
            assert!(PublicKey::parse(&URL_SAFE_NO_PAD.encode(bytes)).is_err(), "{bytes:?}");
        }
        for text in
            ["", "A", &"A".repeat(44), &"A".repeat(1 << 20), &format!("{public}="), &public[1..], &"+".repeat(43)]
        {
            assert!(PublicKey::parse(text).is_err());
            assert!(SigningKey::parse(&format!("SPXK.{text}")).is_err());
        }
    }

    #[test]
    fn no_private_key_is_printed() {
        assert_eq!(format!("{:?}", SigningKey::generate().unwrap()), "SigningKey(redacted)");
    }
}
