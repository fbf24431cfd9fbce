//! What the days' shards say: what of the day is used, and who brings the requests of a key that was quiet lately.

use sealpix::quota::Window;

use super::shard::{self, Shard, location};
use super::view::Offered;

/// An isolate that has not written its day for so long is taken for dead.
const NEIGHBOUR_SECS: u64 = 900;

/// The last list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Days {
    /// Admitted by others today, as far as seen.
    pub(super) others: u64,
    /// What was offered today and, until its shards expire, yesterday. `own` is this location's.
    pub(super) offered: Offered,
    /// Other isolates of this location that live.
    pub(super) neighbours: u64,
}

impl Days {
    /// Takes in a list. `today` is the day's start, `now` the time, both in unix seconds.
    pub(super) fn update(&mut self, listed: &[(String, Shard)], (prefix, writer): (&str, &str), today: u64, now: u64) {
        let mut others = 0;
        (self.offered, self.neighbours) = (Offered::default(), 0);
        for (name, shard) in listed {
            let Some((start, of)) = shard::parse(name, prefix, Window::Day) else { continue };
            if start == today && of != writer {
                others += u64::from(shard.admitted);
            }
            let offered = u64::from(shard.offered);
            self.offered.total += offered;
            self.offered.writers += 1;
            if location(of) == location(writer) {
                self.offered.own += offered;
                let written_at = start + u64::from(shard.secs);
                self.neighbours += u64::from(of != writer && written_at + NEIGHBOUR_SECS > now);
            }
        }
        // A day's count only grows: a list may be older than the one before.
        self.others = self.others.max(others);
    }
}
