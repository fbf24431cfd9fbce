//! This process among the instances: registered while it serves, renewed every ten seconds.
//!
//! How many may run is the licence's matter. The row of an instance that was killed lives on for half a minute; so that
//! a supervisor may start it again at once, each also holds a lock file in its data folder while it runs, and who
//! registers from the same folder of the same machine removes rows whose file nobody holds. An instance whose row is
//! gone, as after a long pause, registers again; where others have taken its place meanwhile it keeps serving, and
//! says so in the log each time: what runs is never cut off for a licence.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealpix::encoding::hex;
use tokio::time::{MissedTickBehavior, interval};

use super::{OpenError, Origin, create_private, lock};
use crate::clock::random;
use crate::license::instance_limit;
use crate::registry::{Author, Change, Instance};
use crate::vault::VaultError;

/// How often a row is renewed: two renewals may fail before it is taken for dead.
const RENEWAL: Duration = Duration::from_secs(10);

/// An instance that is registered.
pub struct Presence {
    origin: Origin,
    instance: Instance,
    lock_file: PathBuf,
    _held: File,
}

impl Presence {
    /// Registers this process. [`crate::registry::RegistryError::Refused`] where as many are running as the licence
    /// allows.
    pub async fn register(origin: &Origin) -> Result<Self, OpenError> {
        let folder = origin.config.data_dir.join("instances");
        let now = origin.clock.millis();
        let bytes: [u8; 8] = random().map_err(VaultError::from)?;
        let id = hex(&bytes);
        let lock_file = lock_file(&folder, &id);
        let held = create_private(&folder).and_then(|()| lock(&lock_file));
        let held = held
            .map_err(|error| OpenError::Folder { path: lock_file.display().to_string(), reason: error.to_string() })?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let instance = Instance { id, host: host(), version, started_at: now, seen_at: now };
        let presence = Self { origin: origin.clone(), instance, lock_file, _held: held };
        presence.enter().await?;
        tracing::info!(instance = presence.instance.id, host = presence.instance.host, "instance registered");
        Ok(presence)
    }

    async fn enter(&self) -> Result<(), OpenError> {
        let limit = instance_limit(self.origin.license().await?.as_ref());
        let mut change = self.origin.change(&Author::system(self.origin.clock.millis())).await?;
        let dead = self.remove_killed(&mut change).await?;
        change.register_instance(&self.instance, limit).await?;
        change.commit().await?;
        for lock_file in dead {
            // Left behind it would be nobody's.
            let _ = std::fs::remove_file(lock_file);
        }
        Ok(())
    }

    /// Removes the rows of this machine whose lock file in this folder nobody holds. The files, for when that is done.
    async fn remove_killed(&self, change: &mut Change) -> Result<Vec<PathBuf>, OpenError> {
        let folder = self.lock_file.parent().unwrap_or(&self.lock_file);
        let mut dead = Vec::new();
        for other in change.instances().await? {
            let lock_file = lock_file(folder, &other.id);
            if other.id != self.instance.id && other.host == self.instance.host && is_abandoned(&lock_file) {
                change.remove_instance(&other.id, true).await?;
                dead.push(lock_file);
            }
        }
        Ok(dead)
    }

    /// Renews the row until the process ends.
    pub async fn run(&self) {
        let mut ticks = interval(RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if let Err(error) = self.renew().await {
                tracing::error!(%error, instance = self.instance.id, "this instance serves on, and is not registered");
            }
        }
    }

    async fn renew(&self) -> Result<(), OpenError> {
        let mut change = self.origin.registry.change(&Author::system(self.origin.clock.millis())).await?;
        if change.renew_instance(&self.instance.id).await? {
            return Ok(change.commit().await?);
        }
        drop(change);
        tracing::warn!(instance = self.instance.id, "this instance was taken for dead; it registers again");
        self.enter().await
    }

    /// Removes the row, so that another instance may start at once.
    pub async fn end(&self) {
        let removed = async {
            let mut change = self.origin.registry.change(&Author::system(self.origin.clock.millis())).await?;
            change.remove_instance(&self.instance.id, false).await?;
            change.commit().await
        };
        if let Err(error) = removed.await {
            tracing::error!(%error, instance = self.instance.id, "this instance cannot be signed off");
        }
    }
}

impl Drop for Presence {
    /// The lock ends with the file; an empty file that stays is harmless.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.lock_file);
    }
}

fn lock_file(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.lock"))
}

/// Whether the file is there, and nobody holds its lock.
fn is_abandoned(lock_file: &Path) -> bool {
    let Ok(file) = File::open(lock_file) else { return false };
    !matches!(file.try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)))
}

/// The machine's name, as far as it tells.
fn host() -> String {
    let told =
        std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::fs::read_to_string("/etc/hostname"));
    let name = told.unwrap_or_default().trim().chars().take(255).collect::<String>();
    if name.is_empty() { "unknown".to_owned() } else { name }
}
