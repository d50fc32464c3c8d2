# Every target works on a bare machine with python3 (>= 3.11) and make; `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/var/node/bin:$(PATH)

CONFIG ?= gateway.toml

.PHONY: help demo sandbox run test lint format bench soak clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: ## Two minutes, no accounts: an Opportunity becomes a sent invoice, exactly once, whatever breaks
	@tools/environment runtime
	@python -m gateway demo

sandbox: ## The same world, left running: open the printed addresses in a browser
	@tools/environment runtime
	@python -m gateway sandbox

run: ## The gateway with your configuration (CONFIG=gateway.toml)
	@tools/environment runtime
	@python -m gateway serve --config $(CONFIG)

test: ## Everything the project checks: lint, types, layers, locks, Apex, the whole suite on both databases, coverage
	@tools/environment dev
	@tools/ensure-postgres
	@tools/ensure-java
	@tools/ensure-chromium
	@tools/ensure-node tests/salesforce_tools tests/flow_tools tests/lwc
	@tools/lint
	@tools/test

lint: ## The quick half of `make test`
	@tools/environment dev
	@tools/lint

format: ## Rewrite the code the way the formatter wants it
	@tools/environment dev
	@ruff format .
	@ruff check --fix .

bench: ## Measure against a gateway without durability; writes benchmarks/results/latest.md
	@tools/environment dev
	@tools/ensure-postgres
	@python -m benchmarks.run

soak: ## The long matrices (every fault at every call, more kills, longer random runs); writes benchmarks/results/soak.md
	@tools/environment dev
	@tools/ensure-postgres
	@python -m benchmarks.soak

clean: ## Remove what the targets above made
	@rm -rf .venv var build .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
