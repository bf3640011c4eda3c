#!/bin/sh
# eval.sh - `make eval`: scores what ships on labelled data: personal data by type, injection by channel and source,
# the choice of models by benchmark. The sets are public and lie beside the repository; EVAL_PII, EVAL_INJECTION and EVAL_ROUTING
# name others of the same form.
set -eu
. "$(dirname -- "$0")/lib.sh"

build_frontend
build_binary release
shared=$root/../shared/data

score() {
  if [ -f "$2" ]; then
    printf '\n%s (%s)\n' "$1" "$(basename -- "$2")"
    "$binary" eval "$1" --data "$2"
  else
    printf 'SKIPPED %s: %s is not there\n' "$1" "$2"
  fi
}

echo "The public sets beside the repository took part in training: on them this shows that what ships works, not how it generalises."
echo "For that: cargo run --release -p millwright-xtask -- train injection --measure-only …, train pii --no-model …"
echo "routing prints its held-out figures below; train routing … measures them anew."
score pii "${EVAL_PII:-$shared/pii-presidio-synth/records.jsonl}"
score injection "${EVAL_INJECTION:-$shared/prompt-injection/prompts.jsonl}"
score routing "${EVAL_ROUTING:-$shared/llm-routing-routellm/prompts.jsonl}"
