# `make` lists the targets. Rust's toolchain, Node.js with npm, and make are all that must be there beforehand.

# Where rustup puts cargo, for a shell that was opened before.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-kms test-api test-console test-exports bench lint fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s%s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install what building and drilling need: a C compiler, Foundry, the compiled contracts, the console
	@scripts/setup.sh

demo: setup ## play an attack on a local chain and watch it being stopped, in the terminal and in the console
	cargo build --workspace --bin portcullis
	@"$${CARGO_TARGET_DIR:-target}/debug/portcullis" drill lending-spot-oracle --console 127.0.0.1:7711

test: setup ## check the format, the licences, the contracts and the workspace
	@if cargo fmt --version >/dev/null 2>&1; then cargo fmt --all --check; \
	else echo 'rustfmt is not installed: the format was not checked'; fi
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --log-level error check licenses bans sources; \
	else echo 'cargo-deny is not installed: licences and bans were not checked'; fi
	@scripts/setup.sh tests
	contracts/tools/foundry forge test
	cd console && npm run --silent check
	@scripts/test-rust.sh
	@echo 'make test: everything passed'

test-kms: setup ## test keys of AWS KMS against an emulator; wants python3, and builds the AWS SDK
	@scripts/test-kms.sh

test-api: setup ## play schemathesis against the API, over a drill's journal
	@scripts/test-api.sh

test-console: setup ## drive the console with Chromium through a whole incident on a real drill; installs Chromium
	@scripts/test-console.sh

test-exports: ## hold exports of a drill's case against the official schemas; wants python3
	@scripts/test-exports.sh

bench: setup ## measure, and compare with what was promised
	cargo bench --workspace
	cargo run --release -p portcullis -- bench

lint: setup ## check the format and the lints, warnings being errors
	cargo fmt --all --check
	contracts/tools/foundry forge fmt --check
	cargo clippy --workspace --all-targets -- --deny warnings

fmt: setup ## format Rust and Solidity
	cargo fmt --all
	contracts/tools/foundry forge fmt

clean: ## remove everything that was built or installed
	cargo clean
	rm -rf contracts/node_modules contracts/out contracts/cache console/node_modules console/dist
