//! Runs `checks::svg` under libFuzzer.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sealpix_origin_images::checks::svg(bytes));
