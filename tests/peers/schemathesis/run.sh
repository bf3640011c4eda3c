#!/bin/sh
# run.sh BASE_URL TOKEN CONFIG [OPTIONS...] - checks a running server against docs/openapi.json with schemathesis: no
# answer may be a 5xx or have a status, a media type or a body that the document does not describe. CONFIG is a
# schemathesis.toml that names things that are there, OPTIONS are more options of `st run`. Needs python3 with venv; says
# SKIPPED and ends with 0 where that, or the registry, is missing.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
base=$1 token=$2 config=$3
shift 3
cache=$("$here/../../../scripts/cache_dir.sh")/schemathesis
if [ ! -x "$cache/bin/st" ] || ! cmp -s "$here/requirements.txt" "$cache/requirements.txt"; then
  if ! { python3 -m venv --clear "$cache" && "$cache/bin/pip" install --quiet --requirement "$here/requirements.txt"; } >&2; then
    echo "SKIPPED: schemathesis cannot be installed here"
    exit 0
  fi
  cp "$here/requirements.txt" "$cache/requirements.txt"
fi
# It writes its reports and examples where it stands. With more than one worker hypothesis sometimes fails by itself (a
# KeyError in its cache of sources).
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"$cache/bin/st" --config-file "$config" run "$here/../../../docs/openapi.json" --url "$base" --header "Authorization: Bearer $token" \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --phases examples,coverage,fuzzing --max-examples "${SCHEMATHESIS_EXAMPLES:-20}" --workers 1 --seed 1 \
  --suppress-health-check all --request-timeout 20 --no-color --no-shrink --continue-on-failure \
  --generation-database none --warnings off "$@"
