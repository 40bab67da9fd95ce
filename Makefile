# make demo   the whole road once: train, convert (float and int8), bench, report
# make quick  the tests without TensorFlow, compilers and emulators, in less than a minute
# make test   all tests, with real training, conversion and inference
# make rest   what quick leaves out: both are make test
# make check  ruff, mypy --strict, and the C that the tests compile
# make docs   docs/SUPPORTED_OPS.md, from the constraints of edge_runtime/ops
# make figures   the committed flash, RAM and instructions of firmware, that tests hold
# make sanitize   the engine's tests with AddressSanitizer and UBSan in the extension
# make stress     of these the million runs, forks and threads alone, about a minute
# make fuzz   FUZZ_SECONDS of made-up model files against the engine
# Everything is installed into .venv; nothing outside this folder is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
CC ?= cc
C_FLAGS := -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only
# Asked once, when .venv is there.
PYTHON_H = $(eval PYTHON_H := $(shell $(BIN)/python -c \
  'import sysconfig; print(sysconfig.get_path("include"))'))$(PYTHON_H)
C_INCLUDES = -Iedge_runtime/kernels -DPy_LIMITED_API=0x030B0000 -isystem $(PYTHON_H)
KERNELS = $(wildcard $(addsuffix /*.c,$(addprefix edge_runtime/kernels,/. /packing /x86 /arm64)))
EXTENSION = $(shell find edge_runtime -name '*.[ch]')
C_SOURCES = $(shell git ls-files '*.c' ':!benchmarks/mcu/board')

.PHONY: demo quick test rest check lint types c99 docs figures sanitized sanitize stress fuzz \
  install install-test clean

demo: install
	@$(BIN)/python examples/demo.py

# Which tests these are, and in which order, is said in tests/support/tiers.py.
PYTEST = $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

quick: install-test
	$(PYTEST) --tier quick

test: install-test
	$(PYTEST)

rest: install-test
	$(PYTEST) --tier rest

check: lint types c99

lint: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-test
	$(BIN)/mypy

c99: install-test
	@for source in $(C_SOURCES); do echo "$(CC) $$source"; $(CC) $(C_FLAGS) $(C_INCLUDES) $$source || exit 1; done

docs: install
	@$(BIN)/python -m edgekit.supported_ops docs/SUPPORTED_OPS.md

figures: install-test
	@for what in figures networks audio; do \
	  PYTHONPATH=tests/support $(BIN)/python tests/benchmarks/mcu/test_committed_$$what.py || exit 1; done

# The sanitised extension lies in a copy of the package, so that .venv's own stays as it is; libasan
# has to be there before Python, and libstdc++ before libasan looks for exceptions.
SANITIZED := build/sanitize
OBJECTS = $(patsubst edge_runtime/%.c,$(SANITIZED)/%.o,edge_runtime/native/_native.c $(KERNELS))
# gcc takes the last function of a table for one behind it (object-size); AddressSanitizer sees such.
SANITIZE := -O2 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
  -fno-sanitize=object-size -fno-sanitize-recover=all
SANITIZED_RUN = LD_PRELOAD="$(foreach name,asan stdc++,$(shell $(CC) -print-file-name=lib$(name).so))" \
  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
  PYTHONSAFEPATH=1 PYTHONPATH=$(CURDIR)/$(SANITIZED):$(CURDIR)/src $(BIN)/python
# Sanitising says something about the tests that run the extension, not libraries or C of their own.
sanitized: $(SANITIZED)/built

sanitize: sanitized
	$(SANITIZED_RUN) -m pytest --capture=sys -p no:cacheprovider -n auto --dist worksteal \
	  -m 'not (tensorflow or compiler or unsanitized)' tests/golden tests/edge_runtime \
	  $(wildcard tests/ops tests/kernels) --ignore tests/kernels/test_params.py

stress: sanitized
	$(SANITIZED_RUN) -m pytest --capture=sys -p no:cacheprovider --durations=0 \
	  tests/edge_runtime/test_stress.py

$(OBJECTS): $(SANITIZED)/%.o: edge_runtime/%.c $(EXTENSION) $(VENV)/test-installed
	@mkdir -p $(@D)
	@$(CC) -std=c99 -fPIC -ffp-contract=off $(SANITIZE) $(C_INCLUDES) -c $< -o $@

$(SANITIZED)/built: $(OBJECTS) $(shell find edge_runtime -name '*.py')
	rm -rf $(SANITIZED)/edge_runtime && cp -r edge_runtime $(SANITIZED)
	rm -f $(SANITIZED)/edge_runtime/*.so
	$(CC) -shared $(SANITIZE) $(OBJECTS) -o $(SANITIZED)/edge_runtime/_native.abi3.so
	$(SANITIZED_RUN) -c 'from edge_runtime import _native; assert "$(SANITIZED)" in _native.__file__'
	@touch $@

# atheris has wheels for CPython 3.11 to 3.13 on Linux.
FUZZ_SECONDS ?= 60
FUZZED := build/fuzz

fuzz: install-test
	@$(PIP) --constraint constraints.txt atheris
	$(BIN)/python tests/fuzz/corpus.py $(FUZZED)/corpus
	$(BIN)/python tests/fuzz/fuzz_model.py $(FUZZED)/corpus -max_total_time=$(FUZZ_SECONDS) \
	  -timeout=20 -rss_limit_mb=2048 -max_len=4096 -artifact_prefix=$(FUZZED)/ -print_final_stats=1

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
