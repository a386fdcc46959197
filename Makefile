# Meanwhile: what a newcomer needs. `make` alone says what there is.

CARGO ?= cargo
# What is built here is what is tested: the versions in Cargo.lock and no others.
LOCKED = --locked
TARGET = $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run build test fmt lint doc unit demo bench bench-idle fuzz \
        packages-build packages-run packages-demo packages-test packages-fuzz components
# Cargo uses all cores by itself, and two apt-get would be in each other's way.
.NOTPARALLEL:

help:
	@echo 'make run     open the window; without a display, show the main job on a virtual one (see demo)'
	@echo 'make test    install what the tests need, then fmt, clippy, rustdoc and all tests'
	@echo 'make demo    drive the real window on a virtual display; the pictures go to screenshots/'
	@echo 'make bench   compare with curl and aria2; start time, rest, the list on disk, 100,000 jobs, caps (10 minutes after the build, 6 GB of disk)'
	@echo 'make bench-idle   what the user notices of us on many kinds of links, and what stays unused (45 minutes a round: BENCH_ROUNDS;'
	@echo '             BENCH_ONLY="cable, web" takes a part)'
	@echo 'make fuzz    throw made-up input at the readers of what comes from outside, 30 s each (FUZZ_SECONDS)'
	@echo
	@echo 'make build   the release build alone'
	@echo 'make fmt lint doc unit   the parts of make test'
	@echo 'make packages-build packages-run packages-demo packages-test packages-fuzz'
	@echo '             Debian and Ubuntu: install what is missing of the system, or name it'

run: build
	@scripts/run.sh $(TARGET)/release/meanwhile

build: packages-build
	$(CARGO) build --release $(LOCKED)

demo: build packages-demo
	@scripts/demo.sh $(TARGET)/release/meanwhile

# One after the other, cheapest first: the first that fails is the last that is printed.
test: packages-build packages-test components
	@scripts/timed.sh fmt $(MAKE) --no-print-directory fmt
	@scripts/timed.sh lint $(MAKE) --no-print-directory lint
	@scripts/timed.sh doc $(MAKE) --no-print-directory doc
	@scripts/timed.sh unit $(MAKE) --no-print-directory unit

fmt:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --all-targets $(LOCKED) -- -D warnings
	$(CARGO) clippy --lib $(LOCKED) -- -D warnings --cfg fuzzing

doc:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps $(LOCKED)

unit:
	$(CARGO) test $(LOCKED)

bench: build packages-test
	$(CARGO) bench $(LOCKED) --bench start --bench queue --bench jobs --bench cap --bench throughput --bench many_files --bench far

# Not a part of make bench: it takes long, and has to have the machine for itself.
bench-idle: build packages-test
	$(CARGO) bench $(LOCKED) --bench idle

# Not a part of make test: the same readers have tests there, and to search takes time.
FUZZ_SECONDS ?= 30
fuzz: packages-build packages-fuzz
	@scripts/fuzz.sh $(FUZZ_SECONDS)

packages-build packages-run packages-demo packages-test packages-fuzz:
	@scripts/packages.sh $(@:packages-%=%)

# A small installation of Rust comes without them.
components:
	@$(CARGO) fmt --version >/dev/null 2>&1 && $(CARGO) clippy --version >/dev/null 2>&1 \
	    || rustup component add rustfmt clippy
