#!/bin/bash
# prove-sql-guard.sh - `make prove-sql-guard`: runs what the SQL guard lets through of every payload of a file in real databases, and looks at
# what happened there. PostgreSQL comes with the repository; MariaDB is installed where apt can; SQLite is linked in.
#   PAYLOADS   the file, a JSON object with `payload` a line; without it the sample beside the tests
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "$0")/lib.sh"

need_rust
need_build_tools
[ -x /usr/sbin/mariadbd ] || install_packages mariadb-server-core mariadb-client-core || say "going on without MariaDB"
sample=$root/crates/sql-guard/tests/corpus/payloads.jsonl
shared=$root/../shared/data/sql-injection-payloads/payloads.jsonl
[ ! -e "$shared" ] || sample=$shared
export MILLWRIGHT_SQL_PAYLOADS=${PAYLOADS:-$sample}
work=$(mktemp -d /tmp/millwright-prove-XXXXXX)
chmod 711 "$work"
server=
finish() {
  [ -z "$server" ] || { kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$work"
}
trap finish EXIT
if [ -z "${MILLWRIGHT_TEST_DATABASE_URL:-}" ]; then
  MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
  export MILLWRIGHT_CACHE_DIR
  mkdir "$work/postgres"
  setpriv --pdeathsig TERM -- scripts/test_postgres.sh "$work/postgres" >"$work/url" </dev/null &
  server=$!
  for _ in $(seq 600); do
    [ ! -s "$work/url" ] || break
    sleep 0.05
  done
  MILLWRIGHT_TEST_DATABASE_URL=$(cat "$work/url")
  [ -n "$MILLWRIGHT_TEST_DATABASE_URL" ] || fail "PostgreSQL did not start"
  export MILLWRIGHT_TEST_DATABASE_URL
fi
say "payloads from $MILLWRIGHT_SQL_PAYLOADS"
cargo test --locked -p millwright-sql-guard --test proof -- --nocapture
