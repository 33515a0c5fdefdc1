# The README's commands. Everything is set up on the first run and kept in .venv, .cache and build.
#   make demo     talk to a voice agent on this machine        ARGS='--lan' for a phone
#   make test     all tests                                    ARGS='-k playout' goes to pytest
#   make test-long  what takes longer: ARM under QEMU, threads, wheels, fuzzing (FUZZ_SECONDS=300)
#   make soak     10,000 sessions and 30 minutes of talk leave nothing behind   ARGS='--minutes 5 --cycles 1000'
#   make test-aarch64 test-armv7   the C++ core for ARM, under QEMU
#   make test-clients  Pipecat, LiveKit and Strands, each in its own environment, talk to `sonicrtc local sonic`
#   make wheels test-wheels   wheels for manylinux and musllinux, x86-64 and aarch64; then use them
#   make coverage   lines and branches of what has no I/O, which are to be tested whole
#   make bench-media  calls on one core and words at packet loss, beside aiortc, Pipecat and FastRTC
#   make lint bench bench-gate bench-turns wheel clean

SHELL := /bin/sh
BIN := .venv/bin
CORE_SOURCES := $(shell find csrc -type f 2>/dev/null) CMakeLists.txt pyproject.toml
PAGE_SOURCES := $(shell find web -path web/node_modules -prune -o -type f -print 2>/dev/null)
PAGE := python/sonicrtc/page/index.html

.DEFAULT_GOAL := help
.PHONY: help demo test test-long soak test-aarch64 test-armv7 test-wheels test-clients clients coverage lint bench bench-gate bench-turns bench-media wheel wheels \
  lock stubs plots clean FORCE

help:
	@sed -n 's/^#   //p' Makefile

demo: .cache/core $(PAGE)
	@$(BIN)/sonicrtc demo $(ARGS)

test: .cache/dev .cache/core $(PAGE)
	@$(BIN)/python tests/run.py $(ARGS)

test-long: .cache/dev .cache/core $(PAGE)
	@$(BIN)/python tests/run.py --long $(ARGS)

coverage: .cache/dev .cache/core
	@$(BIN)/python tests/run.py --stage coverage

soak: .cache/dev .cache/core
	@$(BIN)/python -m tests.soak.run $(ARGS)

test-aarch64 test-armv7: test-%: .cache/dev .cache/core
	@$(BIN)/python tests/run.py --stage '$* under QEMU'

test-clients: .cache/dev .cache/core
	@$(BIN)/python tests/run.py --stage 'clients of others'

clients: .cache/pipecat .cache/livekit .cache/strands

bench: .cache/dev .cache/core $(PAGE)
	@$(BIN)/sonicrtc bench $(ARGS)

# How often the gate of the bench is wrong: this build beside itself, and slowed down.
bench-gate: .cache/dev .cache/core $(PAGE)
	@$(BIN)/python benchmarks/gate_study.py $(ARGS)

# How soon a user who speaks up ducks the agent, and that neither echo nor noise does.
bench-turns: .cache/dev .cache/core
	@$(BIN)/python -m benchmarks.turns $(ARGS)

# The media path beside others' in one run: they take turns, each in its own environment.
PEERS = --server 'aiortc=.cache/aiortc-env/bin/python -m benchmarks.peers.aiortc_echo' \
  --server 'pipecat=.cache/pipecat-webrtc-env/bin/python -m benchmarks.peers.pipecat_echo' \
  --server 'fastrtc=.cache/fastrtc-env/bin/python -m benchmarks.peers.fastrtc_echo'
MEDIA = --calls 8,16,24 --loss 0,5,10,5x3
bench-media: .cache/dev .cache/core $(PAGE) .cache/aiortc .cache/pipecat-webrtc .cache/fastrtc
	@$(BIN)/sonicrtc bench capacity $(PEERS) $(MEDIA) $(ARGS)

lint: .cache/dev .cache/core $(PAGE)
	@$(BIN)/python tests/lint/run.py

wheel: .cache/dev $(PAGE)
	@rm -rf dist && $(BIN)/python -m build --no-isolation --outdir dist . >.cache/wheel.log 2>&1 || { cat .cache/wheel.log; exit 1; }
	@ls dist

wheels: .cache/dev $(PAGE)
	@$(BIN)/python scripts/wheels.py $(ARGS)

test-wheels: .cache/dev .cache/core $(PAGE)
	@$(BIN)/python tests/run.py --stage wheels

# The type stubs of the core are generated; `make lint` fails when they are stale.
stubs: .cache/dev .cache/core
	@$(BIN)/python tests/lint/generate_stubs.py

# The measured responses of the filters, as docs/audio-core.md shows them.
plots: .cache/dev .cache/core
	@$(BIN)/python -m tests.golden.draw docs/filters.svg

lock:
	@$(BIN)/python scripts/lock.py

clean:
	rm -rf .venv .cache build dist wheelhouse python/sonicrtc/page web/node_modules

# -- set-up, each step once ------------------------------------------------------------------

.cache/compiler:
	@mkdir -p .cache
	@command -v $${CXX:-c++} >/dev/null || { echo "SonicRTC needs a C++20 compiler (Debian: apt-get install g++)" >&2; exit 1; }
	@touch $@

.cache/demo: requirements/demo.lock | .cache/compiler
	@scripts/environment.sh $<
	@touch $@

.cache/dev: requirements/dev.lock .cache/demo
	@scripts/environment.sh $<
	@touch $@

# Clients and servers that we did not write, with the versions of the SDK that each asks for.
.cache/pipecat .cache/livekit .cache/strands .cache/aiortc .cache/pipecat-webrtc .cache/fastrtc: .cache/%: requirements/%.lock | .cache/compiler
	@scripts/environment.sh $< $@-env
	@touch $@

# An editable install knows the package's files by name: a new file counts as a change.
.cache/python-files: FORCE | .cache/compiler
	@find python -name '*.py' -o -name '*.pyi' | sort >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.cache/core: .cache/demo $(CORE_SOURCES) .cache/python-files
	@echo "· building the audio core"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e . \
		>.cache/core.log 2>&1 || { cat .cache/core.log; exit 1; }
	@touch $@

$(PAGE): $(PAGE_SOURCES) | .cache/demo
	@scripts/page.sh
	@touch $@
