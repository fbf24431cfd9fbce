//! The finished pictures that the origin keeps, in memory and on disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::Environment;
use super::{ConfigError, min_free_disk_bytes};

/// The finished pictures that the origin keeps.
#[derive(Debug, Clone)]
pub struct DerivativesConfig {
    /// Most bytes of memory that they take; 0 keeps none.
    pub memory_bytes: usize,
    /// How long one is good, from before its source is asked.
    pub ttl: Duration,
    /// Those on disk.
    pub disk: DiskConfig,
}

/// The finished pictures on disk.
#[derive(Debug, Clone)]
pub struct DiskConfig {
    /// Their folder, which holds nothing else.
    pub folder: PathBuf,
    /// Most bytes of disk that they take; 0 keeps none.
    pub bytes: u64,
    /// Free bytes of the disk below which none is written.
    pub least_free_bytes: u64,
}

impl DerivativesConfig {
    pub(super) fn read(environment: &Environment, data_dir: &Path) -> Result<Self, ConfigError> {
        let memory_bytes = environment.within("SEALPIX_DERIVATIVE_MEMORY_BYTES", 67_108_864, 0, 1_099_511_627_776)?;
        Ok(Self {
            memory_bytes: usize::try_from(memory_bytes).unwrap_or(usize::MAX),
            ttl: Duration::from_secs(environment.within("SEALPIX_DERIVATIVE_TTL_SECS", 60, 1, 86_400)?),
            disk: DiskConfig::read(environment, data_dir)?,
        })
    }
}

impl DiskConfig {
    /// Least room on disk: less is no cache but wear.
    const LEAST_BYTES: u64 = 16_777_216;
    /// Most: 64 files of a GiB.
    const MOST_BYTES: u64 = 68_719_476_736;

    fn read(environment: &Environment, data_dir: &Path) -> Result<Self, ConfigError> {
        let within = environment.parsed("SEALPIX_DERIVATIVE_DIR", data_dir.to_owned(), |text| {
            let path = std::path::absolute(text).map_err(|error| error.to_string())?;
            let in_gallery = path.starts_with(data_dir.join("gallery"));
            if in_gallery { Err("must not lie in the gallery".to_owned()) } else { Ok(path) }
        })?;
        let bytes = environment.parsed("SEALPIX_DERIVATIVE_DISK_BYTES", 1_073_741_824, |text| {
            let bytes = text.parse().ok().filter(|bytes| *bytes == 0 || Self::is_room(*bytes));
            bytes.ok_or_else(|| format!("takes 0, or {} to {}", Self::LEAST_BYTES, Self::MOST_BYTES))
        })?;
        Ok(Self { folder: within.join("derivatives"), bytes, least_free_bytes: min_free_disk_bytes(environment)? })
    }

    fn is_room(bytes: u64) -> bool {
        (Self::LEAST_BYTES..=Self::MOST_BYTES).contains(&bytes)
    }
}
