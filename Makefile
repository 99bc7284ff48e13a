# The commands of this project. Everything they install goes into .venv; nothing needs to be there but Python 3.11.
PYTHON ?= python3.11
PORT ?= 8000
SANDBOX_PORT ?= 8001
BIN := .venv/bin
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install run test check bench lock clean

help:
	@echo "make run     the product, a demo store and a stand-in for Amazon, until Ctrl-C"
	@echo "make test    the tests"
	@echo "make check   format, lint, types, import contracts, migrations, deploy check, tests"
	@echo "make bench   the benchmarks (they want a PostgreSQL: see docs/benchmarks.md)"
	@echo "make install the packages of the product; make lock writes the lock files anew"

# What runs the product; and, on top of it, what tests it. Each is done once for each lock file.
RUNTIME := .venv/.runtime-installed
TESTING := .venv/.testing-installed

install: $(RUNTIME)

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "Python 3.11 is missing: install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11: name one with make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv

$(RUNTIME): requirements.lock | .venv/bin/python
	@echo "Installing the packages of the product …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(TESTING): tests/requirements.lock tests/browser/axe.py $(RUNTIME)
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.lock
	@$(BIN)/python -m tests.browser.axe
	@touch $@

run: $(RUNTIME)
	@$(BIN)/python -m tests.sandbox demo --port $(PORT) --sandbox-port $(SANDBOX_PORT) || test $$? -eq 130

test: $(TESTING)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile

check: $(TESTING)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/bandit -q -ll -r jwo_store catalog pricing orders -c pyproject.toml
	$(BIN)/python manage.py makemigrations --check --dry-run
	env $$(grep -v '^#' deploy/check.env | xargs) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(MAKE) test

bench: $(TESTING)
	@$(BIN)/python -m tests.bench

lock: $(TESTING)
	$(BIN)/python -m pip install --quiet pip-tools
	$(BIN)/pip-compile -q --allow-unsafe --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header --output-file requirements.lock requirements.txt
	$(BIN)/pip-compile -q --allow-unsafe --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header -c requirements.lock --output-file tests/requirements.lock tests/requirements.txt

clean:
	rm -rf var .pytest_cache .mypy_cache .ruff_cache .hypothesis
