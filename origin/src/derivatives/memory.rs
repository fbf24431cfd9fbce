//! What was made lately, in memory: as much as fits into a number of bytes, what was asked for last stays.
//!
//! A picture is good for a time, the origin's or its project's, whichever is shorter, that begins before its source was asked;
//! after it the picture stays, for whoever asks the source whether it has changed. Purges need nothing here: they change
//! the names. That a source is not there or damaged, or too small or too large for what is asked, is remembered,
//! too, for a short time: whoever asks for it again and again costs no fetch each.

use std::mem::size_of;
use std::time::Duration;

use hashlink::LruCache;
use sealpix::denial::{Code, Denial};

use super::kept::{Kept, is_within};
use super::{Made, Name};

/// How long a refusal is remembered at most.
const REFUSAL_SECS: u64 = 30;

/// What an entry takes beside its texts and its picture: its two structs, and the map's links and spare room. A generous guess.
const ENTRY_BYTES: usize = 2 * (size_of::<Name>() + size_of::<Entry>()) + 128;

/// The pictures, bounded in bytes.
pub(super) struct Memory {
    entries: LruCache<Name, Entry>,
    bytes: usize,
    max_bytes: usize,
    ttl: Duration,
}

struct Entry {
    outcome: Outcome,
    bytes: usize,
}

enum Outcome {
    Kept(Kept),
    /// And when the work that ended so was begun.
    Refused(Denial, u64),
}

/// What is found under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// To be answered with.
    Good(Result<Made, Denial>),
    /// A picture whose source is to be asked first.
    Old(Kept),
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

    /// How long what has this name is good.
    pub(super) fn ttl(&self, name: &Name) -> Duration {
        self.ttl.min(name.ttl)
    }

    /// What is held under a name.
    pub(super) fn find(&mut self, name: &Name, now: u64) -> Option<Found> {
        let ttl = self.ttl(name);
        match &self.entries.get(name)?.outcome {
            Outcome::Kept(kept) if kept.is_good(ttl, now) => Some(Found::Good(Ok(kept.made.clone()))),
            Outcome::Kept(kept) => Some(Found::Old(kept.clone())),
            Outcome::Refused(denial, begun) if is_within(*begun, ttl.min(Duration::from_secs(REFUSAL_SECS)), now) => {
                Some(Found::Good(Err(denial.clone())))
            }
            Outcome::Refused(..) => {
                self.remove(name);
                None
            }
        }
    }

    /// Keeps a picture, or the refusal of work that was begun at `begun`, if it is worth it; says whether. What is larger
    /// than a quarter of the room would throw out too much.
    pub(super) fn keep(&mut self, name: &Name, outcome: &Result<Kept, Denial>, begun: u64) -> bool {
        let (outcome, held_bytes) = match outcome {
            Ok(kept) => (Outcome::Kept(kept.clone()), kept.held_bytes()),
            Err(denial) if lasts(denial.code) => (Outcome::Refused(denial.clone(), begun), denial.detail.len()),
            Err(_) => return false,
        };
        // Also where the new one does not stay: the old one would be asked about, and made anew, each time.
        self.remove(name);
        let bytes = ENTRY_BYTES + name.text.len() + held_bytes;
        if bytes > self.max_bytes / 4 || self.ttl(name).is_zero() {
            return false;
        }
        while self.bytes + bytes > self.max_bytes
            && let Some((_, gone)) = self.entries.remove_lru()
        {
            self.bytes -= gone.bytes;
        }
        self.bytes += bytes;
        self.entries.insert(name.clone(), Entry { outcome, bytes });
        true
    }

    fn remove(&mut self, name: &Name) {
        if let Some(gone) = self.entries.remove(name) {
            self.bytes -= gone.bytes;
        }
    }
}

/// Whether a refusal would be the same a moment later: 404 and 422 of the source and of what is asked of it.
fn lasts(code: Code) -> bool {
    matches!(code, Code::SourceNotFound | Code::SourceBroken | Code::ResultTooLarge | Code::OutsideSource)
}

#[cfg(test)]
mod tests {
    use super::super::kept::tests::kept;
    use super::*;

    const TTL: Duration = Duration::from_secs(60);

    fn name(text: &str) -> Name {
        Name { text: text.into(), ttl: Duration::MAX }
    }

    fn good(memory: &mut Memory, text: &str, now: u64) -> bool {
        matches!(memory.find(&name(text), now), Some(Found::Good(_)))
    }

