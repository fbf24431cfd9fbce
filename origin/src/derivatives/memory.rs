//! What was made lately, in memory: as much as fits into a number of bytes, what was asked for last stays.
//!
//! An entry is good for a time, the origin's or its project's, whichever is shorter, that begins before its source was fetched, so that a changed source is seen when that time is
//! over. Purges need nothing here: they change the names. A source that is not there, or is damaged, is remembered, too, for a
//! short time: whoever asks for it again and again costs no fetch each.

use std::mem::size_of;
use std::time::Duration;

use hashlink::LruCache;
use sealpix::denial::{Code, Denial};
use tokio::time::Instant;

use super::{Made, Name};

/// How long a refusal is remembered at most.
const REFUSAL_SECS: u64 = 30;

/// What an entry takes beside its texts and its picture: its two structs, and the map's links and spare room. A generous guess.
const ENTRY_BYTES: usize = 2 * (size_of::<Name>() + size_of::<Entry>()) + 128;

/// The pictures, bounded in bytes and in time.
pub(super) struct Memory {
    entries: LruCache<Name, Entry>,
    bytes: usize,
    max_bytes: usize,
    ttl: Duration,
}

struct Entry {
    outcome: Result<Made, Denial>,
    until: Instant,
    bytes: usize,
}

impl Memory {
    /// An empty one; with 0 bytes it stays empty.
    pub(super) fn new(max_bytes: usize, ttl: Duration) -> Self {
        Self { entries: LruCache::new_unbounded(), bytes: 0, max_bytes, ttl }
    }

    /// The bytes held, counted with names and overhead: never more than its bound.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is held under a name and still good.
    pub(super) fn find(&mut self, name: &Name, now: Instant) -> Option<Result<Made, Denial>> {
        let entry = self.entries.get(name)?;
        if now < entry.until {
            return Some(entry.outcome.clone());
        }
        self.remove(name);
        None
    }

    /// Keeps what was begun at `begun`, if it is worth it. What is larger than a quarter of the room would throw out too much.
    pub(super) fn keep(&mut self, name: &Name, outcome: &Result<Made, Denial>, begun: Instant, now: Instant) {
        let (most_secs, held_bytes) = match outcome {
            Ok(made) => (u64::MAX, made.bytes.len() + made.source_version.len()),
            Err(denial) if matches!(denial.code, Code::SourceNotFound | Code::SourceBroken) => {
                (REFUSAL_SECS, denial.detail.len())
            }
            Err(_) => return,
        };
        let ttl = self.ttl.min(name.ttl).min(Duration::from_secs(most_secs));
        let bytes = ENTRY_BYTES + name.text.len() + held_bytes;
        let until = begun + ttl;
        if bytes > self.max_bytes / 4 || until <= now {
            return;
        }
        self.remove(name);
        self.make_room(bytes, now);
        self.bytes += bytes;
        self.entries.insert(name.clone(), Entry { outcome: outcome.clone(), until, bytes });
    }

    /// Drops what was asked for longest ago, until there is room and the next to go is still good.
    fn make_room(&mut self, bytes: usize, now: Instant) {
        while let Some((_, oldest)) = self.entries.iter().next() {
            if self.bytes + bytes <= self.max_bytes && now < oldest.until {
                return;
            }
            if let Some((_, gone)) = self.entries.remove_lru() {
                self.bytes -= gone.bytes;
            }
        }
    }

