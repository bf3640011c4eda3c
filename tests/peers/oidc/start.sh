#!/bin/sh
# start.sh [SETTINGS] - a real OpenID provider (npm oidc-provider) on loopback, for tests. The first time it installs its
# packages into the cache folder. SETTINGS is JSON; idp.mjs says what may stand in it. Prints one line of JSON when it is
# ready, and ends when its standard input is closed. Exit status 77: it cannot run here, and says why.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=tests/peers/packages.sh
. "$here/../packages.sh"
install_packages oidc-provider
OIDC_PROVIDER_MODULE=$packages/node_modules/oidc-provider/lib/index.js exec node "$here/idp.mjs" "${1:-{\}}"
