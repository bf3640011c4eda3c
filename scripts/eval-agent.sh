#!/bin/sh
# eval-agent.sh - `make eval-agent`: how well the whole runtime answers, on the suite that ships, or on the folders that EVAL_AGENT
# names, with spaces between. With the models that are configured (OLLAMA_BASE_URL, LLM_BASE_URL, MODELS_FILE), or else the
# built-in answerer. Options go to the command: scripts/eval-agent.sh --json, --compare earlier.json.
set -eu
. "$(dirname -- "$0")/lib.sh"

prepare_eval

for folder in ${EVAL_AGENT:-"$root/samples/evals/plant"}; do
  LOG_LEVEL=${LOG_LEVEL:-error} "$binary" eval agent --suite "$folder" "$@"
done
