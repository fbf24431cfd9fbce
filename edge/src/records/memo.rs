//! What this isolate knows of keys and projects, and which of two records counts.
//!
//! A lower version than the one seen is ignored, never an error: KV may return an older value. Versions are compared
//! within one link only; of two links the current one's record counts (SIG-12).

use std::rc::Rc;

use sealpix::envelope::Stamp;
use sealpix::link::LinkId;
use sealpix::record::{KeyRecord, ProjectRecord};

use crate::bounded::Bounded;

/// How long a record is used without a look.
const FRESH_MILLIS: u64 = 15_000;

/// How long it is used while another request's look is under way.
const AGEING_MILLIS: u64 = 30_000;

/// How long a look may take before another request takes one.
const REFRESH_MILLIS: u64 = 5_000;

/// How long it is remembered that there is no such key or project.
const UNKNOWN_MILLIS: u64 = 5_000;

/// Names in a generation: some kilobytes each at most.
const NAMES: usize = 2_000;

/// An opened record.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// Of a key.
    Key(Rc<KeyRecord>),
    /// Of a project.
    Project(Rc<ProjectRecord>),
}

/// How a name stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// To be used as it is.
    Fresh,
    /// To be used, and to be looked up for the requests to come.
    Ageing,
    /// To be looked up first.
    Old,
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// This record, until then (unix seconds).
    Is(Record, u64),
    /// Nothing.
    Nothing,
}

#[derive(Debug)]
struct Entry {
    record: Option<Record>,
    link: Option<LinkId>,
    stamp: Stamp,
    checked_millis: u64,
    refreshing_millis: u64,
}

const NEVER: Stamp = Stamp { version: 0, sealed_at: 0, fresh_until: 0 };

/// The memo of one isolate.
#[derive(Debug)]
pub(crate) struct Memo {
    entries: Bounded<String, Entry>,
}

impl Memo {
    pub(crate) const fn new() -> Self {
        Self { entries: Bounded::new(NAMES) }
    }

    /// How `name` stands at `now`, in unix milliseconds. Who is told that it is ageing has to look it up.
    pub(crate) fn standing(&mut self, name: &str, now: u64) -> Standing {
        let Some(entry) = self.entries.get_mut(name) else { return Standing::Old };
        let age = now.saturating_sub(entry.checked_millis);
        let (fresh, ageing) =
            if entry.record.is_some() { (FRESH_MILLIS, AGEING_MILLIS) } else { (UNKNOWN_MILLIS, UNKNOWN_MILLIS) };
        if age < fresh {
            return Standing::Fresh;
        }
        if age >= ageing {
            return Standing::Old;
        }
        if now.saturating_sub(entry.refreshing_millis) < REFRESH_MILLIS {
            return Standing::Fresh;
        }
        entry.refreshing_millis = now;
        Standing::Ageing
    }

    /// What `name` stands for, as far as it was ever looked up.
    pub(crate) fn known(&mut self, name: &str) -> Option<Known> {
        let entry = self.entries.get_mut(name)?;
        Some(entry.record.clone().map_or(Known::Nothing, |record| Known::Is(record, entry.stamp.fresh_until)))
    }

    /// Whether `name` was settled at `then` or later, by whomever: there is nothing, or a record that is not past its end.
    pub(crate) fn is_settled_since(&mut self, name: &str, then: u64) -> bool {
        self.entries.get_mut(name).is_some_and(|entry| {
            entry.checked_millis >= then && (entry.record.is_none() || entry.stamp.fresh_until >= then / 1000)
        })
    }

    /// The version of the record that counts for `name`; 0 if there is none.
    pub(crate) fn version(&mut self, name: &str) -> u64 {
        self.entries.get_mut(name).map_or(0, |entry| entry.stamp.version)
    }

    /// The stamp of the record that counts for `name`.
    pub(crate) fn stamp(&mut self, name: &str) -> Option<Stamp> {
        self.entries.get_mut(name).filter(|entry| entry.record.is_some()).map(|entry| entry.stamp)
    }

    /// Whether there is a record of `name`, however old.
    pub(crate) fn holds(&mut self, name: &str) -> bool {
        matches!(self.known(name), Some(Known::Is(..)))
    }

