//! The gate's time natively, as one line of JSON: for each case the nanoseconds of a pass, round by round.
//!     gate-bench ROUNDS PASSES

use std::time::Instant;

use gate_bench::{CASES, passes};

fn main() -> Result<(), String> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<u32>().map_err(|error| error.to_string()));
    let mut number = || numbers.next().unwrap_or_else(|| Err("usage: gate-bench ROUNDS PASSES".to_owned()));
    let (rounds, times) = (number()?, number()?);
    let mut lines = Vec::new();
    for (case, (name, _)) in (0..).zip(CASES) {
        timed(case, times)?;
        let nanos = (0..rounds).map(|_| timed(case, times)).collect::<Result<Vec<_>, _>>()?;
        let nanos: Vec<_> = nanos.iter().map(|nanos| format!("{nanos:.1}")).collect();
        lines.push(format!("\"{name}\":[{}]", nanos.join(",")));
    }
    println!("{{{}}}", lines.join(","));
    Ok(())
}

fn timed(case: u32, times: u32) -> Result<f64, String> {
    let began = Instant::now();
    let right = passes(case, times);
    let nanos = began.elapsed().as_secs_f64() * 1e9 / f64::from(times);
    if right == times { Ok(nanos) } else { Err(format!("case {case}: {right} of {times} verdicts are right")) }
}
