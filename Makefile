# The three things people do here. Everything runs from a virtual environment that make keeps in .venv.

PYTHON ?= python3
BIN := .venv/bin
DEMO := runs/demo

.DEFAULT_GOAL := help
.PHONY: help demo test check format model bench clean

help: ## show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: .venv/ready ## generate 20 dialogs with the embedded model, and show one
	$(BIN)/sdialog generate support-desk -n 20 --out $(DEMO) --fresh
	$(BIN)/sdialog show $(DEMO)

test: .venv/ready ## run every test
	$(BIN)/python -m pytest

check: .venv/ready ## style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: .venv/ready ## put the style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

model: .venv/ready ## train the embedded model again (about an hour on two cores)
	$(BIN)/python -m training.make

bench: .venv/ready ## the speed and memory table of the README
	$(BIN)/python -m benchmarks.run

clean: ## remove the environment and what runs left behind
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist
