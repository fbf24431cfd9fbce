//! The vault: seals and opens the registry's secrets. The only code that sees them in the clear.
//!
//! A sealed cell is `v1.{key id}.{base64url(nonce ‖ ciphertext ‖ tag)}`: AES-256-GCM, random 96-bit nonce, and as
//! associated data the cell's table, row, column and version, so that a cell put in another's place, or an old
//! value in a newer row, does not open (SIG-12). The key id is derived from the key: it tells a wrong master
//! secret from a damaged cell.

mod master;

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use master::{MIN_MASTER_SECRET_CHARS, MasterKey};

use crate::clock::{NoEntropy, random};

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

/// A sealing key and its id. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Tier {
    key: [u8; 32],
    #[zeroize(skip)]
    id: String,
}

impl Vault {
    /// The vault under a master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let key = master.derive(b"sealpix/vault/cells/v1");
        let id = master.derive(b"sealpix/vault/key-id/v1");
        let id = id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Self { tier: Tier { key, id } }
    }

    /// Seals a secret for its place.
    pub fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<String, VaultError> {
        let nonce: [u8; 12] = random()?;
        let payload = Payload { msg: secret, aad: &associated_data(&self.tier.id, place) };
        let cipher = Aes256Gcm::new(&self.tier.key.into());
        let sealed =
            cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::Damaged(place.to_string()))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("v1.{}.{}", self.tier.id, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens a cell in its place.
    pub fn open(&self, place: Place<'_>, cell: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let damaged = || VaultError::Damaged(place.to_string());
        let rest = cell.strip_prefix("v1.").ok_or_else(damaged)?;
        let (id, sealed) = rest.split_once('.').ok_or_else(damaged)?;
        if id != self.tier.id {
            return Err(VaultError::WrongMaster);
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| damaged())?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>().ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: &associated_data(id, place) };
        let cipher = Aes256Gcm::new(&self.tier.key.into());
        cipher.decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| damaged())
    }

    /// Opens a cell that holds text.
    pub fn open_text(&self, place: Place<'_>, cell: &str) -> Result<Zeroizing<String>, VaultError> {
        let bytes = self.open(place, cell)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| VaultError::Damaged(place.to_string()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

/// Each field behind its length, so that no two places give the same bytes.
fn associated_data(key_id: &str, place: Place<'_>) -> Vec<u8> {
    let version = place.version.to_be_bytes();
    let fields: [&[u8]; 6] = [
        b"sealpix/cell/v1",
        key_id.as_bytes(),
        place.table.as_bytes(),
        place.row.as_bytes(),
        place.column.as_bytes(),
        &version,
    ];
    let mut out = Vec::new();
    for field in fields {
        out.extend_from_slice(&(field.len() as u64).to_be_bytes());
        out.extend_from_slice(field);
    }
    out
}

/// HKDF-SHA256, one label a purpose.
fn hkdf(secret: &[u8], label: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    // 32 bytes are far below HKDF's limit, its only error.
    let _ = Hkdf::<Sha256>::new(None, secret).expand(label, &mut out);
    out
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
}
