//! The counts of one window in one isolate, and what a settling is to do with them.

use sealpix::quota::{Limits, Window};

use super::shard::Shard;
use super::view::UNWRITTEN_PART;

/// The counts of one window, and what of them the store has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) start: u64,
    pub(super) shard: Shard,
    /// What the store has of it.
    pub(super) written: Shard,
}

/// One write.
pub(super) struct Put {
    pub(super) window: Window,
    pub(super) start: u64,
    pub(super) shard: Shard,
    pub(super) name: String,
    pub(super) expires_at: u64,
}

/// What a settling does: writes, then the lists by their prefixes.
pub(super) struct Plan {
    pub(super) puts: Vec<Put>,
    pub(super) minutes: Option<String>,
    pub(super) days: Option<String>,
}

impl Count {
    pub(super) fn is_unwritten(&self) -> bool {
        self.shard.offered != self.written.offered
    }

    /// Whether it could matter: isolates that hold back less than this are lost in the limit.
    pub(super) fn matters(&self, limits: Limits) -> bool {
        u64::from(self.shard.offered) > u64::from(limits.minute) / UNWRITTEN_PART
    }

    /// Counts a request, which was admitted or not.
    pub(super) fn add(&mut self, secs: u64, admitted: bool) {
        self.shard.offered = self.shard.offered.saturating_add(1);
        self.shard.admitted = self.shard.admitted.saturating_add(admitted.into());
        self.shard.secs = u32::try_from(secs - self.start).unwrap_or(0) + 1;
    }
}
