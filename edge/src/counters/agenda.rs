//! Which scopes are due for their store, and when; and that one settling runs at a time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Scopes that one settling takes on; the rest stays due. Each is a few calls, and the calls of a request are limited.
const SCOPES_A_SETTLING: usize = 8;

/// After this a settling that has not ended counts as dead: its request was cut off.
const SETTLING_MILLIS: u64 = 10_000;

/// Scopes that wait at most. What is pushed out is put on again by its next request.
const SCOPES: usize = 10_000;

/// The scopes that wait for their store.
#[derive(Debug)]
pub(super) struct Agenda {
    waiting: RefCell<BTreeMap<Rc<str>, u64>>,
    // The least of `waiting`, or `u64::MAX`, so that a request need not search for it.
    next: Cell<u64>,
    settling_until: Cell<u64>,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self { waiting: RefCell::new(BTreeMap::new()), next: Cell::new(u64::MAX), settling_until: Cell::new(0) }
    }

    /// Puts a scope on, or moves it to an earlier time. A full agenda forgets the scope whose name comes first:
    /// names are hashes' neighbours, so no scope is favoured.
    pub(super) fn add(&self, scope: &str, at: u64) {
        let mut waiting = self.waiting.borrow_mut();
        match waiting.get_mut(scope) {
            Some(due) => *due = at.min(*due),
            None => {
                if waiting.len() >= SCOPES {
                    waiting.pop_first();
                }
                waiting.insert(scope.into(), at);
            }
        }
        self.next.set(self.next.get().min(at));
    }

    /// When the next settling is due.
    pub(super) fn due_at(&self) -> Option<u64> {
        let next = self.next.get();
        (next != u64::MAX).then_some(next.max(self.settling_until.get()))
    }

    /// Begins to settle: takes off the scopes that are due. `None` if none is, or if another settling runs.
    pub(super) fn begin(&self, now: u64) -> Option<Vec<Rc<str>>> {
        if self.due_at().is_none_or(|at| at > now) {
            return None;
        }
        let mut waiting = self.waiting.borrow_mut();
        let due = waiting.iter().filter(|(_, at)| **at <= now).map(|(scope, _)| Rc::clone(scope));
        let due: Vec<_> = due.take(SCOPES_A_SETTLING).collect();
        for scope in &due {
            waiting.remove(scope);
        }
        self.next.set(waiting.values().copied().min().unwrap_or(u64::MAX));
        self.settling_until.set(now.saturating_add(SETTLING_MILLIS));
        Some(due)
    }

    /// The settling has ended.
    pub(super) fn end(&self) {
        self.settling_until.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_scope_sets_the_time_and_a_later_call_never_puts_it_off() {
        let agenda = Agenda::new();
        assert_eq!(agenda.due_at(), None);
        agenda.add("a", 50);
        agenda.add("b", 70);
        agenda.add("a", 90);
        assert_eq!(agenda.due_at(), Some(50));
        assert_eq!(agenda.begin(49), None);
        assert_eq!(agenda.begin(60).unwrap(), ["a".into()]);
        agenda.end();
        assert_eq!(agenda.due_at(), Some(70));
    }

    #[test]
    fn one_settling_runs_at_a_time_and_a_dead_one_blocks_for_ten_seconds_only() {
        let agenda = Agenda::new();
        agenda.add("a", 0);
        assert!(agenda.begin(0).is_some());
        agenda.add("b", 0);
        assert_eq!((agenda.begin(9_999), agenda.due_at()), (None, Some(10_000)));
        assert!(agenda.begin(10_000).is_some());
    }

    #[test]
    fn one_settling_takes_on_a_few_scopes_and_the_next_one_the_rest() {
        let agenda = Agenda::new();
        for name in 0..20 {
            agenda.add(&name.to_string(), 0);
        }
        let mut seen = Vec::new();
        while let Some(due) = agenda.begin(0) {
            assert!(due.len() <= SCOPES_A_SETTLING);
            seen.extend(due);
            agenda.end();
        }
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 20);
    }
}
