#!/bin/sh
# doctor.sh - `make doctor`: asks the binary to check its parts, and says what is missing for it.
set -eu
. "$(dirname -- "$0")/lib.sh"

binary=$target/release/millwright
[ -x "$binary" ] || fail "there is no binary yet: make build, or make run"
MILLWRIGHT_CACHE_DIR=$(scripts/cache_dir.sh)
export MILLWRIGHT_CACHE_DIR
exec "$binary" doctor
