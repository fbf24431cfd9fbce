//! The rule that slows the guessing of passwords, per account and per address. Pure: the registry keeps the attempts.
//!
//! Failures within 15 minutes make a run. From the rule's limit on, each failure blocks: 30 s, then twice as long
//! each time, up to 15 minutes. A run ends 15 minutes after it began or after its last block ended, whichever is
//! later.
//!
//! So in any 3600 s at most [`Rule::ACCOUNT`]`.most_in_an_hour` = 32 guesses are admitted at an account and
//! [`Rule::ADDRESS`]`.most_in_an_hour` = 107 from an address, however they are timed, between two successes. That
//! holds if attempts are charged before the password is verified, in the transaction that asked [`wait_secs`]:
//! store [`after_failure`] first, and after a success put [`Attempts::default`] for the account and
//! [`given_back`] for the address. Charged afterwards, guesses made at once would all be admitted.

use std::time::Duration;

/// How many failures are free, and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The failure that blocks first.
    pub limit: u32,
    /// The most guesses that are admitted in any 3600 s: a consequence of the rest, found by trying every timing in
    /// steps of 15 s. The tests reach it, and do not pass it.
    pub most_in_an_hour: u32,
}

impl Rule {
    /// For an account, by whoever guesses.
    pub const ACCOUNT: Self = Self { limit: 5, most_in_an_hour: 32 };
    /// For an address (IPv6: its /64), whatever accounts it guesses at.
    pub const ADDRESS: Self = Self { limit: 20, most_in_an_hour: 107 };
}

/// How long failures count.
const WINDOW_MILLIS: u64 = 15 * 60 * 1000;

/// The first block.
const FIRST_BLOCK_MILLIS: u64 = 30 * 1000;

/// The longest block.
const LONGEST_BLOCK_MILLIS: u64 = 15 * 60 * 1000;

/// The failed attempts of an account or an address. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Failures in the run.
    pub failures: u32,
    /// When the run began, in Unix milliseconds.
    pub since_millis: u64,
    /// When the last block ends, in Unix milliseconds; 0: there was none in the run.
    pub blocked_until_millis: u64,
}

/// The attempts after one more failure, or one more charged attempt, at `now_millis`.
#[must_use]
pub fn after_failure(attempts: Attempts, now_millis: u64, rule: Rule) -> Attempts {
    if attempts.failures == 0 || has_ended(attempts, now_millis) {
        return charged(Attempts { failures: 1, since_millis: now_millis, blocked_until_millis: 0 }, now_millis, rule);
    }
    let failures = attempts.failures.saturating_add(1);
    // A run that begins in the future was begun by a clock that has been set back.
    charged(Attempts { failures, since_millis: attempts.since_millis.min(now_millis), ..attempts }, now_millis, rule)
}

/// How many whole seconds to wait, as in `Retry-After`, before the next attempt; `None`: it is admitted.
#[must_use]
pub fn wait_secs(attempts: &Attempts, now_millis: u64) -> Option<u64> {
    let left = attempts.blocked_until_millis.saturating_sub(now_millis);
    // No block is longer than the longest: one that seems so was made by a clock that has been set back.
    (left > 0 && left <= LONGEST_BLOCK_MILLIS).then(|| left.div_ceil(1000))
}

/// An address's attempts when one that was charged has succeeded: one failure fewer, its block lifted. The run goes
/// on, so that signing in to an account of one's own wins no further guesses at others.
#[must_use]
pub fn given_back(attempts: Attempts, now_millis: u64) -> Attempts {
    let blocked_until_millis = attempts.blocked_until_millis.min(now_millis);
    Attempts { failures: attempts.failures.saturating_sub(1), blocked_until_millis, ..attempts }
}

/// When attempts say nothing any more and their row may be pruned.
#[must_use]
pub fn has_ended(attempts: Attempts, now_millis: u64) -> bool {
    let last = attempts.since_millis.max(attempts.blocked_until_millis);
    now_millis >= last.saturating_add(WINDOW_MILLIS)
}

/// The block that the last failure brings, if it brings one.
fn charged(attempts: Attempts, now_millis: u64, rule: Rule) -> Attempts {
    let Some(beyond) = attempts.failures.checked_sub(rule.limit) else { return attempts };
    let block = FIRST_BLOCK_MILLIS.saturating_mul(2_u64.saturating_pow(beyond)).min(LONGEST_BLOCK_MILLIS);
    Attempts { blocked_until_millis: now_millis.saturating_add(block), ..attempts }
}

/// The longest wait that [`wait_secs`] can give.
pub const LONGEST_WAIT: Duration = Duration::from_millis(LONGEST_BLOCK_MILLIS);

#[cfg(test)]
#[path = "throttle_tests.rs"]
mod tests;
