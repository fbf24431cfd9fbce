//! What was made lately, on disk: as much as fits into a number of bytes, what was made first goes first. It survives a restart.
//!
//! foyer's disk half keeps it (the memory half is [`super::memory`], which knows times and refusals). It writes behind the
//! requests, into files of a fixed size that together are the bound; every entry has a checksum over all its bytes, and one
//! that is damaged or was being written at a `kill -9` is not there (CACHE-14). Nothing here is an error to a visitor: what
//! cannot be read was not kept, what cannot be written is not kept, and a folder that does not open is gone without.

use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use foyer::{
    BlockEngineConfig, DeviceBuilder as _, FsDeviceBuilder, HybridCache, HybridCacheBuilder, HybridCachePolicy, Load,
    PsyncIoEngineConfig, RecoverMode,
};

use tokio::sync::RwLock;

use super::Name;
use super::kept::Kept;
use crate::config::DiskConfig;
use crate::observe::health::free_bytes;
use crate::observe::metrics::Metrics;
use crate::origin::create_private;

/// Files that the room is divided into; the oldest is emptied when there is no other. Each stays open.
const FILES: u64 = 64;

/// A file's least size: the largest picture that is kept is a little smaller than a file, and than [`WAITING_BYTES`].
const LEAST_FILE_BYTES: u64 = 1 << 20;

/// The name that foyer gives the files, before their number.
const FILE_PREFIX: &str = "foyer-storage-direct-fs-";

/// Held by the process that has the folder.
const LOCK_FILE: &str = "lock";

/// How long a picture may take to be read: one of a few MiB takes far less to make anew.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// Pictures that wait to be written take this much memory at most; more are not kept. A larger one never is, however large
/// the files are: foyer's write buffer has this size, too.
const WAITING_BYTES: usize = 16 << 20;

/// The pictures on disk, if there is a place for them.
#[derive(Clone)]
pub(super) struct Disk {
    open: Option<Arc<Open>>,
    metrics: Arc<Metrics>,
}

struct Open {
    pictures: HybridCache<String, Kept>,
    config: DiskConfig,
    /// Held by who puts a picture into the queue of those to be written; closing waits for them.
    inserting: Arc<RwLock<()>>,
    /// Ours while it is open.
    _lock: File,
}

impl Disk {
    /// Opens what a run before has left, or begins anew. No bytes: none.
    pub(super) async fn open(config: &DiskConfig, metrics: Arc<Metrics>) -> Self {
        let mut disk = Self { open: None, metrics };
        if config.bytes == 0 {
            return disk;
        }
        match Open::new(config).await {
            Ok(open) => {
                disk.metrics.derivative_folder(config.folder.clone());
                disk.open = Some(Arc::new(open));
            }
            Err(error) => {
                let folder = config.folder.display();
                tracing::error!(%folder, %error, "finished pictures are not kept on disk");
                disk.metrics.derivative_disk_failed();
            }
        }
        disk
    }

    /// What is kept under a name.
    pub(super) async fn find(&self, name: &Name) -> Option<Kept> {
        let storage = self.open.as_ref()?.pictures.storage();
        match tokio::time::timeout(READ_TIMEOUT, storage.load(&*name.text)).await {
            Ok(Ok(Load::Entry { value, .. })) => Some(value),
            Ok(Ok(Load::Piece { piece, .. })) => Some(piece.value().clone()),
            Ok(Ok(Load::Miss | Load::Throttled)) => None,
            Ok(Err(error)) => self.unread(&error),
            Err(elapsed) => self.unread(&elapsed),
        }
    }

    fn unread(&self, error: &impl std::fmt::Display) -> Option<Kept> {
        tracing::error!(%error, "a finished picture cannot be read from disk");
        self.metrics.derivative_disk_failed();
        None
    }

    /// Keeps a picture, some time after. The disk's last bytes are left to others.
    pub(super) fn keep(&self, name: &Name, kept: Kept) {
        let Some(open) = self.open.clone().filter(|_| !name.ttl.is_zero()) else { return };
        let Ok(inserting) = Arc::clone(&open.inserting).try_read_owned() else { return };
        let (metrics, name) = (Arc::clone(&self.metrics), name.text.to_string());
        tokio::task::spawn_blocking(move || {
            if free_bytes(&open.config.folder).is_ok_and(|free| free >= open.config.least_free_bytes) {
                open.pictures.storage_writer(name).insert(kept);
            } else {
                metrics.derivative_disk_failed();
            }
            drop(inserting);
        });
    }

    /// Writes what waits. What is kept afterwards is not.
    pub(super) async fn close(&self) {
        let Some(open) = &self.open else { return };
        let _inserted = open.inserting.write().await;
        if let Err(error) = open.pictures.close().await {
            tracing::error!(%error, "the last finished pictures could not be written to disk");
        }
    }
}

impl Open {
    async fn new(config: &DiskConfig) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        create_private(&config.folder)?;
        std::fs::set_permissions(&config.folder, Permissions::from_mode(0o700))?;
        let lock = locked(&config.folder)?;
        let file_bytes = (config.bytes / FILES).max(LEAST_FILE_BYTES) / 4096 * 4096;
        let files = config.bytes / file_bytes;
        remove_beyond(&config.folder, files)?;
        let device =
            FsDeviceBuilder::new(&config.folder).with_capacity(usize::try_from(files * file_bytes)?).build()?;
        let engine = BlockEngineConfig::new(device)
            .with_block_size(usize::try_from(file_bytes)?)
            .with_submit_queue_size_threshold(WAITING_BYTES);
        let pictures = HybridCacheBuilder::new()
            .with_name("derivatives")
            .with_policy(HybridCachePolicy::WriteOnInsertion)
            // Nothing of it is held in memory: what is written passes by.
            .memory(1)
            .with_weighter(|_: &String, kept: &Kept| kept.held_bytes())
            .storage()
            .with_io_engine_config(PsyncIoEngineConfig::new())
            .with_engine_config(engine)
            .with_recover_mode(RecoverMode::Quiet)
            .build()
            .await?;
        Ok(Self { pictures, config: config.clone(), inserting: Arc::default(), _lock: lock })
    }
}

/// One process has the folder: two would write over each other's pictures.
fn locked(folder: &Path) -> io::Result<File> {
    let file = File::options().create(true).write(true).truncate(false).mode(0o600).open(folder.join(LOCK_FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another process keeps its pictures there")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Removes the files of a larger room that was configured before.
fn remove_beyond(folder: &Path, files: u64) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(FILE_PREFIX)?.parse::<u64>().ok());
        if number.is_some_and(|number| number >= files) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
