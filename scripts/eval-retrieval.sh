#!/bin/sh
# eval-retrieval.sh - `make eval-retrieval`: how well passages are found on the judged collections that lie beside the
# repository: keywords, vectors, both fused, and the order that users get. EVAL_RETRIEVAL names other folders of the same
# form (corpus.jsonl, queries.jsonl, qrels.tsv), with spaces between.
set -eu
. "$(dirname -- "$0")/lib.sh"

prepare_eval

shared=$root/../shared/data
for folder in ${EVAL_RETRIEVAL:-"$shared/retrieval-cranfield" "$shared/retrieval-vaswani-npl"}; do
  if [ -f "$folder/corpus.jsonl" ]; then
    printf '\n%s: ' "$(basename -- "$folder")"
    LOG_LEVEL=${LOG_LEVEL:-error} "$binary" eval retrieval --data "$folder" "$@"
  else
    printf 'SKIPPED retrieval: no collection at %s\n' "$folder"
  fi
done
