# What people type. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install uninstall dist weekend build test check lint bench soak faults parity packages clean

SOURCES := Package.swift Protocol Coordinator Worker Tests bench
STRICT := --explicit-target-dependency-import-check error
PYTHON := $(if $(APEX_PEERS),$(APEX_PEERS)/bin/,)python3
# Where `make weekend` puts its run; `make weekend OUT=/somewhere` puts it elsewhere.
OUT ?= weekend
# How long `make soak` goes on, in seconds.
SECONDS_OF_SOAK ?= 3600

help:
	@echo 'make weekend   build, run the whole weekend on a made-up market, say where the report is'
	@echo 'make test      build everything, lint, run every test'
	@echo 'make check     make test, then the quick benchmarks: run it before a commit'
	@echo 'make build     the two programs, release: .build/release/apex and apex-worker'
	@echo 'make bench     every benchmark, beside the peers that are here (APEX_PEERS=folder of a virtual environment)'
	@echo 'make faults    crashes, lost messages and broken frames: the simulator and the tests that kill processes'
	@echo 'make soak      ten million hostile frames, then the simulator on ever new seeds, for SECONDS_OF_SOAK=3600'
	@echo 'make parity    compare samplers, pruners and importances with Optuna, indicators with TA-Lib, where Python has them'
	@echo 'make install   the programs and systemd units, under PREFIX=/usr/local, DESTDIR=; make uninstall takes them away'
	@echo 'make dist      a tarball of programs that need no Swift where they run, in .build'
	@echo 'make clean     remove what was built'

packages:
	@.ci/packages

build: packages
	@swift build -c release --product apex
	@swift build -c release --product apex-worker

weekend: build
	@.build/release/apex weekend --demo --out '$(OUT)'
	@echo "The report is $(abspath $(OUT))/report.html; its numbers are in report.json and run.sqlite beside it."

lint:
	@swift format lint --strict --recursive --parallel $(SOURCES)

# The test runner's own closing line comes last.
test: packages
	@swift build --build-tests $(STRICT)
	@$(MAKE) --no-print-directory lint
	@.ci/peers
	@swift test --skip-build --disable-xctest

check: test build
	@swift build -c release --product bench
	@.build/release/bench all --quick

bench: build
	@swift build -c release --product bench
	@.ci/peers
	@.build/release/bench all

# A broken invariant prints its seed; `bench simulate` counts them in its last line.
faults: build
	@swift build -c release --product bench
	@.build/release/bench simulate | tee /dev/stderr | grep -q ' 0 failures '
	@swift build --build-tests $(STRICT)
	@APEX_FAULTS=1 swift test --skip-build --filter 'ClusterTests|CoreTests|ProtocolTests'

soak: packages
	@swift build -c release --product bench
	@.build/release/bench fuzz 10000000 $$(date +%s)
	@end=$$((SECONDS + $(SECONDS_OF_SOAK))); start=$$(($$(date +%s) * 1000)); first=$$start; \
	while [ $$SECONDS -lt $$end ]; do \
	    .build/release/bench simulate 500 $$first | tee /dev/stderr | grep -q ' 0 failures '; \
	    first=$$((first + 500)); \
	done; \
	echo "no invariant broke in the seeds $$start to $$((first - 1))"