    /// Takes a record that was found. False if a newer one was seen before, which stays.
    pub(crate) fn accept(
        &mut self,
        name: &str,
        record: Record,
        (link, current): (LinkId, LinkId),
        stamp: Stamp,
        now: u64,
    ) -> bool {
        let seen = self.entries.get_mut(name).filter(|entry| entry.record.is_some());
        let counts = seen.is_none_or(|seen| match seen.link {
            Some(before) if before == link => {
                (stamp.version, stamp.fresh_until) >= (seen.stamp.version, seen.stamp.fresh_until)
            }
            _ => link == current,
        });
        if counts {
            self.put(name, Some(record), Some(link), stamp, now);
        }
        counts
    }

    /// The origin says that there is none.
    pub(crate) fn is_unknown(&mut self, name: &str, now: u64) {
        self.put(name, None, None, NEVER, now);
    }

    /// The record that is there is used for another while: nothing newer could be had.
    pub(crate) fn keep(&mut self, name: &str, now: u64) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.checked_millis = now;
        }
    }

    fn put(&mut self, name: &str, record: Option<Record>, link: Option<LinkId>, stamp: Stamp, now: u64) {
        let entry = Entry { record, link, stamp, checked_millis: now, refreshing_millis: 0 };
        self.entries.insert(name.to_owned(), entry);
    }
}

#[cfg(test)]
mod tests {
    use sealpix::record::{Caching, Environment, ProjectRecord};
    use sealpix::target::Slug;

    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn link(id: &str) -> LinkId {
        LinkId::parse(id).unwrap()
    }

    fn record(epoch: u64) -> Record {
        Record::Project(Rc::new(ProjectRecord {
            slug: Slug::new("my-app").unwrap(),
            environment: Environment::Production,
            referers: Vec::new(),
            require_referer: false,
            sources: Vec::new(),
            grants: Vec::new(),
            presets: Vec::new(),
            watermarks: Vec::new(),
            caching: Caching::default(),
            epoch,
            source_epochs: Vec::new(),
        }))
    }

    fn accept(memo: &mut Memo, from: &str, version: u64) -> bool {
        let stamp = Stamp { version, sealed_at: 0, fresh_until: version + 10 };
        memo.accept("project:my-app", record(version), (link(from), link("0000000b")), stamp, NOW)
    }

    fn version(memo: &mut Memo) -> u64 {
        match memo.known("project:my-app") {
            Some(Known::Is(Record::Project(project), _)) => project.epoch,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn sig12_an_older_record_changes_nothing() {
        let mut memo = Memo::new();
        assert!(accept(&mut memo, "0000000b", 5));
        assert!(!accept(&mut memo, "0000000b", 4));
        assert_eq!((version(&mut memo), memo.version("project:my-app"), memo.version("project:other")), (5, 5, 0));
        assert!(accept(&mut memo, "0000000b", 5) && accept(&mut memo, "0000000b", 6));
        assert_eq!(version(&mut memo), 6);
    }

    #[test]
    fn the_current_link_counts_whatever_the_versions() {
        let mut memo = Memo::new();
        assert!(accept(&mut memo, "0000000a", 9));
        assert!(accept(&mut memo, "0000000b", 5));
        assert!(!accept(&mut memo, "0000000a", 10));
        assert_eq!(version(&mut memo), 5);
    }

    #[test]
    fn a_name_ages_and_one_request_looks_it_up() {
        let mut memo = Memo::new();
        let name = "project:my-app";
        assert_eq!(memo.standing(name, NOW), Standing::Old);
        accept(&mut memo, "0000000b", 5);
        assert_eq!(memo.standing(name, NOW + 14_999), Standing::Fresh);
        assert_eq!(memo.standing(name, NOW + 15_000), Standing::Ageing);
        assert_eq!(memo.standing(name, NOW + 15_001), Standing::Fresh, "someone is looking");
        assert_eq!(memo.standing(name, NOW + 20_000), Standing::Ageing, "nobody came back");
        assert_eq!(memo.standing(name, NOW + 30_000), Standing::Old);
        assert!(!memo.is_settled_since(name, NOW), "the record is past its end");
        memo.is_unknown(name, NOW);
        assert!(memo.is_settled_since(name, NOW) && !memo.is_settled_since(name, NOW + 1));
        assert_eq!(memo.standing(name, NOW + 4_999), Standing::Fresh);
        assert_eq!(memo.standing(name, NOW + 5_000), Standing::Old);
    }
}
