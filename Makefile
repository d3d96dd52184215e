# Everything happens inside this folder: the virtual environment is .venv, and what runs leave behind is .bakeoff.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV := $(BIN)/uv
READY := .venv/.ready
LOCK := requirements/dev.txt
CODE := src tests benchmarks notebooks

# As pip does: behind a proxy with a certificate of its own, it is the machine that knows whom to trust.
export UV_SYSTEM_CERTS ?= 1

.DEFAULT_GOAL := help
CLASSIC := .venv-classic
SPARK4 := .venv-spark4
QUALITY := .venv-quality
# Runtimes of Databricks' clusters and environments of its serverless compute, and what their files here are called.
RUNTIMES := 15.4 16.4 17.3 18 19 serverless-3 serverless-4 serverless-5 serverless-6
RUNTIME ?= 16.4
replica_of = $(or $(filter serverless-%,$(1)),dbr-$(1))
REPLICA := $(call replica_of,$(RUNTIME))
SERVERLESS := $(filter serverless-%,$(RUNTIME))
DBR := .venv-$(REPLICA)
DBR_PIP = $(UV) run --quiet --no-project --with pip --python $(BIN)/python python -m pip --disable-pip-version-check --python $(DBR)/bin/python
DBR_OPTIONS := -W default --override-ini=pythonpath=tests
COVERED ?= tests/unit
LOCKING = $(UV) pip compile --quiet $(LOCK_ARGS) --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
LOCK_DEV = $(LOCKING) pyproject.toml --extra local --extra spark --extra tune --group dev --group docs
LOCK_DBR = $(LOCKING) pyproject.toml requirements/$(REPLICA).in \
	$(addprefix --override ,$(wildcard requirements/$(REPLICA).override))
LOCK_QUALITY = $(LOCKING) --python-version 3.11 --override requirements/quality.override
PYENV_ROOT ?= $(HOME)/.pyenv
# The interpreter of a version: pyenv's, which need not be on the PATH, else what uv finds by the version.
python_of = $(or $(lastword $(wildcard $(PYENV_ROOT)/versions/$(1).*/bin/python$(1))),$(1))
# A runtime's tests run on 3.11, as all others do, or on the runtime's own Python where that has to be at hand anyway.
ON_312 := dbr-18 dbr-19 serverless-%
.PHONY: help setup demo screenshots test test-all test-py310 test-py312 test-py313 test-classic test-spark4 test-dbr \
	coverage docs docs-serve bench quality soak torture sql wheel lint format lock lock-dbr lock-quality clean

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Make the virtual environment with the locked requirements

demo: $(READY) ## Compare models on a data set that ships in a package, on local Spark
	$(BIN)/bakeoff demo --engine spark

screenshots: $(READY) ## Take the README's pictures again, from real runs (needs Chromium)
	$(BIN)/bakeoff demo --engine spark | $(BIN)/python docs/picture.py
	$(BIN)/python docs/screenshots.py

test: lint ## Lint, check types, and run all tests but the slow ones
	tests/run_lanes.sh -m "not slow"

test-all: lint ## The same with the slow tests: every behaviour on every engine
	tests/run_lanes.sh

test-py310: ## The unit tests, the native engine and a run on Spark, on Python 3.10
test-py312: ## The same on Python 3.12
test-py313: ## The same on Python 3.13, which has Spark 4.2 and the pandas of today
test-py310 test-py312 test-py313: test-py3%: .venv-py3.%/.ready
	.venv-py3.$*/bin/python -m pytest tests/unit
	.venv-py3.$*/bin/python -m pytest -m "not slow" -k native tests/contract
	.venv-py3.$*/bin/python -m pytest tests/e2e/test_job.py

# Workers of Spark and the children in which models are fitted are other processes, whose lines are not counted.
coverage: $(READY) ## Measure which lines the unit tests reach (htmlcov/index.html; COVERED='tests/unit tests/spark' for more)
	$(BIN)/python -m pytest --cov --cov-report= -m "not slow" $(COVERED)
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

