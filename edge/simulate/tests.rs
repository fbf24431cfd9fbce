//! The aims of the rate counters, held with fixed seeds.

use sealpix_edge::counters::OnFailure;

use crate::load::Load;
use crate::scenarios::{day, hard, isolates, pages, quiet, steady};
use crate::world::{Counter, Scenario};

fn outcome(name: &str, counter: Counter) -> crate::world::Outcome {
    hard(counter).into_iter().find(|hard| hard.name == name).unwrap().scenario.run()
}

#[test]
fn kv_admits_nine_to_eleven_and_a_half_tenths_of_a_minute_at_three_times_the_limit() {
    for (locations, each) in [(1, 1), (5, 1), (5, 3), (30, 1), (30, 4)] {
        let ratio = isolates(Counter::Kv, locations, each, 3.0).run().of_limit(2, 10);
        assert!((0.90..=1.15).contains(&ratio), "{locations} x {each}: {ratio}");
    }
}

#[test]
fn the_durable_object_never_admits_more_than_a_limit() {
    for (locations, each) in [(1, 1), (5, 1), (5, 3), (30, 4)] {
        let minutes = isolates(Counter::Durable, locations, each, 3.0).run();
        for minute in 1..=10 {
            let ratio = minutes.of_limit(minute, minute);
            assert!((0.95..=1.0).contains(&ratio), "{locations} x {each}, minute {minute}: {ratio}");
        }
    }
    for hard in hard(Counter::Durable).iter().filter(|hard| !hard.name.contains("fail") && !hard.name.contains("down"))
    {
        let minutes = hard.scenario.run();
        for minute in 1..=minutes.minutes.len() {
            assert!(minutes.of_limit(minute, minute) <= 1.0, "{}, minute {minute}", hard.name);
        }
    }
}

#[test]
fn a_day_is_kept_within_a_twentieth() {
    for counter in [Counter::Kv, Counter::Durable] {
        let outcome = day(counter, 5, 3.0).run();
        assert!((0.95..=1.05).contains(&outcome.of_day()), "{counter:?}: {}", outcome.of_day());
        let outcome = day(counter, 5, 0.8).run();
        assert!(outcome.admitted(1, 1440) > 0.99, "{counter:?}");
    }
}

#[test]
fn edge_5_a_load_under_the_limit_is_not_denied() {
    for counter in [Counter::Kv, Counter::Durable] {
        for (locations, each) in [(1, 1), (5, 1), (5, 3), (30, 1), (30, 4)] {
            let admitted = isolates(counter, locations, each, 0.8).run().admitted(2, 10);
            assert!(admitted >= 0.99, "{counter:?} {locations} x {each}: {admitted}");
        }
    }
}

#[test]
fn edge_5_isolates_that_come_and_go_neither_lift_the_limit_nor_deny_a_load_under_it() {
    let outcome_of = |factor| Scenario { life_secs: 120, ..steady(Counter::Kv, 5, factor) }.run();
    assert!(outcome_of(3.0).of_limit(3, 10) <= 1.15);
    assert!(outcome_of(0.8).admitted(2, 10) >= 0.99);
}

#[test]
fn edge_5_a_page_of_sixty_pictures_at_once_is_admitted_on_a_cold_isolate_and_on_another_a_second_later() {
    for counter in [Counter::Kv, Counter::Durable] {
        for factor in [0.1, 0.2, 0.4, 0.6, 0.8] {
            let minutes = pages(counter, factor).run();
            let offered: Vec<_> = minutes.minutes.iter().map(|minute| f64::from(minute.offered) / 600.0).collect();
            assert!(offered.iter().all(|part| (part - factor).abs() < 0.001), "{offered:?}");
            assert!(minutes.admitted(1, 10) >= 0.99, "{counter:?} {factor}x: {}", minutes.admitted(1, 10));
        }
    }
}

#[test]
fn a_page_is_a_handful_of_asks_and_a_lone_request_one() {
    let asks = |scenario: Scenario| {
        let outcome = scenario.run();
        let offered: u32 = outcome.minutes.iter().map(|minute| minute.offered).sum();
        (outcome.bill.asks, u64::from(offered))
    };
    let (of_pages, offered) = asks(pages(Counter::Durable, 0.2));
    assert!(of_pages <= offered / 60 * 4, "{of_pages} for {offered}");
    let (of_lone, offered) = asks(quiet(Counter::Durable));
    assert_eq!((of_lone, offered), (288, 288));
}

#[test]
fn the_naive_counter_limits_nothing() {
    assert!(steady(Counter::Naive, 5, 3.0).run().of_limit(2, 10) > 2.8);
}

#[test]
fn a_step_everywhere_is_limited_in_its_first_minute() {
    let ratio = outcome("step 0.5x to 3x", Counter::Kv).of_limit(6, 6);
    assert!((0.90..=1.15).contains(&ratio), "{ratio}");
}

#[test]
fn an_attacker_who_moves_gains_nothing_from_the_second_minute_on() {
    for every_secs in [10, 60] {
        let moving = Load::Moving { factor: 3.0, every_secs };
        let ratio = Scenario { load: moving, ..steady(Counter::Kv, 5, 3.0) }.run().of_limit(2, 10);
        assert!(ratio <= 1.15, "every {every_secs} s: {ratio}");
    }
}

#[test]
fn a_store_that_fails_now_and_then_changes_little() {
    let ratio = outcome("one of five operations fails, 3x", Counter::Kv).of_limit(2, 10);
    assert!((0.90..=1.15).contains(&ratio), "{ratio}");
}

#[test]
fn a_store_that_is_down_leaves_each_isolate_the_whole_limit_or_denies_as_the_operator_chose() {
    for counter in [Counter::Kv, Counter::Durable] {
        let local = outcome("store down from minute 3, local, 3x", counter);
        assert!(local.of_limit(9, 10) > 2.8, "{counter:?}: each of five isolates has the limit to itself");
        let denied = outcome("store down from minute 3, deny, 3x", counter);
        assert!(denied.of_limit(5, 10) < 0.01, "{counter:?}: nothing is admitted");
        let one = Scenario { locations: 1, on_failure: OnFailure::Local, ..hard(counter)[0].scenario };
        assert!(one.run().of_limit(2, 10) <= 1.0, "{counter:?}");
    }
}
