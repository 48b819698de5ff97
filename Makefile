# The two commands of the README, and those that developers add. Each sets up what it needs.

PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
# Benchmarks import ONNX Runtime as a peer; see IODeepLib/network/onnx_runtime.py.
export ORT_DISABLE_TELEMETRY := 1
BIN := $(VENV)/bin
# Gigabytes, and versions of their own: in an environment of their own.
JUDGES := .venv-judges

.PHONY: demo serve-demo test judges federated bench soak fuzz lint docs schema dist package clean pacs ohif

demo: $(VENV)/demo.done
	$(BIN)/iodeep demo --out demo_output --also csv,html

# An Orthanc, the service beside it, a study that comes, and a page to look at, until Ctrl-C;
# DEMO=--once ends when the results are there.
serve-demo: $(VENV)/service.done pacs
	PYTHONPATH=. $(BIN)/python Testing/serve_demo.py $(DEMO)

# In several processes: whoever is done takes tests from the others.
test: $(VENV)/test.done pacs ohif
	$(BIN)/python -m pytest -n auto --dist worksteal

# Prints a table and compares with the last run; a missed limit is said there and is no failure.
# BENCHED=--quick takes three minutes: ratios alone, of smaller things.
bench: $(VENV)/bench.done
	$(BIN)/python Testing/benchmarks --out bench_output $(BENCHED)

# Against other programs, nnU-Net and MONAI: models that they train here, and their own predictions.
# IODEEP_JUDGES_CACHE=FOLDER keeps what was trained for the next time; JUDGED="-m 'not long'" leaves
# out what takes long.
judges: $(JUDGES)/judges.done
	$(JUDGES)/bin/python -m pytest Testing/judges $(JUDGED)

# Three sites with a PACS each tune a network together, for two rounds; the table and the picture are
# those of Docs/federated.md. Fails if one of them alone does better on the others' data, or if poison
# works.
federated: $(JUDGES)/judges.done pacs
	PYTHONPATH=. $(JUDGES)/bin/python Testing/federated --out federated_output

# Many studies, and somebody who kills service, runs and PACS; fails if anything is wrong in the end.
# SOAKED="--studies 30 --kills 5" is what `make test` does.
soak: $(VENV)/test.done pacs
	PYTHONPATH=. $(BIN)/python Testing/soak --out soak_output $(SOAKED)

# Goes on where it was stopped; a finding is kept in fuzz_output and makes it fail.
fuzz: $(VENV)/test.done
	PYTHONPATH=Testing $(BIN)/python -m fuzzing --out fuzz_output
	PYTHONPATH=Testing $(BIN)/python -m fuzzing.odd_series --out fuzz_output
	PYTHONPATH=Testing $(BIN)/python -m fuzzing.moments

lint: $(VENV)/lint.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The site, of Docs; whatever is a warning makes it fail. Read it with a browser: site/index.html.
docs: $(VENV)/docs.done
	rm -rf site
	$(BIN)/python -m sphinx -E -W --keep-going -q -d build/docs Docs site

# The published JSON Schema, made from the recipe's records; a test holds the two equal.
schema: $(VENV)/demo.done
	$(BIN)/python -m IODeepLib.recipe > IODeepLib/recipe/recipe.schema.json

# The wheel and the source archive, each tried in an empty environment.
dist: $(VENV)/dist.done
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*
	for file in dist/*; do \
		rm -rf build/empty && $(PYTHON) -m venv build/empty \
		&& build/empty/bin/pip install --quiet $$file \
		&& (cd build/empty && bin/iodeep demo --out demo) || exit 1; \
	done

# The Slicer extension as a package, for the Slicer whose build lies in Slicer_DIR.
package:
	@test -n "$(Slicer_DIR)" || { echo "found no Slicer_DIR; wanted the folder of a Slicer build; \
	next: make package Slicer_DIR=..." >&2; exit 2; }
	cmake -S . -B build -DSlicer_DIR="$(Slicer_DIR)" -DCMAKE_BUILD_TYPE=Release
	cmake --build build --config Release --target package

clean:
	rm -rf $(VENV) $(JUDGES) demo_output bench_output fuzz_output soak_output federated_output build dist site

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "found no Python 3.11 or later with venv; wanted one; next: \
	install it (on Debian: apt-get install python3 python3-venv) or set PYTHON=..." >&2; exit 4; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[cli]
	touch $@

$(VENV)/service.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[cli,service]
	touch $@ $(VENV)/demo.done

# Tests store, find and fetch in real servers, and other programs judge: these are no Python packages.
DEBIAN_PACKAGES := dcmtk orthanc orthanc-dicomweb plastimatch libpixelmed-java default-jre-headless openssl
PACS_FILES := /usr/bin/dcmqrscp /usr/bin/plastimatch /usr/sbin/Orthanc \
	/usr/share/orthanc/plugins/libOrthancDicomWeb.so /usr/share/java/pixelmed.jar /usr/bin/java /usr/bin/openssl

pacs:
	@ls $(PACS_FILES) >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(DEBIAN_PACKAGES); } >&2 \
		|| { echo "found no $(PACS_FILES); wanted: servers and judges to test with, which Debian has; next: \
	apt-get install $(DEBIAN_PACKAGES)" >&2; exit 4; }

# Segmentations are read by the viewer OHIF too, whose packages lie in a folder of their own.
OHIF := Testing/ohif/node_modules/.package-lock.json

ohif: $(OHIF)

$(OHIF): Testing/ohif/package.json Testing/ohif/package-lock.json
	@{ node --version && npm --version; } >/dev/null 2>&1 \
		|| { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq nodejs npm; } >&2 \
		|| { echo "found no node and npm; wanted: Node.js 18 or later, to test with; next: \
	apt-get install nodejs npm" >&2; exit 4; }
	@cd Testing/ohif && npm ci --no-progress --loglevel=error >&2 \
		|| { echo "found no way to the packages of Testing/ohif/package-lock.json; wanted: an npm \
	registry; next: set one (npm config set registry URL), then make ohif" >&2; exit 5; }
	@touch $@

$(VENV)/test.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[test]
	touch $@ $(VENV)/demo.done

$(VENV)/bench.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[bench]
	touch $@ $(VENV)/demo.done

$(JUDGES)/judges.done: pyproject.toml
	$(PYTHON) -m venv $(JUDGES)
	$(JUDGES)/bin/python -m pip install --quiet --editable .[judges]
	# PyRadiomics does not say what it is built with; without a C compiler its test is left out.
	$(JUDGES)/bin/python -m pip install --quiet setuptools wheel
	-$(JUDGES)/bin/python -m pip install --quiet --no-build-isolation pyradiomics==3.0.1
	touch $@

$(VENV)/docs.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[docs]
	touch $@ $(VENV)/demo.done

$(VENV)/lint.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .[lint]
	touch $@ $(VENV)/demo.done

$(VENV)/dist.done: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet build twine
	touch $@