docs: $(READY) ## Build the documentation into site/; a warning fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-serve: $(READY) ## Show the documentation on a local port, and again when a page changes
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

test-classic: $(CLASSIC)/.ready ## The contract suite with the original PyCaret 3.3
	$(CLASSIC)/bin/python -m pytest -k "not dask and not spark" tests/contract

test-spark4: $(SPARK4)/.ready ## What is about Spark, Spark Connect too, on Spark 4.0
	$(SPARK4)/bin/python -m pytest -k "spark or turns" tests/spark tests/tables tests/contract
	$(SPARK4)/bin/python -m pytest --connect tests/contract

bench: $(READY) ## Measure: BENCH='--source data.csv --target y' for a table of your own
	$(BIN)/python -m benchmarks.compare $(BENCH)
	$(BIN)/python -m benchmarks.whole_run $(BENCH)
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.simulate

quality: $(QUALITY)/.ready $(QUALITY)-flaml/.ready $(QUALITY)-autogluon/.ready ## Bakeoff beside FLAML and AutoGluon (QUALITY_ARGS='--folds 0 --minutes 1'; see docs/quality.md)
	$(QUALITY)/bin/python -m benchmarks.quality run $(QUALITY_ARGS)
	$(QUALITY)/bin/python -m benchmarks.quality table

