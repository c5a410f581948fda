# `make` lists the commands. What they need installs itself on first use, under .venv and .tools.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Lambda's Python, to build and to run functions. It need not be first on PATH: pyenv keeps it elsewhere.
PYTHON313 := $(shell for p in python3.13 "$$HOME"/.pyenv/versions/3.13.*/bin/python3.13 /opt/homebrew/bin/python3.13 /usr/local/bin/python3.13; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' 2>/dev/null && "$$p" -c 'import sys; print(sys.executable)' && break; done)
# For tests and checks 3.11 is enough.
PYTHON := $(or $(PYTHON313),$(shell for p in python3.12 python3.11 python3; do \
  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && "$$p" -c 'import sys; print(sys.executable)' && break; done))

PY := .venv/bin/python
UV := .venv/bin/uv
SAM := SAM_CLI_TELEMETRY=0 .tools/sam/bin/sam
LOCK := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header $(UPGRADE)
TESTED := .venv/.installed .tools/sam/.installed .tools/aws/.installed $(if $(PYTHON313),.tools/runtime/.installed .tools/ministack/.installed)
# The official clients of Commerce Layer, to test the simulator with, for those who have Node.js.
CLIENTS := $(if $(shell command -v npm),tests/clients/node_modules/.installed)
TESTED += $(CLIENTS)
RUN := .venv/.installed .tools/sam/.installed .tools/runtime/.installed .tools/ministack/.installed

FUNCTION = api
EVENT = events/api/list_skus.json
STACK ?= commerce-layer-connector

.PHONY: help
help:
	@echo "make demo      see it work: simulator, a real deploy into a local AWS, the story step by step"
	@echo "make connect   the webhooks of an instance: made, delivering, broken, healed"
	@echo "make start     the same, left running, with URLs and ready commands"
	@echo "               INSTANCE_SECRET=file.json: with the real Commerce Layer instead of the simulator"
	@echo "make invoke    one function on one sample: FUNCTION=$(FUNCTION) EVENT=$(EVENT)"
	@echo "make test      all tests;  make quick: those that take seconds"
	@echo "make conformance   the official clients against the simulator, case by case; needs Node.js"
	@echo "make contract  the connector's own suite on the simulator, or on a Commerce Layer of yours:"
	@echo "               API_URL=… AUTH_URL=… CLIENT_ID=… CLIENT_SECRET=… (docs/contract.md)"
	@echo "make check     format, lint, types, template"
	@echo "make build     the layer and the functions, into .aws-sam/build"
	@echo "make deploy    into your AWS account; asks for the parameters"
	@echo "make redrive   what is in dead-letter queues; QUEUE=…: send it again; DRY_RUN=1; STACK=$(STACK)"
	@echo "make bench     cold starts, warm requests and the simulator, as ratios"
	@echo "make install   what all of this needs;  make lock [UPGRADE=--upgrade]: pin it anew"
	@echo "make clean     remove everything that was built or installed"

# --- Installing ---------------------------------------------------------------------------------

.PHONY: install
install: $(TESTED)
ifeq ($(PYTHON313),)
	@echo "Tests and checks are ready. $(NEED_313)"
endif

NEED_313 = Python 3.13, the version of the Lambda runtime, was not found: it is needed to build and to run the functions. Install it, for example with 'pyenv install 3.13', and run make again.

.venv/.installed: requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later was not found. $(NEED_313)" >&2; exit 1; }
	"$(PYTHON)" -m venv .venv
	awk '/^uv==/,/^    #/' $< | $(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r /dev/stdin
	$(UV) pip sync --quiet --python $(PY) --require-hashes $<
	@touch $@

.tools/%/.installed: local/requirements-%.txt | .venv/.installed
	@test -n "$(WITH)" || { echo "$(NEED_313)" >&2; exit 1; }
	"$(WITH)" -m venv .tools/$*
	$(UV) pip sync --quiet --python .tools/$*/bin/python --require-hashes $<
	@touch $@

.tools/sam/.installed .tools/aws/.installed: WITH = $(PYTHON)
.tools/runtime/.installed .tools/ministack/.installed: WITH = $(PYTHON313)

tests/clients/node_modules/.installed: tests/clients/package-lock.json
	cd tests/clients && npm ci --ignore-scripts --silent
	@touch $@

# One requirements file with hashes for each place that packages go to.
.PHONY: lock
lock: .venv/.installed
	$(LOCK) --python-version 3.13 --python-platform aarch64-manylinux2014 pyproject.toml -o layers/connector/requirements.txt
	$(LOCK) --universal --python-version 3.11 pyproject.toml --group dev -c layers/connector/requirements.txt -o requirements-dev.txt
	$(LOCK) --universal --python-version 3.11 --group sam -o local/requirements-sam.txt
	$(LOCK) --universal --python-version 3.11 --group aws -o local/requirements-aws.txt
	$(LOCK) --universal --python-version 3.13 --group runtime -o local/requirements-runtime.txt
	$(LOCK) --universal --python-version 3.13 --group ministack -o local/requirements-ministack.txt

.PHONY: clean
clean:
	rm -rf .venv .tools .aws-sam .local tests/clients/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# --- Building -----------------------------------------------------------------------------------

.PHONY: build
build: .tools/sam/.installed .tools/runtime/.installed
	PATH="$(CURDIR)/.tools/runtime/bin:$$PATH" $(SAM) build

.PHONY: deploy
deploy: build
	$(SAM) deploy --guided $(ARGS)

# What ended in a dead-letter queue goes where it was meant to go: docs/operations.md.
.PHONY: redrive
redrive: .venv/.installed
	@$(PY) -m local.redrive --stack "$(STACK)" $(if $(QUEUE),--queue "$(QUEUE)") $(if $(DRY_RUN),--dry-run)

# --- Testing ------------------------------------------------------------------------------------

.PHONY: test
test: $(TESTED)
	$(PY) -m pytest -n auto --no-loadscope-reorder $(ARGS)

.PHONY: quick
quick: $(TESTED)
	$(PY) -m pytest -m "not slow and not stack and not engine" $(ARGS)

.PHONY: conformance
conformance: .venv/.installed $(CLIENTS)
	@test -n "$(CLIENTS)" || { echo "The official clients need Node.js 20 and npm." >&2; exit 1; }
	$(PY) -m pytest tests/conformance/test_clients.py -v -s $(ARGS)

# The credentials go from make's variables to the tests by the environment: nothing shows them.
.PHONY: contract
contract: .venv/.installed
	@CONTRACT_API_URL="$${API_URL-}" CONTRACT_AUTH_URL="$${AUTH_URL-}" CONTRACT_SCOPE="$${SCOPE-}" \
	CONTRACT_CLIENT_ID="$${CLIENT_ID-}" CONTRACT_CLIENT_SECRET="$${CLIENT_SECRET-}" \
	$(PY) -m pytest tests/contract $(if $(API_URL),--force-enable-socket --timeout=900) $(ARGS)

.PHONY: check
check: .venv/.installed .tools/sam/.installed
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(SAM) validate --lint

.PHONY: bench
bench: $(RUN)
	PYTHONPATH=.:functions:layers/connector $(PY) -m tests.performance.bench_cold_start
	PYTHONPATH=.:functions:layers/connector $(PY) -m tests.performance.bench_warm
	PYTHONPATH=.:functions:layers/connector $(PY) -m tests.performance.bench_webhooks
	PYTHONPATH=.:functions:layers/connector $(PY) -m tests.performance.bench_simulator

# --- Running ------------------------------------------------------------------------------------

.PHONY: demo connect start invoke
demo: $(RUN)
	@$(PY) -m local.stack demo

connect: $(RUN)
	@$(PY) -m local.stack connect

start: $(RUN)
	@$(PY) -m local.stack start $(if $(INSTANCE_SECRET),--instance-secret "$(INSTANCE_SECRET)")

invoke: $(RUN)
	@$(PY) -m local.stack invoke "$(FUNCTION)" "$(EVENT)"
