# genimg: `make demo` and `make test` do all the set-up themselves.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONUNBUFFERED := 1

.PHONY: help setup demo test test-fast ui lint wiring accept-real bench-first-run bench-data bench-model lock

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 17

setup: $(READY) ## build .venv from requirements.lock (the other targets do it when it is missing)

# Bytecode is compiled here, once: where Python may not write it (PYTHONDONTWRITEBYTECODE), each stage
# would compile torch and Great Expectations anew, which doubles the time to import them.
$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "genimg needs Python 3.11: install it, or name it with PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Setting up .venv (a minute or two, about 6 GB, once) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## the whole pipeline on the built-in letters (about eight minutes), then the report's path
	@$(BIN)/genimg run

test: $(READY) ## lint, and every test (about 20 minutes on 2 cores)
	@$(MAKE) --no-print-directory lint
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --maxschedchunk 1

test-fast: $(READY) ## the tests that take no servers, browsers or whole pipelines
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --maxschedchunk 1 -m "not slow and not real"

ui: $(READY) ## open Dagster (webserver and daemon) on http://127.0.0.1:3000
	@$(BIN)/python -m orchestration.ui

lint: $(READY) ## ruff, and the wiring of dvc.yaml against the code
	@$(BIN)/ruff check --quiet .
	@$(BIN)/python tools/wiring.py --check

wiring: $(READY) ## write the code dependencies of each stage into dvc.yaml
	@$(BIN)/python tools/wiring.py

accept-real: $(READY) ## the pipeline on real images (GENIMG_REAL_DATA, default ../shared/data), in folders of its own
	@$(BIN)/python -m pytest -m real -s tests/real

bench-first-run: $(READY) ## quality figures of the demo, transfer and cleaning (under 20 minutes; FULL=1 takes hours)
	@for name in defects first_run sampling transfer; do \
	  $(BIN)/python -m benchmarks.$$name $(if $(FULL),--full,--short) || exit; done

bench-data: $(READY) ## the data half against today's tools, defects, growth, increments, join, gates, labels (short form under 20 minutes; FULL=1)
	@for name in data_join data_gates; do $(BIN)/python -m benchmarks.$$name || exit; done
	@for name in data_chain data_defects data_growth data_increment data_labels; do \
	  $(BIN)/python -m benchmarks.$$name $(if $(FULL),--full,--short) || exit; done

# On a quiet machine: the trainings of model_families are stopped by the clock.
bench-model: $(READY) ## families, objectives, transfer, loop, growth, collapse (a short form; FULL=1 takes a night)
	@for name in model_families model_objectives model_speedup model_loop model_growth model_collapse; do \
	  $(BIN)/python -m benchmarks.$$name $(if $(FULL),--full,--short) || exit; done

lock: $(READY) ## write requirements.lock anew from pyproject.toml
	@mkdir -p .genimg && $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --all-extras --python-version 3.11 --no-annotate --no-header -o .genimg/lock
	@(echo "# Exact versions of everything in .venv (Linux, Python 3.11); \`make lock\` writes it."; cat .genimg/lock) > requirements.lock
