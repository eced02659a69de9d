# Two commands on a machine that has only make and Python 3.11 or newer: `make run` and `make test`.
# What is installed comes from hashed locks. The stamp files in .venv make a second run start at once.

.DEFAULT_GOAL := help
.PHONY: help run test check format lock clean bench bench-gate soak kills survival

BIN := .venv/bin
SOURCES := src tests

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

run: .venv/.runtime ## Start the gateway for trying it out, on http://localhost:8000 (PORT moves it)
	@exec $(BIN)/ai-gateway dev

# Rewritten tests are kept where an environment would forbid it: rewriting them is half of a collection. Long files come
# first (tests/conftest.py), where xdist would begin with those of many tests.
test: .venv/.dev ## Run all tests (minutes)
	@scripts/find_servers.sh
	@scripts/install_clients.sh
	@exec env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev ## Format, lint, types, import contracts, drift (seconds)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/basedpyright
	@PYTHONPATH=src $(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest tests/test_house.py $(wildcard tests/admin/test_openapi.py)

format: .venv/.dev ## Put the code in the shape that check wants
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

# Nothing younger than a week is taken: most poisoned releases are found out within days. UPGRADE=1 moves pins up.
lock: .venv/.uv ## Redo the locks from requirements/*.in (UPGRADE=1: newest versions)
	@before=$$($(BIN)/python -c 'import datetime as d; print((d.datetime.now(d.UTC) - d.timedelta(days=7)).date())'); \
	for name in bootstrap runtime build otel dev bench-litellm clients-frameworks clients-instructor; do \
		$(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --exclude-newer "$$before" \
			--no-header --no-emit-index-url $(if $(UPGRADE),--upgrade) \
			requirements/$$name.in -o requirements/$$name.lock || exit 1; \
	done

# On a machine that does nothing else. ARGS="--only small", --quick, --noisy: see benchmarks/README.md.
bench: .venv/.dev ## Measure against nginx, LiteLLM and Portkey (25 minutes); writes docs/benchmarks.md
	@scripts/install_peers.sh
	@exec $(BIN)/python -m benchmarks.bench $(ARGS)

bench-gate: .venv/.dev ## Fail if a request or a frame costs 5 % more CPU than the recorded base (3 minutes)
	@exec $(BIN)/python -m benchmarks.gate $(ARGS)

survival: .venv/.dev ## Print what routing does under trouble, simulated and in a real process (2 minutes)
	@$(BIN)/python -m tests.simulation.balancing
	@for one in simulation.outages simulation.queueing simulation.cuts process.figures process.storm; do \
		echo; PYTHONPATH=src:tests $(BIN)/python -m $$one || exit 1; done

soak: .venv/.dev ## Ten minutes at half of what one core can, two with a provider that flaps, and all kills
	@$(BIN)/python -m benchmarks.bench --only soak $(ARGS)
	@PYTHONPATH=.:src $(BIN)/python -m benchmarks.flapping
	@$(MAKE) --no-print-directory kills

kills: .venv/.dev ## The bill, in full counts: 200 kills of one process, 20 of three under 10,000 callers, midnight (10 minutes)
	@AI_GATEWAY_TEST_SINGLE_KILLS=200 $(BIN)/python -m pytest tests/process/test_kill.py -s
	@AI_GATEWAY_TEST_KILLS=20 AI_GATEWAY_TEST_CALLERS=10000 $(BIN)/python -m pytest tests/process/test_leases.py \
		tests/process/test_crowd.py -s
	@$(BIN)/python -m pytest tests/gateway/test_cancellation.py -s
	@PYTHONPATH=src:tests $(BIN)/python -m simulation.midnight
	@PYTHONPATH=.:src $(BIN)/python -m benchmarks.journal

clean: ## Remove what was made; ./data stays
	rm -rf .venv dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.uv: requirements/bootstrap.lock scripts/make_venv.sh
	@scripts/make_venv.sh
	@touch $@

.venv/.runtime: .venv/.uv requirements/runtime.lock requirements/build.lock pyproject.toml
	@echo "Installing what the gateway needs (once) ..." >&2
	@scripts/install_lock.sh requirements/runtime.lock requirements/build.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --offline --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.dev: .venv/.runtime requirements/dev.lock
	@echo "Installing what the tests need (once) ..." >&2
	@scripts/install_lock.sh requirements/dev.lock
	@touch $@
