# `make help` tells what there is. Each target fetches what it lacks: Python 3.11 and make are enough.

PYTHON ?= python3
TOPOLOGY ?= services
PORT ?= 3000
BROKER ?= auto
FAULTS ?=
MINUTES ?= 10
SEED ?= 1

# Once the environment for developers is there it serves every target; until then `up` needs less.
EXTRA := $(if $(wildcard .venv/synced-dev),dev,local)
COMPILE := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --upgrade
# What libraries ask for and `ordereats` never loads: not in the image (docs/containers.md).
UNLOADED := faker h11 httpcore httpx numpy polyfactory rich-click
ifdef PIP_INDEX_URL
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif

ifdef PIP_CERT
export SSL_CERT_FILE ?= $(PIP_CERT)
endif

.PHONY: help up secrets test check lint fmt bench chaos describe lock rabbitmq docker \
	test-containers test-rabbitmq4
.DELETE_ON_ERROR:

help: ## Show this.
	@awk -F ":.*## " '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

up: .venv/synced-$(EXTRA) rabbitmq ## Start the platform (TOPOLOGY=services|monolith PORT=3000 BROKER=auto|rabbitmq|postgres FAULTS=1). Ctrl-C stops it.
	@exec .venv/bin/ordereats up --topology=$(TOPOLOGY) --port=$(PORT) --broker=$(BROKER) $(if $(FAULTS),--faults)

secrets: ## Make the passwords that compose.yaml mounts, in .secrets.
	@tools/secrets

# Two at a time: most of them wait for other processes.
test: lint rabbitmq docker ## Run every check and test that CI runs.
	@exec .venv/bin/python -m pytest --numprocesses=2

test-containers: .venv/synced-dev docker ## Build the images, and run Compose's platform on an engine of its own.
	@exec .venv/bin/python -m pytest -m containers tests/containers tests/acceptance

# Not part of `test`: it fetches 60 MB, and wants Debian or Ubuntu.
test-rabbitmq4: .venv/synced-dev | .brokers/4/bin/rabbitmq-server ## Run the broker's tests on RabbitMQ 4.
	@RABBITMQ_SERVER=$| REQUIRE_ALL=1 exec .venv/bin/python -m pytest tests/chassis/messaging \
		tests/topology/test_broker*.py tests/topology/test_dead_letters.py tests/topology/test_local_rabbitmq.py \
		tests/faults/test_infrastructure_killed.py::test_orders_are_taken_while_the_broker_is_down

check: lint ## Check style, types and architecture, in seconds.
	@exec .venv/bin/python -m pytest --quiet tests/architecture --ignore=tests/architecture/test_each_service_alone.py

lint: .venv/synced-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/deptry src

fmt: .venv/synced-dev ## Put the code into shape.
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench: .venv/synced-dev rabbitmq ## Measure, and write docs/performance.md.
	@exec .venv/bin/python -m bench

chaos: .venv/synced-dev rabbitmq ## Break everything under load, and see that nothing is lost (MINUTES=10 SEED=1).
	@exec .venv/bin/python -m chaos --minutes $(MINUTES) --seed $(SEED)

describe: .venv/synced-dev ## Write down what the code says of its requests and its events.
	@cd src/ordereats/topology/documents && for name in openapi asyncapi; do \
		$(CURDIR)/.venv/bin/ordereats describe $$name > .new && mv .new $$name.json || exit 1; \
		$(CURDIR)/.venv/bin/ordereats describe $$name --page > .new && mv .new $$name.html || exit 1; done

lock: .venv/synced-dev ## Take the newest versions of all dependencies.
	$(COMPILE) --extra dev pyproject.toml --output-file requirements/dev.lock
	$(COMPILE) --extra local pyproject.toml --constraint requirements/dev.lock --output-file requirements/local.lock
	$(COMPILE) pyproject.toml --constraint requirements/dev.lock --output-file requirements/serve.lock \
		$(addprefix --no-emit-package ,$(UNLOADED))
	$(COMPILE) requirements/build.in --constraint requirements/dev.lock --output-file requirements/build.lock

# The environment: exactly what a lock file names, by its hashes, and the project itself.
.venv/synced-%: requirements/%.lock requirements/build.lock pyproject.toml | .venv/bin/uv
	@echo "Installing what requirements/$*.lock names into .venv …"
	@.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/build.lock $<
	@.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@rm -f .venv/synced-* && touch $@

.venv/bin/uv: requirements/build.lock
	@command -v $(PYTHON) > /dev/null \
		&& $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" \
		|| { echo "OrderEats needs Python 3.11 or newer: install it, or name it by PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -c "import ensurepip, venv" 2> /dev/null \
		|| { echo "$(PYTHON) has no venv: apt-get install python3-venv (or name another by PYTHON=…)" >&2; exit 2; }
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

.brokers/4/bin/rabbitmq-server:
	@rm -rf .brokers/4
	@tools/rabbitmq-4 .brokers/4

# RabbitMQ comes from the distribution where we may install it; its own service is not wanted.
rabbitmq:
	@case "$(filter up,$(MAKECMDGOALS))$(TOPOLOGY)$(BROKER)$$BROKER_URL" in \
		upmonolithauto|up*postgres|up*://*) exit 0;; esac; \
	if command -v rabbitmq-server > /dev/null || test -x /usr/lib/rabbitmq/bin/rabbitmq-server \
		|| test "$$(id -u)" != 0 || ! command -v apt-get > /dev/null; then exit 0; fi; \
	echo "Installing the distribution's rabbitmq-server (BROKER=postgres declines) …"; \
	mkdir -p .venv; export DEBIAN_FRONTEND=noninteractive; \
	apt-get update -qq > .venv/apt.log 2>&1; \
	if apt-get install -qq -y --no-install-recommends rabbitmq-server >> .venv/apt.log 2>&1; then \
		invoke-rc.d rabbitmq-server stop >> .venv/apt.log 2>&1; \
		systemctl disable rabbitmq-server >> .venv/apt.log 2>&1; exit 0; \
	fi; \
	echo "It could not be installed; .venv/apt.log says why." >&2; \
	test "$(BROKER)" != rabbitmq

# The tests start an engine of their own; the distribution's service is not wanted. Whoever has one
# that is not the distribution's keeps it.
docker:
	@for each in dockerd:docker.io iptables:iptables ip:iproute2 mmdebstrap:mmdebstrap; do \
		command -v "$${each%:*}" > /dev/null || missing="$$missing $${each#*:}"; \
	done; \
	if test -z "$$missing" || test "$$(id -u)" != 0 || ! command -v apt-get > /dev/null; then exit 0; fi; \
	echo "Installing the distribution's$$missing, for the tests of containers …"; \
	mkdir -p .venv; export DEBIAN_FRONTEND=noninteractive; \
	had=$$(command -v dockerd); \
	apt-get update -qq > .venv/apt.log 2>&1; \
	if apt-get install -qq -y --no-install-recommends $$missing >> .venv/apt.log 2>&1 \
		&& { command -v docker || apt-get install -qq -y docker-cli; } >> .venv/apt.log 2>&1; then \
		if test -z "$$had"; then for each in docker.socket docker containerd; do \
			systemctl disable --now $$each >> .venv/apt.log 2>&1 \
				|| invoke-rc.d "$${each%.socket}" stop >> .venv/apt.log 2>&1; \
		done; fi; exit 0; \
	fi; \
	echo "They could not be installed; .venv/apt.log says why. The tests will say so, too." >&2
