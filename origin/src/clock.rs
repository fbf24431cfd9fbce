//! The clock and the randomness of the process, each read in this one place (clippy.toml bans them elsewhere).

use std::time::{SystemTime, UNIX_EPOCH};

/// Where time comes from. Tests pass a fixed one; no configuration changes it in a release.
pub trait Clock: Send + Sync {
    /// Unix time in milliseconds.
    fn millis(&self) -> u64;

    /// Unix time in seconds.
    fn secs(&self) -> u64 {
        self.millis() / 1000
    }
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    fn millis(&self) -> u64 {
        // A clock before 1970 reads as 0: every URL with an expiry is then still valid, none is wrongly refused.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random bytes: {0}")]
pub struct NoEntropy(String);

/// Random bytes from the operating system.
#[expect(clippy::disallowed_methods, reason = "the one place that draws random bytes")]
pub fn random<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| NoEntropy(error.to_string()))?;
    Ok(bytes)
}
