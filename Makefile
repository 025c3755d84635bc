# Everything that is run by hand starts here; `make` alone lists it.
PYTHON ?= python3.11
# An extra package index for PyTorch's CPU build, where the default index serves a CUDA build.
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
SOURCES := afterword.py ingest indexes service training benchmarks docs tests examples
RUN := $(VENV)/.run
TEST := $(VENV)/.test
# A little below what `make measure` shows; raise them with what is measured.
FLOORS := hit.1=0.97 ndcg.10=0.98 citation_precision=0.95 f1=0.68 em=0.58 answering.auroc=0.9 answering.precision=0.9

# What builds images: docker, or podman, whose images have a health check in Docker's format alone.
ENGINE ?= $(shell command -v docker || command -v podman)
BUILD = $(ENGINE) build $(if $(findstring podman,$(ENGINE)),--format docker)

.PHONY: help demo serve test test-all soak check measure guard bench docs wheel container format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(RUN): requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: apt-get install python3.11 python3.11-venv, or name one with PYTHON=..." >&2; exit 2; }
	@echo "Setting up $(VENV) (about 2 GB, some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install $(INDEX) -r requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

$(TEST): $(RUN) requirements-test.txt
	@$(PIP) install -r requirements-test.txt
	@touch $@

demo: $(RUN) ## set up, ingest examples/documents, and ask four questions
	@$(BIN)/python examples/demo.py

serve: $(RUN) ## start the service on http://127.0.0.1:8000 with the demo's collection
	@AFTERWORD_DATA=$${AFTERWORD_DATA:-afterword-data} exec $(BIN)/afterword serve

test: $(TEST) ## set up and run the tests
	@$(BIN)/python -m pytest -n 2 -m "not slow and not soak"

test-all: $(TEST) ## run the slow tests too
	@$(BIN)/python -m pytest -n 2 -m "not soak"

soak: $(TEST) ## the long and heavy tests, about an hour; SOAK_MINUTES is that of load (30)
	@$(BIN)/python -m pytest -m soak --timeout 7200

check: $(TEST) ## format, lint, types and import contracts
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports

measure: export AFTERWORD_DATA := $(VENV)/.measure
measure: $(RUN) ## answer quality over the example documents, against its floors
	@rm -rf $(VENV)/.measure # a collection that is there would keep its encoder and chunks
	@$(BIN)/afterword ingest examples/documents --collection examples >/dev/null
	@$(BIN)/afterword eval tests/eval/questions.jsonl --collection examples $(FLOORS:%=--fail-under %)

guard: $(TEST) ## ratios of speed in one run, against wide bounds
	@HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.guard

bench: export AFTERWORD_DATA := $(VENV)/.bench
bench: $(TEST) ## what can be measured without other libraries (benchmarks/README.md has the rest)
	@rm -rf $(VENV)/.bench
	@$(BIN)/afterword ingest examples/documents --collection examples >/dev/null
	@$(BIN)/python -m benchmarks.ingest examples/documents docs
	@$(BIN)/python -m benchmarks.answer examples/questions.jsonl --collection examples --reader service/models/reader
	@$(BIN)/python -m benchmarks.load examples/questions.jsonl --collection examples

docs: $(RUN) ## make the pages of docs/reference from the code
	@$(BIN)/python -m docs.generate

wheel: ## dist/afterword-*.whl, to install without a clone, and the versions that were tested with it
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -rf build dist/afterword-*.whl # setuptools would pack what an earlier build left
	@$(PIP) wheel --no-deps --wheel-dir dist .
	@cp requirements.txt requirements-slim.txt dist/
	@rm -rf build
	@ls dist/afterword-*.whl dist/requirements*.txt

container: ## the images afterword:slim and afterword:full, by docker or podman
	@test -n "$(ENGINE)" || { echo "Neither docker nor podman is here: install one (Debian: apt-get install podman)." >&2; exit 2; }
	$(BUILD) --target slim --tag afterword:slim .
	$(BUILD) --target full --build-arg TORCH_INDEX="$(TORCH_INDEX)" --tag afterword:full .

format: $(TEST) ## format the code and mend what lint can
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean: ## remove what the targets above made (not your collections)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
