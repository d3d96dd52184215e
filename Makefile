# Everything happens inside this folder: the virtual environment is .venv, and what runs leave behind is .bakeoff.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := $(BIN)/uv
READY := .venv/.ready
LOCK := requirements/dev.txt
CODE := src tests

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all lint format lock clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment with the locked requirements

demo: $(READY) ## Compare models on a data set that ships in a package, on local Spark
	$(BIN)/bakeoff demo

test: lint ## Lint, check types, and run all tests but the slow ones
	$(BIN)/python -m pytest -m "not slow"

test-all: lint ## The same with the slow tests
	$(BIN)/python -m pytest

lint: $(READY) ## Check style, formatting and types
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lock: $(UV) ## Resolve the requirements again (LOCK_ARGS=--upgrade for the newest of everything)
	$(UV) pip compile pyproject.toml --extra local --group dev --python-version 3.11 --quiet $(LOCK_ARGS) \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" --output-file $(LOCK)

clean: ## Remove the virtual environment, caches and what runs left behind
	rm -rf .venv .bakeoff .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and anew when the requirements change.
$(READY): $(LOCK) pyproject.toml | $(UV)
	@# Compiled once here: Spark starts many short Python processes, and each would compile PyCaret anew where
	@# PYTHONDONTWRITEBYTECODE is set.
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python $(LOCK)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.version_info[:2] == (3, 11) or sys.exit("The requirements are locked for Python 3.11, and this is %s: make PYTHON=/path/to/python3.11" % sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
