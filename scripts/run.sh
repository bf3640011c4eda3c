#!/bin/sh
# run.sh - `make run`: fetches what is missing, builds what has changed, starts Millwright.
set -eu
. "$(dirname -- "$0")/lib.sh"

need_build_tools
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
if [ -z "${DATABASE_URL:-}${DATABASE_URL_FILE:-}${POSTGRES_INSTALL_DIR:-}" ]; then scripts/fetch_postgres.sh >/dev/null; fi
if [ -z "${MODEL_DIR:-}" ]; then scripts/fetch_model.sh >/dev/null; fi
build_frontend
build_binary release

# As in the Dockerfile: memory is given back after 10 ms.
export MIMALLOC_PURGE_DELAY="${MIMALLOC_PURGE_DELAY:-10}"
# When `make` is killed outright, the kernel tells Millwright to stop, which stops PostgreSQL.
if have setpriv; then exec setpriv --pdeathsig TERM -- "$binary" serve --demo "$@"; fi
exec "$binary" serve --demo "$@"
