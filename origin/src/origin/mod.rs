//! The origin, open: configuration, vault, registry and sources, as every command finds them.

pub mod instances;
mod licensing;
pub mod moving;
mod opening;
pub mod retention;
mod rotation;
mod settings;
mod sources;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sealpix::key::SecretKey;
use sealpix::link::{LinkKeys, LinkSecret};
use sealpix::record::KeyRecord;

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::edge_link::Pulled;
use crate::license::LicenseError;
use crate::registry::{Author, Cell, Change, EdgeLink, Key, Registry, RegistryError};
use crate::settings::SettingError;
use crate::vault::{DataKey, DataVault, JwtKey, JwtSecret, Vault, VaultError};
use opening::CHECK;

pub use licensing::LicenseState;
pub use rotation::{NextJwt, Rotation};
pub use settings::SettingShown;
pub use sources::CredentialsGiven;

/// Why the origin does not open, or does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder.
    #[error("{path}: {reason}")]
    Folder {
        /// The folder.
        path: String,
        /// What went wrong.
        reason: String,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The vault.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A cell that opens, to something that is no such secret.
    #[error("the sealed secret {0} holds no such secret; restore it from a backup; nothing was changed")]
    Content(String),
    /// A setting.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A licence that does not count.
    #[error(transparent)]
    License(#[from] LicenseError),
    /// Nothing to verify a licence with.
    #[error("no vendor's public key: set SEALPIX_LICENSE_PUBLIC_KEY, without which no licence can be verified")]
    NoLicenseKey,
    /// The vault's keys are others than this process holds.
    #[error("the secrets were rotated since this process opened the registry: start it again; nothing was changed")]
    Rotated,
}

/// The open origin.
#[derive(Clone)]
pub struct Origin {
    /// Its configuration.
    pub config: Arc<Config>,
    /// The vault's first tier.
    pub vault: Arc<Vault>,
    /// The vault's second tier: seals the secret settings.
    pub data: Arc<DataVault>,
    /// What sessions are signed with, and the second tier hangs on.
    pub jwt: Arc<JwtSecret>,
    /// The JWT secret before it, where `JWT_SECRET_PREVIOUS` names it: sessions signed under it are still good.
    pub jwt_previous: Option<Arc<JwtSecret>>,
    /// Its registry.
    pub registry: Arc<Registry>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Names that pulls had queued, and when.
    pub pulled: Arc<Mutex<Pulled>>,
    /// The version of the check cell that this process opened with.
    generation: u64,
}

/// Under which key a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SealedUnder {
    Master,
    Jwt,
    Data,
}

/// The sensitivity of a cell is a matter of its name alone.
fn sealed_under(cell: &Cell) -> SealedUnder {
    match (cell.table, cell.row.as_str()) {
        ("settings", name) if name == DataKey::place(0).row => SealedUnder::Jwt,
        ("settings", name) if name != CHECK && name != JwtSecret::place(0).row => SealedUnder::Data,
        ("sources", _) => SealedUnder::Data,
        _ => SealedUnder::Master,
    }
}

