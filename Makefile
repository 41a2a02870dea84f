# Everything one does in this house, as targets. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --quiet
UV := uv==0.13.9

# Tests of every core at once; SPREAD= runs them one after another.
SPREAD ?= --numprocesses auto --maxprocesses 8 --dist worksteal

# python3.11, on which the lock was made, or else a newer one. One of your own:
# make PYTHON=/path/to/python
PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
	2>/dev/null && echo $$p && break; done)

.PHONY: help setup demo test test-all checks lint types floors fresh format generate lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

setup: .venv/.ready ## build .venv; the other targets do it by themselves
	@echo "Ready: .venv"

demo: .venv/.ready ## see it work on small data
	@$(BIN)/isthmus demo

test: checks ## all checks and the tests, less the slow ones: what CI runs
	@$(BIN)/python -m pytest $(SPREAD) -m "not slow"

test-all: checks ## the same, and the tests that train real models
	@$(BIN)/python -m pytest $(SPREAD)

checks: lint types floors fresh

lint: .venv/.ready ## style, format, and the size of files and functions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/check_sizes.py

types: .venv/.ready ## mypy, strict
	@$(BIN)/mypy

floors: .venv/.ready ## imports go down only
	@$(BIN)/lint-imports --no-logo

fresh: .venv/.ready ## the generated files are what would be generated now
	@$(BIN)/python tools/generate.py --check

format: .venv/.ready ## mend what ruff can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

generate: .venv/.ready ## write the generated files anew
	@$(BIN)/python tools/generate.py

# One set of versions for every system and every Python that we take. torch is not in
# it: requirements/torch.txt says why.
lock: ## choose dependencies anew, into requirements/dev.lock
	@$(need-python)
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check install --quiet $(UV)
	.venv-lock/bin/uv --config-file requirements/uv.toml pip compile pyproject.toml \
		--extra all --group dev --constraints requirements/torch.txt \
		--universal --python-version 3.11 --fork-strategy fewest \
		--upgrade --generate-hashes --no-emit-package torch \
		--custom-compile-command "make lock" --quiet --output-file requirements/dev.lock
	@! grep -nE '^(nvidia|triton|torch)|://|^-' requirements/dev.lock || \
		{ echo >&2 "requirements/dev.lock: a line above does not belong there."; exit 1; }

clean: ## remove what was built
	rm -rf .venv .venv-lock build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

# The locked packages first, by hash; then torch finds all it needs in place.
.venv/.locked: requirements/dev.lock requirements/torch.txt
	@$(need-python)
	@echo "Building .venv with $$($(PYTHON) --version). The first time takes some minutes."
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) --require-hashes -r requirements/dev.lock
	@$(PIP) -r requirements/torch.txt
	@touch $@

.venv/.ready: .venv/.locked pyproject.toml
	@$(PIP) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip --disable-pip-version-check check
	@touch $@

define need-python
test -n "$(PYTHON)" || { echo >&2 "make: isthmus needs Python 3.11 or newer with its venv \
	module. Found: $$(python3 --version 2>/dev/null || echo none). Install one, or name one: \
	make PYTHON=/path/to/python"; exit 1; }
endef
