# Everything a newcomer or a machine types. `make help` lists it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=
DEMO_ARGS ?=
# Large tests wait for processes more than they compute: half as many workers again as cores.
LARGE_WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) \* 3 / 2)

SMALL_TESTS := tests/unit tests/contracts tests/architecture
LARGE_TESTS := $(filter-out $(SMALL_TESTS) tests/fixtures,$(patsubst %/,%,$(wildcard tests/*/)))
ROUND := tests/processes/test_chaos.py
# Lines are counted in the small tests and in these two, which run a whole system in their own process.
# The other large tests work in child processes, where a tracer would delay what they look at.
EMBEDDED := tests/processes/test_embedding.py tests/processes/test_manager.py

# Some machines forbid it; then each of the hundreds of programs that tests start compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test quick services check wheel format bench soak drill chaos round clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Spyoncino needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.developer: $(VENV)/.installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed ## a running system without a camera: simulated front door, live table of events
	$(BIN)/spyoncino demo $(DEMO_ARGS)

test: $(VENV)/.developer ## all tests, with coverage per package
	$(BIN)/pytest $(SMALL_TESTS) $(EMBEDDED) -n auto --cov --cov-report= $(PYTEST_ARGS)
	$(BIN)/pytest $(LARGE_TESTS) -m "not alone" $(addprefix --ignore=,$(EMBEDDED)) -n $(LARGE_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)
	$(BIN)/pytest $(LARGE_TESTS) -m alone --ignore=$(ROUND) $(PYTEST_ARGS)
	$(BIN)/python tools/coverage_gate.py

quick: $(VENV)/.developer ## unit tests only, a minute or two
	$(BIN)/pytest $(SMALL_TESTS) -n auto $(PYTEST_ARGS)

services: ## system packages that tests need (apt, when root)
	@bash tools/services.sh

check: $(VENV)/.developer ## format, lint, types, import ladder
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

wheel: $(VENV)/.developer ## what `pip install .` gives: installed alone, it starts and has its models and pictures
	@rm -rf build/wheel && $(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt .
	cd build/wheel && bin/spyoncino --version && SPYONCINO_WEB__PORT=0 bin/spyoncino --data demo demo --for 1 > /dev/null

format: $(VENV)/.developer ## put files into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.developer ## every budget as a ratio, short drills; results under benchmarks/results
	$(BIN)/python benchmarks/run_all.py

soak: $(VENV)/.developer ## a long run that watches memory, descriptors and threads (SOAK_MINUTES=30)
	$(BIN)/python benchmarks/soak.py --minutes $${SOAK_MINUTES:-30}

drill: $(VENV)/.developer ## what breaks, breaks: cameras, cables, processes (about 40 minutes, root for cables)
	$(BIN)/python benchmarks/rtsp_drill.py
	$(BIN)/python benchmarks/restart_drill.py --kills 20 --hangs 1
	$(BIN)/python benchmarks/kill_nine.py
	$(BIN)/python benchmarks/pool_chaos.py

chaos: $(VENV)/.developer ## everything breaks in a seeded order while the bell is rung (CHAOS_MINUTES=20, root for the full disk)
	$(BIN)/python benchmarks/chaos.py --minutes $${CHAOS_MINUTES:-20}

round: $(VENV)/.developer ## two minutes of chaos as a test: nothing lost, everything recovered
	SPYONCINO_LONG=1 $(BIN)/pytest $(ROUND) -s $(PYTEST_ARGS)

clean: ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis htmlcov .coverage .coverage.*
