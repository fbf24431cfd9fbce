//! Secrets that a bearer shows: API tokens and the setup token, a prefix and 32 random bytes in base64url.
//!
//! Each is shown once. The registry keeps its fingerprint, the SHA-256 of its text: 256 random bits need no salt
//! and no slow hash. Lookup by fingerprint tells an attacker who times it about hashes, from which no token follows.

use std::fmt;

use hkdf::hmac::Mac as _;
use sealpix::encoding::hex;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::encoding::{decode, encode, keyed};
use crate::clock::{NoEntropy, random};

/// Not a token of the kind that was wanted. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token of this kind is {0} and 43 base64url characters")]
pub struct NotAToken(&'static str);

macro_rules! token {
    ($(#[doc = $doc:literal])+ $token:ident, $prefix:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $token([u8; 32]);

        impl $token {
            /// What every token of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A new token.
            pub fn generate() -> Result<Self, NoEntropy> {
                random().map(Self)
            }

            /// Reads the one spelling.
            pub fn parse(text: &str) -> Result<Self, NotAToken> {
                text.strip_prefix($prefix).and_then(decode).map(|bytes| Self(*bytes)).ok_or(NotAToken($prefix))
            }

            /// The token's text, to be shown once. The caller keeps it from logs.
            #[must_use]
            pub fn reveal(&self) -> Zeroizing<String> {
                let encoded = Zeroizing::new(encode(&self.0));
                let mut text = Zeroizing::new(String::with_capacity($prefix.len() + encoded.len()));
                text.push_str($prefix);
                text.push_str(&encoded);
                text
            }

            /// SHA-256 of the token's text, in 64 lower-case hexadecimal digits: what the registry keeps.
            #[must_use]
            pub fn fingerprint(&self) -> String {
                hex(&Sha256::digest(self.reveal().as_bytes()))
            }

            /// Whether `fingerprint` is this token's, in constant time.
            #[must_use]
            pub fn matches(&self, fingerprint: &str) -> bool {
                same(&self.fingerprint(), fingerprint)
            }
        }

        impl fmt::Debug for $token {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(concat!(stringify!($token), "(redacted)"))
            }
        }
    };
}

token! {
    /// An API token: `spt_` and 43 base64url characters.
    ApiToken, "spt_"
}
token! {
    /// What the first run prints and the first admin's set-up asks for: `setup_` and 43 base64url characters.
    SetupToken, "setup_"
}

/// Compares MACs of both, whose comparison is constant-time; the key need not be secret for that.
fn same(ours: &str, theirs: &str) -> bool {
    let mac = |text: &str| keyed(&[0; 32]).chain_update(text.as_bytes());
    mac(ours).verify_slice(&mac(theirs).finalize().into_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_as_shown_and_found_by_its_fingerprint() {
        let token = ApiToken::generate().unwrap();
        let shown = token.reveal();
        assert!(shown.starts_with("spt_") && shown.len() == 47);
        let read = ApiToken::parse(&shown).unwrap();
        assert_eq!(read.fingerprint(), token.fingerprint());
        assert!(read.matches(&token.fingerprint()));
        assert!(!ApiToken::generate().unwrap().matches(&token.fingerprint()));
        assert!(!token.matches("") && !token.matches(&token.fingerprint().to_uppercase()));
    }

    #[test]
    fn the_fingerprint_is_the_sha256_of_the_whole_text() {
        let token = SetupToken::parse("setup_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert_eq!(token.fingerprint(), FINGERPRINT_OF_ZEROS);
    }

    /// `printf 'setup_AAA…' | sha256sum`, 43 times A.
    const FINGERPRINT_OF_ZEROS: &str = "e8a59f873bf53c03a6427c6aec480d1a55bf2e20f070df7eb8c798435ac1b06a";

    #[test]
    fn a_token_has_one_spelling_and_kinds_do_not_mix() {
        let api = ApiToken::generate().unwrap().reveal();
        let setup = SetupToken::generate().unwrap().reveal();
        assert!(SetupToken::parse(&api).is_err() && ApiToken::parse(&setup).is_err());
        let zeros = "A".repeat(42);
        assert!(ApiToken::parse(&format!("spt_{zeros}A")).is_ok());
        for wrong in [String::new(), format!("spt_{zeros}B"), format!("spt_{zeros}"), format!("spt_{zeros}AA")] {
            assert!(ApiToken::parse(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn no_debug_output_holds_a_token() {
        let token = SetupToken::generate().unwrap();
        assert_eq!(format!("{token:?}"), "SetupToken(redacted)");
        assert!(!SetupToken::parse("setup_secret").unwrap_err().to_string().contains("secret"));
    }
}
