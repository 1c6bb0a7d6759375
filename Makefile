# Everything a reader of the README or a reviewer types. `make help` lists it.
#
# PYTHON   the interpreter that makes the environment (3.11 or newer)   make run PYTHON=python3.13
# NEWEST   the interpreter of make test-newest                          make test-newest NEWEST=python3.14
# CONFIG   the project to simulate                                      make run CONFIG=configs/modular.yaml
# ARGS     options for the command behind the target                    make run ARGS="--runs 200"

PYTHON ?= python3
CONFIG ?= configs/hybrid.yaml
ARGS ?=
SECONDS ?= 60
RUNS ?= 20000
PROJECTS ?= 50000

VENV := .venv
BIN := $(VENV)/bin
# These two are newer than what is declared and pinned when nothing need be installed.
INSTALLED := $(VENV)/installed-run
INSTALLED_DEV := $(VENV)/installed-dev
FRESH := $(VENV)-fresh
DECLARED := pyproject.toml constraints.txt
# Through the environment the pins also reach the build backend, which pip installs apart.
PINS := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt
# Errors only: what pip was configured with here is not the reader's business.
PIP_INSTALL := -m pip --disable-pip-version-check -qq install
# What the tests of other versions need: every extra, and of the tools only those that run tests.
NEWEST ?= python3.13
TESTED := [fast,cluster,excel,live,notebooks,sensitivity,tune]
TEST_TOOLS := hypothesis nbclient playwright pytest pytest-cov pytest-xdist ruff
# One worker a core, each with its own half of the tests until one is done: what a file shares is built once or twice.
PARALLEL := -n logical --dist worksteal

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-slow test-oldest test-newest torture mutants faults fuzz soak audit claims validation calibration lint types arch check format bench bench-quick peers curves docs gallery constraints wheel site clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: $(INSTALLED) ## simulate CONFIG (the hybrid project), results in out/
	$(BIN)/sim run $(CONFIG) $(ARGS)

test: $(INSTALLED_DEV) ## the tests, without the slow ones
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-slow: $(INSTALLED_DEV) ## the slow tests only
	$(BIN)/python -m pytest $(PARALLEL) -m slow $(ARGS)

test-oldest: ## the tests with the oldest libraries that pyproject.toml allows, on Python 3.11 (constraints-oldest.txt)
	$(PYTHON) -m venv $(VENV)-oldest
	PIP_CONSTRAINT=constraints-oldest.txt $(VENV)-oldest/bin/python $(PIP_INSTALL) --editable ".$(TESTED)" $(TEST_TOOLS)
	$(VENV)-oldest/bin/python -m pytest $(PARALLEL) -o filterwarnings=default $(ARGS)

test-newest: ## the tests with the newest libraries there are, on the newest Python (NEWEST=python3.13); pins them
	$(NEWEST) -m venv $(VENV)-newest
	$(VENV)-newest/bin/python $(PIP_INSTALL) --upgrade --editable ".$(TESTED)" $(TEST_TOOLS)
	{ echo "# The newest versions of all libraries, as make test-newest last found them (CONTRIBUTING.md)"; \
	  $(VENV)-newest/bin/python -m pip --disable-pip-version-check freeze --exclude-editable; } > constraints-newest.txt
	$(VENV)-newest/bin/python -m pytest $(PARALLEL) -o filterwarnings=default $(ARGS)

torture: $(INSTALLED_DEV) ## PROJECTS random projects with everything on: they finish and conserve, or say who waits for what
	SIM_TORTURE=$(PROJECTS) $(BIN)/python -m pytest -q -m slow tests/theory/test_torture.py -k many

mutants: $(INSTALLED_DEV) ## plant mistakes in the model one by one; print how many the tests notice
	$(BIN)/python -m pytest -q -s -m "slow or not slow" tests/mutants $(ARGS)

claims: $(INSTALLED_DEV) ## judge every claim of the interview and write docs/claims.md (RUNS replications: ARGS="200")
	$(BIN)/python -m experiments.the_claims.measure $(ARGS)

validation: $(INSTALLED_DEV) ## run the published projects and write them into docs/validation.md
	$(BIN)/python -m sim.report.docs_pages docs/validation.md configs/cases $(ARGS)

calibration: $(INSTALLED_DEV) ## forecast 300 simulated true projects from their statuses; table in docs/validation.md (30 minutes of a core: ARGS=20)
	$(BIN)/python -m experiments.how_sure_forecasts_are.measure $(ARGS)

faults: $(INSTALLED_DEV) ## provoke every fault of docs/reliability.md: promise, fault, what was observed
	$(BIN)/python -m tests.faults $(ARGS)

