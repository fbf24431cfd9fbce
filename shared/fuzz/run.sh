#!/bin/sh
# Runs one fuzz target without cargo-fuzz: ./run.sh TARGET SECONDS [libFuzzer options]
# Its folder is this one, or FUZZ_FOLDER; 0 seconds only build it. Uses the nightly compiler if there is one, else the installed one with RUSTC_BOOTSTRAP=1.
set -eu
cd "${FUZZ_FOLDER:-$(dirname "$0")}"
target=$1 seconds=$2
shift 2
host=$(rustc -vV | sed -n 's/^host: //p')
if cargo +nightly --version >/dev/null 2>&1; then toolchain=+nightly; else toolchain= RUSTC_BOOTSTRAP=1; export RUSTC_BOOTSTRAP; fi
# The flags of cargo-fuzz: coverage for libFuzzer, AddressSanitizer, and the crate's own `cfg(fuzzing)`.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Zsanitizer=address --cfg fuzzing"
export RUSTFLAGS
# $toolchain is empty or one word.
# shellcheck disable=SC2086
cargo $toolchain build --release --quiet --target "$host" --bin "$target"
[ "$seconds" -gt 0 ] || exit 0
folder=${CARGO_TARGET_DIR:-target}/$host/release
mkdir -p "corpus/$target" "artifacts/$target"
exec "$folder/$target" -max_total_time="$seconds" -max_len=9000 -print_final_stats=1 -artifact_prefix="artifacts/$target/" "$@" \
    "corpus/$target" "seeds/$target"
