# Two commands on a fresh machine: `make demo` and `make test`. Python 3.11 to 3.13 and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null || echo $(BIN)/uv)
STAMP := $(VENV)/.installed
ARGS ?=

.PHONY: install demo test test-long test-exhaustive check contracts gas vectors prove clean

install: $(STAMP)

# uv is used if it is there, else it is fetched into the project's own environment with pip.
$(STAMP): pyproject.toml uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv || $(BIN)/python -m pip --version >/dev/null 2>&1 \
		|| $(BIN)/python -m ensurepip >/dev/null
	@command -v uv >/dev/null 2>&1 || test -x $(BIN)/uv \
		|| $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "installing worknet and its libraries into $(VENV)"
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(UV) sync --quiet --frozen --all-extras --inexact --python $(BIN)/python
	@touch $(STAMP)

demo: install
	@$(BIN)/worknet demo $(ARGS)

test: install
	$(BIN)/pytest -n 2 --dist worksteal -m "not long and not exhaustive" $(ARGS)

test-long: install
	$(BIN)/pytest -n 2 --dist loadscope -m long $(ARGS)

# More of the same, and no part of the landing.
test-exhaustive: install
	$(BIN)/pytest -n 2 -m exhaustive $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/build_contracts.py --check
	$(BIN)/python -m benchmarks.gas --check
	$(BIN)/python -m tools.make_vectors --check
	$(BIN)/python tools/make_schemas.py --check
	$(BIN)/python tools/check_docs.py

contracts: install
	$(BIN)/python tools/build_contracts.py

gas: install
	$(BIN)/python -m benchmarks.gas --write

vectors: install
	$(BIN)/python -m tools.make_vectors

# Minutes, and no part of the landing: see proofs/README.md. With ARGS=--faults the proofs are proven to fail.
prove: install
	$(BIN)/python proofs/prove.py $(ARGS)

clean:
	rm -rf $(VENV) build dist demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
