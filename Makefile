# One command for each thing one does here. Needs make, git and Python 3.11 to 3.13; everything else is fetched into .venv.

PYTHON ?= python3
PORT ?= 8501

VENV := .venv
PEERS := .venv-peers
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --disable-pip-version-check

# A stamp carries a checksum of what it stands for: a checkout or a touch installs nothing, a changed pin does.
checksum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
READY := $(VENV)/.run-$(call checksum,requirements.txt constraints.txt)
DEV_READY := $(VENV)/.dev-$(call checksum,requirements.txt requirements-cluster.txt requirements-dev.txt constraints.txt)
PEERS_READY := $(PEERS)/.peers-$(call checksum,benchmarks/requirements-peers.txt constraints.txt)

# Upgrading or moving the system's Python leaves .venv with a dangling link; then it is built again.
ifneq ($(shell test -x $(PY) && echo there),there)
.PHONY: $(READY) $(DEV_READY)
endif
ifneq ($(shell test -x $(PEERS)/bin/python && echo there),there)
.PHONY: $(PEERS_READY)
endif

# .venv's Python; without .venv, the machine's own where that has torch (nothing may be installable there).
has_torch = $(shell $(PYTHON) -c 'from importlib.util import find_spec; print(find_spec("torch") and 1 or "")' 2>/dev/null)
GPU_PYTHON ?= $(if $(wildcard $(PY)),$(PY),$(if $(has_torch),$(PYTHON),$(PY)))

.DEFAULT_GOAL := help
.PHONY: help run test check audit bench gpu catalogue clean tools

help:  ## list what can be done (this)
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  PORT=8600 make run            another port"
	@echo "  PYTHON=python3.12 make run    another Python (after make clean)"

run: $(READY)  ## set up and start the dashboard on this machine
	@$(PY) scripts/start.py $(PORT)

# Where this is set, each of the hundreds of processes compiles the sources anew.
test: export PYTHONDONTWRITEBYTECODE =
test: $(DEV_READY) tools  ## set up and run every test; those that need a GPU are skipped without one
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/browser
	$(PY) -m pytest tests/browser

check: $(DEV_READY)  ## format, lint, import contracts, types, known vulnerabilities where OSV can be reached
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(VENV)/bin/lint-imports
	$(PY) -m mypy
	$(PY) -m scripts.audit --if-reachable

audit: $(DEV_READY)  ## known vulnerabilities of the dependencies, from OSV's database
	$(PY) -m scripts.audit

bench: $(DEV_READY) $(PEERS_READY)  ## this project against its peers and the machine's limits
	$(PY) -m benchmarks

gpu: $(if $(filter $(PY),$(GPU_PYTHON)),$(DEV_READY))  ## GPU tests, a fresh recording, the promises on a GPU; under ten minutes
	@$(GPU_PYTHON) -c 'import sys, torch; sys.exit(None if torch.accelerator.is_available() else \
		"torch sees no GPU here. `python -m core doctor` says why.")'
	$(GPU_PYTHON) -m pytest tests/gpu -m gpu
	$(GPU_PYTHON) -m core record --out recordings/ --minutes 5
	$(GPU_PYTHON) -m benchmarks gpu

catalogue: $(DEV_READY)  ## collect the texts to translate, and put their translations into use
	$(PY) -m scripts.catalogue update compile

clean:  ## remove .venv, .venv-peers and caches; results in data/ stay
	rm -rf $(VENV) $(PEERS) .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

tools: $(DEV_READY)  # what the tests need beyond Python's packages
	@$(PY) -m scripts.browser
	@$(PY) -m scripts.postgresql

$(READY):
	@test -x $(PY) || $(PYTHON) scripts/new_venv.py $(VENV)
	@rm -f $(VENV)/.run-*
	$(PIP) -r requirements.txt
	@touch $@

$(DEV_READY): $(READY)
	@rm -f $(VENV)/.dev-*
	$(PIP) -r requirements-dev.txt
	@touch $@

$(PEERS_READY):
	@test -x $(PEERS)/bin/python || $(PYTHON) scripts/new_venv.py $(PEERS)
	@rm -f $(PEERS)/.peers-*
	$(PEERS)/bin/python -m pip install --disable-pip-version-check -r benchmarks/requirements-peers.txt
	@touch $@
