//! Counts of this isolate alone: exact for one isolate, the least that several enforce together.

use std::cell::RefCell;

use sealpix::quota::{Limits, Tally, Verdict};

use super::{Counters, Unavailable};
use crate::bounded::Bounded;

/// Scopes in a generation: some hundred bytes each, so some megabytes of the isolate's 128 at most.
const SCOPES: usize = 10_000;

/// The counts of one isolate. A scope that 10,000 others have pushed out starts anew.
#[derive(Debug)]
pub struct Local {
    scopes: RefCell<Bounded<String, Tally>>,
}

impl Local {
    /// Counters at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { scopes: RefCell::new(Bounded::new(SCOPES)) }
    }

    fn count(&self, scope: &str, limits: Limits, now: u64) -> Verdict {
        let mut scopes = self.scopes.borrow_mut();
        if let Some(tally) = scopes.get_mut(scope) {
            return tally.take(limits, now);
        }
        let mut tally = Tally::default();
        let verdict = tally.take(limits, now);
        scopes.insert(scope.to_owned(), tally);
        verdict
    }
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}

impl Counters for Local {
    async fn take(&self, scope: &str, limits: Limits, now: u64) -> Result<Verdict, Unavailable> {
        Ok(self.count(scope, limits, now / 1000))
    }

    fn due_at(&self) -> Option<u64> {
        None
    }

    async fn settle(&self, _now: u64) {}

    fn failures(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { minute: 2, day: 3 };

    #[test]
    fn each_scope_has_its_own_windows() {
        let counters = Local::new();
        let admitted = |scope, now| counters.count(scope, LIMITS, now).admitted;
        assert!(admitted("a", 0) && admitted("a", 59));
        assert!(!admitted("a", 59), "the minute is full");
        assert!(admitted("b", 59), "of another key nothing is spent");
        assert!(admitted("a", 60), "a new minute");
        assert!(!admitted("a", 120), "the day is full");
    }
}
