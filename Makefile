# make demo   the whole road once: train, convert (float and int8), bench, report
# make test   all tests, with real training, conversion and inference
# make check  ruff, mypy --strict, and the C that the tests compile
# make docs   docs/SUPPORTED_OPS.md, from the constraints of edge_runtime/ops
# Everything is installed into .venv; nothing outside this folder is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CC ?= cc
C_FLAGS := -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only
C_INCLUDES = -Iedge_runtime -DPy_LIMITED_API=0x030B0000 -isystem $(shell $(BIN)/python -c \
  'import sysconfig; print(sysconfig.get_path("include"))')
EXTENSION = $(wildcard edge_runtime/*.c edge_runtime/ops/*.[ch])
C_SOURCES = $(shell git ls-files '*.c')

.PHONY: demo test check docs install install-test clean

demo: install
	@$(BIN)/python examples/demo.py

test: install-test
	$(BIN)/python -m pytest

check: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@for source in $(C_SOURCES); do echo "$(CC) $$source"; $(CC) $(C_FLAGS) $(C_INCLUDES) $$source || exit 1; done

docs: install
	@$(BIN)/python -m edgekit.supported_ops docs/SUPPORTED_OPS.md

install: $(VENV)/host-installed
install-test: $(VENV)/test-installed

$(VENV)/host-installed: pyproject.toml setup.py constraints.txt $(EXTENSION) | $(BIN)/python
	@echo "installing edgekit and what it needs into $(VENV) (about 2 GB, a minute or two)"
	@$(PIP) --constraint constraints.txt --editable '.[host,peers]'
	@touch $@

$(VENV)/test-installed: pyproject.toml setup.py constraints.txt $(EXTENSION) | $(BIN)/python
	@echo "installing edgekit and what its tests need into $(VENV) (about 2 GB, a minute or two)"
	@$(PIP) --constraint constraints.txt --editable '.[test]'
	@touch $@ $(VENV)/host-installed

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "edgekit needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 2; }
	@$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) artifacts build dist
