#!/bin/sh
# bench-gateway.sh - `make bench-gateway`: the gateway with everything on beside LiteLLM with nothing on, before the same
# model server, in one run of about five minutes. docs/PERFORMANCE.md says what is measured and how.
#   --json           JSON instead of a table
#   --seconds N      each load lasts so long (8)
#   --soak MINUTES   then half of the load for so long, watching memory
#   --chaos [SECONDS [SEED]]  instead: the chaos test, five minutes of faults (300), in a way that the seed decides (5)
set -eu
. "$(dirname -- "$0")/lib.sh"

litellm_version=1.106.12

# The peer, in an environment of its own, kept in the cache. Prints nothing where it cannot be had.
litellm() {
  place=$MILLWRIGHT_CACHE_DIR/litellm-$litellm_version
  if [ ! -x "$place/bin/litellm" ]; then
    say "installing LiteLLM $litellm_version to compare with"
    rm -rf "$place"
    if ! { python3 -m venv "$place" &&
      "$place/bin/python3" -m pip install --quiet --disable-pip-version-check "litellm[proxy]==$litellm_version"; } >&2; then
      rm -rf "$place"
      return 0
    fi
  fi
  echo "$place"
}

need_build_tools
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
scripts/fetch_postgres.sh >/dev/null
scripts/fetch_model.sh >/dev/null
build_frontend
need_rust

if [ "${1:-}" = --chaos ]; then
  # A server for the test's database, gone with this script.
  work=$(mktemp -d)
  chmod 711 "$work"
  mkdir "$work/postgres"
  scripts/test_postgres.sh "$work/postgres" >"$work/url" &
  server=$!
  trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
  for _ in $(seq 100); do
    [ ! -s "$work/url" ] || break
    sleep 0.1
  done
  MILLWRIGHT_TEST_DATABASE_URL=$(cat "$work/url")
  export MILLWRIGHT_TEST_DATABASE_URL
  CHAOS_SECONDS=${2:-300} CHAOS_SEED=${3:-5} cargo test --locked -p millwright-server -p millwright-loadtest --test service -- \
    --nocapture whatever_the_model_servers_do
  exit
fi

[ -d /proc/self ] || fail "the measurement reads /proc: it runs on Linux only"
need setpriv:util-linux wrk:wrk
build_binary release
cargo build --locked --release -p millwright-server -p millwright-loadtest --bins >&2
peer=$(litellm)
[ -n "$peer" ] || say "LiteLLM SKIPPED: pip cannot install it here"
say "measuring; this takes some minutes"
exec "$target/release/millwright-loadtest" --binary "$binary" --gateway --upstream "$target/release/millwright-upstream" \
  ${peer:+--litellm "$peer"} "$@"
