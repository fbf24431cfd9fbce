//! New keys: their pairs, drawn and sealed, and how long a key lives on beside the one that replaces it.

use std::fmt;
use std::str::FromStr;

use sealpix::key::{KeyError, PublicKey, SecretKey};
use sealpix::quota::Limits;
use sealpix::record::{KeyState, Policy};
use sealpix::target::Slug;

use crate::clock::{NoEntropy, random};
use crate::registry::{Cell, Key};
use crate::vault::{Vault, VaultError};

/// Why no key was made.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The randomness was no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Its secret was not sealed.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// What a key is made from.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The project it signs for.
    pub project: Slug,
    /// What people call it.
    pub name: String,
    /// Its last second, in unix seconds.
    pub not_after: Option<u64>,
    /// Requests a minute and a day.
    pub limits: Limits,
    /// What it may sign.
    pub policy: Policy,
}

impl Draft {
    /// What replaces `key`: the same limits, policy and end.
    #[must_use]
    pub fn replacing(key: &Key) -> Self {
        Self {
            project: key.project.clone(),
            name: key.name.clone(),
            not_after: key.not_after,
            limits: key.limits,
            policy: key.policy.clone(),
        }
    }

    /// A new key as drafted, its secret sealed, and that secret, to be shown once.
    pub fn mint(self, vault: &Vault) -> Result<(Key, SecretKey), MintError> {
        let public_key = PublicKey::from_bytes(random()?);
        let secret_key = SecretKey::from_bytes(random()?)?;
        let key = Key {
            public_key,
            project: self.project,
            name: self.name,
            secret: seal(vault, public_key, &secret_key)?,
            state: KeyState::Active,
            not_after: self.not_after,
            limits: self.limits,
            policy: self.policy,
            version: 0,
            created_at: 0,
        };
        Ok((key, secret_key))
    }
}

/// The sealed cell of a new key's secret.
pub fn seal(vault: &Vault, key: PublicKey, secret: &SecretKey) -> Result<Cell, VaultError> {
    let mut cell =
        Cell { table: "api_keys", row: key.to_string(), column: "secret_cell", version: 1, sealed: String::new() };
    cell.sealed = vault.seal(cell.place(), secret.reveal().as_bytes())?;
    Ok(cell)
}

/// How long a rotated key still verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    text: &'static str,
    secs: u64,
}

impl Grace {
    /// Not at all: it stops the moment the new one exists.
    pub const NONE: Self = Self { text: "0", secs: 0 };

    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::NONE,
        Self { text: "15m", secs: 900 },
        Self { text: "1h", secs: 3_600 },
        Self { text: "6h", secs: 21_600 },
        Self { text: "24h", secs: 86_400 },
    ];

    /// The old key's last second, in unix seconds. A key is valid up to and with it: without grace it has passed.
    #[must_use]
    pub fn last_second(self, now_secs: u64) -> u64 {
        if self == Self::NONE { now_secs.saturating_sub(1) } else { now_secs.saturating_add(self.secs) }
    }
}

/// Not a grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("grace takes 0, 15m, 1h, 6h or 24h")]
pub struct NotAGrace;

impl FromStr for Grace {
    type Err = NotAGrace;

    fn from_str(text: &str) -> Result<Self, NotAGrace> {
        Self::ALL.into_iter().find(|grace| grace.text == text).ok_or(NotAGrace)
    }
}

impl fmt::Display for Grace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grace_is_one_of_five_and_none_ends_the_key_at_once() {
        let seconds = [("0", 99), ("15m", 1_000), ("1h", 3_700), ("6h", 21_700), ("24h", 86_500)];
        for (text, last) in seconds {
            let grace: Grace = text.parse().unwrap();
            assert_eq!((grace.to_string().as_str(), grace.last_second(100)), (text, last));
        }
        for text in ["", "15", "2h", "24H", " 0", "00"] {
            assert_eq!(text.parse::<Grace>(), Err(NotAGrace), "{text}");
        }
    }
}
