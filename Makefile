# nc: everything a developer or a newcomer runs. `make demo` and `make test` do all the set-up by themselves.
#
#   make install    a .venv with nc and every tool, at the versions of constraints.txt
#   make demo       compile, simulate, place and route a trained network, and print one table
#   make test       the tests, long proofs left out       make test-all   all of them
#   make bench      the benchmarks, into docs/benchmarks.md
#   make lint       formatting, style, types

PYTHON ?= python3
VENV   ?= .venv
PEERS  ?= .venv-peers
BIN    := $(VENV)/bin
DONE   := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all peers bench lint format clean

help:
	@sed -n 's/^#   //p' Makefile

install: $(DONE)

# Again whenever the list of dependencies changes; a half-made environment has no stamp and is completed.
$(DONE): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "nc needs Python 3.11 or newer, not " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,test]'
	touch $(DONE)

demo: $(DONE)
	$(BIN)/nc demo

test: $(DONE)
	$(BIN)/python -m pytest -m 'not slow'

test-all: $(DONE)
	$(BIN)/python -m pytest

# The rivals of benchmarks/fpga_peers.py, away from nc's own packages.
peers: $(PEERS)/.installed

$(PEERS)/.installed: benchmarks/peers/requirements.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

bench: $(DONE) $(PEERS)/.installed
	for file in benchmarks/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

lint: $(DONE)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	cd .typing && ../$(BIN)/mypy --config-file ../pyproject.toml nc

format: $(DONE)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(PEERS) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
