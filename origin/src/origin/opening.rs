//! How the origin opens: database, master key, JWT secret, JWT key, data key, in this order, each proved before the next.
//!
//! What the registry holds is read in one statement. Where something must be written (a first start, a re-wrap), it is
//! read again within one change, which has the registry to itself: of instances that start at once one writes, and the
//! others find what it wrote. Nothing is written over a secret that does not open.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{OpenError, create_private, lock};
use crate::config::{Config, Database};
use crate::registry::{Author, Cell, Registry, StoredSource};
use crate::vault::{
    DataKey, JwtKey, JwtSecret, JwtSecretChoice, MasterKey, Place, Vault, VaultError, resolve_jwt_secret, rewrap,
};

/// The setting whose cell tells a wrong master key from a damaged cell. Its version rises when the master key or the
/// data key is replaced.
pub(super) const CHECK: &str = "vault.check";

/// What the check cell holds.
pub(super) const CHECKED: &[u8] = b"sealpix";

/// What an origin opens with.
pub(super) struct Opened {
    pub(super) registry: Arc<Registry>,
    pub(super) vault: Vault,
    pub(super) jwt: JwtSecret,
    pub(super) data: DataKey,
    pub(super) generation: u64,
}

/// Opens the registry and both tiers of the vault, and logs each step.
pub(super) async fn open(config: &Config, now_millis: u64) -> Result<Opened, OpenError> {
    // One process at a time makes the schema and the salt; a server sees to that by itself.
    let opening = match &config.database {
        Database::Sqlite(file) => Some(lock_beside(file).await?),
        Database::Postgres(_) => None,
    };
    let registry = open_registry(&config.database).await?;
    let kept = Kept::sort(registry.setting_cells().await?, &registry.sources().await?);
    let has_secrets = kept.check.is_some() || !registry.cells().await?.is_empty();
    let vault = Vault::new(&master_key(config, has_secrets)?);
    let found = unlock(config, &vault, kept)?;
    let unlocked = if found.writes.is_empty() { found } else { write(config, &registry, &vault, now_millis).await? };
    drop(opening);
    unlocked.log(config);
    let Unlocked { jwt, data, generation, .. } = unlocked;
    Ok(Opened { registry, vault, jwt, data, generation })
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

pub(super) fn master_key(config: &Config, has_secrets: bool) -> Result<MasterKey, OpenError> {
    match (&config.master_secret, &config.database) {
        (Some(secret), _) => Ok(MasterKey::from_secret(secret.expose())?),
        (None, Database::Sqlite(file)) => {
            Ok(MasterKey::from_path(file, &file.with_file_name("master.salt"), has_secrets)?)
        }
        // The configuration refuses this before.
        (None, Database::Postgres(_)) => Err(OpenError::Vault(VaultError::ShortMasterSecret)),
    }
}

/// The vault's own cells.
struct Kept {
    check: Option<Cell>,
    jwt_secret: Option<Cell>,
    data_key: Option<Cell>,
    /// Whether something is sealed under the data key.
    has_sealed: bool,
}

impl Kept {
    fn sort(settings: Vec<Cell>, sources: &[StoredSource]) -> Self {
        let has_sealed = sources.iter().any(|source| source.credentials.is_some());
        let mut kept = Self { check: None, jwt_secret: None, data_key: None, has_sealed };
        for cell in settings {
            match cell.row.as_str() {
                CHECK => kept.check = Some(cell),
                name if name == JwtSecret::place(0).row => kept.jwt_secret = Some(cell),
                name if name == DataKey::place(0).row => kept.data_key = Some(cell),
                _ => kept.has_sealed = true,
            }
        }
        kept
    }
}

/// Both tiers, open, and what must be written to make it so.
struct Unlocked {
    jwt: JwtSecret,
    jwt_from: &'static str,
    data: DataKey,
    data_key: &'static str,
    generation: u64,
    writes: Vec<(&'static str, Cell)>,
}

/// Opens what is kept, and makes what is not; changes nothing by itself.
fn unlock(config: &Config, vault: &Vault, kept: Kept) -> Result<Unlocked, OpenError> {
    let mut writes = Vec::new();
    let generation = match &kept.check {
        Some(cell) => {
            vault.open(cell.place(), &cell.sealed)?;
            cell.version
        }
        None => {
            writes.push(("vault.create", sealed(CHECK, 1, |place| vault.seal(place, CHECKED))?));
            1
        }
    };
    // It is opened where it does not count, too: a secret that does not open stops the start.
    let stored = kept.jwt_secret.map(|cell| stored_jwt_secret(vault, &cell)).transpose()?;
    let (jwt, jwt_from) = match resolve_jwt_secret(config.jwt_secret.clone(), stored) {
        JwtSecretChoice::Configured(secret) => (secret, "configured"),
        JwtSecretChoice::Stored(secret) => (secret, "registry"),
        // It was configured, and is gone.
        JwtSecretChoice::Generate if kept.data_key.is_some() => return Err(VaultError::WrongJwtSecret.into()),
        JwtSecretChoice::Generate => {
            let secret = JwtSecret::generate()?;
            let seal = |place: Place<'_>| vault.seal(place, secret.expose().as_bytes());
            writes.push(("jwt_secret.create", sealed(JwtSecret::place(0).row, 1, seal)?));
            (secret, "generated")
        }
    };
    let key = JwtKey::new(&jwt);
    let (data, data_key) = match kept.data_key {
        // A data key was here, and what it sealed is here still.
        None if kept.has_sealed => return Err(VaultError::Damaged(DataKey::place(0).to_string()).into()),
        None => {
            let data = DataKey::generate()?;
            let cell = Cell { sealed: data.seal(&key, 1)?, ..empty(DataKey::place(0).row, 1) };
            writes.push(("data_key.create", cell));
            (data, "made")
        }
        Some(cell) => match (DataKey::open(&key, cell.version, &cell.sealed), &config.jwt_secret_previous) {
            (Err(VaultError::WrongJwtSecret), Some(previous)) => {
                let (version, sealed) = rewrap(&JwtKey::new(previous), &key, cell.version, &cell.sealed)?;
                let data = DataKey::open(&key, version, &sealed)?;
                writes.push(("data_key.rewrap", Cell { version, sealed, ..cell }));
                (data, "re-wrapped from JWT_SECRET_PREVIOUS")
            }
            (opened, _) => (opened?, "opened"),
        },
    };
    Ok(Unlocked { jwt, jwt_from, data, data_key, generation, writes })
}

/// Unlocks within a change, and writes what must be written.
async fn write(config: &Config, registry: &Registry, vault: &Vault, now_millis: u64) -> Result<Unlocked, OpenError> {
    let mut change = registry.change(&Author::system(now_millis)).await?;
    let kept = Kept::sort(change.setting_cells().await?, &change.sources().await?);
    if kept.check.is_none() && change.has_cells().await? {
        // Nothing proves this master key, and there is something that was sealed under one.
        return Err(VaultError::Damaged(Place::setting(CHECK, 0).to_string()).into());
    }
    let unlocked = unlock(config, vault, kept)?;
    for (action, cell) in &unlocked.writes {
        change.set_setting_cell(cell).await?;
        change.note_created(action, &cell.row);
    }
    change.commit().await?;
    Ok(unlocked)
}

impl Unlocked {
    fn log(&self, config: &Config) {
        let mode = if config.master_secret.is_some() { "MASTER_SECRET" } else { "database path and salt file" };
        tracing::info!(from = mode, "master key proved");
        if config.master_secret.is_none() {
            tracing::warn!(
                "without MASTER_SECRET a copied database file is protected, a copied data folder is not; \
                 sealpix secrets rotate master with MASTER_SECRET_NEW moves to a secret, which protects both"
            );
        }
        tracing::info!(from = self.jwt_from, "JWT secret resolved");
        tracing::info!("JWT key derived");
        tracing::info!(how = self.data_key, "data key proved");
    }
}

/// The JWT secret of the registry's cell.
pub(super) fn stored_jwt_secret(vault: &Vault, cell: &Cell) -> Result<JwtSecret, OpenError> {
    let text: Zeroizing<String> = vault.open_text(cell.place(), &cell.sealed)?;
    JwtSecret::parse(text).map_err(|_| OpenError::Content(cell.place().to_string()))
}

/// A setting's cell at `version`, without content.
pub(super) fn empty(name: &str, version: u64) -> Cell {
    let Place { table, column, .. } = Place::setting(name, version);
    Cell { table, row: name.to_owned(), column, version, sealed: String::new() }
}

/// A setting's cell at `version`, sealed.
pub(super) fn sealed(
    name: &str,
    version: u64,
    seal: impl FnOnce(Place<'_>) -> Result<String, VaultError>,
) -> Result<Cell, VaultError> {
    let mut cell = empty(name, version);
    cell.sealed = seal(cell.place())?;
    Ok(cell)
}

/// Locks a SQLite file's folder for opening it; makes the folder where there is none.
pub(super) async fn lock_beside(file: &Path) -> Result<File, OpenError> {
    let folder = file.parent().unwrap_or(file).to_owned();
    let fail = |reason: String| OpenError::Folder { path: folder.display().to_string(), reason };
    let within = folder.clone();
    // It waits for who holds the lock, who may be a task of this process.
    let waiting = tokio::task::spawn_blocking(move || {
        create_private(&within)?;
        lock(&within.join("open.lock"))
    });
    waiting.await.map_err(|error| fail(error.to_string()))?.map_err(|error| fail(error.to_string()))
}
