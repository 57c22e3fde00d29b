# Every command that people need. Each sets up what it needs: python3 (3.11 or newer) and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUNCTIONS := tests/integration/functions
READY := $(VENV)/.ready

.PHONY: demo up test test-functions test-services check lint unit validate-manifests soak controls hostile controls-hostile bench compose-test cluster-test lock sbom audit clean

demo: $(READY)  ## develop everything in sample_data/ and write a page of the results
	$(BIN)/darkroom demo

up: $(READY)  ## start the whole system and stay
	$(BIN)/darkroom up

test: unit test-functions test-services  ## every test that this machine can run

test-functions: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal --continue-on-collection-errors $(FUNCTIONS)

test-services: $(READY)
	$(BIN)/python -m pytest --durations=10 --continue-on-collection-errors --ignore=$(FUNCTIONS) $(filter-out $(addprefix tests/,unit/ bench/ media/ stand_ins/ compose/ cluster/),$(wildcard tests/*/))

check: $(READY) lint unit  ## what every commit passes, in under a minute

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m schemas.generate --check
	$(BIN)/python -m infra.cli.configuration --check
	$(BIN)/python -m infra.cli.events --check

unit: $(READY)
	$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit

validate-manifests: $(READY)  ## render every overlay, and hold it against the schemas of Kubernetes and Knative
	$(BIN)/python -m pytest -q tests/unit/test_overlays.py tests/unit/test_settings_in_manifests.py tests/unit/test_listeners.py tests/manifests

soak: $(READY)  ## ten minutes of mixed load, a process killed every 20 s, the platform and PostgreSQL among them
	SOAK_S=600 SOAK_KILL_EVERY_S=20 $(BIN)/python -m pytest -q -s tests/faults/test_soak.py

controls: $(READY) controls-hostile  ## take each defence away, and see a test fail
	$(BIN)/python -m tests.faults.controls

hostile: $(READY)  ## 2,000 cuts and 2,000 flips of every sample, and every operation on what probe lets through; HOSTILE_MINUTES=30 for a part, then go on
	$(BIN)/python -m tests.hostile.sweep

controls-hostile: $(READY)  ## hostile input and open doors, with each defence taken away in turn
	$(BIN)/python -m pytest -q -o python_files='control_*.py' tests/hostile/controls

bench: $(READY)  ## our times beside the bare tools', on this machine
	$(BIN)/python -m tests.bench

compose-test: $(READY)  ## build every image, start infra/compose.yaml, run the acceptance tests against it: docs/compose.md
	PYTHON=$(BIN)/python tests/compose/run.sh

cluster-test: $(READY)  ## the same on a Knative cluster, given KUBECONFIG and IMAGE_IMPORT: docs/k8s.md
	PYTHON=$(BIN)/python tests/cluster/run.sh

lock:  ## pin every dependency, with hashes
	uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --all-extras --python-version 3.11 -o requirements.lock pyproject.toml

sbom:  ## build/sbom.json, in CycloneDX: every package of the lock, with its hashes
	mkdir -p build
	uvx --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --validate -o build/sbom.json

audit:  ## the lock against the Python advisory database; fails, too, where a package could not be looked up
	uvx --from pip-audit==2.10.1 pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r requirements.lock

clean:
	rm -rf $(VENV) build .darkroom

$(READY): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@
