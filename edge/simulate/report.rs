//! What a run says: a line for each measurement, and the same as the tables of `docs/rate-limits.md`.

use std::fmt::Write as _;
use std::{fs, io};

use sealpix::quota::Window;

use crate::scenarios::{day, dying_day, hard, isolates, pages, quiet, steady};
use crate::world::{Counter, Outcome, Scenario};

/// Where the tables go.
const PAGE: &str = "docs/rate-limits.md";
const BEGIN: &str = "<!-- simulated: written by `make simulate` -->\n";
const END: &str = "<!-- /simulated -->\n";

/// Each minute's figure is the mean over so many seeds.
const SEEDS: u64 = 3;

/// Cloudflare's list prices of 2026 in dollars per million: KV writes, KV lists, requests to a Durable Object with the row
/// that each writes.
const PRICES: [f64; 3] = [5.0, 5.0, 0.15 + 1.0];

const COUNTERS: [Counter; 4] = [Counter::Kv, Counter::Durable, Counter::Naive, Counter::Local];

/// The lines and the tables of one run.
#[derive(Default)]
pub(crate) struct Report {
    tables: String,
}

#[expect(clippy::print_stdout, reason = "a report")]
fn say(line: &str) {
    println!("simulate: {line}");
}

/// The mean over the seeds.
fn mean(scenario: Scenario, measure: impl Fn(&Outcome) -> [f64; 2]) -> [f64; 2] {
    let measured: Vec<_> = (1..=SEEDS).map(|seed| measure(&Scenario { seed, ..scenario }.run())).collect();
    [0, 1].map(|place| measured.iter().map(|one| one[place]).sum::<f64>() / 3.0)
}

fn percent(part: f64) -> String {
    // 99.96 is not yet everything.
    format!("{:.1} %", (part * 1000.0).floor() / 10.0)
}

impl Report {
    /// The steady loads: the aims.
    pub(crate) fn steady(&mut self) {
        self.tables += "\n### Steady load\n\nAllowed / limit at three times the limit, and how much of 0.8 times the limit is admitted.\n\n";
        self.tables +=
            "| counter | window | locations | 3x: allowed / limit | 0.8x: admitted |\n|---|---|---|---|---|\n";
        for counter in COUNTERS {
            for window in [Window::Minute, Window::Day] {
                // A naive counter of a day is as wrong as one of a minute, and takes a long time to say so.
                if (counter, window) == (Counter::Naive, Window::Day) {
                    continue;
                }
                for locations in [1, 5, 30] {
                    let of = if window == Window::Day { day } else { steady };
                    self.both(counter, window, &locations.to_string(), |factor| of(counter, locations, factor));
                }
            }
            for (locations, each) in [(5, 3), (30, 4)] {
                let place = format!("{locations} x {each} isolates");
                self.both(counter, Window::Minute, &place, |factor| isolates(counter, locations, each, factor));
            }
        }
    }

    fn both(&mut self, counter: Counter, window: Window, place: &str, scenario: impl Fn(f64) -> Scenario) {
        let measure = |factor: f64| match window {
            Window::Minute => mean(scenario(factor), |outcome| [outcome.of_limit(2, 10), outcome.admitted(2, 10)]),
            Window::Day => {
                let outcome = scenario(factor).run();
                [outcome.of_day(), outcome.admitted(1, 24 * 60)]
            }
        };
        let ([over, _], [under, admitted]) = (measure(3.0), measure(0.8));
        let name = format!("{} {} {}", counter.name(), window.name(), place.replacen(" x ", " locations x ", 1));
        let name = if name.contains("isolates") { name } else { name + " locations" };
        say(&format!("{name} 3x: {over:.2}"));
        say(&format!("{name} 0.8x: {under:.2}, {} admitted", percent(admitted)));
        let window = window.name();
        let _ =
            writeln!(self.tables, "| {} | {window} | {place} | {over:.2} | {} |", counter.name(), percent(admitted));
    }

