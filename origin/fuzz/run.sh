#!/bin/sh
# Runs one fuzz target of the decoders as shared/fuzz/run.sh does its own: ./run.sh TARGET SECONDS [libFuzzer options]
# libjpeg-turbo and libwebp are built under AddressSanitizer too: GCC's calls and rustc's runtime are of one ABI.
set -eu
FUZZ_FOLDER=$(cd "$(dirname "$0")" && pwd)
CFLAGS="-fsanitize=address -fno-omit-frame-pointer -g1"
export FUZZ_FOLDER CFLAGS
# No single allocation above what the checks' limits admit.
exec "$FUZZ_FOLDER/../../shared/fuzz/run.sh" "$@" -max_len=8192 -timeout=30 -rss_limit_mb=1024 -malloc_limit_mb=128