    fn remove(&mut self, name: &Name) {
        if let Some(gone) = self.entries.remove(name) {
            self.bytes -= gone.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::images::Format;

    const TTL: Duration = Duration::from_secs(60);

    fn name(text: &str) -> Name {
        Name { text: text.into(), ttl: Duration::MAX }
    }

    fn made(bytes: usize) -> Result<Made, Denial> {
        Ok(Made { source_version: "v".into(), bytes: Bytes::from(vec![7; bytes]), format: Format::Png })
    }

    fn after(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn what_was_asked_for_last_stays_and_the_bytes_are_never_over_the_bound() {
        let now = Instant::now();
        let mut memory = Memory::new(100_000, TTL);
        for number in 0..1000 {
            memory.keep(&name(&format!("name {number}")), &made(number * 37 % 24_000), now, now);
            assert!(memory.bytes() <= 100_000);
            assert!(memory.find(&name("name 0"), now).is_some(), "asked for each time: {number}");
        }
        let counted: usize = memory.entries.iter().map(|(_, entry)| entry.bytes).sum();
        assert_eq!(counted, memory.bytes());
        assert!(memory.entries.len() > 3 && memory.find(&name("name 1"), now).is_none());
        assert!(memory.find(&name("name 999"), now).is_some());
    }

    #[test]
    fn an_entry_costs_more_than_its_picture() {
        let now = Instant::now();
        let mut memory = Memory::new(1 << 20, TTL);
        for number in 0..100_000 {
            memory.keep(&name(&number.to_string()), &made(0), now, now);
        }
        assert!(memory.entries.len() < (1 << 20) / 100, "{}", memory.entries.len());
    }

    #[test]
    fn nothing_is_kept_past_its_time_which_begins_with_the_fetch() {
        let begun = Instant::now();
        let mut memory = Memory::new(100_000, TTL);
        memory.keep(&name("a"), &made(10), begun, begun + after(20));
        assert_eq!(memory.find(&name("a"), begun + after(59)), Some(made(10)));
        assert_eq!(memory.find(&name("a"), begun + after(60)), None);
        assert_eq!(memory.bytes(), 0);
        memory.keep(&name("late"), &made(10), begun, begun + after(60));
        assert_eq!(memory.bytes(), 0);
        // What nobody asks for any more goes with the next that comes.
        memory.keep(&name("a"), &made(10), begun, begun);
        memory.keep(&name("b"), &made(10), begun + after(61), begun + after(61));
        assert_eq!(memory.entries.len(), 1);
        memory.keep(&name("b"), &made(20), begun + after(62), begun + after(62));
        assert_eq!(memory.find(&name("b"), begun + after(63)), Some(made(20)), "the newer one");
        assert_eq!(memory.entries.len(), 1);
    }

    #[test]
    fn cache12_of_refusals_only_missing_and_damaged_sources_are_remembered_and_shortly() {
        let now = Instant::now();
        let mut memory = Memory::new(1_000_000, TTL);
        let remembered = |memory: &mut Memory| -> Vec<_> {
            Code::ALL
                .iter()
                .copied()
                .filter(|code| memory.find(&name(code.as_str()), now + after(29)).is_some())
                .collect()
        };
        for code in Code::ALL {
            memory.keep(&name(code.as_str()), &Err((*code).into()), now, now);
        }
        assert_eq!(remembered(&mut memory), [Code::SourceNotFound, Code::SourceBroken]);
        assert_eq!(memory.find(&name("source_not_found"), now + after(30)), None);
        let mut short = Memory::new(1_000_000, after(5));
        short.keep(&name("a"), &Err(Code::SourceNotFound.into()), now, now);
        assert_eq!(short.find(&name("a"), now + after(5)), None);
    }

    #[test]
    fn a_project_that_keeps_its_pictures_for_less_or_not_at_all_is_heeded() {
        let now = Instant::now();
        let mut memory = Memory::new(100_000, TTL);
        for (project_secs, good_secs) in [(0, 0), (5, 5), (86_400, 60)] {
            let name = Name { ttl: after(project_secs), ..name("a") };
            memory.keep(&name, &made(10), now, now);
            let mut held = |secs| memory.find(&name, now + after(secs)).is_some();
            assert_eq!((good_secs > 0 && held(good_secs - 1), held(good_secs)), (good_secs > 0, false));
        }
    }

    #[test]
    fn no_room_keeps_nothing_and_one_picture_does_not_throw_out_all() {
        let now = Instant::now();
        let mut off = Memory::new(0, TTL);
        off.keep(&name("a"), &made(0), now, now);
        off.keep(&name("b"), &Err(Code::SourceNotFound.into()), now, now);
        assert_eq!((off.entries.len(), off.bytes()), (0, 0));
        let mut memory = Memory::new(100_000, TTL);
        memory.keep(&name("a"), &made(10), now, now);
        memory.keep(&name("b"), &made(25_000), now, now);
        assert!(memory.find(&name("a"), now).is_some() && memory.find(&name("b"), now).is_none());
    }
}
