# All commands for development and CI. `make help` lists them.

# The name of the published image. src/ has it once more, and a test checks every use.
IMAGE := ghcr.io/fitout/fitout:v0.1.0

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Manifests from other projects. Without them `make corpus` prints that they are missing and does nothing.
CORPUS := ../shared/corpus-dev
# How long `make fuzz` runs each target.
SECONDS := 60
# CI must use the reviewed versions; a developer who adds a dependency may resolve new ones.
LOCKED := $(if $(filter true,$(CI)),--locked)
# The container, the exec hosts and the command line are tested with the same static binary.
MUSL := $(subst arm64,aarch64,$(shell uname -m))-unknown-linux-musl
# `release` is what ships and what CI tests; `fast` is for development. See Cargo.toml.
PROFILE := release
STATIC := $(TARGET)/$(MUSL)/$(PROFILE)/fitout
# `make hosts` installs hosts here, separate from those of the machine.
export PATH := $(CURDIR)/.cache/bin:$(PATH)
export IMAGE LOCKED MUSL PROFILE STATIC

.PHONY: help run test lint binary image hosts test-hosts browser acceptance e2e agreement start conformance lossless fuzz corpus bench instructions growth golden clean

help: ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "%-12s %s\n", $$1, $$2 }'

run: ## write base/caracal for production to out/, and print a summary; needs only Rust
	cargo build $(LOCKED)
	@mkdir -p out
	$(TARGET)/debug/fitout apply --verbose -f base/caracal -e production > out/caracal-production.yaml
	@echo 'written: out/caracal-production.yaml'
	@echo "overlays/production/caracal would add: $$(sed -n 's#^- .*/components/##p' overlays/production/caracal/kustomization.yaml | paste -sd, - | sed 's/,/, /g') (make hosts shows how to get kustomize)"

test: ## run every test that needs only Rust
	cargo test --workspace $(LOCKED)

lint: ## check formatting, clippy, links in the documentation, and shellcheck if it is installed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(LOCKED) -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items $(LOCKED)
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run scripts/*; elif [ "$(CI)" = true ]; then echo 'no shellcheck: with CI=true it is required' >&2; exit 1; else echo 'skip: no shellcheck'; fi

binary: ## build the static binary that ships, after a training run; PROFILE=fast builds in a fraction of the time
	@scripts/binary

image: binary ## build the container image with docker build, without network or base image
	rm -rf $(TARGET)/image
	mkdir -p $(TARGET)/image/etc
	cp $(STATIC) $(TARGET)/image/fitout
	printf 'nobody:x:65534:65534:nobody:/:/sbin/nologin\n' > $(TARGET)/image/etc/passwd
	printf 'nobody:x:65534:\n' > $(TARGET)/image/etc/group
	docker build -q -t $(IMAGE) -f Dockerfile --build-arg VERSION=$(lastword $(subst :, ,$(IMAGE))) \
	  --build-arg REVISION=$$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown) $(TARGET)/image
	@docker image inspect -f '$(IMAGE): {{.Size}} bytes' $(IMAGE)

hosts: ## show which hosts of KRM functions are installed and how to get the others; CI=true installs them
	@scripts/hosts

test-hosts: ## run the same overlay through each of kustomize, kubectl, kpt, helm, docker and the command line that is installed
	@scripts/test-hosts hosts::

acceptance: ## check the requirements of every system and environment on the output of every host
	@scripts/test-hosts acceptance:: --nocapture --test-threads=1

e2e: ## apply every overlay to a real control plane, promote between environments, and try the bases without fitout
	@scripts/e2e e2e

agreement: ## compare what check says of mutants of 42 kinds with a real API server; MUTANTS=100 makes fewer, CORPUS adds its objects
	@FITOUT_CORPUS=$(abspath $(wildcard $(CORPUS))) $(if $(MUTANTS),FITOUT_MUTANTS=$(MUTANTS)) scripts/e2e agreement

start: ## run programs in Docker exactly as fitout fitted their pods; ONLY=word selects
	@ONLY='$(ONLY)' scripts/start

browser: ## open HTML reports in Chromium: nothing in them runs, they fit a phone, the filter works and is not needed
	FITOUT_BROWSER_TESTS=1 cargo test $(LOCKED) --test fitout -- browser:: --nocapture

conformance: ## compare quantities, label selectors, YAML and the Pod Security Standards with Kubernetes' own Go code
	@if ! command -v go >/dev/null; then echo 'skip: no go'; [ "$(CI)" != true ]; else \
	  cargo test $(LOCKED) --lib conformance -- --ignored && \
	  FITOUT_CONFORMANCE=1 cargo test $(LOCKED) --test fitout -- restricted:: pod_security:: --nocapture; fi

lossless: ## check with Go's readers that edits lose no comment, value or byte, for this repository and CORPUS
	@if ! command -v go >/dev/null; then echo 'skip: no go'; [ "$(CI)" != true ]; else \
	  FITOUT_CONFORMANCE=1 FITOUT_CORPUS=$(wildcard $(CORPUS)) FITOUT_SEEDS=0..3000 \
	  cargo test $(LOCKED) --test fitout -- fuzzing:: --nocapture; fi

fuzz: ## run every fuzz target for SECONDS; needs nightly Rust and cargo-fuzz, and keeps what it finds in .cache/fuzz
	cd fuzz && cargo +nightly fuzz build --release --sanitizer none --no-trace-compares
	@for target in $$(ls fuzz/corpus); do mkdir -p .cache/fuzz/$$target; echo "== $$target"; \
	  fuzz/target/*/release/$$target .cache/fuzz/$$target fuzz/corpus/$$target -max_total_time=$(SECONDS) \
	    -max_len=$$(case $$target in edits|function) echo 160;; *) echo 1000;; esac) -entropic=0 -reduce_inputs=0 -print_funcs=0 -print_final_stats=1 -verbosity=0 -artifact_prefix=.cache/fuzz/$$target- || exit 1; done

