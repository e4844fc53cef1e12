# Liuke. `make run` sets everything up and starts it, `make test` tests it, `make help` lists the rest.
#
# Needed: Python 3.11 to 3.13 with venv, a C compiler, make. uv comes from PyPI into .bootstrap/,
# unless it is on PATH. Each stage leaves a stamp, so that later runs need no network.

.DEFAULT_GOAL := help
.PHONY: help run setup test lint bench-voice bench-turns bench-stt bench-start bench-records bench-screen eval-dialogue eval-retrieval eval-routing eval-wishes drill clean

PYTHON ?= python3
# Handed to the program the target runs: make test ARGS="tests/unit -k packs"
ARGS ?=

UV := $(shell command -v uv || echo .bootstrap/bin/uv)
BIN := .venv/bin
# What is installed follows from these two alone.
LOCK := pyproject.toml uv.lock

# $(call need,command that must succeed,what is missing without it,Debian package,macOS command)
need = $(1) >/dev/null 2>&1 || { printf '%s\n' 'Missing: $(strip $(2)).' \
  '  Debian, Ubuntu:  sudo apt-get install $(3)' '  macOS:           $(4)' >&2; exit 1; }

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

run: .venv/.run ## Set up what is missing, start everything, print one URL
	@$(BIN)/liuke up $(ARGS)

setup: .venv/.run ## Set up what is missing without starting it
	@$(BIN)/liuke setup

test: .venv/.dev ## Run the tests; choose with ARGS="tests/unit -k packs"
	@$(BIN)/liuke setup
	@$(BIN)/pytest $(ARGS)

lint: .venv/.dev ## Check style, types, who imports whom, and the pages
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m agent.api.app openapi | cmp -s - web/openapi.json || { echo "web/openapi.json is stale:" \
	  "$(BIN)/python -m agent.api.app openapi > web/openapi.json, then \`npm run types\` in web/" >&2; exit 1; }
	@$(BIN)/python -m agent.host.web_check check

bench-voice: .venv/.dev ## Whole calls beside the stock stack; one JSON line, a page (DATA=DIR, ARGS=--quick)
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval voice $(if $(DATA),--data $(DATA)) $(ARGS)

bench-turns: .venv/.dev ## Turn-taking and barge-in; one JSON line, a page (DATA=DIR, ARGS=--quick)
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval turns $(if $(DATA),--data $(DATA)) $(ARGS)

bench-stt: .venv/.dev ## Hearing beside stock faster-whisper; one JSON line, a page (DATA=DIR, ARGS=--quick)
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval hearing $(if $(DATA),--data $(DATA)) $(ARGS)

bench-start: .venv/.dev ## The first minute of an installation beside a later one; one JSON line (ARGS="--rounds 1")
	@$(BIN)/python -m eval start $(ARGS)

bench-records: .venv/.dev ## 5 million minutes of quality on both databases; one JSON line (ARGS="--rows 1000000")
	@$(BIN)/python -m eval records $(ARGS)

bench-screen: .venv/.dev ## A shared screen for a minute and a half: share of a core, how soon it is read; one JSON line
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval screen $(ARGS)

eval-retrieval: .venv/.dev ## Retrieval beside vectors and words alone; one JSON line, a page (DATA=DIR)
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval retrieval $(if $(DATA),--data $(DATA)) $(ARGS)

eval-routing: .venv/.dev ## Where what customers say goes: F1 by route; one JSON line
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval routing $(ARGS)

eval-wishes: .venv/.dev ## Emergencies and wishes for a person: missed, invented; one JSON line
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval wishes $(ARGS)

eval-dialogue: .venv/.dev ## Whole conversations, by records and words; one JSON line, a page (SCENARIOS=DIR, ARGS=--quick)
	@$(BIN)/liuke setup
	@$(BIN)/python -m eval dialogue $(if $(SCENARIOS),--scenarios $(SCENARIOS)) $(ARGS)

drill: .venv/.dev ## Outages, deaths and silence on purpose: lost, doubled; one JSON line (ARGS="--database postgresql")
	@$(BIN)/python -m eval drill $(ARGS)

clean: ## Remove what was installed and built here; var/ and fetched models stay
	rm -rf .venv .bootstrap web/dist web/node_modules .mypy_cache .pytest_cache .ruff_cache

# --inexact: what the tests need stays if it is there.
.venv/.run: $(LOCK) | $(UV)
	@$(call need,cc --version,a C compiler,gcc libc6-dev,xcode-select --install)
	@$(UV) sync --frozen --no-dev --inexact
	@touch $@

.venv/.dev: $(LOCK) | $(UV)
	@$(call need,cc --version,a C compiler,gcc libc6-dev,xcode-select --install)
	@$(UV) sync --frozen
	@touch .venv/.run $@

.bootstrap/bin/uv:
	@$(call need,$(PYTHON) -c 'import sys; assert 0x30b0000 <= sys.hexversion < 0x30e0000',\
	Python 3.11 to 3.13 as $(PYTHON) (or set PYTHON=...),python3,brew install python@3.13)
	@$(call need,$(PYTHON) -c 'import ensurepip; import venv',\
	the venv module of $(PYTHON),python3-venv,brew install python@3.13)
	@echo "Fetching uv into .bootstrap/"
	@$(PYTHON) -m venv --clear .bootstrap
	@.bootstrap/bin/python -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: \
	--require-hashes -r agent/host/pins/uv.txt
