//! What both tiers seal and open with: a key, its id, and the sealed form that vault/mod.rs describes.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpix::encoding::hex;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Place, VaultError};
use crate::clock::random;

/// Which key seals. Each spells its key ids apart, so that a cell that was moved between tiers is told from one
/// that was sealed under a changed secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    /// The master key: eight hex digits.
    Master,
    /// The JWT key: `j` and eight hex digits.
    Jwt,
    /// The data key: `d` and eight hex digits.
    Data,
}

impl Under {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Master => "",
            Self::Jwt => "j",
            Self::Data => "d",
        }
    }

    /// Whether a key id is of this tier, whatever its key.
    fn spells(self, id: &str) -> bool {
        let digits = id.strip_prefix(self.prefix()).unwrap_or_default();
        digits.len() == 8 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }

    /// What it means that a cell of this tier has another key's id.
    fn other_key(self, place: Place<'_>) -> VaultError {
        match self {
            Self::Master => VaultError::WrongMaster,
            Self::Jwt => VaultError::WrongJwtSecret,
            // A registry has one data key: the cell comes from another registry.
            Self::Data => VaultError::Damaged(place.to_string()),
        }
    }
}

/// A sealing key and its id. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Tier {
    key: [u8; 32],
    #[zeroize(skip)]
    id: String,
    #[zeroize(skip)]
    under: Under,
}

impl Tier {
    /// From a key and 32 bytes that tell it from others; both derived, under labels of their own.
    pub(super) fn new(under: Under, key: [u8; 32], told_by: [u8; 32]) -> Self {
        let [a, b, c, d, ..] = told_by;
        Self { key, id: format!("{}{}", under.prefix(), hex(&[a, b, c, d])), under }
    }

    pub(super) fn seal(&self, place: Place<'_>, secret: &[u8]) -> Result<String, VaultError> {
        let nonce: [u8; 12] = random()?;
        let payload = Payload { msg: secret, aad: &associated_data(&self.id, place) };
        let cipher = Aes256Gcm::new(&self.key.into());
        let sealed =
            cipher.encrypt(&Nonce::from(nonce), payload).map_err(|_| VaultError::Damaged(place.to_string()))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("v1.{}.{}", self.id, URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(super) fn open(&self, place: Place<'_>, cell: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let damaged = || VaultError::Damaged(place.to_string());
        let rest = cell.strip_prefix("v1.").ok_or_else(damaged)?;
        let (id, sealed) = rest.split_once('.').ok_or_else(damaged)?;
        if id != self.id {
            return Err(if self.under.spells(id) { self.under.other_key(place) } else { damaged() });
        }
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| damaged())?;
        let (nonce, sealed) = bytes.split_first_chunk::<12>().ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: &associated_data(id, place) };
        let cipher = Aes256Gcm::new(&self.key.into());
        cipher.decrypt(&Nonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| damaged())
    }

    pub(super) fn open_text(&self, place: Place<'_>, cell: &str) -> Result<Zeroizing<String>, VaultError> {
        let bytes = self.open(place, cell)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| VaultError::Damaged(place.to_string()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Opens here, seals under `new` for the row's next version.
    pub(super) fn reseal(&self, new: &Self, place: Place<'_>, cell: &str) -> Result<(u64, String), VaultError> {
        let secret = self.open(place, cell)?;
        let version = place.version.checked_add(1).ok_or_else(|| VaultError::Damaged(place.to_string()))?;
        Ok((version, new.seal(Place { version, ..place }, &secret)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place { table: "settings", row: "license.key", column: "value_cell", version: 7 };

    fn tier(under: Under, seed: u8) -> Tier {
        Tier::new(under, [seed; 32], [seed; 32])
    }

    #[test]
    fn sig12_no_changed_byte_opens() {
        for under in [Under::Master, Under::Jwt, Under::Data] {
            let tier = tier(under, 1);
            let cell = tier.seal(HERE, b"a secret of some length").unwrap();
            for at in 0..cell.len() {
                for other in (0..=127_u8).filter(|other| *other != cell.as_bytes()[at]) {
                    let mut bytes = cell.clone().into_bytes();
                    bytes[at] = other;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert!(tier.open(HERE, &changed).is_err(), "{changed:?} opens");
                }
            }
            for cut in 0..cell.len() {
                assert!(tier.open(HERE, &cell[..cut]).is_err(), "a cell of {cut} bytes opens");
            }
            for longer in [format!("{cell}A"), format!("{cell}="), format!("{cell}\n"), format!("{cell}.")] {
                assert!(tier.open(HERE, &longer).is_err(), "{longer:?} opens");
            }
        }
    }

    #[test]
    fn sig12_swapped_cells_and_an_old_value_in_a_newer_row_do_not_open() {
        let tier = tier(Under::Data, 1);
        let there = Place { row: "s3.secret", ..HERE };
        let (mine, other) = (tier.seal(HERE, b"mine").unwrap(), tier.seal(there, b"other").unwrap());
        assert!(matches!(tier.open(HERE, &other), Err(VaultError::Damaged(_))));
        assert!(matches!(tier.open(there, &mine), Err(VaultError::Damaged(_))));
        for version in [0, 6, 8, u64::MAX] {
            assert!(matches!(tier.open(Place { version, ..HERE }, &mine), Err(VaultError::Damaged(_))));
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let tier = tier(Under::Data, 1);
        let cell = tier.seal(Place { table: "ab", row: "c", ..HERE }, b"secret").unwrap();
        assert!(tier.open(Place { table: "a", row: "bc", ..HERE }, &cell).is_err());
    }

    #[test]
    fn another_key_is_told_from_another_tier() {
        for (under, other) in [(Under::Master, Under::Jwt), (Under::Jwt, Under::Data), (Under::Data, Under::Master)] {
            let cell = tier(under, 1).seal(HERE, b"secret").unwrap();
            let error = tier(under, 2).open(HERE, &cell).unwrap_err();
            assert_eq!(error.to_string(), under.other_key(HERE).to_string());
            assert!(matches!(tier(other, 1).open(HERE, &cell), Err(VaultError::Damaged(_))));
        }
    }

    #[test]
    fn a_cell_cannot_be_given_another_keys_id() {
        let (mine, other) = (tier(Under::Master, 1), tier(Under::Master, 2));
        let cell = mine.seal(HERE, b"secret").unwrap().replace("v1.01010101.", "v1.02020202.");
        assert!(matches!(other.open(HERE, &cell), Err(VaultError::Damaged(_))));
    }
}