# The peers write their numbers anew; the committed ones, which the tests follow, must be the same bytes.
parity: packages
	@if $(PYTHON) -c 'import optuna' 2>/dev/null; then \
	    NPY_DISABLE_CPU_FEATURES='X86_V3 X86_V4 AVX512_ICL AVX512_SPR' \
	        $(PYTHON) Tests/SamplerTests/Golden/make_traces.py | cmp - Tests/SamplerTests/Golden/traces.txt; \
	    echo 'Optuna writes the committed traces'; \
	    if $(PYTHON) -c 'import cmaes, mpmath, scipy' 2>/dev/null; then \
	        $(PYTHON) Tests/SamplerTests/Golden/sampler_numbers.py | cmp - Tests/SamplerTests/Golden/sampler_numbers.txt; \
	        echo 'SciPy, cmaes and mpmath print the committed numbers'; \
	    else echo 'not compared: $(PYTHON) lacks one of cmaes, mpmath, scipy'; fi; \
	    NPY_DISABLE_CPU_FEATURES='X86_V3 X86_V4 AVX512_ICL AVX512_SPR' \
	        $(PYTHON) Tests/AnalysisTests/Golden/importances.py | cmp - Tests/AnalysisTests/Golden/importances.txt; \
	    echo 'Optuna writes the committed importances'; \
	else echo 'not compared: $(PYTHON) has no optuna'; fi
	@if $(PYTHON) -c 'import optuna, scipy' 2>/dev/null; then \
	    $(PYTHON) Tests/PrunerTests/Golden/decisions.py | cmp - Tests/PrunerTests/Golden/decisions.txt; \
	    echo 'Optuna makes the committed pruning decisions'; \
	else echo 'not compared: $(PYTHON) lacks optuna or scipy'; fi
	@$(PYTHON) Tests/ObjectiveTests/Golden/values.py | cmp - Tests/ObjectiveTests/Golden/values.txt
	@if $(PYTHON) -c 'import talib' 2>/dev/null; then \
	    $(PYTHON) Tests/KernelTests/Golden/indicators.py | cmp - Tests/KernelTests/Golden/indicators.txt; \
	    echo 'TA-Lib writes the committed indicators'; \
	else echo 'not compared: $(PYTHON) has no talib'; fi
	@swift build --build-tests
	@swift test --skip-build --filter 'SamplerTests|PrunerTests|ObjectiveTests|AnalysisTests|KernelTests'

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
HOME_OF_PROGRAMS := $(PREFIX)/lib/apex-cluster

dist: packages
	@.ci/dist

# The settings that are there stay.
install: packages
	@.ci/dist --tree .build/install
	@install -d '$(DESTDIR)$(HOME_OF_PROGRAMS)/programs' '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(UNITDIR)' \
	    '$(DESTDIR)$(SYSCONFDIR)/apex'
	@for program in apex apex-worker; do \
	    install -m 755 .build/install/programs/$$program '$(DESTDIR)$(HOME_OF_PROGRAMS)/programs/'; \
	    install -m 755 .build/install/$$program '$(DESTDIR)$(HOME_OF_PROGRAMS)/'; \
	    ln -sfn '$(HOME_OF_PROGRAMS)'/$$program '$(DESTDIR)$(PREFIX)/bin/'$$program; \
	done
	@install -m 644 .build/install/libraries '$(DESTDIR)$(HOME_OF_PROGRAMS)/'
	@for unit in apex-coordinator apex-worker; do \
	    sed 's|@BIN@|$(PREFIX)/bin|; s|@ETC@|$(SYSCONFDIR)|' .build/install/systemd/$$unit.service \
	        >'$(DESTDIR)$(UNITDIR)'/$$unit.service; \
	done
	@[ -e '$(DESTDIR)$(SYSCONFDIR)/apex/cluster.yaml' ] || \
	    install -m 644 cluster.yaml '$(DESTDIR)$(SYSCONFDIR)/apex/cluster.yaml'
	@echo 'Installed. As services: useradd --system apex; systemctl daemon-reload; systemctl enable --now apex-coordinator apex-worker'

# State and settings stay.
uninstall:
	@rm -rf '$(DESTDIR)$(HOME_OF_PROGRAMS)'
	@rm -f '$(DESTDIR)$(PREFIX)/bin/apex' '$(DESTDIR)$(PREFIX)/bin/apex-worker' \
	    '$(DESTDIR)$(UNITDIR)/apex-coordinator.service' '$(DESTDIR)$(UNITDIR)/apex-worker.service'

clean:
	@rm -rf .build
