# The one door to everything a person does here and everything CI does. `make help` lists it.

# The name under which the image is published. src/ repeats it once, and a test finds every use.
IMAGE := ghcr.io/fitout/fitout:v0.1.0

TARGET := $(or $(CARGO_TARGET_DIR),target)
# Manifests that nobody here wrote; `make corpus` says so and does nothing where they are not.
CORPUS := ../shared/corpus-dev
# CI must not resolve other versions than the ones under review; a person who adds a dependency may.
LOCKED := $(if $(filter true,$(CI)),--locked)
# The container, the exec hosts and the command line are tested with one and the same static binary.
MUSL := $(subst arm64,aarch64,$(shell uname -m))-unknown-linux-musl
# `release` is what ships and what CI tests; `fast` is for work. See Cargo.toml.
PROFILE := release
STATIC := $(TARGET)/$(MUSL)/$(PROFILE)/fitout
# Hosts that `make hosts` installs lie here, out of the way of the machine's own.
export PATH := $(CURDIR)/.cache/bin:$(PATH)
export IMAGE MUSL STATIC

.PHONY: help run test lint binary image hosts test-hosts acceptance e2e conformance corpus bench instructions golden clean

help: ## print this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "%-12s %s\n", $$1, $$2 }'

run: ## fit base/caracal out for production into out/, and print a summary; needs only Rust
	cargo build $(LOCKED)
	@mkdir -p out
	$(TARGET)/debug/fitout apply --verbose -f base/caracal -e production > out/caracal-production.yaml
	@echo 'written: out/caracal-production.yaml'
	@echo "overlays/production/caracal would add: $$(sed -n 's#^- .*/components/##p' overlays/production/caracal/kustomization.yaml | paste -sd, - | sed 's/,/, /g') (make hosts tells how to get kustomize)"

test: ## every test that needs nothing but Rust
	cargo test --workspace $(LOCKED)

lint: ## formatting, clippy, broken links in the documentation, and shellcheck where there is one
	cargo fmt --all --check
	cargo clippy --workspace --all-targets $(LOCKED) -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items $(LOCKED)
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run scripts/*; elif [ "$(CI)" = true ]; then echo 'no shellcheck, and with CI=true that is a failure' >&2; exit 1; else echo 'skip: no shellcheck'; fi

binary: ## the static binary that ships; PROFILE=fast builds in a fraction of the time
	cargo build --profile $(PROFILE) --target $(MUSL) $(LOCKED)

image: binary ## the container image, by plain docker build, without network or base image
	rm -rf $(TARGET)/image
	mkdir -p $(TARGET)/image/etc
	cp $(STATIC) $(TARGET)/image/fitout
	printf 'nobody:x:65534:65534:nobody:/:/sbin/nologin\n' > $(TARGET)/image/etc/passwd
	printf 'nobody:x:65534:\n' > $(TARGET)/image/etc/group
	docker build -q -t $(IMAGE) -f Dockerfile --build-arg VERSION=$(lastword $(subst :, ,$(IMAGE))) \
	  --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) $(TARGET)/image
	@docker image inspect -f '$(IMAGE): {{.Size}} bytes' $(IMAGE)

hosts: ## which hosts of KRM functions are here, and how to get the others; with CI=true, gets them
	@scripts/hosts

test-hosts: ## the same overlay through kustomize, kubectl, kpt, docker and the command line, as far as they are here
	@scripts/test-hosts hosts::

acceptance: ## what every system must be like in every environment, asked of what every host makes of it
	@scripts/test-hosts acceptance:: --nocapture --test-threads=1

e2e: ## every overlay on a real control plane, promotion, and what the bases come to without fitout
	@scripts/e2e

conformance: ## quantities, label selectors and the Pod Security Standards, judged by Kubernetes' own Go code
	@if ! command -v go >/dev/null; then echo 'skip: no go'; [ "$(CI)" != true ]; else \
	  cargo test $(LOCKED) --lib conformance -- --ignored && \
	  FITOUT_CONFORMANCE=1 cargo test $(LOCKED) --test fitout -- restricted:: pod_security:: --nocapture; fi

corpus: ## every real resource of CORPUS
	cargo run --profile fast $(LOCKED) --example corpus -- $(CORPUS)

bench: ## how much of a processor it takes, alone and beside its peer, as far as that is here
	cargo bench $(LOCKED) --bench engine
	cargo build --release $(LOCKED)
	@scripts/bench

instructions: ## count the instructions that the static binary executes, and compare; UPDATE=1 rewrites the expected counts
	@UPDATE=$(UPDATE) scripts/instructions

golden: ## rewrite the expected files of the golden cases and what is made in docs/; read the diff before you commit it
	UPDATE_GOLDEN=1 cargo test $(LOCKED)
	@UPDATE_GOLDEN=1 scripts/test-hosts acceptance::the_pages_are_current

clean: ## remove all that was built
	cargo clean
	rm -rf out .cache
