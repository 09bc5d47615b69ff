# Countersign's own commands; `make help` lists them. Everything lands in .venv and node_modules here.

VENV := .venv
BIN := $(VENV)/bin
NODE := $(patsubst %/package-lock.json,%/node_modules/.package-lock.json,$(wildcard tests/*/package-lock.json clients/*/package-lock.json))
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
PYTEST ?= -n 3 --dist worksteal

# The first Python that is new enough and can make a virtual environment.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: help install demo test lint doors matrix fuzz differential bench tinyproxy docs site new-channel lock dist deploy-check clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 14

demo: $(VENV)/.runtime  ## try it: three requests and a sign-in link (TAP=approve or TAP=decline: without you)
	@$(BIN)/countersign demo $(if $(TAP),--tap $(TAP))

install: $(VENV)/.runtime  ## the command, as .venv/bin/countersign
	@echo 'It is here: export PATH="$(CURDIR)/$(BIN):$$PATH"'

# What a test starts would else compile everything anew, each time.
test: export PYTHONDONTWRITEBYTECODE =
test: lint $(NODE)  ## everything that must pass; PYTEST="-n 2 -k words" for a part
	@CHROMIUM="$$(tools/chromium)" && export CHROMIUM && PATH="$(CURDIR)/$(BIN):$$PATH" && $(BIN)/pytest $(PYTEST)

lint: $(VENV)/.dev  ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

DOORS := -m pytest -q -c tests/doors/pytest.ini
doors: export SERVICE_PYTHON = $(CURDIR)/$(BIN)/python
doors: $(VENV)/.dev build/doors/.done build/doors-crewai/.done  ## agent frameworks, the real ones, in two environments of their own (1.4 GB)
	@build/doors/bin/python $(DOORS) tests/doors --ignore tests/doors/test_crewai.py
	@build/doors-crewai/bin/python $(DOORS) tests/doors/test_crewai.py

build/doors/.done: tests/doors/requirements.txt
build/doors-crewai/.done: tests/doors/requirements-crewai.txt
build/doors%.done: | $(BIN)/python
	@echo "Installing the frameworks of $<"
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet -r $<
	@touch $@

matrix: $(VENV)/.dev build/synapse/.done  ## Matrix, against a real Synapse in an environment of its own (240 MB)
	@SYNAPSE_PYTHON="$(CURDIR)/build/synapse/bin/python" $(BIN)/python -m pytest -q -c tests/synapse/pytest.ini --confcutdir=tests tests/synapse

build/synapse/.done: tests/synapse/requirements.txt | $(BIN)/python
	@echo "Installing Synapse (once, two minutes)"
	@$(PYTHON) -m venv build/synapse
	@build/synapse/bin/python -m pip --disable-pip-version-check install --quiet -r tests/synapse/requirements.txt
	@touch $@

fuzz: $(VENV)/.dev  ## a minute of changed requests against every reader; FUZZ="--seconds 5 text/csv" for less
	@$(BIN)/python -m tests.reading.fuzzing $(FUZZ)

N ?= 100000
differential: $(VENV)/.dev tests/differential/node_modules/.package-lock.json  ## N changed requests, read by us and by eleven servers
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m tests.differential.run $(N)

bench: $(VENV)/.dev bench/chat/node_modules/.package-lock.json tinyproxy  ## taps a second, beside the npm package chat; BENCH="…" for options
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m bench.run $(BENCH)

tinyproxy:  # what the gateway is compared with, where we may install it
	@command -v tinyproxy >/dev/null || { test "$$(id -u)" = 0 && DEBIAN_FRONTEND=noninteractive \
		apt-get install -qqy --no-install-recommends tinyproxy-bin >/dev/null; } || true

docs: $(VENV)/.dev  ## draw the pages that are drawn from the code
	@for page in laws transitions paths packs rule_keys channels audit logs; do $(BIN)/python -m tools.$$page || exit; done
	@PYTHONPATH=clients/python/src $(BIN)/python -m tools.bad_input

site: $(VENV)/.dev  ## docs/ as a site, in build/site/site
	@$(BIN)/python -m tools.site

new-channel: $(VENV)/.dev  ## the folder of a new channel, and all that belongs to it: NAME=relay
	@$(BIN)/python -m tools.new_channel $(NAME)

lock: $(VENV)/.dev  ## pin anew what pyproject.toml asks for; UPGRADE=1 takes newer versions
	tools/lock $(if $(UPGRADE),--upgrade)

# The time of the last commit, so that everyone who builds this commit gets the same bytes.
dist: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)
dist: $(VENV)/.runtime build/tools/.done  ## wheel, sdist and a bill of materials (CycloneDX) in dist/, the same bytes each time
	@rm -rf dist && mkdir dist
	@$(BIN)/python -m hatchling build -d dist
	@build/tools/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application \
		--output-reproducible --sv 1.6 --of JSON -o dist/countersign-server.cdx.json
	@cd dist && sha256sum * | tee SHA256SUMS

deploy-check: build/tools/.done tests/deploy/node_modules/.package-lock.json  ## deploy/ read by the programs that its files are for (see docs/operations.md)
	@test "$$(id -u)" != 0 || DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends \
		caddy nginx-light openssl prometheus systemd >/dev/null
	@PATH="/usr/sbin:$$PATH" build/tools/bin/python -m tools.deploy_check

build/tools/.done: requirements-tools.lock | $(BIN)/python
	@$(PYTHON) -m venv build/tools
	@build/tools/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-tools.lock
	@touch $@

clean:  ## forget everything that was made here
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf bench/chat/node_modules tests/*/node_modules clients/typescript/node_modules clients/typescript/dist

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Countersign needs Python 3.11 or newer with venv. On Debian or Ubuntu:" \
		"apt-get install python3-venv. Another Python: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Countersign needs (once, about half a minute)"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@echo "Installing what its tests need (once, about a minute)"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json $(VENV)/.dev
	@echo "Installing the Node packages of $*"
	@cd $* && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --loglevel=error
	@touch $@
