# make demo   a look at it: three nodes, simulated calls, one node is killed, and no call notices; ends by itself
# make test   the whole test suite
# Both set up all they need (.venv) from Python 3.11 and make alone.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
CONFIG ?= observer.yaml
PYTEST_ARGS ?= -n 3

.PHONY: demo run test install check format docs lock bench soak simulate-cluster faults outages services image speed-guard

demo: install
	.venv/bin/python -m observer.demo

run: install
	.venv/bin/webrtc-observer run --config $(CONFIG)

test: install
	.venv/bin/python -m pytest $(PYTEST_ARGS)

install: .venv/.installed

.venv/.installed: pyproject.toml requirements.lock tools/make-environment
	tools/make-environment $(PYTHON)
	@touch $@

check: install
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest $(PYTEST_ARGS)

format: install
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# Programs that tests use for real where they are at hand (Helm, Kubernetes, servers), into .services.
services: install
	tools/fetch-test-services

# The container image, with docker or with buildah.
image:
	tools/build-image $(IMAGE_ARGS)

# docs/configuration.md is made from the dataclasses.
docs: install
	.venv/bin/python -m observer.config.page

# Targets of speed and what came of them, in under ten minutes; see docs/performance.md. BENCH_ARGS=--help tells more.
bench: install
	.venv/bin/python -m benchmarks.table $(BENCH_ARGS)

# Whether memory stays flat; see benchmarks/README.md.
soak: install
	.venv/bin/python -m benchmarks.soak

# Renews the figures that a test holds the cost of a message against; SPEED_ARGS=--dearer if one may grow.
speed-guard: install
	.venv/bin/python -m tests.speed.renew $(SPEED_ARGS)

# Real nodes that are killed, halted, cut off and started again, at length; see docs/cluster-faults.md.
faults: install
	.venv/bin/python -m tests.faults --kills 20
	.venv/bin/python -m tests.faults --kills 10 --reports-every 3000
	.venv/bin/python -m pytest tests/faults --long

# The service of each sink is killed for a minute under 200 reports a second, and the observer with it, with figures.
# OUTAGES_ARGS=--help tells more.
outages: install
	.venv/bin/python -m tests.sinks.drills $(OUTAGES_ARGS)

# Clusters in virtual time under faults, each run from a seed: SEEDS many, FROM which on, in JOBS processes.
SEEDS ?= 1000
FROM ?= 0
JOBS ?= 2

simulate-cluster: install
	.venv/bin/python -m tests.cluster.simulation --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS)
	.venv/bin/python -m tests.cluster.simulation --pods --seeds $(SEEDS) --from $(FROM) --jobs $(JOBS)

# After a change of the dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --group dev --all-extras --universal --generate-hashes --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header --no-annotate --quiet \
		--constraints requirements.lock -o requirements.runtime.lock
	printf 'hatchling\nsetuptools\n' | uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --quiet --constraints requirements.lock -o requirements.build.lock
