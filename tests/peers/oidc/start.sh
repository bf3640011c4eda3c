#!/bin/sh
# start.sh [SETTINGS] - a real OpenID provider (npm oidc-provider) on loopback, for tests. The first time it installs its
# packages into the cache folder. SETTINGS is JSON; idp.mjs says what may stand in it. Prints one line of JSON when it is
# ready, and ends when its standard input is closed. Exit status 77: it cannot run here, and says why.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cannot() { echo "$1" >&2; exit 77; }
command -v node >/dev/null 2>&1 || cannot "Node.js is not installed"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || cannot "Node.js is older than version 20"
cache=$("$here/../../../scripts/cache_dir.sh")
lock=$(cksum <"$here/package-lock.json" | tr ' ' -)
packages=$cache/oidc-provider-$lock
if [ ! -d "$packages" ]; then
  command -v npm >/dev/null 2>&1 || cannot "npm is not installed"
  # Aside and moved into place, so that tests that start at once do not meet half of it.
  aside=$(mktemp -d "$cache/oidc-provider-XXXXXX")
  trap 'rm -rf "$aside"' EXIT
  cp "$here/package.json" "$here/package-lock.json" "$aside"
  (cd "$aside" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 || cannot "npm cannot fetch oidc-provider"
  mv -T "$aside" "$packages" 2>/dev/null || [ -d "$packages" ]
  rm -rf "$aside"
  trap - EXIT
fi
OIDC_PROVIDER_MODULE=$packages/node_modules/oidc-provider/lib/index.js exec node "$here/idp.mjs" "${1:-{\}}"
