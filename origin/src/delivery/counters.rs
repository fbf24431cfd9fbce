//! The origin's own counters, for signed URLs without a Worker: exact within this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use sealpix::denial::{Code, Denial};
use sealpix::key::PublicKey;
use sealpix::quota::{Limits, Tally, Verdict};

/// One tally a key. Only keys of the registry come this far, so there are no more tallies than keys.
#[derive(Default)]
pub(super) struct Counters(Mutex<HashMap<PublicKey, Tally>>);

/// How a key stands, for the answer's headers.
pub(super) type Standing = [(&'static str, String); 2];

impl Counters {
    /// Counts an admitted request, or refuses it.
    pub(super) fn take(&self, key: PublicKey, limits: Limits, now: u64) -> Result<Standing, Denial> {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict: Verdict = tallies.entry(key).or_default().take(limits, now);
        if verdict.admitted {
            return Ok(verdict.headers(limits));
        }
        let binding = verdict.binding;
        let detail = format!("{} a {} are used up", binding.limit, binding.window.name());
        Err(Denial { retry_after_secs: Some(binding.reset_secs), ..Denial::new(Code::RateLimited, detail) })
    }
}
