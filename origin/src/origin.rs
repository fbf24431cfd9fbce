//! The origin, open: configuration, vault, registry and sources, as every command finds them.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sealpix::key::SecretKey;
use sealpix::link::{LinkKeys, LinkSecret};
use sealpix::record::KeyRecord;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Database};
use crate::edge_link::Pulled;
use crate::registry::{Author, EdgeLink, Key, Registry, RegistryError};
use crate::vault::{JwtSecret, MasterKey, Vault, VaultError};

/// The setting whose cell tells a wrong master key from a damaged cell.
const CHECK: &str = "vault.check";

/// Why the origin does not open.
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
}

/// The open origin.
#[derive(Clone)]
pub struct Origin {
    /// Its configuration.
    pub config: Arc<Config>,
    /// Its vault.
    pub vault: Arc<Vault>,
    /// Its registry.
    pub registry: Arc<Registry>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// What sessions are signed with, and the second tier is sealed under.
    pub jwt: Arc<JwtSecret>,
    /// Names that pulls had queued, and when.
    pub pulled: Arc<Mutex<Pulled>>,
}

impl Origin {
    /// Opens the registry, makes it if there is none, and proves that the master key is the right one before
    /// anything is served or written.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let folder_error = |error: std::io::Error| OpenError::Folder {
            path: config.data_dir.display().to_string(),
            reason: error.to_string(),
        };
        create_private(&config.data_dir).map_err(folder_error)?;
        // One process at a time makes the schema, the salt and the check cell; a server sees to that by itself.
        let opening = match &config.database {
            Database::Sqlite(file) => Some(lock_beside(file)?),
            Database::Postgres(_) => None,
        };
        let registry = open_registry(&config.database).await?;
        let check = registry.setting_cell(CHECK).await?;
        let vault = Vault::new(&master_key(&config, check.is_some())?);
        match check {
            Some(cell) => {
                vault.open(cell.place(), &cell.sealed)?;
            }
            None => set_check_cell(&registry, &vault, SystemClock.millis()).await?,
        }
        drop(opening);
        let mode = if config.master_secret.is_some() { "MASTER_SECRET" } else { "database path and salt file" };
        tracing::info!(from = mode, "master key proved");
        if config.master_secret.is_none() {
            tracing::warn!(
                "without MASTER_SECRET a copied database file is protected, a copied data folder is not; \
                 set MASTER_SECRET before the first setup to protect both"
            );
        }
        Ok(Self {
            config: Arc::new(config),
            vault: Arc::new(vault),
            registry,
            clock: Arc::new(SystemClock),
            jwt: Arc::new(JwtSecret::generate()?),
            pulled: Arc::default(),
        })
    }

    /// Whether guests are let in.
    pub async fn is_guest_mode_on(&self) -> Result<bool, OpenError> {
        Ok(false)
    }

    /// How long a session lasts, in seconds.
    pub async fn session_secs(&self) -> Result<u64, OpenError> {
        Ok(crate::access::duration::SessionLifetime::DEFAULT.secs())
    }

    /// Opens every sealed secret: how many there are, and those that do not open.
    pub async fn check_cells(&self) -> Result<(usize, Vec<VaultError>), OpenError> {
        let cells = self.registry.cells().await?;
        let damaged = cells.iter().filter_map(|cell| self.vault.open(cell.place(), &cell.sealed).err());
        Ok((cells.len(), damaged.collect()))
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

async fn open_registry(database: &Database) -> Result<Arc<Registry>, OpenError> {
    let registry = Registry::open(database).await?;
    match database {
        Database::Sqlite(file) => tracing::info!(database = %file.display(), "database opened"),
        // Its address is no part of the log: an URL that was misspelt may hold the password anywhere.
        Database::Postgres(address) => {
            tracing::info!(database = "PostgreSQL", protection = ?address.protection(), "database opened");
        }
    }
    Ok(Arc::new(registry))
}

fn master_key(config: &Config, has_secrets: bool) -> Result<MasterKey, OpenError> {
    match (&config.master_secret, &config.database) {
        (Some(secret), _) => Ok(MasterKey::from_secret(secret)?),
        (None, Database::Sqlite(file)) => {
            Ok(MasterKey::from_path(file, &file.with_file_name("master.salt"), has_secrets)?)
        }
        // The configuration refuses this before.
        (None, Database::Postgres(_)) => Err(OpenError::Vault(VaultError::ShortMasterSecret)),
    }
}

/// Stores the cell that proves the master key. Where another instance was first, its cell must open.
async fn set_check_cell(registry: &Registry, vault: &Vault, now_millis: u64) -> Result<(), OpenError> {
    let mut change = registry.change(&Author::system(now_millis)).await?;
    if let Some(cell) = change.setting_cell(CHECK).await? {
        vault.open(cell.place(), &cell.sealed)?;
        return Ok(());
    }
    let mut cell = change.next_setting_cell(CHECK).await?;
    cell.sealed = vault.seal(cell.place(), b"sealpix")?;
    change.set_setting_cell(&cell).await?;
    change.note_created("vault.create", "vault");
    Ok(change.commit().await?)
}

/// Locks a SQLite file's folder for opening it; makes the folder where there is none.
fn lock_beside(file: &Path) -> Result<File, OpenError> {
    let folder = file.parent().unwrap_or(file);
    let locked = create_private(folder).and_then(|()| lock(&folder.join("open.lock")));
    locked.map_err(|error| OpenError::Folder { path: folder.display().to_string(), reason: error.to_string() })
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