# Warnings of packages as old as the runtime's are no errors here. Pip itself installs what was just built, as on a cluster: it fails
# where that would change one of the runtime's packages. Some runtimes have pairs of packages that complain by themselves, so only new complaints count.
test-dbr: $(DBR)/.ready wheel ## The wheel with the versions of a Databricks runtime (RUNTIME=15.4 ... 19, serverless-3 ... -6)
	cd src && ../$(UV) run --quiet --no-project --with pip --python ../$(BIN)/python \
		python -m bakeoff._utils.relaxed_pycaret ../dist $(or $(SERVERLESS:serverless-%=serverless=%),cluster=$(RUNTIME))
	$(DBR_PIP) uninstall --quiet --yes bakeoff pycaret-core
	$(DBR_PIP) check >$(DBR)/before.txt || true
	$(DBR_PIP) install --quiet --constraint requirements/$(REPLICA)-test.txt dist/$(if $(SERVERLESS),serverless,cluster)/*.whl dist/*.whl
	$(DBR_PIP) check >$(DBR)/after.txt || true
	diff $(DBR)/before.txt $(DBR)/after.txt
	$(DBR)/bin/python -m pytest $(DBR_OPTIONS) $(if $(SERVERLESS),--connect,tests/e2e/test_job.py) tests/bundle/test_runtime.py \
		tests/tracking/test_logged_model.py tests/spark/test_connect_job.py tests/spark/test_far_server.py
	$(DBR)/bin/python -m pytest $(DBR_OPTIONS) -m "not slow" -k native tests/contract
	$(DBR)/bin/python -m pytest $(DBR_OPTIONS) -m "not slow" --connect tests/contract
	$(DBR)/bin/python -m pytest $(DBR_OPTIONS) $(if $(SERVERLESS),--connect) tests/e2e/test_fidelity.py

sql: $(READY) ## Write the SQL that makes empty tables in a workspace, from the tables' definitions
	PYTHONPATH=tests $(BIN)/python tests/support/prepared_sql.py

wheel: $(READY) ## Build the wheel into dist
	$(UV) build --quiet --wheel --clear

soak: $(READY) ## Random faults, seed after seed (SEEDS=50, ENGINE=local), each row compared with what was done to it
	$(BIN)/python -W ignore tests/faults/soak.py --seeds $(or $(SEEDS),50) --engine $(or $(ENGINE),spark)

torture: $(READY) ## Odd tables, seed after seed (TABLES=500): every model comes through, or one sentence says why not
	$(BIN)/python -W ignore tests/torture/torture.py --tables $(or $(TABLES),100) --seed $(or $(SEED),0)

lint: $(READY) ## Check style, formatting and types
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

lock: $(UV) ## Resolve the requirements again (LOCK_ARGS=--upgrade for the newest of everything)
	$(LOCK_DEV) --python-version 3.11 --output-file $(LOCK)
	for python in 3.10 3.12 3.13; do \
		$(LOCK_DEV) --python-version $$python --output-file requirements/py$$python.txt || exit 1; \
	done
	$(LOCKING) requirements/classic.in --python-version 3.11 --output-file requirements/classic.txt
	$(LOCKING) pyproject.toml requirements/spark4.in --python-version 3.11 --output-file requirements/spark4.txt
	$(MAKE) --no-print-directory lock-quality
	for runtime in $(RUNTIMES); do $(MAKE) --no-print-directory lock-dbr RUNTIME=$$runtime || exit 1; done

# What `make quality` compares, each in an environment of its own.
lock-quality:
	$(LOCK_QUALITY) pyproject.toml --extra local --extra boost --output-file requirements/quality.txt
	for system in flaml autogluon; do \
		$(LOCK_QUALITY) requirements/quality-$$system.in --output-file requirements/quality-$$system.txt || exit 1; \
	done

# What the wheel resolves to beside the runtime's own packages: for the runtime's Python, and with what the tests need.
lock-dbr:
	$(LOCK_DBR) --python-version $(if $(filter 15.4,$(RUNTIME)),3.11,3.12) --output-file requirements/$(REPLICA).txt
	$(LOCK_DBR) $(wildcard requirements/$(REPLICA)-test.in) requirements/dbr-test.in \
		--python-version $(if $(filter $(ON_312),$(REPLICA)),3.12,3.11) --output-file requirements/$(REPLICA)-test.txt

clean: ## Remove the virtual environment, caches and what runs left behind
	rm -rf .venv .venv-* .bakeoff .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov site build dist
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is made once, and anew when the requirements change.
$(READY): $(LOCK) pyproject.toml | $(UV)
	@# Compiled once here: Spark starts many short Python processes, and each would compile PyCaret anew where
	@# PYTHONDONTWRITEBYTECODE is set.
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python $(LOCK)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

# A runtime's environment holds the wheel and nothing of this folder, which `make test-dbr` sees to.
$(foreach runtime,$(RUNTIMES),.venv-$(call replica_of,$(runtime))/.ready): .venv-%/.ready: requirements/%-test.txt | $(UV)
	$(UV) venv --quiet --clear --python $(if $(filter $(ON_312),$*),$(call python_of,3.12),$(BIN)/python) .venv-$*
	$(UV) pip sync --quiet --compile-bytecode --python .venv-$*/bin/python $<
	@touch $@

# Systems that Bakeoff is compared with, without it.
.venv-quality-%/.ready: requirements/quality-%.txt | $(UV)
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-quality-$*
	$(UV) pip sync --quiet --compile-bytecode --python .venv-quality-$*/bin/python $<
	@touch $@

# The locked requirements again, for another Python than the one that everything else runs on.
.venv-py%/.ready: requirements/py%.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python $(call python_of,$*) .venv-py$*
	$(UV) pip sync --quiet --compile-bytecode --python .venv-py$*/bin/python requirements/py$*.txt
	$(UV) pip install --quiet --python .venv-py$*/bin/python --no-deps --editable .
	@touch $@

# The other environments hold what their tests need and nothing else.
.venv-%/.ready: requirements/%.txt pyproject.toml | $(UV)
	$(UV) venv --quiet --clear --python $(BIN)/python .venv-$*
	$(UV) pip sync --quiet --compile-bytecode --python .venv-$*/bin/python requirements/$*.txt
	$(UV) pip install --quiet --python .venv-$*/bin/python --no-deps --editable .
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.version_info[:2] == (3, 11) or sys.exit("The requirements are locked for Python 3.11, and this is %s: make PYTHON=/path/to/python3.11" % sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