impl Origin {
    /// Opens the registry, makes it if there is none, and proves that the secrets are the right ones before anything
    /// is served or written.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let folder_error = |error: std::io::Error| OpenError::Folder {
            path: config.data_dir.display().to_string(),
            reason: error.to_string(),
        };
        create_private(&config.data_dir).map_err(folder_error)?;
        let opened = opening::open(&config, SystemClock.millis()).await?;
        Ok(Self {
            vault: Arc::new(opened.vault),
            data: Arc::new(DataVault::new(&opened.data)),
            jwt: Arc::new(opened.jwt),
            jwt_previous: config.jwt_secret_previous.clone().map(Arc::new),
            registry: opened.registry,
            clock: Arc::new(SystemClock),
            pulled: Arc::default(),
            generation: opened.generation,
            config: Arc::new(config),
        })
    }

    /// Begins a change in which secrets may be sealed: refused if the keys that this process holds were replaced since
    /// it opened the registry.
    pub async fn change(&self, author: &Author) -> Result<Change, OpenError> {
        let mut change = self.registry.change(author).await?;
        match change.setting_cell(CHECK).await? {
            Some(cell) if cell.version == self.generation => Ok(change),
            _ => Err(OpenError::Rotated),
        }
    }

    /// Opens a cell of either tier.
    fn open_cell(&self, cell: &Cell) -> Result<(), VaultError> {
        match sealed_under(cell) {
            SealedUnder::Master => self.vault.open(cell.place(), &cell.sealed).map(|_| ()),
            SealedUnder::Jwt => DataKey::open(&JwtKey::new(&self.jwt), cell.version, &cell.sealed).map(|_| ()),
            SealedUnder::Data => self.data.open(cell.place(), &cell.sealed).map(|_| ()),
        }
    }

    /// Opens every sealed secret of both tiers: how many there are, and those that do not open.
    pub async fn check_cells(&self) -> Result<(usize, Vec<VaultError>), OpenError> {
        let cells = self.registry.cells().await?;
        let damaged = cells.iter().filter_map(|cell| self.open_cell(cell).err());
        Ok((cells.len(), damaged.collect()))
    }

    /// Proves that this process still holds the keys of the registry's vault, and that the edge links open.
    pub async fn prove_keys(&self) -> Result<(), OpenError> {
        let check = self.registry.setting_cell(CHECK).await?.ok_or(OpenError::Rotated)?;
        if check.version != self.generation {
            return Err(OpenError::Rotated);
        }
        self.open_cell(&check)?;
        self.link_keys().await.map(|_| ())
    }

    /// Opens every sealed secret, as a server does before it serves: the first that does not open is the error.
    pub async fn prove_cells(&self) -> Result<(), OpenError> {
        let cells = self.registry.cells().await?;
        for cell in &cells {
            self.open_cell(cell)?;
        }
        let links = cells.iter().filter(|cell| cell.table == "edge_links").count();
        let own = [CHECK, JwtSecret::place(0).row, DataKey::place(0).row];
        let is_own = |cell: &&Cell| cell.table == "settings" && own.contains(&cell.row.as_str());
        let others = cells.iter().filter(|cell| cell.table != "edge_links" && !is_own(cell));
        tracing::info!(count = others.count(), "other secrets opened");
        tracing::info!(count = links, "edge links opened");
        Ok(())
    }

    /// What the gate must know of a key: its secret opened, its signing key derived, the secret wiped.
    pub fn key_record(&self, key: &Key) -> Result<KeyRecord, OpenError> {
        let secret = self.vault.open_text(key.secret.place(), &key.secret.sealed)?;
        let secret = SecretKey::parse(&secret).map_err(|_| OpenError::Content(key.secret.place().to_string()))?;
        Ok(KeyRecord {
            key: key.public_key,
            project: key.project.clone(),
            signing_key: secret.signing_key(),
            state: key.state,
            not_after: key.not_after,
            limits: key.limits,
            policy: key.policy.clone(),
        })
    }

    /// The secret of an edge link.
    pub fn link_secret(&self, link: &EdgeLink) -> Result<LinkSecret, OpenError> {
        let text = self.vault.open_text(link.secret.place(), &link.secret.sealed)?;
        LinkSecret::parse(&text).map_err(|_| OpenError::Content(link.secret.place().to_string()))
    }

    /// The keys of the edge links in use, the current one first.
    pub async fn link_keys(&self) -> Result<Vec<LinkKeys>, OpenError> {
        let links = self.registry.edge_links().await?;
        links.iter().map(|link| self.link_secret(link).map(|secret| secret.keys())).collect()
    }
}

/// A lock file, held while the file is open; waits for who holds it.
pub fn lock(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(path)?;
    file.lock()?;
    Ok(file)
}

/// A folder that is ours alone, as it holds the salt and the database.
pub fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}
