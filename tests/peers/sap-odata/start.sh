#!/bin/sh
# start.sh - two OData services, V2 and V4, by the mock server of SAP's Fiori tools (npm @sap-ux/fe-mockserver-core) on
# loopback, for tests. What they offer is described in the folders beside, and is our own. The first time it installs its
# packages into the cache folder. Prints one line of JSON when it is ready, and ends when its standard input is closed.
# Exit status 77: it cannot run here, and says why.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cannot() { echo "$1" >&2; exit 77; }
command -v node >/dev/null 2>&1 || cannot "Node.js is not installed"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || cannot "Node.js is older than version 20"
cache=$("$here/../../../scripts/cache_dir.sh")
lock=$(cksum <"$here/package-lock.json" | tr ' ' -)
packages=$cache/sap-odata-$lock
if [ ! -d "$packages" ]; then
  command -v npm >/dev/null 2>&1 || cannot "npm is not installed"
  # Aside and moved into place, so that tests that start at once do not meet half of it.
  aside=$(mktemp -d "$cache/sap-odata-XXXXXX")
  trap 'rm -rf "$aside"' EXIT
  cp "$here/package.json" "$here/package-lock.json" "$aside"
  (cd "$aside" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 || cannot "npm cannot fetch the mock server"
  mv -T "$aside" "$packages" 2>/dev/null || [ -d "$packages" ]
  rm -rf "$aside"
  trap - EXIT
fi
MODULES=$packages/node_modules exec node "$here/srv.mjs"
