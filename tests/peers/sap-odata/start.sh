#!/bin/sh
# start.sh - two OData services, V2 and V4, by the mock server of SAP's Fiori tools (npm @sap-ux/fe-mockserver-core) on
# loopback, for tests. What they offer is described in the folders beside, and is our own. The first time it installs its
# packages into the cache folder. Prints one line of JSON when it is ready, and ends when its standard input is closed.
# Exit status 77: it cannot run here, and says why.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=tests/peers/packages.sh
. "$here/../packages.sh"
install_packages sap-odata
MODULES=$packages/node_modules exec node "$here/srv.mjs"
