# Everything a newcomer or a build needs; `make` alone lists it.
PYTHON ?= python3
JOBS ?= 2
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# An installer says much that only matters when it fails.
quietly = $(1) >$(VENV)/install.log 2>&1 || { cat $(VENV)/install.log >&2; exit 1; }
export KPULSE_DATA_DIR ?= $(CURDIR)/data

.DEFAULT_GOAL := help
.PHONY: help run test lint bench proof dashboards docs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: PORT (run), PYTHON (first set-up), ARGS (test, bench, proof), KPULSE_DATA_DIR (default ./data)"

run: $(VENV)/.run ## start with the synthetic demo company; Ctrl-C ends it (PORT=8480)
	@exec $(BIN)/kpulse demo $(if $(PORT),--port $(PORT))

test: $(VENV)/.dev ## run all tests (ARGS='-k word' narrows them)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

lint: $(VENV)/.dev ## check style, format, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo

bench: $(VENV)/.dev ## measure speed and memory
	@$(BIN)/python benchmarks/bench.py $(ARGS)

proof: $(VENV)/.dev ## run the long proofs and write their dated report to docs/proof
	@$(BIN)/python benchmarks/proof.py $(ARGS)

dashboards: $(VENV)/.dev ## write the Grafana dashboards again from their code
	@$(BIN)/python -m kpulse_dashboards.build

docs: $(VENV)/.dev ## write the reference pages again from the code
	@$(BIN)/python docs/build_reference.py
	@$(BIN)/python -m kpulse.metrics.reference > docs/metrics.md

clean: ## remove the environment and caches; your data stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find . -name '*.egg-info' -type d -prune -exec rm -rf {} +

# Stamps tell what is done: they are written last, so an interrupted step is done again.
$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no '$(PYTHON)' here. Install Python 3.11 or newer (Debian, Ubuntu: python3-venv)," >&2; \
	  echo "or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "'$(PYTHON)' is $$($(PYTHON) -V 2>&1), but 3.11 or newer is needed. Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. Install its package: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: pyproject.toml $(VENV)/.made
	@echo "Installing into $(VENV); the first time takes about a minute."
	@$(call quietly,$(PIP) install -e .)
	@touch $@

# Dependency groups need a pip of 2025; what Debian 12 brings is older.
$(VENV)/.dev: pyproject.toml $(VENV)/.made
	@echo "Installing what development needs into $(VENV); the first time takes a minute or two."
	@$(call quietly,$(PIP) install 'pip>=25.1')
	@$(call quietly,$(PIP) install -e . --group dev)
	@touch $@ $(VENV)/.run
