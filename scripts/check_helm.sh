#!/bin/sh
# check_helm.sh - lints the chart, renders it in several ways, checks what comes out against the
# Kubernetes schemas, and that what must be refused is refused. Needs no helm: it takes helm's own
# code and the schemas from pinned Python packages, and says so where they cannot be had.
set -eu
. "$(dirname -- "$0")/lib.sh"

cache=$(scripts/cache_dir.sh)
sdk=$cache/tools/helm-python-sdk-0.2.2
validate=$cache/tools/kubernetes-validate-1.37.0
skip() { echo "--- SKIPPED helm chart: $1"; exit 0; }

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || skip "the pinned helm library is for Linux on x86_64"
python3 scripts/fetch_wheel.py "$sdk" helm-python-sdk 0.2.2 \
  28cc13abaf134c3a7e37f070c939be8d9cdc9825c3c8b8b2d35161073bcd4578 || skip "the helm library could not be fetched"
if [ ! -d "$validate" ]; then
  rm -rf "$validate.new"
  python3 -m pip install --quiet --disable-pip-version-check --no-warn-script-location --root-user-action=ignore \
    --target "$validate.new" kubernetes-validate==1.37.0 >&2 || skip "the Kubernetes schemas could not be fetched"
  mv "$validate.new" "$validate"
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$sdk:$validate exec python3 scripts/check_helm.py helm/millwright
