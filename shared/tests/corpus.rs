//! The fuzz targets' seeds and their mutations, replayed with any compiler: `shared/fuzz` holds the checks.
#![expect(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
pub mod checks;

/// Mutations of each target's seeds.
const MUTATIONS: u32 = 20_000;

/// Bytes that mean something to one of the parsers.
const DICTIONARY: &[&str] = &[
    "/",
    "//",
    "/../",
    "?",
    "&",
    "&sig=",
    "&exp=",
    "&w=",
    "key=pk_",
    "%",
    "%2F",
    "%7C",
    "%C3%BC",
    "%00",
    ",",
    "_",
    "w_",
    "f_auto",
    "p_",
    "|",
    ":",
    "@",
    ".",
    "0",
    "1",
    "9",
    "-",
    "+",
    "~",
    "=",
    "*.",
    "https://",
    "r1.",
    "p1.",
    "01010101",
    "\\",
    " ",
    "\u{0}",
    "ü",
    "{",
    "}",
    "\"",
    "null",
    "18446744073709551616",
];

/// A fixed sequence (SplitMix64), so that a failure is found again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) >> 1).unwrap() % sides.max(1)
    }

    /// One to four small changes.
    fn mutate(&mut self, seed: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len() + 1);
            let end = (at + self.roll(8)).min(bytes.len());
            match self.roll(6) {
                0 => drop(bytes.splice(at..end, [])),
                1 => bytes.insert(at, u8::try_from(self.roll(256)).unwrap()),
                2 if at < bytes.len() => bytes[at] ^= 1 << self.roll(8),
                3 => {
                    let from = self.roll(other.len());
                    let to = (from + self.roll(24)).min(other.len());
                    drop(bytes.splice(at..end, other[from..to].to_vec()));
                }
                4 => bytes.extend_from_within(at..end),
                _ => drop(bytes.splice(at..at, DICTIONARY[self.roll(DICTIONARY.len())].bytes())),
            }
        }
        bytes
    }
}

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn every_seed_and_its_mutations_keep_the_promises() {
    for (name, check) in checks::CHECKS {
        let seeds = seeds(name);
        for (file, bytes) in &seeds {
            println!("{}", file.display());
            check(bytes);
        }
        let mut dice = Dice(20_261_122);
        for _ in 0..MUTATIONS {
            let (seed, other) = (dice.roll(seeds.len()), dice.roll(seeds.len()));
            let bytes = dice.mutate(&seeds[seed].1, &seeds[other].1);
            if std::panic::catch_unwind(|| check(&bytes)).is_err() {
                panic!("{name} breaks on {:?}", String::from_utf8_lossy(&bytes));
            }
        }
        println!("{name}: {} seeds, {MUTATIONS} mutations", seeds.len());
    }
}
