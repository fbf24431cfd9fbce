//! Passwords: Argon2id in PHC strings, with the parameters of OWASP's Password Storage Cheat Sheet (19 MiB, 2
//! passes, 1 lane).
//!
//! Bytes are hashed as they were typed, without normalisation. A verification costs the same whether or not the
//! account exists, and at most [`AT_ONCE`] run at a time, so that guessing takes neither all memory nor all cores.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::clock::{NoEntropy, random};

/// Fewest characters of a password.
pub const MIN_PASSWORD_CHARS: usize = 8;

/// Most characters of a password.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// A longer candidate is no password of ours: four bytes are the most that a character takes in UTF-8.
const MAX_PASSWORD_BYTES: usize = MAX_PASSWORD_CHARS * 4;

/// How many hashes are computed at once, 19 MiB and a core each.
pub const AT_ONCE: usize = 2;

/// How many may run or wait: at some 50 ms each, the last waits two seconds, and who comes then is told to come back.
const PLACES: usize = 64;

/// What new passwords are hashed with.
const PARAMS: Params = match Params::new(19 * 1024, 2, 1, Some(32)) {
    Ok(params) => params,
    Err(_) => panic!("the parameters are within Argon2's limits"),
};

/// Stored hashes that ask for more than this are damaged: they would take the memory of the whole origin.
const MOST: (u32, u32, u32) = (64 * 1024, 10, 4);

/// Verified where there is no hash: of our parameters, of no password.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2VhbHBpeC9ub2JvZHkvMQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password that may be set: 8 to 128 characters, no NUL. Wiped on drop.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Why a text may not be a password. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed.
    #[error("a password has at least {MIN_PASSWORD_CHARS} characters")]
    TooShort,
    /// More than anybody types.
    #[error("a password has at most {MAX_PASSWORD_CHARS} characters")]
    TooLong,
    /// Other systems would cut it there.
    #[error("a password holds no NUL character")]
    Nul,
}

/// Why a password was neither hashed nor verified.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Too many wait already; to be answered with 503 and `Retry-After`.
    #[error("too many passwords are being verified; try again in a few seconds")]
    Busy,
    /// The process is ending, or the work broke off.
    #[error("the password's verification was broken off")]
    BrokenOff,
    /// No salt.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// Argon2 refused, for want of memory.
    #[error("argon2: {0}")]
    Argon2(String),
}

impl Password {
    /// A password to set. Characters are counted as Unicode scalar values.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PasswordError> {
        let chars = text.chars().count();
        if text.contains('\0') {
            Err(PasswordError::Nul)
        } else if chars < MIN_PASSWORD_CHARS {
            Err(PasswordError::TooShort)
        } else if chars > MAX_PASSWORD_CHARS {
            Err(PasswordError::TooLong)
        } else {
            Ok(Self(text))
        }
    }
}

impl<'de> serde::Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(redacted)")
    }
}

/// The password's hash as a PHC string, under a new salt. Takes some 50 ms: async callers use [`hash_in_turn`].
pub fn hash(password: &Password) -> Result<String, HashError> {
    let salt: [u8; 16] = random()?;
    let hash = argon2().hash_password_with_salt(password.0.as_bytes(), &salt);
    hash.map(|hash| hash.to_string()).map_err(|error| HashError::Argon2(error.to_string()))
}

/// Whether `candidate` is the password of the stored PHC string. `None`, for no such account, is false after the
/// same work; so is a stored string that cannot be read. Async callers use [`verify_in_turn`].
#[must_use]
pub fn verify(candidate: &str, stored: Option<&str>) -> bool {
    // Refused without work, and for every account alike.
    if candidate.len() > MAX_PASSWORD_BYTES {
        return false;
    }
    let stored = stored.and_then(readable);
    let exists = stored.is_some();
    let Some(hash) = stored.or_else(|| readable(DUMMY)) else { return false };
    let right = argon2().verify_password(candidate.as_bytes(), &hash).is_ok();
    right && exists
}

/// Whether a stored PHC string was made otherwise than [`hash`] does now. To be asked after a successful login, while
/// the password is at hand.
#[must_use]
pub fn needs_rehash(stored: &str) -> bool {
    readable(stored).is_none_or(|hash| Params::try_from(&hash).ok() != Some(PARAMS))
}

/// [`hash`] on a thread for blocking work, when its turn comes.
pub async fn hash_in_turn(password: Password) -> Result<String, HashError> {
    TURNS.work(move || hash(&password)).await?
}

/// [`verify`] on a thread for blocking work, when its turn comes.
pub async fn verify_in_turn(candidate: Zeroizing<String>, stored: Option<String>) -> Result<bool, HashError> {
    TURNS.work(move || verify(&candidate, stored.as_deref())).await
}

fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, PARAMS)
}

/// A PHC string of Argon2id, version 19, with salt and output, that costs no more than [`MOST`].
fn readable(stored: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let (memory, passes, lanes) = MOST;
    let ours = hash.algorithm == argon2::ARGON2ID_IDENT && hash.version == Some(Version::V0x13.into());
    let bounded = params.m_cost() <= memory && params.t_cost() <= passes && params.p_cost() <= lanes;
    (ours && bounded && hash.salt.is_some() && hash.hash.is_some()).then_some(hash)
}

/// One for the process, so that no caller can forget it.
static TURNS: Turns = Turns::new(AT_ONCE, PLACES);

struct Turns {
    working: Semaphore,
    places: Semaphore,
}

impl Turns {
    const fn new(at_once: usize, places: usize) -> Self {
        Self { working: Semaphore::const_new(at_once), places: Semaphore::const_new(places) }
    }

    /// The permits go with the work: it goes on when the caller's client has left, and counts until it ends.
    async fn work<T: Send + 'static>(&'static self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let place = self.places.try_acquire().map_err(|_| HashError::Busy)?;
        let turn = self.working.acquire().await.map_err(|_| HashError::BrokenOff)?;
        let work = move || {
            let _until_the_end = (place, turn);
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| HashError::BrokenOff)
    }
}

#[cfg(test)]
#[path = "password_tests.rs"]
mod tests;
