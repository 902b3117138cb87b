# Each target does its own set-up and can be run again and again.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := cpu,data,train,export,dev

.PHONY: help setup demo test browser lint bench experiments model clean

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

setup: $(STAMP)  ## make .venv with all that is needed

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "memhacl needs Python 3.11 or newer, found $$($(PYTHON) --version); set PYTHON=..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) has no venv: on Debian, apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	@touch $@

demo: $(STAMP)  ## the main job: simulate, train, export, replay over LSL, serve, predict (under 10 minutes)
	$(BIN)/python -m benchmarks.demo

lint: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

browser:  ## chromium from apt, where it is missing and can be had: the report's page is tried in it
	@command -v chromium >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium >/dev/null; } || \
		echo "no chromium here: tests of the report in a browser skip; as root: apt-get install chromium"

test: lint browser  ## lint, then all tests: those that compute beside those that mostly wait for real streams
	@log=$$(mktemp) && { $(BIN)/python -m pytest tests/train >$$log 2>&1 & train=$$!; \
	$(BIN)/python -m pytest --ignore tests/train; others=$$?; \
	wait $$train; trained=$$?; cat $$log; rm -f $$log; [ $$others -eq 0 ] && [ $$trained -eq 0 ]; }

bench: $(STAMP)  ## the measured claims, as tables (about 20 minutes)
	$(BIN)/python -m benchmarks.run

experiments: $(STAMP)  ## does it learn, on simulated people: tables over 5 seeds (about 2 hours, resumable)
	$(BIN)/python -m benchmarks.learns
	$(BIN)/python -m benchmarks.leaks
	$(BIN)/python -m benchmarks.encoders

model: $(STAMP)  ## retrain and replace the model that ships in the package
	$(BIN)/python -m benchmarks.ship_model

clean:  ## remove .venv and what the demo wrote
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
