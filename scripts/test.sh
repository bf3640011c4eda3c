#!/bin/bash
# test.sh - `make test`: everything that CI checks, stage by stage. Stops at the first stage that
# fails. The last line counts the tests that really ran: those of cargo, of the web interface and
# of the browser. A failing stage that has no tests of its own counts as one failure.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "$0")/lib.sh"

work=$(mktemp -d /tmp/millwright-test-XXXXXX)
chmod 711 "$work"
passed=0 failed=0 children=()

finish() {
  code=$?
  for child in "${children[@]}"; do
    kill -TERM "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  done
  rm -rf "$work"
  if [ $code -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  echo "$passed passed, $failed failed"
  exit $code
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# sums LOG : how many passed and failed, by what cargo test, vitest and node --test say at their ends.
sums() {
  sed 's/\x1b\[[0-9;]*m//g' "$1" | awk '
    /^test result: / { passed += $4; failed += $6 }
    /^ *Tests +[0-9]/ { for (i = 2; i < NF; i++) { if ($(i + 1) == "passed") passed += $i; if ($(i + 1) == "failed") failed += $i } }
    /^(#|ℹ) pass [0-9]+$/ { passed += $3 }
    /^(#|ℹ) fail [0-9]+$/ { failed += $3 }
    /^UNSTABLE: / { passed += $2; failed -= $2 }
    END { print passed + 0, failed + 0 }'
}

count() {
  local both
  both=$(sums "$1")
  passed=$((passed + ${both% *})) failed=$((failed + ${both#* }))
}

# stage NAME COMMAND... : runs it, with its output, its duration and its tests counted.
stage() {
  local name=$1 begun=$SECONDS code=0
  shift
  printf '\n\033[1m==> %s\033[0m\n' "$name"
  # Not in a condition: there, bash would ignore `set -e` in what the stage runs.
  set +e
  ( set -e; "$@" ) 2>&1 | tee "$work/log"
  code=${PIPESTATUS[0]}
  set -e
  count "$work/log"
  printf -- '--- %s: %s, %d s\n' "$name" "$([ "$code" -eq 0 ] && echo ok || echo FAILED)" $((SECONDS - begun))
  [ "$code" -eq 0 ] || exit "$code"
}

skipped() { printf -- '--- SKIPPED %s: %s\n' "$1" "$2"; }

tools() {
  need_build_tools
  need_rust
  cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
  cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
}

fetch() { scripts/fetch_postgres.sh && scripts/fetch_model.sh; }

frontend_checks() {
  cd frontend
  npm run --silent lint
  npm run --silent typecheck
  npm run --silent test
  npm run --silent check:size
}

shell_checks() {
  shellcheck -x scripts/*.sh .ci/run
}

# The test binaries and the dev binary come from one invocation of each kind, so that the features
# of the dependencies stay the same and nothing is compiled twice.
rust_tests() {
  MILLWRIGHT_TEST_MODEL_DIR=$(scripts/fetch_model.sh)
  export MILLWRIGHT_TEST_MODEL_DIR
  first_run cargo test --locked --workspace --no-fail-fast || second_run '^test ([a-z0-9_:]+) \.\.\. FAILED$' rust_tests_named
}

rust_tests_named() { cargo test --locked --workspace --no-fail-fast -- --exact "$@"; }

first_run() { "$@" 2>&1 | tee "$work/first"; }

# second_run PATTERN COMMAND... : COMMAND with the names that PATTERN finds in the output of the first run, for the
# tests that failed there. Where up to three fail beside all the others and pass now, the stage goes on and says
# which they were: each is a defect, and none a reason to throw away what the others have shown.
second_run() {
  local pattern=$1 found failures names
  shift
  mapfile -t found < <(sed -nE "s/\x1b\[[0-9;]*m//g; s|$pattern|\1|p" "$work/first")
  failures=$(sums "$work/first")
  failures=${failures#* }
  # Not all is said by names: a test of the documentation has none that could be given, a process that died neither.
  # There may be more names than failures, for a suite is named beside the test that failed in it.
  if [ "$failures" -eq 0 ] || [ "$failures" -gt 3 ] || [ ${#found[@]} -lt "$failures" ] ||
    grep -q '(signal: ' "$work/first"; then return 1; fi
  mapfile -t names < <(printf '%s\n' "${found[@]}" | sort -u)
  say "failed, and run once more: ${names[*]}"
  # Behind a bar, so that these tests are not counted twice.
  "$@" "${names[@]}" 2>&1 | sed 's/^/| /' || return 1
  echo "UNSTABLE: $failures failed in the first run and passed in the second: ${names[*]}"
}

generated_files() {
  cargo build --locked --workspace --bins
  local binary=$target/debug/millwright
  "$binary" openapi >"$work/openapi.json"
  diff -u docs/openapi.json "$work/openapi.json" || { echo "docs/openapi.json is out of date: $binary openapi > docs/openapi.json"; return 1; }
  local before after
  before=$(cat frontend/src/api/schema.ts)
  (cd frontend && npm run --silent generate)
  after=$(cat frontend/src/api/schema.ts)
  [ "$before" = "$after" ] || { echo "frontend/src/api/schema.ts was out of date and is now regenerated: look at it and keep it"; return 1; }
}

find_chromium() {
  for name in chromium chromium-browser google-chrome; do
    if have "$name"; then command -v "$name"; return; fi
  done
}

# start NAME LOG COMMAND... : in the background, ended with this script, however it ends.
start() {
  local log=$1
  shift
  setpriv --pdeathsig TERM -- "$@" >"$log" 2>"$log.err" </dev/null &
  children+=($!)
}

start_postgres() {
  [ -z "${MILLWRIGHT_TEST_DATABASE_URL:-}" ] || return 0
  mkdir "$work/postgres"
  start "$work/postgres.url" scripts/test_postgres.sh "$work/postgres"
  for _ in $(seq 600); do
    [ ! -s "$work/postgres.url" ] || break
    kill -0 "${children[-1]}" 2>/dev/null || break
    sleep 0.05
  done
  MILLWRIGHT_TEST_DATABASE_URL=$(cat "$work/postgres.url")
  if [ -z "$MILLWRIGHT_TEST_DATABASE_URL" ]; then cat "$work/postgres.url.err"; return 1; fi
  export MILLWRIGHT_TEST_DATABASE_URL
}

# Tests of databases over ODBC are skipped, and say so, where there is none.
start_mariadb() {
  [ -z "${MILLWRIGHT_TEST_MARIADB_PORT:-}" ] || return 0
  if ! have mariadbd && [ ! -x /usr/sbin/mariadbd ]; then
    skipped "MariaDB over ODBC" "there is no MariaDB (Debian: apt-get install mariadb-server-core odbc-mariadb)"
    return 0
  fi
  mkdir "$work/mariadb"
  start "$work/mariadb.port" scripts/test_mariadb.sh "$work/mariadb"
  for _ in $(seq 600); do
    [ ! -s "$work/mariadb.port" ] || break
    kill -0 "${children[-1]}" 2>/dev/null || break
    sleep 0.05
  done
  MILLWRIGHT_TEST_MARIADB_PORT=$(cat "$work/mariadb.port")
  if [ -z "$MILLWRIGHT_TEST_MARIADB_PORT" ]; then cat "$work/mariadb.port.err"; return 1; fi
  export MILLWRIGHT_TEST_MARIADB_PORT
}

# The dev binary with its own private PostgreSQL and demo tenants, on a free port.
start_millwright() {
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  # The tests sign in and ask faster than people.
  start "$work/millwright.log" env PORT="$port" MILLWRIGHT_DATA_DIR="$work/millwright" SIGN_IN_LIMIT_PER_MINUTE=10000 \
    RATE_LIMIT_PER_MINUTE=100000 RATE_LIMIT_BURST=10000 "$target/debug/millwright" serve --demo
  for _ in $(seq 1200); do
    if python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$port/health/ready', timeout=2)" 2>/dev/null; then return 0; fi
    kill -0 "${children[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/millwright.log" "$work/millwright.log.err"
  echo "millwright did not become ready"
  return 1
}

# Set for the tests alone: the binary refuses names that begin with MILLWRIGHT_ and are no setting.
browser_tests() {
  cd frontend
  export MILLWRIGHT_URL=http://127.0.0.1:$port MILLWRIGHT_CREDENTIALS=$work/millwright/demo-credentials.json
  CHROMIUM_PATH=$(find_chromium)
  export CHROMIUM_PATH
  # Public documents where they lie beside the repository, else the sample, with a question for it.
  local manual
  manual=$(find "$root/../shared/data/industrial-documents" -name '*MaintenanceInstructions.pdf' 2>/dev/null | sort | head -n 1 || true)
  if [ -z "$manual" ]; then
    manual=$root/samples/pump-manual.pdf
    export MILLWRIGHT_E2E_QUESTION="What torque do the coupling bolts need?"
  fi
  export MILLWRIGHT_E2E_PDF=$manual
  # For the tests that need a slow model server beside a server of their own.
  export MILLWRIGHT_E2E_BINARY=$target/debug/millwright
  first_run npm run --silent e2e || second_run '^ *location: .*/(e2e/[a-z-]+\.test\.mjs):[0-9]+:[0-9]+.$' node --test --test-concurrency=1
}

PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
stage "tools" tools
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
stage "private PostgreSQL and embedding model" fetch
stage "web interface: packages" install_frontend_packages
stage "web interface: build" build_frontend
stage "web interface: lint, types, unit tests, size" frontend_checks
if have shellcheck; then stage "shell scripts" shell_checks; else skipped "shell scripts" "shellcheck is not installed"; fi
stage "helm chart" scripts/check_helm.sh
stage "rust: format" cargo fmt --all --check
if cargo deny --version >/dev/null 2>&1; then
  stage "rust: licences, bans, sources" cargo deny --locked check licenses bans sources
else
  skipped "rust: licences, bans, sources" "cargo-deny is not installed (cargo install cargo-deny --locked)"
fi
stage "rust: clippy" cargo clippy --locked --workspace --all-targets -- -D warnings
start_postgres
start_mariadb
stage "rust: tests" rust_tests
stage "generated files" generated_files
if [ -n "$(find_chromium)" ]; then
  start_millwright
  stage "browser" browser_tests
else
  skipped "browser" "there is no Chromium (Debian: apt-get install chromium)"
fi
