//! What is simulated: the steady loads that the aims are about, and the ones that hurt.

use sealpix::quota::Window;
use sealpix_edge::counters::OnFailure;

use crate::load::Load;
use crate::stores::Weather;
use crate::world::{Counter, Scenario};

/// A lag of 10 to 60 seconds, another one for each pair of locations: 35 on average.
const FAIR: Weather = Weather { lag_secs: (10, 60), failing: 0.0, outage_from_sec: u64::MAX };

/// Every write is 60 seconds behind everywhere else.
const SLOW: Weather = Weather { lag_secs: (60, 60), ..FAIR };

/// One of five operations fails.
const FAILING: Weather = Weather { failing: 0.2, ..FAIR };

/// Ten minutes of a steady load on one isolate a location.
pub(crate) fn steady(counter: Counter, locations: usize, factor: f64) -> Scenario {
    Scenario {
        counter,
        window: Window::Minute,
        locations,
        isolates: 1,
        load: Load::Steady(factor),
        minutes: 10,
        weather: FAIR,
        life_secs: 0,
        on_failure: OnFailure::Local,
        seed: 1,
    }
}

/// A whole day of it.
pub(crate) fn day(counter: Counter, locations: usize, factor: f64) -> Scenario {
    Scenario { window: Window::Day, minutes: 24 * 60, ..steady(counter, locations, factor) }
}

/// The same on more isolates.
pub(crate) fn isolates(counter: Counter, locations: usize, isolates: usize, factor: f64) -> Scenario {
    Scenario { isolates, ..steady(counter, locations, factor) }
}

/// Pages of 60 pictures on two isolates that begin cold.
pub(crate) fn pages(counter: Counter, factor: f64) -> Scenario {
    Scenario { load: Load::Pages(factor), ..steady(counter, 2, factor) }
}

/// A key that is hardly used: a day of one request every five minutes.
pub(crate) fn quiet(counter: Counter) -> Scenario {
    Scenario { load: Load::Every(300), ..day(counter, 1, 0.0) }
}

/// A load that hurts: what happens, and the minutes that are told of it.
pub(crate) struct Hard {
    pub(crate) name: &'static str,
    pub(crate) scenario: Scenario,
    pub(crate) told: &'static [(&'static str, usize, usize)],
}

/// The loads that hurt, on five locations.
pub(crate) fn hard(counter: Counter) -> Vec<Hard> {
    let base = steady(counter, 5, 3.0);
    let with = |load| Scenario { load, ..base };
    let wake = Load::Waking { factor: 0.8, at_minute: 10 };
    let all: &[(&str, usize, usize)] = &[("minutes 2 to 10", 2, 10)];
    let surge: &[(&str, usize, usize)] = &[("first minute", 6, 6), ("second minute", 7, 7)];
    let cold: &[(&str, usize, usize)] = &[("first minute", 1, 1), ("second minute", 2, 2)];
    let moved: &[(&str, usize, usize)] = &[("first minute", 6, 6), ("second minute", 7, 7), ("third minute", 8, 8)];
    let woken: &[(&str, usize, usize)] = &[("first minute", 11, 11), ("second minute", 12, 12)];
    [
        ("cold surge to 3x", base, cold),
        ("cold surge to 3x, 60 s of lag", Scenario { weather: SLOW, ..base }, cold),
        ("step 0.5x to 3x", with(Load::Step { from: 0.5, to: 3.0, at_minute: 5 }), surge),
        ("step 0.8x to 3x", with(Load::Step { from: 0.8, to: 3.0, at_minute: 5 }), surge),
        ("step 0.1x to 3x", with(Load::Step { from: 0.1, to: 3.0, at_minute: 5 }), surge),
        ("step 0.8x to 3x, 30 locations", step_of_many(counter, 0.8), surge),
        ("step 0.1x to 3x, 30 locations", step_of_many(counter, 0.1), surge),
        ("burst of 3x at window start", with(Load::WindowStart(3.0)), all),
        ("burst of 0.8x at window start", with(Load::WindowStart(0.8)), all),
        ("bursty 3x", with(Load::Bursty(3.0)), all),
        ("bursty 0.5x", with(Load::Bursty(0.5)), all),
        ("uneven 3x", with(Load::Uneven(3.0)), all),
        ("uneven 0.8x", with(Load::Uneven(0.8)), all),
        ("attacker of 3x who moves every minute", with(Load::Moving { factor: 3.0, every_secs: 60 }), all),
        ("attacker of 3x who moves every 10 s", with(Load::Moving { factor: 3.0, every_secs: 10 }), all),
        ("customer of 0.8x who moves to another location", with(Load::Moving { factor: 0.8, every_secs: 300 }), moved),
        ("quiet key of 5 locations wakes at one of them, 0.8x", Scenario { minutes: 12, ..with(wake) }, woken),
        ("isolates live 2 minutes, 3x", Scenario { life_secs: 120, ..base }, all),
        ("isolates live 2 minutes, 0.8x", Scenario { life_secs: 120, ..with(Load::Steady(0.8)) }, all),
        ("isolates live 10 minutes, 3x", Scenario { life_secs: 600, ..base }, all),
        ("60 s of lag, 3x", Scenario { weather: SLOW, ..base }, all),
        ("60 s of lag, 0.8x", Scenario { weather: SLOW, ..with(Load::Steady(0.8)) }, all),
        ("one of five operations fails, 3x", Scenario { weather: FAILING, ..base }, all),
        ("one of five operations fails, 0.8x", Scenario { weather: FAILING, ..with(Load::Steady(0.8)) }, all),
        (
            "store down from minute 3, local, 3x",
            outage(base, OnFailure::Local),
            &[("minutes 4 to 7", 4, 7), ("minutes 9 to 10", 9, 10)],
        ),
        (
            "store down from minute 3, deny, 3x",
            outage(base, OnFailure::Deny),
            &[("minutes 4 to 7", 4, 7), ("minutes 9 to 10", 9, 10)],
        ),
    ]
    .map(|(name, scenario, told)| Hard { name, scenario, told })
    .into()
}

/// A day on isolates that come and go.
pub(crate) fn dying_day(counter: Counter) -> Scenario {
    Scenario { isolates: 3, life_secs: 600, ..day(counter, 5, 3.0) }
}

fn step_of_many(counter: Counter, from: f64) -> Scenario {
    Scenario { load: Load::Step { from, to: 3.0, at_minute: 5 }, ..steady(counter, 30, 3.0) }
}

fn outage(base: Scenario, on_failure: OnFailure) -> Scenario {
    Scenario { weather: Weather { outage_from_sec: 120, ..FAIR }, on_failure, ..base }
}
