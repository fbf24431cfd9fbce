//! The vault's second tier: a random data key, sealed under the JWT key, that seals the other secret settings.
//!
//! Storage credentials, the licence key, the credentials of watermarks and sources: they hang on one cell, so a new
//! JWT secret re-wraps that cell and leaves them alone.

use std::fmt;

use sealpix::key::derive;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::jwt::JwtKey;
use super::tier::{Tier, Under};
use super::{Place, VaultError};
use crate::clock::random;

/// The data key: 32 random bytes. Wiped on drop, never printed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; 32]);

impl DataKey {
    /// A new one.
    pub fn generate() -> Result<Self, VaultError> {
        Ok(Self(random()?))
    }

    /// Where it is stored, sealed under the JWT key.
    #[must_use]
    pub const fn place(version: u64) -> Place<'static> {
        Place::setting("vault.data_key", version)
    }

    /// Seals it for its row at `version`.
    pub fn seal(&self, jwt: &JwtKey, version: u64) -> Result<String, VaultError> {
        jwt.tier.seal(Self::place(version), &self.0)
    }

    /// Opens it. [`VaultError::WrongJwtSecret`] where it was sealed under another JWT secret: the start stops, and
    /// no new data key is made over it.
    pub fn open(jwt: &JwtKey, version: u64, cell: &str) -> Result<Self, VaultError> {
        let place = Self::place(version);
        let bytes = jwt.tier.open(place, cell)?;
        let key = bytes.as_slice().try_into().map_err(|_| VaultError::Damaged(place.to_string()))?;
        Ok(Self(key))
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DataKey(redacted)")
    }
}

/// Seals the data key anew for a changed JWT secret: the row's next version, and its cell.
///
/// On a cell that `new` sealed already it answers [`VaultError::WrongJwtSecret`]: who runs it twice tries to open
/// the data key with `new` first.
pub fn rewrap(old: &JwtKey, new: &JwtKey, version: u64, cell: &str) -> Result<(u64, String), VaultError> {
    // Opened as a data key, so that nothing else is ever re-wrapped as one.
    DataKey::open(old, version, cell)?;
    old.tier.reseal(&new.tier, DataKey::place(version), cell)
}

/// The second tier, open.
#[derive(Clone)]
pub struct DataVault {
    tier: Tier,
}

