//! Runs `checks::target` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::target(bytes));
