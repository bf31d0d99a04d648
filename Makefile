# Every target makes what it needs in .venv; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
RUN := PYTHONSAFEPATH=1 $(VENV)/bin/python
PIP := $(VENV)/bin/pip --disable-pip-version-check
PHOTOS ?= datasets/sample_listing
# ONNX Runtime: `cpu`, or `gpu` for an NVIDIA GPU; never both in one environment
RUNTIME ?= cpu
PYTEST := $(VENV)/bin/pytest
# tests run in as many processes as there are cores; a file's tests stay together
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo dev test check bench format clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/serve  ## classify PHOTOS (default: the sample listing) and make a film of them, as jobs
	@$(RUN) -m stack demo --photos "$(PHOTOS)"

dev: $(VENV)/dev  ## run the whole studio until Ctrl-C: gateway, MLflow, Dagster, PostgreSQL
	@$(RUN) -m stack dev

test: $(VENV)/dev  ## run every test
	$(PYTEST) -n $(WORKERS) --dist loadgroup

check: $(VENV)/dev  ## format, lint, types, import contracts and the fast tests
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/ruff check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PYTEST) -m "not slow and not data"

bench: $(VENV)/dev  ## run every benchmark and write docs/benchmarks.md (QUICK=1 for a first look)
	@$(RUN) benchmarks/all.py $(if $(QUICK),--quick)

format: $(VENV)/dev  ## bring the code into shape
	$(VENV)/bin/ruff format
	$(VENV)/bin/ruff check --fix

clean:  ## remove what was built; the data in .studio stays
	rm -rf $(VENV) build out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Installed with the versions of constraints.txt. `serve` is all that the demo needs: no torch.
$(VENV)/serve: pyproject.toml constraints.txt
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what serving needs (about a minute, once)"
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[registry,$(RUNTIME)]'
	@touch $@

$(VENV)/dev: pyproject.toml constraints.txt
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing everything, torch included (some minutes, once)"
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[dev,$(RUNTIME)]'
	@touch $@ $(VENV)/serve
