# `make` lists what there is to do.

PYTHON ?= python3
# How pytest runs; for example: make test PYTEST_ARGS='-x tests/unit'
PYTEST_ARGS ?= -n 2 --dist worksteal
# Pulumi's engine waits more than it computes, so more of its runs fit side by side than there are cores.
ENGINE_ARGS := -n 6 --dist worksteal
# So do the quick tests.
UNIT_ARGS = $(if $(filter file,$(origin PYTEST_ARGS)),-n 3 --dist worksteal,$(PYTEST_ARGS))
# What needs neither an engine nor a compiler; and of that, what is quick.
PLAIN := -m 'not (engine or tools)'
UNIT := -m 'not (engine or tools or long)'
# A run of all tests measures what they run of the package, and fails below the floor in pyproject.toml.
COVERAGE = $(if $(filter file,$(origin PYTEST_ARGS)),--cov --cov-report=)
# --yaml and --java add language hosts, which tests use; --engine-only leaves out what only they use.
TOOLS_ARGS ?= --yaml

BIN := .venv/bin
VENV := .venv/.complete
# Not exported: set-up must choose Python and Pulumi from the PATH of whoever calls it.
WITH_TOOLS := PATH="$(CURDIR)/.tools/bin:$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: $(VENV) ## make .venv, and find or install a Pulumi CLI (.tools/bin)
	@$(BIN)/python tools/pulumi/install.py $(TOOLS_ARGS)

.PHONY: demo
demo: $(VENV) ## run a real `pulumi up` against a local emulator, from nothing to destroy
	@$(BIN)/python tools/pulumi/install.py --engine-only
	@$(WITH_TOOLS) $(BIN)/python examples/demo.py

.PHONY: unit
unit: $(VENV) ## run the quick tests, which need no engine and compile nothing
	@$(BIN)/pytest $(UNIT) $(UNIT_ARGS)

.PHONY: test
test: setup ## run the tests (PYTEST_ARGS=…)
	@$(WITH_TOOLS) $(BIN)/pytest $(if $(COVERAGE),-m 'not engine') $(PYTEST_ARGS) $(COVERAGE)
	@$(if $(COVERAGE),$(WITH_TOOLS) $(BIN)/pytest -m engine $(ENGINE_ARGS))

.PHONY: test-all
test-all: TOOLS_ARGS += --java
test-all: setup ## run the tests with their full matrices
	@$(WITH_TOOLS) OPENCOMPUTER_TEST_ALL=1 $(BIN)/pytest $(PYTEST_ARGS)

.PHONY: test-lowest
test-lowest: $(VENV) ## run the unit tests with the oldest dependencies that pyproject.toml allows
	@$(BIN)/python tools/try_versions.py lowest $(PYTEST_ARGS)

.PHONY: test-pythons
test-pythons: $(VENV) ## run the unit tests on each Python that is found
	@$(BIN)/python tools/try_versions.py pythons $(PYTEST_ARGS)

.PHONY: coverage
coverage: $(VENV) ## show what the tests without an engine run of the package; a page for each file is in build/coverage
	@$(BIN)/pytest $(PLAIN) $(PYTEST_ARGS) --cov --cov-report=term --cov-report=html:build/coverage

.PHONY: soak
soak: setup ## try much more of what the tests do at random or once; about an hour
	@$(WITH_TOOLS) OPENCOMPUTER_SOAK=1 $(BIN)/pytest -v -n 4 --dist worksteal --timeout 0 tests/lifecycle/test_stateful.py tests/api/test_hostile_adapters.py tests/engine/test_kills.py tests/unit

.PHONY: check
check: $(VENV) ## check the format, the style, the types, the imports and, where actionlint is installed, the workflows
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo
	@$(WITH_TOOLS) sh -c '! command -v actionlint >/dev/null || actionlint -shellcheck= -pyflakes='
	@$(BIN)/zizmor --offline --quiet .github >/dev/null || $(BIN)/zizmor --offline --quiet .github

.PHONY: package
package: $(VENV) ## make the wheel and the source distribution in dist, and check them
	@$(BIN)/python -m tools.release package

.PHONY: plugin
plugin: $(VENV) ## make the plugin's archive for this machine in dist (PLATFORMS=all: for each platform)
	@$(BIN)/python -m tools.release plugin $(PLATFORMS)

.PHONY: sdks
sdks: TOOLS_ARGS += --java
sdks: setup ## make the SDKs of Node.js, Go and Java in dist (LANGUAGES=…)
	@$(WITH_TOOLS) $(BIN)/python -m tools.release sdks $(LANGUAGES)

.PHONY: release-check
release-check: TOOLS_ARGS += --java
release-check: setup ## make all that a release publishes, and tell what stands against it; needs no account
	@$(WITH_TOOLS) $(BIN)/python -m tools.release check

.PHONY: docs
docs: $(VENV) ## build the documentation in build/docs; a broken link or reference fails
	@$(BIN)/sphinx-build --fresh-env --fail-on-warning --keep-going --quiet docs build/docs
	@echo 'docs: build/docs/index.html'

.PHONY: screenshots
screenshots: $(VENV) ## make the pictures of the emulator's page in docs/images; needs a Chromium
	@$(BIN)/python tools/screenshots.py

.PHONY: pictures
pictures: setup ## draw the pictures of the README in docs/images, from real runs
	@$(WITH_TOOLS) $(BIN)/python tools/pictures.py

.PHONY: screens
screens: setup ## record what people see in terminals, in docs/screens
	@$(WITH_TOOLS) $(BIN)/python -m tools.screens

.PHONY: bench
bench: setup ## measure, and print one table
	@$(WITH_TOOLS) $(BIN)/python -m benchmarks

.PHONY: bench-check
bench-check: setup
	@$(WITH_TOOLS) $(BIN)/python -m benchmarks --check

.PHONY: clean
clean: ## remove all that the other targets made
	@rm -rf .venv .tools build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment whose interpreter is gone or too old is made anew; any other is only brought up to date.
$(VENV): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
		{ echo 'Python 3.10 or later is needed: make setup PYTHON=python3.12, for example' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo '$(PYTHON) has no venv module: on Debian, apt-get install python3-venv' >&2; exit 1; }
	@echo 'venv: installing the package and what develops it'
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[emulator]' --group dev
	@touch $@
