#!/bin/sh
# bench-retrieval.sh - `make bench-retrieval`: how fast and how completely search finds passages among many, over twenty
# tenants. The largest size takes a quarter of an hour, 6 GB of disk and 5 GB of memory; BENCH_CHUNKS names others, with
# spaces between. With --json it prints JSON.
set -eu
. "$(dirname -- "$0")/lib.sh"

need_build_tools
need_rust
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
scripts/fetch_postgres.sh >/dev/null
scripts/fetch_model.sh >/dev/null
cargo build --locked --release -p millwright-loadtest --bin millwright-loadtest >&2
for chunks in ${BENCH_CHUNKS:-10000 100000 1000000}; do
  say "measuring $chunks chunks"
  "$target/release/millwright-loadtest" --retrieval "$chunks" "$@"
done
