//! CSRF tokens: what a page sends in a header beside the session's cookie, which another site's page cannot know.
//!
//! HMAC-SHA256 of the session's id under a key of its own, so that it needs no row, ends with the session, and
//! neither is nor yields a session token.

use hkdf::hmac::Mac as _;

use super::encoding::{decode, encode, keyed};
use super::id::SessionId;
use super::session::{SessionKey, SessionKeys};

/// The session's CSRF token under this key: 43 base64url characters. Give out that of the current key.
#[must_use]
pub fn csrf_token(key: &SessionKey, session: SessionId) -> String {
    encode(&keyed(key.csrf()).chain_update(session.to_string()).finalize().into_bytes())
}

/// Whether `presented` is the session's CSRF token under a key in use, in constant time.
#[must_use]
pub fn verify(keys: &SessionKeys, session: SessionId, presented: &str) -> bool {
    let Some(presented) = decode::<32>(presented) else { return false };
    keys.accepted().any(|key| {
        let mac = keyed(key.csrf()).chain_update(session.to_string());
        mac.verify_slice(presented.as_slice()).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId::from_bytes([7; 16]);

    fn key(byte: u8) -> SessionKey {
        SessionKey::from_jwt_secret(&[byte; 32]).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_session_only() {
        let keys = SessionKeys::new(key(1), None);
        let token = csrf_token(&keys.current, SESSION);
        assert_eq!(token.len(), 43);
        assert!(verify(&keys, SESSION, &token));
        assert!(!verify(&keys, SessionId::from_bytes([8; 16]), &token));
        for wrong in [String::new(), format!("{token}="), format!("{token}A"), "A".repeat(43), "A".repeat(100_000)] {
            assert!(!verify(&keys, SESSION, &wrong));
        }
    }

    #[test]
    fn a_page_that_was_open_during_a_rotation_still_works() {
        let token = csrf_token(&key(1), SESSION);
        assert!(verify(&SessionKeys::new(key(2), Some(key(1))), SESSION, &token));
        assert!(!verify(&SessionKeys::new(key(2), None), SESSION, &token));
    }
}
