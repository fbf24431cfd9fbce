//! `make simulate`: the edge's rate counters in a world that a test machine does not have.
mod clock;
mod load;
mod naive;
mod random;
mod stores;
mod world;

use load::Load;
use sealpix::quota::Window;
use sealpix_edge::counters::OnFailure;
use stores::Weather;
use world::{Counter, Scenario};

fn main() {
    let base = Scenario {
        counter: Counter::Kv,
        window: Window::Minute,
        locations: 5,
        isolates: 1,
        load: Load::Steady(3.0),
        minutes: 10,
        weather: Weather { lag_secs: (10, 60), failing: 0.0, outage_from_sec: u64::MAX },
        life_secs: 0,
        on_failure: OnFailure::Local,
        seed: 1,
    };
    let show = |name: &str, s: Scenario| {
        let t = std::time::Instant::now();
        let o = s.run();
        if s.window == Window::Day {
            println!(
                "{name}: day {:.3} admitted {:.4} {:?} {:?}",
                o.of_day(),
                o.admitted(1, o.minutes.len()),
                o.bill,
                t.elapsed()
            );
            return;
        }
        let by: Vec<String> = (1..=o.minutes.len()).map(|m| format!("{:.2}", o.of_limit(m, m))).collect();
        println!(
            "{name}: 2-10 {:.3} admitted {:.4} | {} | {:?}",
            o.of_limit(2, 10),
            o.admitted(2, 10),
            by.join(" "),
            o.bill
        );
    };
    for counter in [Counter::Kv, Counter::Durable, Counter::Naive, Counter::Local] {
        for (locations, isolates) in [(1, 1), (5, 1), (5, 3), (30, 1), (30, 4)] {
            for f in [0.8, 1.0, 1.2, 3.0] {
                show(
                    &format!("{counter:?} {locations}x{isolates} {f}"),
                    Scenario { counter, locations, isolates, load: Load::Steady(f), ..base },
                );
            }
        }
    }
    for counter in [Counter::Kv, Counter::Durable] {
        for (locations, isolates) in [(5, 1), (5, 3), (30, 1)] {
            let b = Scenario { counter, locations, isolates, ..base };
            let n = format!("{counter:?} {locations}x{isolates}");
            show(&format!("{n} step"), Scenario { load: Load::Step { from: 0.5, to: 3.0, at_minute: 5 }, ..b });
            show(&format!("{n} step .8"), Scenario { load: Load::Step { from: 0.8, to: 3.0, at_minute: 5 }, ..b });
            show(&format!("{n} step .1"), Scenario { load: Load::Step { from: 0.1, to: 3.0, at_minute: 5 }, ..b });
            show(&format!("{n} cold at 6"), Scenario { load: Load::Step { from: 0.0, to: 3.0, at_minute: 5 }, ..b });
            show(&format!("{n} start 3"), Scenario { load: Load::WindowStart(3.0), ..b });
            show(&format!("{n} start .8"), Scenario { load: Load::WindowStart(0.8), ..b });
            show(&format!("{n} bursty 3"), Scenario { load: Load::Bursty(3.0), ..b });
            show(&format!("{n} bursty .5"), Scenario { load: Load::Bursty(0.5), ..b });
            show(&format!("{n} moving 60 3"), Scenario { load: Load::Moving { factor: 3.0, every_secs: 60 }, ..b });
            show(&format!("{n} moving 10 3"), Scenario { load: Load::Moving { factor: 3.0, every_secs: 10 }, ..b });
            show(&format!("{n} uneven 3"), Scenario { load: Load::Uneven(3.0), ..b });
            show(&format!("{n} uneven .8"), Scenario { load: Load::Uneven(0.8), ..b });
            show(
                &format!("{n} waking .8"),
                Scenario { load: Load::Waking { factor: 0.8, at_minute: 30 }, minutes: 40, ..b },
            );
            show(&format!("{n} dying 3"), Scenario { life_secs: 120, ..b });
            show(&format!("{n} dying .8"), Scenario { life_secs: 120, load: Load::Steady(0.8), ..b });
            show(&format!("{n} lag60 3"), Scenario { weather: Weather { lag_secs: (60, 60), ..b.weather }, ..b });
            show(
                &format!("{n} lag60 .8"),
                Scenario { weather: Weather { lag_secs: (60, 60), ..b.weather }, load: Load::Steady(0.8), ..b },
            );
            show(&format!("{n} failing .2 3"), Scenario { weather: Weather { failing: 0.2, ..b.weather }, ..b });
            show(
                &format!("{n} failing .2 .8"),
                Scenario { weather: Weather { failing: 0.2, ..b.weather }, load: Load::Steady(0.8), ..b },
            );
            show(
                &format!("{n} outage 3"),
                Scenario { weather: Weather { outage_from_sec: 180, ..b.weather }, minutes: 15, ..b },
            );
        }
    }
    for counter in [Counter::Kv, Counter::Durable, Counter::Local] {
        for f in [0.8, 3.0] {
            for locations in [1, 5, 30] {
                let b =
                    Scenario { counter, locations, window: Window::Day, minutes: 1440, load: Load::Steady(f), ..base };
                show(&format!("{counter:?} day {locations} {f}"), b);
                if counter == Counter::Kv && locations == 5 {
                    show(
                        &format!("{counter:?} day {locations} {f} dying"),
                        Scenario { life_secs: 600, isolates: 3, ..b },
                    );
                }
            }
        }
    }
}
