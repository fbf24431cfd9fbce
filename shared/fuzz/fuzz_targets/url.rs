//! Runs `checks::url` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::url(bytes));