fuzz: $(INSTALLED_DEV) ## coverage-guided fuzzing of all that reads strangers' input, for SECONDS (needs atheris)
	$(BIN)/python -m tests.faults.fuzz $(SECONDS)

soak: $(INSTALLED_DEV) ## RUNS replications through kills, on workers and a cluster: one store, flat memory
	$(BIN)/python -m tests.faults.soak $(RUNS)

audit: $(INSTALLED_DEV) ## licences of all that is installed, and known vulnerabilities where pip-audit and a network are
	$(BIN)/python -m tests.faults.audit

lint: $(INSTALLED_DEV) ## style, likely mistakes, spelling, declared dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/deptry .

types: $(INSTALLED_DEV) ## strict types
	$(BIN)/mypy

arch: $(INSTALLED_DEV) ## imports point along the flow
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/test_architecture.py tests/test_layout.py

check: lint types arch ## lint, types and arch

format: $(INSTALLED_DEV) ## rewrite the code in the house's layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED_DEV) ## figures of speed and sampling beside their targets; ARGS="model compiled" for some of them
	$(BIN)/python -m benchmarks $(ARGS)

bench-quick: $(INSTALLED_DEV) ## how long a planner waits for an answer, in under three minutes; information, never a test
	$(BIN)/python -m benchmarks quick

peers: ## other simulators for `make bench ARGS=peers`, each in an environment of its own in .peers
	for peer in simpm openclsim pdesy orbit-nrel; do \
	  $(PYTHON) -m venv .peers/$$peer && .peers/$$peer/bin/python $(PIP_INSTALL) $$peer || exit; done

curves: $(INSTALLED_DEV) ## write the expected delivery curves of tests/curves anew; review the difference
	for strategy in stick_built hybrid hybrid_450 modular any_price; do \
	  $(BIN)/sim baseline save configs/$$strategy.yaml tests/curves/$$strategy.json --runs 16 --seed 1 || exit; done
	$(BIN)/sim baseline save configs/horizon_2gw.yaml tests/curves/horizon_2gw.json --runs 4 --seed 1
	$(BIN)/sim schema --out configs/schema.json

docs: $(INSTALLED_DEV) ## write docs/assumptions.md and docs/reference anew from the configuration and the code
	$(BIN)/python -m sim.report.assumptions docs/assumptions.md configs/base.yaml \
	  configs/stick_built.yaml configs/modular.yaml configs/hybrid.yaml
	$(BIN)/sim reference --out docs/reference

gallery: $(INSTALLED_DEV) ## draw docs/reference/gallery.md and its pictures
	$(BIN)/sim reference --out docs/reference --gallery docs/img/gallery

constraints: ## pin the newest versions that pyproject.toml allows (on the oldest Python supported)
	$(PYTHON) -m venv --clear $(FRESH)
	$(FRESH)/bin/python $(PIP_INSTALL) hatchling ".[dev]"
	{ echo "# What this was tested with, on Python 3.11. Renew with: make constraints"; \
	  $(FRESH)/bin/python -m pip --disable-pip-version-check freeze --exclude hybrid-dc-sim; } > $(FRESH)/pinned
	mv $(FRESH)/pinned constraints.txt
	rm -rf $(FRESH)

site: $(INSTALLED_DEV) ## build the documentation as a site that needs no network: site/README.html
	rm -rf build/pages
	$(BIN)/python docs/site/pages.py build/pages
	$(BIN)/python -m sphinx -q -W --keep-going -b html -c docs/site build/pages site
	@echo "open site/README.html"

wheel: $(INSTALLED_DEV) ## build dist/*.whl: pip install it anywhere, the shipped projects are in it
	@$(PINS) $(BIN)/python -m pip --disable-pip-version-check -qq wheel . --no-deps --no-build-isolation --wheel-dir dist
	@ls dist/*.whl

clean: ## remove the environment and caches; results in out/ stay
	rm -rf $(VENV) $(VENV)-oldest $(VENV)-newest $(FRESH) build dist site .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the environment ------------------------------------------------------------------------------

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(INSTALLED): $(DECLARED) | $(BIN)/pip
	@echo "Installing into $(VENV) (a minute the first time) ..."
	@$(PINS) $(BIN)/python $(PIP_INSTALL) --editable ".[fast,live,excel]"
	@touch $@

$(INSTALLED_DEV): $(DECLARED) | $(BIN)/pip
	@echo "Installing into $(VENV), with the tools for development (a minute or two the first time) ..."
	@$(PINS) $(BIN)/python $(PIP_INSTALL) --editable ".[dev]"
	@touch $(INSTALLED) $@
