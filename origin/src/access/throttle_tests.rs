//! Tests of the throttle: what one meets, and what an attacker gets at most.

use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_700_000_000_000;
const SEC: u64 = 1000;
const HOUR: u64 = 3600 * SEC;
const RULES: [Rule; 2] = [Rule::ACCOUNT, Rule::ADDRESS];

/// Somebody who guesses whenever they are let, and is always wrong.
struct Guesser {
    rule: Rule,
    attempts: Attempts,
    now: u64,
    admitted: Vec<u64>,
}

impl Guesser {
    fn new(rule: Rule) -> Self {
        Self { rule, attempts: Attempts::default(), now: NOW, admitted: Vec::new() }
    }

    fn guess(&mut self) {
        if wait_secs(&self.attempts, self.now).is_none() {
            self.admitted.push(self.now);
            self.attempts = after_failure(self.attempts, self.now, self.rule);
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now += millis;
    }

    fn wait_out_the_block(&mut self) {
        self.now = self.now.max(self.attempts.blocked_until_millis);
    }

    fn wait_out_the_run(&mut self) {
        self.now = self.now.max(self.attempts.since_millis.max(self.attempts.blocked_until_millis) + WINDOW_MILLIS);
    }

    fn most_in_an_hour(&self) -> usize {
        let from = |start: &u64| self.admitted.iter().filter(|at| (*start..start + HOUR).contains(at)).count();
        self.admitted.iter().map(from).max().unwrap_or(0)
    }
}

#[test]
fn the_fifth_failure_blocks_for_30_seconds_and_each_further_one_for_twice_as_long_up_to_15_minutes() {
    let mut guesser = Guesser::new(Rule::ACCOUNT);
    for _ in 0..4 {
        guesser.guess();
        assert_eq!(wait_secs(&guesser.attempts, guesser.now), None);
    }
    for secs in [30, 60, 120, 240, 480, 900, 900, 900] {
        guesser.guess();
        assert_eq!(wait_secs(&guesser.attempts, guesser.now), Some(secs));
        guesser.wait_out_the_block();
        assert_eq!(wait_secs(&guesser.attempts, guesser.now - 1), Some(1));
        assert_eq!(wait_secs(&guesser.attempts, guesser.now), None);
    }
    assert_eq!(LONGEST_WAIT.as_secs(), 900);
}

#[test]
fn an_address_has_twenty() {
    let mut guesser = Guesser::new(Rule::ADDRESS);
    for _ in 0..100 {
        guesser.guess();
    }
    assert_eq!(guesser.admitted.len(), 20);
    assert_eq!(wait_secs(&guesser.attempts, guesser.now), Some(30));
}

#[test]
fn failures_far_apart_never_block() {
    let mut guesser = Guesser::new(Rule::ACCOUNT);
    for _ in 0..50 {
        guesser.guess();
        assert_eq!(wait_secs(&guesser.attempts, guesser.now), None);
        guesser.wait(5 * 60 * SEC);
    }
}

#[test]
fn a_run_outlives_its_block_by_15_minutes() {
    let mut guesser = Guesser::new(Rule::ACCOUNT);
    for _ in 0..10 {
        guesser.guess();
        guesser.wait_out_the_block();
    }
    guesser.wait(WINDOW_MILLIS - 1);
    assert!(!has_ended(guesser.attempts, guesser.now));
    assert_eq!(after_failure(guesser.attempts, guesser.now, Rule::ACCOUNT).failures, 11);
    guesser.wait(1);
    assert!(has_ended(guesser.attempts, guesser.now));
    let anew = Attempts { failures: 1, since_millis: guesser.now, blocked_until_millis: 0 };
    assert_eq!(after_failure(guesser.attempts, guesser.now, Rule::ACCOUNT), anew);
}

#[test]
fn a_clock_set_back_locks_nobody_out_for_longer_than_a_block() {
    let day = 24 * HOUR;
    let mut guesser = Guesser::new(Rule::ACCOUNT);
    for _ in 0..5 {
        guesser.guess();
    }
    let earlier = NOW - day;
    assert_eq!(wait_secs(&guesser.attempts, earlier), None);
    let attempts = after_failure(guesser.attempts, earlier, Rule::ACCOUNT);
    assert_eq!(wait_secs(&attempts, earlier), Some(60));
    assert!(has_ended(attempts, earlier + 60 * SEC + WINDOW_MILLIS));
}

#[test]
fn no_number_overflows() {
    let last = u64::MAX - 1;
    let attempts = Attempts { failures: u32::MAX, since_millis: last, blocked_until_millis: last };
    assert_eq!(after_failure(attempts, last, Rule::ACCOUNT), Attempts { blocked_until_millis: u64::MAX, ..attempts });
    assert_eq!(wait_secs(&attempts, 0), None);
    assert_eq!(given_back(Attempts::default(), 0), Attempts::default());
}

#[test]
fn a_success_is_given_back_and_many_people_behind_one_address_sign_in() {
    let mut attempts = Attempts::default();
    for at in 0..1000 {
        let now = NOW + at * SEC;
        assert_eq!(wait_secs(&attempts, now), None);
        attempts = given_back(after_failure(attempts, now, Rule::ADDRESS), now);
    }
    assert_eq!(attempts.failures, 0);
}

#[test]
fn signing_in_to_an_account_of_ones_own_between_guesses_wins_no_guesses() {
    let mut guesser = Guesser::new(Rule::ADDRESS);
    let end = NOW + HOUR;
    while guesser.now < end {
        guesser.guess();
        guesser.wait_out_the_block();
        // One's own sign-in, charged and given back, and with it the block that it brought.
        guesser.attempts = after_failure(guesser.attempts, guesser.now, Rule::ADDRESS);
        guesser.attempts = given_back(guesser.attempts, guesser.now);
    }
    assert!(guesser.most_in_an_hour() <= 20 + 12, "{}", guesser.most_in_an_hour());
}

#[test]
fn the_best_timing_reaches_the_figure_that_is_stated() {
    for rule in RULES {
        let mut guesser = Guesser::new(rule);
        guesser.guess();
        // The rest of a run just before it ends, then runs given up after two blocks, then one drawn out.
        guesser.wait(WINDOW_MILLIS - 1);
        for _ in 0..rule.limit - 2 {
            guesser.guess();
        }
        for blocks in [2, 2, 2, 3] {
            guesser.wait_out_the_run();
            for _ in 0..rule.limit {
                guesser.guess();
            }
            for _ in 0..blocks {
                guesser.wait_out_the_block();
                guesser.guess();
            }
        }
        assert_eq!(guesser.most_in_an_hour(), usize::try_from(rule.most_in_an_hour).unwrap(), "limit {}", rule.limit);
    }
}

/// What an attacker does next; weighted towards the moments at which the rule changes its mind.
#[derive(Debug, Clone)]
enum Step {
    Guess(u32),
    Wait(u64),
    WaitOutTheBlock,
    WaitOutTheRun,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..30).prop_map(Step::Guess),
        1 => (0..1000 * SEC).prop_map(Step::Wait),
        1 => (0..40_u64).prop_map(|times| Step::Wait(times * FIRST_BLOCK_MILLIS)),
        1 => Just(Step::Wait(WINDOW_MILLIS - 1)),
        3 => Just(Step::WaitOutTheBlock),
        1 => Just(Step::WaitOutTheRun),
    ]
}

proptest! {
    #[test]
    fn the_guesses_admitted_in_any_hour_are_bounded(steps in prop::collection::vec(step(), 1..80)) {
        for rule in RULES {
            let mut guesser = Guesser::new(rule);
            for step in &steps {
                match step {
                    Step::Guess(times) => (0..*times).for_each(|_| guesser.guess()),
                    Step::Wait(millis) => guesser.wait(*millis),
                    Step::WaitOutTheBlock => guesser.wait_out_the_block(),
                    Step::WaitOutTheRun => guesser.wait_out_the_run(),
                }
            }
            prop_assert!(guesser.most_in_an_hour() <= usize::try_from(rule.most_in_an_hour).unwrap());
        }
    }

    #[test]
    fn no_wait_is_longer_than_the_longest(
        failures in any::<u32>(), since_millis in any::<u64>(), blocked_until_millis in any::<u64>(), now in any::<u64>(),
    ) {
        let attempts = Attempts { failures, since_millis, blocked_until_millis };
        let after = after_failure(attempts, now, Rule::ACCOUNT);
        for attempts in [attempts, after] {
            prop_assert!(wait_secs(&attempts, now).is_none_or(|secs| (1..=LONGEST_WAIT.as_secs()).contains(&secs)));
        }
    }
}
