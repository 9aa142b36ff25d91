# Two commands are all a fresh machine needs: `make quickstart` and `make test`. Each makes what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install

.PHONY: quickstart test test-live test-kills bench-annotate lint lock bench clean

$(VENV)/.run: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --editable .
	touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --editable .
	touch $@ $(VENV)/.run

quickstart: $(VENV)/.run
	$(BIN)/dsbuild run examples/quickstart.yaml

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/python -m pytest -m "not live and not kills"

# The real Label Studio server, in an environment of its own, and a real browser.
test-live: $(VENV)/.dev
	scripts/install-system-packages.sh
	scripts/install-label-studio.sh
	$(BIN)/python -m pytest -m live

# Kills the whole quick start at 20 random moments and an annotating run at 50: about 40 minutes, so not part of CI.
test-kills: $(VENV)/.dev
	$(BIN)/python -m pytest -m kills -s

# Every bar of the annotation engine, against a bare loop and against its peers (each in an environment of its own below
# PEERS, made once). An hour on a machine that does nothing else; ARGS=--quick is a look whether it works. VENV=DIR takes
# an environment as it is.
PEERS ?= .venv-peers
bench-annotate:
	test -x $(BIN)/dsbuild || $(MAKE) $(VENV)/.dev
	$(BIN)/python -m benchmarks.annotate --peers $(PEERS) $(ARGS)

# Both lock files hold the same versions; run this after a change of the dependencies, with uv installed.
LOCK := uv pip compile pyproject.toml --generate-hashes --no-header --no-emit-index-url --no-annotate --python-version 3.11 --quiet
lock:
	$(LOCK) --extra local --extra gold --extra tone --extra onnx --extra audio --extra image --extra dev --output-file requirements-dev.lock
	$(LOCK) --extra local --constraint requirements-dev.lock --output-file requirements.lock

clean:
	rm -rf .dsbuild releases artefacts build dist *.egg-info
