#!/bin/sh
# clean.sh - `make clean`: removes what was built. What was fetched and what was stored stays.
set -eu
. "$(dirname -- "$0")/lib.sh"

rm -rf "$stamps" frontend/dist frontend/node_modules frontend/test-results
cargo clean --quiet
say "fetched things are still in $(scripts/cache_dir.sh)"
