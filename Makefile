# Two commands: `make run` starts Millwright with everything it needs, `make test` checks everything.
.DEFAULT_GOAL := help
.PHONY: help run test bench bench-gateway bench-retrieval bench-runs bench-sql-guard prove-sql-guard eval eval-agent eval-retrieval fuzz doctor build generate clean
MAKEFLAGS += --no-print-directory

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST))

run: ## Fetch what is missing, build what has changed, start on http://127.0.0.1:8000
	@exec scripts/run.sh

test: ## Everything that CI checks; ends with the number of tests
	@exec scripts/test.sh

bench: ## Measure ingestion, search, first byte, memory and start-up
	@exec scripts/bench.sh

bench-gateway: ## Measure the gateway beside LiteLLM, everything on
	@exec scripts/bench-gateway.sh

bench-retrieval: ## Measure search over many chunks of many tenants
	@exec scripts/bench-retrieval.sh

bench-runs: ## Measure durable runs, and kill processes at every step of them
	@exec scripts/bench-runs.sh

bench-sql-guard: ## Measure verdicts of the SQL guard, beside sqlglot
	@exec scripts/bench-sql-guard.sh

prove-sql-guard: ## Run what the SQL guard lets through of every attack in real databases
	@exec scripts/prove-sql-guard.sh

eval: ## Score what ships on labelled data: personal data, injection, routing
	@exec scripts/eval.sh

eval-agent: ## Score the answers of the whole runtime on a suite of questions
	@exec scripts/eval-agent.sh

eval-retrieval: ## Score search on judged collections, stage by stage
	@exec scripts/eval-retrieval.sh

fuzz: ## Look for inputs that break a parser: TARGET=… TIME=seconds
	@exec scripts/fuzz.sh

doctor: ## Check each part of this installation and say what to do
	@exec scripts/doctor.sh

build: ## Build the web interface and the release binary
	@exec scripts/build.sh

generate: ## Write the checked-in files that are made from code
	@exec scripts/generate.sh

clean: ## Remove what was built; fetched things and data stay
	@exec scripts/clean.sh
