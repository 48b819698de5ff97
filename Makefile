# The two commands of the README, and those that developers add. Each sets up what it needs.

PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test bench fuzz lint schema package clean pacs

demo: $(VENV)/demo.done
	$(BIN)/iodeep demo --out demo_output

test: $(VENV)/test.done pacs
	$(BIN)/python -m pytest

# Prints a table and compares with the last run; a missed limit is said there and is no failure.
bench: $(VENV)/bench.done
	$(BIN)/python Testing/benchmarks --out bench_output

# Goes on where it was stopped; a finding is kept in fuzz_output and makes it fail.
fuzz: $(VENV)/test.done
	PYTHONPATH=Testing $(BIN)/python -m fuzzing --out fuzz_output
	PYTHONPATH=Testing $(BIN)/python -m fuzzing.moments

lint: $(VENV)/lint.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The published JSON Schema, made from the recipe's dataclasses; a test holds the two equal.
schema: $(VENV)/demo.done
	$(BIN)/python -m IODeepLib.recipe > IODeepLib/recipe.schema.json

# The Slicer extension as a package, for the Slicer whose build lies in Slicer_DIR.
package:
	@test -n "$(Slicer_DIR)" || { echo "found no Slicer_DIR; wanted the folder of a Slicer build; \
	next: make package Slicer_DIR=..." >&2; exit 2; }
	cmake -S . -B build -DSlicer_DIR="$(Slicer_DIR)" -DCMAKE_BUILD_TYPE=Release
	cmake --build build --config Release --target package

clean:
	rm -rf $(VENV) demo_output bench_output fuzz_output build

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "found no Python 3.11 or later with venv; wanted one; next: \
	install it (on Debian: apt-get install python3 python3-venv) or set PYTHON=..." >&2; exit 4; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[cli]
	touch $@

# Tests store, find and fetch in real servers; these are no Python packages.
DEBIAN_PACKAGES := dcmtk orthanc orthanc-dicomweb
PACS_FILES := /usr/bin/dcmqrscp /usr/sbin/Orthanc /usr/share/orthanc/plugins/libOrthancDicomWeb.so

pacs:
	@ls $(PACS_FILES) >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(DEBIAN_PACKAGES); } >&2 \
		|| { echo "found no $(PACS_FILES); wanted: servers to test with, which Debian has; next: \
	apt-get install $(DEBIAN_PACKAGES)" >&2; exit 4; }

$(VENV)/test.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[test]
	touch $@ $(VENV)/demo.done

$(VENV)/bench.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[bench]
	touch $@ $(VENV)/demo.done

$(VENV)/lint.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[lint]
	touch $@ $(VENV)/demo.done
