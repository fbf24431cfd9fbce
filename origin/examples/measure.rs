//! Time and peak memory of one piece of image work, beside its estimate (DOS-11):
//!
//! ```text
//! cargo run --release -p sealpix-origin --example measure -- photo.jpg w_800,f_webp
//! ```
//!
//! One line a run, because the system remembers a process's peak: photo, operations, median milliseconds of five, MiB
//! above the start, estimated MiB, bytes of the result.
#![expect(clippy::expect_used, reason = "a tool for the command line stops where it stands")]

use std::time::{Duration, Instant};

use sealpix::operations::Operations;
use sealpix_origin::images::{Job, Limits, Until};

/// The most memory that this process has held, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells a process's peak");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("kibibytes") * 1024
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [photo, operations] = arguments.as_slice() else {
        eprintln!("usage: measure PHOTO OPERATIONS");
        std::process::exit(2);
    };
    let source = std::fs::read(photo).expect("the photo reads");
    let operations = Operations::read(operations).expect("the operations parse");
    let limits = Limits::default();
    let job = Job { source: &source, operations: &operations, mark: None, is_negotiated: false, limits: &limits };
    let estimate = job.estimate_bytes().expect("the header reads");
    let before = peak();
    let mut millis = Vec::new();
    let mut bytes = 0;
    for _ in 0..5 {
        let begun = Instant::now();
        let result = job.run(&Until::at(begun + Duration::from_secs(60))).expect("the work is done");
        millis.push(begun.elapsed().as_millis());
        bytes = result.bytes.len();
    }
    millis.sort_unstable();
    let [_, _, median, ..] = millis.as_slice() else { return };
    println!("{photo} {operations} {median} ms {} MiB {} MiB {bytes} B", (peak() - before) >> 20, estimate >> 20);
}
