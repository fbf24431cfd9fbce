//! The master key: from `MASTER_SECRET`, or, on SQLite without one, from the database's path and a salt file.
//!
//! Path mode protects a copied database file and nothing else: who has the folder has both halves. The salt file
//! holds the path as it was at creation, which is the input ever after, so that a moved folder still opens.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealpix::key::derive;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::VaultError;
use crate::clock::random;

/// Shortest `MASTER_SECRET`.
pub const MIN_MASTER_SECRET_CHARS: usize = 32;

/// Rounds of PBKDF2-HMAC-SHA256 over the path: the salt's 256 bits carry the strength, not the rounds.
const PATH_ROUNDS: u32 = 4_096;

/// The salt file's first line.
const SALT_FORM: &str = "sealpix master salt v1";

/// The key that every other key of the vault is derived from. Wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// From `MASTER_SECRET`.
    pub fn from_secret(secret: &str) -> Result<Self, VaultError> {
        if secret.chars().count() < MIN_MASTER_SECRET_CHARS {
            return Err(VaultError::ShortMasterSecret);
        }
        Ok(Self(derive(secret.as_bytes(), b"sealpix/master/v1")))
    }

    /// From the salt file beside the database; makes the file if the registry holds no secrets yet.
    pub fn from_path(database: &Path, salt_file: &Path, has_secrets: bool) -> Result<Self, VaultError> {
        let fail = |reason: String| VaultError::Salt { path: salt_file.display().to_string(), reason };
        if !salt_file.exists() {
            if has_secrets {
                return Err(VaultError::SaltMissing(salt_file.display().to_string()));
            }
            create_salt(database, salt_file)?;
        }
        let mut text = String::new();
        let mut file = File::open(salt_file).map_err(|error| fail(error.to_string()))?;
        file.read_to_string(&mut text).map_err(|error| fail(error.to_string()))?;
        let (salt, path) = parse_salt(&text).ok_or_else(|| fail("is not a master salt file".to_owned()))?;
        let mut key = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(path.as_bytes(), &salt, PATH_ROUNDS, &mut key);
        Ok(Self(key))
    }

    pub(super) fn derive(&self, label: &[u8]) -> [u8; 32] {
        derive(&self.0, label)
    }
}

fn parse_salt(text: &str) -> Option<([u8; 32], &str)> {
    let mut lines = text.lines();
    let salt = lines.next().filter(|line| *line == SALT_FORM).and_then(|_| lines.next())?;
    let path = lines.next().filter(|path| !path.is_empty())?;
    let salt: [u8; 32] = URL_SAFE_NO_PAD.decode(salt).ok()?.try_into().ok()?;
    Some((salt, path))
}

/// Created exclusively, readable by us alone, on disk before anything is sealed under it.
fn create_salt(database: &Path, salt_file: &Path) -> Result<(), VaultError> {
    let salt: [u8; 32] = random()?;
    let text = format!("{SALT_FORM}\n{}\n{}\n", URL_SAFE_NO_PAD.encode(salt), database.display());
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(salt_file)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match salt_file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|error| VaultError::Salt { path: salt_file.display().to_string(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_moved_folder_still_opens_and_a_lost_salt_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let salt = folder.path().join("master.salt");
        let first = MasterKey::from_path(Path::new("/a/registry.db"), &salt, false).unwrap();
        let moved = MasterKey::from_path(Path::new("/b/registry.db"), &salt, true).unwrap();
        assert_eq!(first.0, moved.0);
        assert_eq!(std::fs::metadata(&salt).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(&salt).unwrap();
        let lost = MasterKey::from_path(Path::new("/a/registry.db"), &salt, true);
        assert!(matches!(lost, Err(VaultError::SaltMissing(_))));
        assert!(!salt.exists(), "a lost salt is never made anew over sealed cells");
        std::fs::write(&salt, "junk").unwrap();
        assert!(MasterKey::from_path(Path::new("/a/registry.db"), &salt, true).is_err());
    }

    #[test]
    fn sig10_short_secrets_are_refused() {
        assert!(MasterKey::from_secret(&"x".repeat(31)).is_err());
        assert!(MasterKey::from_secret(&"x".repeat(32)).is_ok());
    }
}
