# `make demo` sets up and runs the main job; `make test` sets up and passes the tests.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= runs/demo
# Most of a test of the real command is waiting for processes to start.
WORKERS ?= 2

.PHONY: demo test check slow soak bench docs clean install

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first: its exact version decides which build the rest is resolved against.
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: install
	$(BIN)/python study/run.py --config demo --out $(OUT) $(ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.audit

test: check
	$(BIN)/pytest -n $(WORKERS)

slow: install
	$(BIN)/pytest -m "slow or data" -n $(WORKERS) --dist worksteal $(ARGS)

# Goes on where it was; hours with more kills: ARGS='--kills 400'.
soak: install
	$(BIN)/python -m tests.soak.run --out runs/soak $(ARGS)

bench: install
	$(BIN)/python -m tests.benchmarks.step_time $(ARGS)

docs: install
	$(BIN)/python -m tests.documentation.api_docs build/docs

clean:
	rm -rf $(VENV) build *.egg-info
