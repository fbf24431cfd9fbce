//! The vault: seals and opens the registry's secrets. The only code that sees them in the clear.
//!
//! A sealed cell is `v1.{key id}.{base64url(nonce ‖ ciphertext ‖ tag)}`: AES-256-GCM, random 96-bit nonce, and as
//! associated data the cell's table, row, column and version, so that a cell put in another's place, or an old
//! value in a newer row, does not open (SIG-12). The key id is derived from the key: it tells a wrong master
//! secret from a damaged cell.
//!
//! Two tiers: the master key seals the JWT secret, the edge link and the API keys' secret keys ([`Vault`]). A key
//! from the JWT secret seals one random data key ([`JwtKey`], [`DataKey`]), which seals every other secret setting
//! ([`DataVault`]).

mod data;
mod jwt;
mod master;
mod tier;

use zeroize::Zeroizing;

pub use data::{DataKey, DataVault, rewrap};
pub use jwt::{JwtKey, JwtSecret, JwtSecretChoice, MIN_JWT_SECRET_BYTES, resolve_jwt_secret};
pub use master::{MIN_MASTER_SECRET_CHARS, MasterKey};

use crate::clock::NoEntropy;
use tier::{Tier, Under};

/// Where a sealed cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'static str,
    /// The row's primary key.
    pub row: &'a str,
    /// The column.
    pub column: &'static str,
    /// Rises each time the cell is written.
    pub version: u64,
}

impl<'a> Place<'a> {
    /// A secret setting's cell.
    #[must_use]
    pub const fn setting(name: &'a str, version: u64) -> Self {
        Self { table: "settings", row: name, column: "value_cell", version }
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{} of {}", self.table, self.column, self.row)
    }
}

/// Why a secret cannot be sealed or opened. No message holds any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Too short to protect anything.
    #[error("MASTER_SECRET has fewer than {MIN_MASTER_SECRET_CHARS} characters")]
    ShortMasterSecret,
    /// The cell was sealed with another master key.
    #[error(
        "the registry was sealed with another master key: start with the MASTER_SECRET (or, without one, the \
         master.salt file) that it was made with; nothing was changed"
    )]
    WrongMaster,
    /// Too short to protect anything.
    #[error("JWT_SECRET has fewer than {MIN_JWT_SECRET_BYTES} bytes")]
    ShortJwtSecret,
    /// The data key was sealed with another JWT secret.
    #[error(
        "the secret settings were sealed under another JWT secret: start with that JWT_SECRET, or set it as \
         JWT_SECRET_PREVIOUS beside the new one, and they are re-wrapped; nothing was changed"
    )]
    WrongJwtSecret,
    /// The master key is right and the cell does not open.
    #[error("the sealed secret {0} is damaged or was moved; restore it from a backup; nothing was changed")]
    Damaged(String),
    /// Secrets exist and the salt does not.
    #[error(
        "{0} is missing, and the registry's secrets cannot be opened without it: put it back from a backup, \
         or set MASTER_SECRET if the registry was made with one; nothing was changed"
    )]
    SaltMissing(String),
    /// The salt cannot be read or written.
    #[error("{path}: {reason}")]
    Salt {
        /// The file.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// The vault, open.
#[derive(Clone)]
pub struct Vault {
    tier: Tier,
}

impl Vault {
    /// The vault under a master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let key = master.derive(b"sealpix/vault/cells/v1");
        let told_by = master.derive(b"sealpix/vault/key-id/v1");
        Self { tier: Tier::new(Under::Master, key, told_by) }
    }

    /// Seals a secret for its place.
    pub fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<String, VaultError> {
        self.tier.seal(place, secret)
    }

    /// Opens a cell in its place.
    pub fn open(&self, place: Place<'_>, cell: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.tier.open(place, cell)
    }

    /// Opens a cell that holds text.
    pub fn open_text(&self, place: Place<'_>, cell: &str) -> Result<Zeroizing<String>, VaultError> {
        self.tier.open_text(place, cell)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Vault(redacted)")
    }
}

/// Seals a cell anew under another master key: the row's next version, and its cell.
///
/// On a cell that `new` sealed already it answers [`VaultError::WrongMaster`]: who runs it twice tries to open the
/// cell with `new` first.
pub fn reseal(old: &Vault, new: &Vault, place: Place<'_>, cell: &str) -> Result<(u64, String), VaultError> {
    old.tier.reseal(&new.tier, place, cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place { table: "api_keys", row: "pk_a", column: "secret_cell", version: 1 };

    fn vault(secret: &str) -> Vault {
        Vault::new(&MasterKey::from_secret(secret).unwrap())
    }

    #[test]
    fn sig12_a_cell_opens_in_its_place_only() {
        let vault = vault("a master secret of at least 32 characters");
        let cell = vault.seal(HERE, b"secret").unwrap();
        assert_eq!(vault.open(HERE, &cell).unwrap().as_slice(), b"secret");
        for elsewhere in [
            Place { table: "edge_links", ..HERE },
            Place { row: "pk_b", ..HERE },
            Place { column: "other", ..HERE },
            Place { version: 2, ..HERE },
        ] {
            assert!(matches!(vault.open(elsewhere, &cell), Err(VaultError::Damaged(_))));
        }
        assert_ne!(cell, vault.seal(HERE, b"secret").unwrap(), "nonces repeat");
    }

    #[test]
    fn a_wrong_master_is_told_from_a_damaged_cell() {
        let cell = vault("a master secret of at least 32 characters").seal(HERE, b"secret").unwrap();
        let other = vault("another master secret, also 32 characters");
        assert!(matches!(other.open(HERE, &cell), Err(VaultError::WrongMaster)));
        let mut bytes = cell.clone().into_bytes();
        let last = bytes.len() - 5;
        bytes[last] = if bytes[last] == b'A' { b'B' } else { b'A' };
        let damaged = String::from_utf8(bytes).unwrap();
        let right = vault("a master secret of at least 32 characters");
        assert!(matches!(right.open(HERE, &damaged), Err(VaultError::Damaged(_))));
    }

    #[test]
    fn a_new_master_reseals_into_the_next_version() {
        let old = vault("a master secret of at least 32 characters");
        let new = vault("another master secret, also 32 characters");
        let cell = old.seal(HERE, b"secret").unwrap();
        let (version, resealed) = reseal(&old, &new, HERE, &cell).unwrap();
        let there = Place { version, ..HERE };
        assert_eq!(version, 2);
        assert_eq!(new.open(there, &resealed).unwrap().as_slice(), b"secret");
        assert!(new.open(HERE, &resealed).is_err(), "a value of the new version in the old row");
        assert!(matches!(old.open(there, &resealed), Err(VaultError::WrongMaster)));
        assert!(matches!(reseal(&new, &old, HERE, &cell), Err(VaultError::WrongMaster)));
        assert!(matches!(reseal(&old, &new, there, &resealed), Err(VaultError::WrongMaster)));
        let last = Place { version: u64::MAX, ..HERE };
        let cell = old.seal(last, b"secret").unwrap();
        assert!(reseal(&old, &new, last, &cell).is_err(), "no version follows the last");
    }

    #[test]
    fn cells_of_the_first_release_open() {
        let cell = "v1.d0a9b71e.btAenERMOQINvDKaiYPTiyu3kN-FZdO8Y15OHAavVYXN5Q";
        let vault = vault("a master secret of at least 32 characters");
        assert_eq!(vault.open(HERE, cell).unwrap().as_slice(), b"secret");
    }
}
