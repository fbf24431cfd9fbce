//! The counter that everybody writes first: get one key, add one, put it. Here to show what it is worth.

use sealpix::quota::{Limits, Verdict, Window};
use sealpix_edge::counters::kv::{Shard, ShardStore as _};
use sealpix_edge::counters::{Counters, Unavailable};

use crate::stores::FakeKv;

/// One key a window for all isolates.
pub(crate) struct Naive(pub(crate) FakeKv);

impl Counters for Naive {
    async fn take(&self, scope: &str, limits: Limits, now: u64) -> Result<Verdict, Unavailable> {
        let secs = now / 1000;
        let names = Window::BOTH.map(|window| format!("{scope}:{}:{}", window.name(), window.start(secs)));
        let mut used = [0; 2];
        for (used, name) in used.iter_mut().zip(&names) {
            *used = self.0.get(name).await.unwrap_or_default().admitted;
        }
        let verdict = Verdict::of(limits, used[0], used[1], secs);
        if verdict.admitted {
            for ((window, name), used) in Window::BOTH.into_iter().zip(&names).zip(used) {
                let shard = Shard { admitted: used + 1, ..Shard::default() };
                // 429 and failures lose the count: that is the point.
                let _ = self.0.put(name, shard, window.end(secs) + 120).await;
            }
        }
        Ok(verdict)
    }

    fn due_at(&self) -> Option<u64> {
        None
    }

    async fn settle(&self, _now: u64) {}

    fn failures(&self) -> u64 {
        0
    }
}
