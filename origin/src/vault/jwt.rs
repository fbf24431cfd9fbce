//! The JWT secret: sessions are signed with a key from it, and the vault's second tier hangs on another.
//!
//! It comes from a flag or `JWT_SECRET`, else from the registry, else it is generated and stored sealed under the
//! master key. One label a purpose (SIG-16): session signing has its own.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpix::key::derive;
use zeroize::Zeroizing;

use super::tier::{Tier, Under};
use super::{Place, VaultError};
use crate::clock::random;

/// Shortest JWT secret: as many bytes as HS256 makes of it (RFC 7518, section 3.2).
pub const MIN_JWT_SECRET_BYTES: usize = 32;

/// A generated secret's random bytes: 64 characters of base64url.
const GENERATED_BYTES: usize = 48;

/// The JWT secret. Wiped on drop, never printed.
#[derive(Clone)]
pub struct JwtSecret(Zeroizing<String>);

impl JwtSecret {
    /// From what a person configured, or from the registry's opened cell.
    pub fn parse(text: Zeroizing<String>) -> Result<Self, VaultError> {
        if text.len() < MIN_JWT_SECRET_BYTES {
            return Err(VaultError::ShortJwtSecret);
        }
        Ok(Self(text))
    }

    /// A new one: 48 random bytes in base64url.
    pub fn generate() -> Result<Self, VaultError> {
        let bytes = Zeroizing::new(random::<GENERATED_BYTES>()?);
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()))))
    }

    /// The secret itself, to be sealed under the master key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A key for one purpose: HKDF-SHA256 with the purpose's label, such as `sealpix/jwt/session/v1`.
    #[must_use]
    pub fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(derive(self.0.as_bytes(), label))
    }

    /// Where it is stored, sealed under the master key.
    #[must_use]
    pub const fn place(version: u64) -> Place<'static> {
        Place::setting("vault.jwt_secret", version)
    }
}

impl fmt::Debug for JwtSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JwtSecret(redacted)")
    }
}

/// The key that seals the data key: the only cell that a new JWT secret re-wraps. Wiped on drop.
#[derive(Clone)]
pub struct JwtKey {
    pub(super) tier: Tier,
}

impl JwtKey {
    /// The JWT key of a secret.
    #[must_use]
    pub fn new(secret: &JwtSecret) -> Self {
        let key = secret.derive(b"sealpix/vault/jwt-key/v1");
        let told_by = secret.derive(b"sealpix/vault/jwt-key-id/v1");
        Self { tier: Tier::new(Under::Jwt, *key, *told_by) }
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JwtKey(redacted)")
    }
}

/// Which JWT secret is in force.
#[derive(Debug, Clone)]
pub enum JwtSecretChoice {
    /// The flag's or the variable's.
    Configured(JwtSecret),
    /// The registry's.
    Stored(JwtSecret),
    /// None yet: generate one and store it sealed. If the registry holds a data key already, the secret that sealed
    /// it was configured and is gone: the caller stops with [`VaultError::WrongJwtSecret`] and generates nothing.
    Generate,
}

/// Chooses the JWT secret: flag or variable, then registry, then a new one.
#[must_use]
pub fn resolve_jwt_secret(configured: Option<JwtSecret>, stored: Option<JwtSecret>) -> JwtSecretChoice {
    match (configured, stored) {
        (Some(configured), _) => JwtSecretChoice::Configured(configured),
        (None, Some(stored)) => JwtSecretChoice::Stored(stored),
        (None, None) => JwtSecretChoice::Generate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Result<JwtSecret, VaultError> {
        JwtSecret::parse(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn the_order_is_configured_then_stored_then_generated() {
        let some = |byte: &str| Some(secret(&byte.repeat(32)).unwrap());
        for stored in [None, some("s")] {
            let choice = resolve_jwt_secret(some("c"), stored);
            assert!(matches!(choice, JwtSecretChoice::Configured(chosen) if chosen.expose().starts_with('c')));
        }
        let choice = resolve_jwt_secret(None, some("s"));
        assert!(matches!(choice, JwtSecretChoice::Stored(chosen) if chosen.expose().starts_with('s')));
        assert!(matches!(resolve_jwt_secret(None, None), JwtSecretChoice::Generate));
    }

    #[test]
    fn sig10_short_secrets_are_refused_in_bytes() {
        assert!(matches!(secret(&"x".repeat(31)), Err(VaultError::ShortJwtSecret)));
        assert!(secret(&"x".repeat(32)).is_ok());
        assert!(secret(&"é".repeat(16)).is_ok(), "bytes count, not characters");
    }

    #[test]
    fn a_generated_secret_is_new_long_enough_and_stays_so_when_stored() {
        let (one, other) = (JwtSecret::generate().unwrap(), JwtSecret::generate().unwrap());
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one.expose(), other.expose());
        assert!(secret(one.expose()).is_ok());
    }

    #[test]
    fn sig16_each_purpose_has_its_own_key() {
        let secret = secret("a JWT secret of at least 32 bytes").unwrap();
        let labels =
            [b"sealpix/jwt/session/v1".as_slice(), b"sealpix/vault/jwt-key/v1", b"sealpix/vault/jwt-key-id/v1"];
        let keys: std::collections::BTreeSet<_> = labels.iter().map(|label| *secret.derive(label)).collect();
        assert_eq!(keys.len(), labels.len());
    }

    #[test]
    fn nothing_is_printed() {
        let secret = secret("a JWT secret of at least 32 bytes").unwrap();
        let choice = JwtSecretChoice::Stored(secret.clone());
        let printed = format!("{secret:?} {:?} {choice:?}", JwtKey::new(&secret));
        assert_eq!(printed, "JwtSecret(redacted) JwtKey(redacted) Stored(JwtSecret(redacted))");
    }
}
