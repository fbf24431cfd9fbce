//! `make simulate`: the edge's rate counters in a world that no test machine has: many locations, isolates that come and
//! go, a KV that is behind and says 429. The counters are the Worker's own code; only the stores are simulated.
//!
//! Prints a line for each measurement and writes the tables of `docs/rate-limits.md` and `docs/benchmarks/counters.png`.

mod clock;
mod font;
mod load;
mod naive;
mod plot;
mod random;
mod report;
mod scenarios;
mod stores;
#[cfg(test)]
mod tests;
mod world;

fn main() -> std::io::Result<()> {
    let mut report = report::Report::default();
    report.steady();
    report.hard();
    report.pages();
    report.costs();
    report.write()?;
    plot::write()
}
