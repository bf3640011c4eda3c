#!/bin/sh
# bench.sh - `make bench`: builds the release binary and lets loadtest/ measure it. With --json it
# prints JSON instead of a table. docs/PERFORMANCE.md says what is measured and how.
set -eu
. "$(dirname -- "$0")/lib.sh"

need_build_tools
[ -d /proc/self ] || fail "the measurement reads /proc: it runs on Linux only"
need setpriv:util-linux
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
scripts/fetch_postgres.sh >/dev/null
scripts/fetch_model.sh >/dev/null
build_frontend
build_binary release
# Together with the server: then cargo gives both the same dependencies and compiles none of them twice.
need_rust
cargo build --locked --release -p millwright-server -p millwright-loadtest --bins >&2
say "measuring; this takes some minutes"
exec "$target/release/millwright-loadtest" --binary "$binary" "$@"
