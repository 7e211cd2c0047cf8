# The habits of the house. `make` or `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup test lint types format bench docs example ci

help:  ## List these habits
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.done  ## Make .venv with the package, editable, and all tools

.venv/.done: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q -e '.[dev]'
	@touch $@

test: setup  ## Run all tests and the examples in docstrings
	$(BIN)/python -m pytest -n 2

lint: setup  ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup  ## Check the types of the core
	$(BIN)/mypy

format: setup  ## Put the code into the house's format
	$(BIN)/ruff check --fix -q .
	$(BIN)/ruff format .

bench: setup  ## Time the workloads, beside those peers that are installed
	$(BIN)/python benchmarks/run.py

docs: setup  ## Write the generated pages and build the site
	$(BIN)/python docs/generate.py
	$(BIN)/mkdocs build -q --strict -d build/site

example: setup  ## Train the digit classifier
	$(BIN)/python examples/train_digits.py

ci:  ## All that must hold before a change goes in, as a machine would run it
	.ci/run