    /// The loads that hurt.
    pub(crate) fn hard(&mut self) {
        self.tables += "\n### What hurts\n\nFive locations, one isolate each, 600 a minute: allowed / limit, and the part admitted.\n\n";
        self.tables += "| load | when | `kv` | `durable` |\n|---|---|---|---|\n";
        for (kv, durable) in hard(Counter::Kv).into_iter().zip(hard(Counter::Durable)) {
            for (when, from, to) in kv.told {
                let cells = [&kv, &durable].map(|hard| {
                    let [ratio, part] =
                        mean(hard.scenario, |outcome| [outcome.of_limit(*from, *to), outcome.admitted(*from, *to)]);
                    let (counter, name) = (hard.scenario.counter.name(), hard.name.trim_end_matches(", 30 locations"));
                    let locations = hard.scenario.locations;
                    say(&format!(
                        "{counter} minute {locations} locations {name}, {when}: {ratio:.2}, {} admitted",
                        percent(part)
                    ));
                    format!("{ratio:.2}, {}", percent(part))
                });
                let _ = writeln!(self.tables, "| {} | {when} | {} | {} |", kv.name, cells[0], cells[1]);
            }
        }
        for counter in [Counter::Kv, Counter::Durable] {
            let ratio = dying_day(counter).run().of_day();
            let name = counter.name();
            say(&format!("{name} day 5 locations x 3 isolates, isolates live 10 minutes, 3x: {ratio:.2}"));
            let _ =
                writeln!(self.tables, "\nA day at 3x on 5 x 3 isolates that live 10 minutes, `{name}`: {ratio:.2}.");
        }
    }

    /// The pages that ask for all their pictures at once.
    pub(crate) fn pages(&mut self) {
        self.tables += "\n### Pages of 60 pictures at once\n\nTwo isolates that begin cold; a page at one, a second later a page \
            at the other, and so on: the part admitted.\n\n";
        self.tables += "| load | when | `kv` | `durable` |\n|---|---|---|---|\n";
        for factor in [0.1, 0.2, 0.4, 0.6, 0.8] {
            for (when, from, to) in [("first minute", 1, 1), ("minutes 2 to 10", 2, 10)] {
                let [kv, durable] = [Counter::Kv, Counter::Durable].map(|counter| {
                    let admitted = percent(pages(counter, factor).run().admitted(from, to));
                    say(&format!("{} pages of 60 at once, {factor}x, {when}: {admitted} admitted", counter.name()));
                    admitted
                });
                let _ = writeln!(self.tables, "| {factor}x | {when} | {kv} | {durable} |");
            }
        }
    }

    /// What the stores are asked, and what that costs.
    pub(crate) fn costs(&mut self) {
        self.tables += "\n### What it costs\n\nPer million requests that are counted, by Cloudflare's list prices of 2026 (check yours): \
            KV writes and lists $5.00 a million each, requests to a Durable Object $0.15 and the row each writes $1.00.\n\n";
        self.tables +=
            "| counter | load | KV writes | KV lists | object requests | dollars |\n|---|---|---|---|---|---|\n";
        for counter in [Counter::Kv, Counter::Durable] {
            for (name, scenario) in [
                ("minute 1 locations 0.8x", steady(counter, 1, 0.8)),
                ("minute 5 locations 0.8x", steady(counter, 5, 0.8)),
                ("minute 30 locations 0.8x", steady(counter, 30, 0.8)),
                ("minute 5 locations 3x", steady(counter, 5, 3.0)),
                ("day 5 locations 0.8x", day(counter, 5, 0.8)),
                ("day 5 locations 3x", day(counter, 5, 3.0)),
                ("pages of 60 at once 0.2x", pages(counter, 0.2)),
                ("quiet key: one request every 5 minutes", quiet(counter)),
            ] {
                self.cost(counter, name, &scenario.run());
            }
        }
        let bill = day(Counter::Kv, 5, 0.8).run().bill;
        let free = format!(
            "80,000 requests of one key in a day, from 5 locations: {} KV writes; the free plan has 1,000",
            bill.writes
        );
        say(&free);
        let _ = writeln!(self.tables, "\n{free}, and 1,000 lists.");
    }

    fn cost(&mut self, counter: Counter, name: &str, outcome: &Outcome) {
        let offered: f64 = outcome.minutes.iter().map(|minute| f64::from(minute.offered)).sum();
        let bill = [outcome.bill.writes, outcome.bill.lists, outcome.bill.asks];
        let per_million = bill.map(|count| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) * 1e6 / offered);
        let dollars: f64 = per_million.iter().zip(PRICES).map(|(count, price)| count * price / 1e6).sum();
        let [writes, lists, asks] = per_million;
        let counter = counter.name();
        say(&format!(
            "{counter} {name} per million requests: {writes:.0} KV writes, {lists:.0} KV lists, {asks:.0} object requests, \
             ${dollars:.2} by list prices of 2026, check yours"
        ));
        let _ = writeln!(self.tables, "| {counter} | {name} | {writes:.0} | {lists:.0} | {asks:.0} | {dollars:.2} |");
    }

    /// Writes the tables into the page.
    pub(crate) fn write(&self) -> io::Result<()> {
        let page = fs::read_to_string(PAGE)?;
        let parts = page.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
        let (head, tail) = parts.ok_or_else(|| io::Error::other("the page has lost its marks"))?;
        fs::write(PAGE, [head, BEGIN, &self.tables, "\n", END, tail].concat())
    }
}