    #[test]
    fn what_was_asked_for_last_stays_and_the_bytes_are_never_over_the_bound() {
        let mut memory = Memory::new(100_000, TTL);
        for number in 0..1000 {
            memory.keep(&name(&format!("name {number}")), &Ok(kept(number * 37 % 24_000, 0)), 0);
            assert!(memory.bytes() <= 100_000);
            assert!(good(&mut memory, "name 0", 0), "asked for each time: {number}");
        }
        let counted: usize = memory.entries.iter().map(|(_, entry)| entry.bytes).sum();
        assert_eq!(counted, memory.bytes());
        assert!(memory.entries.len() > 3 && memory.find(&name("name 1"), 0).is_none());
        assert!(good(&mut memory, "name 999", 0));
    }

    #[test]
    fn an_entry_costs_more_than_its_picture() {
        let mut memory = Memory::new(1 << 20, TTL);
        for number in 0..100_000 {
            memory.keep(&name(&number.to_string()), &Ok(kept(0, 0)), 0);
        }
        assert!(memory.entries.len() < (1 << 20) / 100, "{}", memory.entries.len());
    }

    #[test]
    fn a_picture_is_good_for_its_time_and_then_there_to_be_asked_about() {
        let mut memory = Memory::new(100_000, TTL);
        assert!(memory.keep(&name("a"), &Ok(kept(10, 5_000)), 5_000));
        assert_eq!(memory.find(&name("a"), 64_999), Some(Found::Good(Ok(kept(10, 0).made))));
        for now in [65_000, 4_999] {
            assert_eq!(memory.find(&name("a"), now), Some(Found::Old(kept(10, 5_000))), "{now}");
        }
        assert!(memory.keep(&name("a"), &Ok(kept(20, 65_000)), 65_000));
        assert_eq!(memory.find(&name("a"), 65_000), Some(Found::Good(Ok(kept(20, 0).made))), "the newer one");
        assert_eq!(memory.entries.len(), 1);
    }

    #[test]
    fn cache12_of_refusals_only_those_of_the_source_and_its_size_are_remembered_and_shortly() {
        let mut memory = Memory::new(1_000_000, TTL);
        for code in Code::ALL {
            memory.keep(&name(code.as_str()), &Err((*code).into()), 0);
        }
        let remembered: Vec<_> =
            Code::ALL.iter().copied().filter(|code| good(&mut memory, code.as_str(), 29_999)).collect();
        let lasting = [Code::SourceNotFound, Code::SourceBroken, Code::ResultTooLarge, Code::OutsideSource];
        assert_eq!(remembered.len(), lasting.len());
        assert!(lasting.iter().all(|code| remembered.contains(code)), "{remembered:?}");
        assert_eq!(memory.find(&name("source_not_found"), 30_000), None);
        let mut short = Memory::new(1_000_000, Duration::from_secs(5));
        short.keep(&name("a"), &Err(Code::SourceNotFound.into()), 0);
        assert_eq!(short.find(&name("a"), 5_000), None);
        assert_eq!(short.bytes(), 0);
    }

    #[test]
    fn a_project_that_keeps_its_pictures_for_less_or_not_at_all_is_heeded() {
        for (project_secs, good_secs) in [(5, 5), (86_400, 60)] {
            let mut memory = Memory::new(100_000, TTL);
            let name = Name { ttl: Duration::from_secs(project_secs), ..name("a") };
            memory.keep(&name, &Ok(kept(10, 0)), 0);
            let mut is_good = |now| matches!(memory.find(&name, now), Some(Found::Good(_)));
            assert_eq!((is_good(good_secs * 1000 - 1), is_good(good_secs * 1000)), (true, false));
        }
        let mut memory = Memory::new(100_000, TTL);
        assert!(!memory.keep(&Name { ttl: Duration::ZERO, ..name("a") }, &Ok(kept(10, 0)), 0));
        assert_eq!(memory.bytes(), 0);
    }

    #[test]
    fn no_room_keeps_nothing_and_one_picture_does_not_throw_out_all() {
        let mut off = Memory::new(0, TTL);
        assert!(!off.keep(&name("a"), &Ok(kept(0, 0)), 0));
        assert!(!off.keep(&name("b"), &Err(Code::SourceNotFound.into()), 0));
        assert_eq!((off.entries.len(), off.bytes()), (0, 0));
        let mut memory = Memory::new(100_000, TTL);
        assert!(memory.keep(&name("a"), &Ok(kept(10, 0)), 0));
        assert!(!memory.keep(&name("b"), &Ok(kept(25_000, 0)), 0));
        assert!(good(&mut memory, "a", 0) && memory.find(&name("b"), 0).is_none());
        assert!(!memory.keep(&name("a"), &Ok(kept(25_000, 0)), 0));
        assert_eq!((memory.find(&name("a"), 0), memory.bytes()), (None, 0), "an old one does not outlive a larger one");
    }
}
