#!/bin/sh
# bench-runs.sh - `make bench-runs`: what durable runs cost on disk and in time, how soon they go on after their process was killed,
# and whether deaths at every step lose or repeat anything. Some five minutes; docs/PERFORMANCE.md says what is measured and how.
#   --json                 JSON instead of a table
#   BENCH_RUNS             runs that are kept (500; in full 10000)
#   BENCH_RESUMED_STEPS    steps of a run that is taken over (2000)
#   BENCH_MESSAGES         messages of a conversation that is opened (5000)
#   BENCH_CONCURRENT_RUNS  runs beside which somebody chats (200)
#   BENCH_MODEL_MS         what their model takes for an answer (1000)
#   BENCH_CRASHES          runs whose process is killed (50; in full 500)
#   BENCH_ONLY             only these parts: alone,volume,conversation,beside,resume,crash
#   BENCH_PROFILE          the build: release, or dev, whose times say little
set -eu
. "$(dirname -- "$0")/lib.sh"

profile=${BENCH_PROFILE:-release}
need_build_tools
[ -d /proc/self ] || fail "the measurement reads /proc: it runs on Linux only"
need setpriv:util-linux
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
scripts/fetch_postgres.sh >/dev/null
scripts/fetch_model.sh >/dev/null
build_frontend
build_binary "$profile"
need_rust
cargo build --locked --profile "$profile" -p millwright-server -p millwright-loadtest --bins >&2
say "measuring; this takes some minutes"
# shellcheck disable=SC2086
exec "$(dirname -- "$binary")/millwright-loadtest" --binary "$binary" --runs ${BENCH_ONLY:-} "$@"