corpus: ## run fitout on every resource of CORPUS
	cargo run --profile fast $(LOCKED) --example corpus -- $(CORPUS)

bench: binary ## compare with other implementations: CPU, wall time, memory; LARGE=1 adds 100,000 objects, UPDATE=1 rewrites docs/performance.md
	cargo build --release $(LOCKED)
	cargo bench $(LOCKED) --bench engine
	@GNU=$(abspath $(TARGET)/release/fitout) ENGINE=$$(ls -t $(abspath $(TARGET))/release/deps/engine-* | grep -v '\.d$$' | head -n 1) \
	  RUNS=$(RUNS) LARGE=$(LARGE) UPDATE=$(UPDATE) scripts/bench

instructions: ## count the instructions that the static binary executes, and compare; UPDATE=1 rewrites the expected counts
	@UPDATE=$(UPDATE) scripts/instructions

growth: binary ## measure how the CPU time grows with the input, up to 16,000 of each structure; QUICK=1 stops at 4,000, ONLY=word selects
	BINARY=$(abspath $(STATIC)) FITOUT_GROWTH='$(if $(QUICK),1000 4000,1000 4000 16000)' ONLY='$(ONLY)' \
	  cargo test $(LOCKED) --test fitout -- growth:: --ignored --nocapture

golden: ## rewrite expected files of golden tests and generated pages in docs/; read the diff before you commit it
	@# The program prints the schema that it was built with, so the schema comes first.
	UPDATE_GOLDEN=1 cargo test $(LOCKED) --lib schema_of_configs
	UPDATE_GOLDEN=1 cargo test $(LOCKED) --no-fail-fast --test fitout golden::
	UPDATE_GOLDEN=1 TRYCMD=overwrite cargo test $(LOCKED) --no-fail-fast
	@cargo build $(LOCKED)
	@UPDATE_GOLDEN=1 FITOUT_HOST_TESTS=1 FITOUT_BIN=$(abspath $(or $(CARGO_TARGET_DIR),target))/debug/fitout \
		cargo test $(LOCKED) --test fitout acceptance::the_pages_are_current

clean: ## remove all build output
	cargo clean
	rm -rf out .cache