impl DataVault {
    /// The second tier under its data key.
    #[must_use]
    pub fn new(key: &DataKey) -> Self {
        let cells = derive(&key.0, b"sealpix/vault/data-cells/v1");
        let told_by = derive(&key.0, b"sealpix/vault/data-key-id/v1");
        Self { tier: Tier::new(Under::Data, cells, told_by) }
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

    /// Seals a cell anew under another data key, for when the JWT secret was stolen and the data key with it: the
    /// row's next version, and its cell.
    pub fn reseal(&self, new: &Self, place: Place<'_>, cell: &str) -> Result<(u64, String), VaultError> {
        self.tier.reseal(&new.tier, place, cell)
    }
}

impl fmt::Debug for DataVault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DataVault(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::{JwtSecret, MasterKey, Vault};
    use super::*;

    const HERE: Place<'_> = Place::setting("license.key", 3);

    fn jwt(text: &str) -> JwtKey {
        JwtKey::new(&JwtSecret::parse(Zeroizing::new(text.to_owned())).unwrap())
    }

    fn first() -> JwtKey {
        jwt("the first JWT secret, of 32 bytes")
    }

    fn second() -> JwtKey {
        jwt("the second JWT secret, of 32 bytes")
    }

    #[test]
    fn a_new_jwt_secret_rewraps_one_cell_and_every_other_still_opens() {
        let key = DataKey::generate().unwrap();
        let cell = key.seal(&first(), 1).unwrap();
        let sealed = DataVault::new(&key).seal(HERE, b"SPX1.licence").unwrap();
        let (version, rewrapped) = rewrap(&first(), &second(), 1, &cell).unwrap();
        assert_eq!(version, 2);
        let key = DataKey::open(&second(), version, &rewrapped).unwrap();
        assert_eq!(DataVault::new(&key).open_text(HERE, &sealed).unwrap().as_str(), "SPX1.licence");
        assert!(DataKey::open(&second(), 1, &rewrapped).is_err(), "the old row's version");
        assert!(DataKey::open(&first(), version, &rewrapped).is_err(), "the old secret");
        assert!(matches!(rewrap(&first(), &second(), version, &rewrapped), Err(VaultError::WrongJwtSecret)));
    }

    #[test]
    fn a_changed_jwt_secret_is_told_from_a_damaged_cell_and_names_the_way_out() {
        let cell = DataKey::generate().unwrap().seal(&first(), 1).unwrap();
        let error = DataKey::open(&second(), 1, &cell).unwrap_err();
        assert!(matches!(error, VaultError::WrongJwtSecret));
        let message = error.to_string();
        assert!(message.contains("JWT_SECRET_PREVIOUS") && message.contains("nothing was changed"), "{message}");
        let shorter = &cell[..cell.len() - 1];
        assert!(matches!(DataKey::open(&first(), 1, shorter), Err(VaultError::Damaged(_))));
        assert!(matches!(rewrap(&second(), &first(), 1, &cell), Err(VaultError::WrongJwtSecret)));
    }

    #[test]
    fn sig12_no_tier_opens_anothers_cell() {
        let master = Vault::new(&MasterKey::from_secret("a master secret of at least 32 characters").unwrap());
        let key = DataKey::generate().unwrap();
        let data = DataVault::new(&key);
        let (by_master, by_data) = (master.seal(HERE, b"secret").unwrap(), data.seal(HERE, b"secret").unwrap());
        assert!(matches!(data.open(HERE, &by_master), Err(VaultError::Damaged(_))));
        assert!(matches!(master.open(HERE, &by_data), Err(VaultError::Damaged(_))));
        let place = DataKey::place(1);
        let (by_jwt, by_data) = (key.seal(&first(), 1).unwrap(), data.seal(place, &[1; 32]).unwrap());
        let by_master = master.seal(place, &[1; 32]).unwrap();
        assert!(matches!(master.open(place, &by_jwt), Err(VaultError::Damaged(_))));
        assert!(matches!(data.open(place, &by_jwt), Err(VaultError::Damaged(_))));
        assert!(matches!(DataKey::open(&first(), 1, &by_data), Err(VaultError::Damaged(_))));
        assert!(matches!(DataKey::open(&first(), 1, &by_master), Err(VaultError::Damaged(_))));
    }

    #[test]
    fn another_data_keys_cells_do_not_open_until_they_are_resealed() {
        let (old, new) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
        let (old, new) = (DataVault::new(&old), DataVault::new(&new));
        let cell = old.seal(HERE, b"secret").unwrap();
        assert!(matches!(new.open(HERE, &cell), Err(VaultError::Damaged(_))));
        let (version, resealed) = old.reseal(&new, HERE, &cell).unwrap();
        assert_eq!(new.open(Place { version, ..HERE }, &resealed).unwrap().as_slice(), b"secret");
        assert!(old.open(Place { version, ..HERE }, &resealed).is_err());
    }

    #[test]
    fn a_cell_that_holds_no_key_is_no_data_key() {
        let cell = first().tier.seal(DataKey::place(1), &[1; 31]).unwrap();
        assert!(matches!(DataKey::open(&first(), 1, &cell), Err(VaultError::Damaged(_))));
        assert!(rewrap(&first(), &second(), 1, &cell).is_err());
    }

    #[test]
    fn nothing_is_printed() {
        let key = DataKey::generate().unwrap();
        assert_eq!(format!("{key:?} {:?}", DataVault::new(&key)), "DataKey(redacted) DataVault(redacted)");
    }
}
