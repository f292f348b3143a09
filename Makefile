# README's commands. Everything is built in one profile (dev; what must be fast is optimised in it
# too), but for `make bench` and `make constant-time`.

SHELL := /bin/bash
CARGO ?= cargo
# Three labs at once fill two cores; more only makes each of them slower.
TEST_THREADS ?= 2

.PHONY: help demo test long sim constant-time memcheck shipped suites clients kms bench fresh build deps deny

help:
	@echo "make demo   build, start a 2-of-3 cluster, sign with pkcs11-tool and nginx, kill a node, sign again"
	@echo "make test   what CI runs: format, lints, tidy, licences and bans, all tests"
	@echo "make long   the system tests with a release's counts and durations"
	@echo "make sim    simulate SIM_SEEDS (10000) whole clusters with faults and liars"
	@echo "make constant-time  show by valgrind and by statistics that nothing takes its time from a secret"
	@echo "make memcheck  run the library with bad arguments and random calls under valgrind"
	@echo "make shipped  show that the binaries have no switch for planted bugs"
	@echo "make suites run the tests of other PKCS#11 projects against our library and SoftHSM2, and our own against SoftHSM2"
	@echo "make kms     run boto3, the AWS CLI and the SDKs over every operation and key type of the KMS agent"
	@echo "make clients follow the how-to pages of conformance/clients, with SoftHSM2 and with ours; prints a table"
	@echo "make bench  measure the protocols beside others, a 2-of-3 cluster and SoftHSM2; writes target/bench/"
	@echo "make fresh  demo and test from a clean clone in a clean Debian 12 (root, debootstrap)"
	@echo "make deny   licences, bans and sources by cargo-deny, if it is installed"

demo: deps build
	tests/demo/demo.sh

test: deps
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) build --workspace --all-targets --locked
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -x; $(CARGO) nextest run --workspace --locked --no-fail-fast --test-threads $(TEST_THREADS) \
			-E 'not package(conformance)'; \
	else \
		set -x; $(CARGO) test --workspace --exclude conformance --locked --no-fail-fast --lib --bins --tests \
			-- --test-threads $(TEST_THREADS); \
	fi
	$(MAKE) shipped
	CONFORMANCE_BUILT=1 conformance/run --locked --no-fail-fast
	CONFORMANCE_BUILT=1 conformance/clients/run quick
	CONFORMANCE_BUILT=1 conformance/kms/run

# The counts and durations of a release: every signer set a thousand times, two thousand key agreements a curve, ten thousand signatures over
# random thresholds, a minute of crashes, twenty RSA keys and one of each larger size, a million sequences of PKCS#11 calls.
long: deps build
	LOAD_PROCESSES=50 LOAD_SESSIONS=20 LOAD_SECONDS=300 \
	SIGNATURES_PER_SET=1000 SIGNATURES=10000 AGREEMENTS=2000 CRASH_SECONDS=60 SCAN_ROUNDS=10 HOSTILE_ROUNDS=400 FLIP_EVERY=11 RSA_KEYS=20 \
		$(CARGO) test --workspace --locked --test it --test rsa --test ecdsa_random --test shell -- --nocapture --test-threads 1
	CONFORMANCE_BUILT=1 SEQUENCES=1000000 conformance/run --locked any_order_of_calls
	CONFORMANCE_BUILT=1 RSA_BITS=3072 conformance/run --locked every_size_is_generated
	CONFORMANCE_BUILT=1 RSA_BITS=4096 conformance/run --locked every_size_is_generated
	CONFORMANCE_BUILT=1 WYCHEPROOF_ALL=1 conformance/run --locked wycheproof_rsa_oaep
	CONFORMANCE_BUILT=1 OBJECTS=100000 conformance/run --locked many_objects --no-capture

# `make test` runs 500 of these; docs/simulation.md in mpc-backend says what a seed does.
sim: export SIM_SEEDS ?= 10000
sim:
	$(CARGO) test --workspace --locked --test cluster -- --nocapture seeds_

# docs/constant-time.md in mpc-backend says what is looked at.
constant-time:
	tests/constant-time/run

# conformance/memcheck/run says how much.
memcheck:
	conformance/memcheck/run

# The tests' build has the switch, and so its marker; what is shipped is built without it.
shipped:
	$(CARGO) test --workspace --locked --test cluster --no-run
	$(CARGO) build --workspace --locked
	tests/shipped.sh

# Takes sources from the registries of crates and of Python; conformance/README.md says what is held against what.
suites: deps build
	CONFORMANCE_BUILT=1 conformance/suites/run

# Installs what the pages name; `make test` runs the quick half of it. UPDATE=1 writes the table into the documentation.
clients: deps build
	CONFORMANCE_BUILT=1 conformance/clients/run

# `make test` runs what is quick of it: through boto3 alone, without RSA keys.
kms: deps build
	CONFORMANCE_BUILT=1 ALL=1 RSA="2048 3072 4096" conformance/kms/run

bench: deps
	$(CARGO) build --workspace --release --locked
	$(CARGO) build --release --locked --manifest-path tests/peers/Cargo.toml --target-dir target/peers
	target/release/bench

build:
	$(CARGO) build --workspace --locked

deps:
	@tests/demo/deps.sh

fresh:
	tests/demo/fresh.sh

# tests/tests/tidy/deny.rs enforces the same file in `make test`, without the tool.
deny:
	$(CARGO) deny --workspace check bans licenses sources
