# Sealpix's commands. `make demo` and `make test` do all set-up themselves; `make help` lists the rest.
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help demo golden test test-native test-api test-wasm test-edge bench bench-edge soak fuzz simulate worker origin lint deny vectors docs release clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: origin worker ## deliver real photographs through the Worker; ONCE=1 checks itself and exits
	@npm run --silent demo

test: test-native test-api test-wasm test-edge ## every test: Rust, wasm, Miniflare, documentation

test-native: native
	cargo test --workspace --locked -- --show-output

test-api: origin api ## ask every route of the admin API what its document allows, and what it does not
	@.ci/schemathesis

soak: native ## for hours: kill -9 into rotations and pictures on disk, 50 rounds each; overload, a minute each; fuzz targets, 10 minutes each
	SEALPIX_SOAK=1 cargo test --package sealpix-origin --test served --locked -- overload:: --show-output
	SEALPIX_SOAK=1 cargo test --package sealpix-origin --test served --locked -- killed:: disk::cache14 --show-output
	@$(MAKE) --no-print-directory fuzz SECS=600

SECS ?= 10
fuzz: native ## each fuzz target, SECS=10 seconds, under AddressSanitizer (its first build takes some 10 minutes)
	@for folder in shared origin; do for seeds in $$folder/fuzz/seeds/*; do \
	  printf 'fuzz: %s %s, $(SECS) s\n' $$folder "$${seeds##*/}"; \
	  $$folder/fuzz/run.sh "$${seeds##*/}" $(SECS) -verbosity=0 -print_final_stats=0; \
	done; done

test-wasm: edge
	@CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$$(.ci/setup tools)"/wasm-bindgen-cli-0.2.129/bin/wasm-bindgen-test-runner \
	  cargo test --package sealpix-shared --target wasm32-unknown-unknown --test vectors --locked

test-edge: origin worker
	npm test --silent
	npm run --silent types

bench: edge release ## measure the engine against IPX, thumbor, oximg, IMGPROXY_BIN: docs/benchmarks/images.md; QUICK=1 only tries it
	@.ci/setup peers
	@cargo build --package sealpix-image-judge --release --locked
	@SEALPIX_BIN="$${CARGO_TARGET_DIR:-target}/release/sealpix" npm run --silent bench

bench-edge: origin worker wrk ## measure the edge against Workers in JavaScript: docs/benchmarks/edge.md; QUICK=1 only tries it
	@npm run --silent bench-edge

origin: native ## build the origin: target/debug/sealpix
	@echo "building the origin (minutes the first time, seconds after)"
	@cargo build --workspace --locked

worker: edge ## build the Worker: edge/build, and hold it to its size
	@echo "building the Worker (minutes the first time, seconds after)"
	@.ci/build-worker

lint: native edge ## formatting, clippy with warnings denied on both targets
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	cargo clippy --package sealpix-edge --target wasm32-unknown-unknown --locked -- --deny warnings

deny: native ## licences, bans and sources of every dependency; needs cargo-deny
	cargo deny check licenses bans sources

vectors: native ## write shared/vectors/v1.json anew
	cargo run --package sealpix-shared --example vectors --locked

docs: native ## write the generated tables of docs/ anew
	UPDATE_DOCS=1 cargo test --package sealpix-origin --bin sealpix --locked the_page_of_commands
	UPDATE_DOCS=1 cargo test --package sealpix-origin --test served --locked documentation

golden: native ## draw the golden images anew; then look at them: origin/src/images/tests/golden/README.md
	UPDATE_GOLDEN=1 cargo test --package sealpix-origin --lib --locked images::tests::golden
	cargo test --package sealpix-origin --lib --locked images::tests::golden

simulate: native ## the rate counters in a simulated world: prints allowed/limit, writes docs/rate-limits.md and its plot
	@cargo run --quiet --package sealpix-edge --example simulate --locked

release: native ## build the origin for production: target/release/sealpix
	cargo build --package sealpix-origin --release --locked

clean: ## remove what was built
	cargo clean
	rm -rf edge/build

.PHONY: native api edge wrk
native:
	@.ci/setup native
api:
	@.ci/setup api
edge:
	@.ci/setup edge
wrk:
	@.ci/setup bench
