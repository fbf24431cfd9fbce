//! Session tokens: JWT (RFC 7519) in JWS compact form (RFC 7515), HS256 and nothing else.
//!
//! The header is never parsed: it must be, byte for byte, the one that we write for a key that we hold, so that no
//! token chooses its algorithm (RFC 8725, 3.1). The signature is compared in constant time, before the payload is
//! read. A token is valid while `now < exp`, without leeway; whether its session still lives, and what its user may
//! do, is in the registry's row, not in the token.

use std::fmt;

use hkdf::hmac::Mac as _;
use sealpix::encoding::hex;
use sealpix::key::derive;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::encoding::{decode, decode_all, encode, keyed};
use super::id::{SessionId, UserId};

/// Fewest bytes of a JWT secret: HS256 wants a key as long as its hash (RFC 7518, 3.2).
pub const MIN_JWT_SECRET_BYTES: usize = 32;

/// Ours have about 300; what is longer is not read.
const MAX_TOKEN_BYTES: usize = 512;

const ISSUER: &str = "sealpix";

/// The subject of guests' sessions; no user's id looks like it.
const GUEST: &str = "guest";

/// What session tokens are signed with, from the JWT secret. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionKey {
    signing: [u8; 32],
    csrf: [u8; 32],
    #[zeroize(skip)]
    kid: String,
}

/// The JWT secret is too short to protect anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("JWT_SECRET has fewer than {MIN_JWT_SECRET_BYTES} bytes")]
pub struct ShortJwtSecret;

impl SessionKey {
    /// Derives the key and its id (`kid`, 8 hexadecimal digits) by HKDF-SHA256, each under its own label.
    pub fn from_jwt_secret(secret: &[u8]) -> Result<Self, ShortJwtSecret> {
        if secret.len() < MIN_JWT_SECRET_BYTES {
            return Err(ShortJwtSecret);
        }
        let signing = derive(secret, b"sealpix/jwt/session/v1");
        let csrf = derive(&signing, b"sealpix/jwt/csrf/v1");
        let [a, b, c, d, ..] = derive(&signing, b"sealpix/jwt/session-kid/v1");
        Ok(Self { signing, csrf, kid: hex(&[a, b, c, d]) })
    }

    /// The key's id, as in the tokens' header. No secret.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The key of CSRF tokens.
    pub(super) fn csrf(&self) -> &[u8; 32] {
        &self.csrf
    }

    fn header(&self) -> String {
        encode(format!(r#"{{"alg":"HS256","typ":"JWT","kid":"{}"}}"#, self.kid).as_bytes())
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SessionKey({}, redacted)", self.kid)
    }
}

/// The key that signs, and the one before it, whose tokens are accepted until they expire.
#[derive(Debug, Clone)]
pub struct SessionKeys {
    /// Signs and verifies.
    pub current: SessionKey,
    /// Verifies.
    pub previous: Option<SessionKey>,
}

/// Whose session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A user's: audience `session`.
    User(UserId),
    /// A guest's: audience `guest`.
    Guest,
}

/// What a token is good for. A token of one audience is refused by the other (ADM-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Users' sessions.
    Session,
    /// Guests' sessions.
    Guest,
}

impl Audience {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Guest => "guest",
        }
    }
}

impl Subject {
    /// The audience of this subject's tokens.
    #[must_use]
    pub const fn audience(self) -> Audience {
        match self {
            Self::User(_) => Audience::Session,
            Self::Guest => Audience::Guest,
        }
    }
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whose session it is: `sub` and `aud`.
    pub subject: Subject,
    /// The session's row: `jti`.
    pub session: SessionId,
    /// When it was issued, in Unix seconds: `iat`. Told, not checked: instances' clocks differ.
    pub issued_at: u64,
    /// The first Unix second at which it is no longer valid: `exp`.
    pub expires_at: u64,
}

/// Why a token is refused; to a client they are all 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not three parts, or too long, or a payload that we do not write.
    #[error("not a session token")]
    Malformed,
    /// A header that is not ours: another algorithm, or a key that we no longer hold.
    #[error("not signed by a key in use")]
    Header,
    /// The signature is not ours.
    #[error("the signature is wrong")]
    Forged,
    /// A guest's token for a user's session, or the reverse.
    #[error("the token is for another audience")]
    Audience,
    /// Past its time.
    #[error("the session has expired")]
    Expired,
}

#[derive(serde::Deserialize)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    jti: SessionId,
    iat: u64,
    exp: u64,
}

impl SessionKeys {
    /// The keys: the current one and, while its tokens may live, the one before.
    #[must_use]
    pub const fn new(current: SessionKey, previous: Option<SessionKey>) -> Self {
        Self { current, previous }
    }

    /// The keys whose tokens are accepted, the current one first.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &SessionKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Signs a token with the current key.
    #[must_use]
    pub fn issue(&self, claims: &Claims) -> String {
        let sub = match claims.subject {
            Subject::User(id) => id.to_string(),
            Subject::Guest => GUEST.to_owned(),
        };
        let payload = serde_json::json!({
            "iss": ISSUER,
            "aud": claims.subject.audience().as_str(),
            "sub": sub,
            "jti": claims.session,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
        });
        let signed = format!("{}.{}", self.current.header(), encode(payload.to_string().as_bytes()));
        let signature = keyed(&self.current.signing).chain_update(&signed).finalize().into_bytes();
        format!("{signed}.{}", encode(&signature))
    }

    /// What a token says, if one of the keys signed it for this audience and it has not expired.
    pub fn verify(&self, token: &str, audience: Audience, now_secs: u64) -> Result<Claims, SessionError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(SessionError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(SessionError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(SessionError::Malformed)?;
        if payload.contains('.') {
            return Err(SessionError::Malformed);
        }
        let key = self.accepted().find(|key| key.header() == header).ok_or(SessionError::Header)?;
        let signature = decode::<32>(signature).ok_or(SessionError::Forged)?;
        let mac = keyed(&key.signing).chain_update(signed);
        mac.verify_slice(signature.as_slice()).map_err(|_| SessionError::Forged)?;
        let claims = read(payload).ok_or(SessionError::Malformed)?;
        if claims.subject.audience() != audience {
            return Err(SessionError::Audience);
        }
        if now_secs >= claims.expires_at {
            return Err(SessionError::Expired);
        }
        Ok(claims)
    }
}

/// A payload whose signature is right: what is refused here was signed by another version of us.
fn read(payload: &str) -> Option<Claims> {
    let bytes = decode_all(payload)?;
    let payload: Payload<'_> = serde_json::from_slice(&bytes).ok()?;
    let subject = if payload.sub == GUEST { Subject::Guest } else { Subject::User(UserId::parse(payload.sub).ok()?) };
    let ours = payload.iss == ISSUER && payload.aud == subject.audience().as_str();
    ours.then_some(Claims { subject, session: payload.jti, issued_at: payload.iat, expires_at: payload.exp })
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
