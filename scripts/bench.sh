#!/bin/sh
# bench.sh - `make bench`: builds the release binary and lets loadtest/ measure it.
set -eu
. "$(dirname -- "$0")/lib.sh"

need_build_tools
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
scripts/fetch_postgres.sh >/dev/null
scripts/fetch_model.sh >/dev/null
build_frontend
build_binary release
say "measuring"
exec cargo run --quiet --release --manifest-path loadtest/Cargo.toml -- --binary "$binary" "$@"
