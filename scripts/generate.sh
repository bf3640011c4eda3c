#!/bin/sh
# generate.sh - `make generate`: writes the checked-in files that are made from code: the OpenAPI document, the
# TypeScript types of the web interface, the reference of settings.
set -eu
. "$(dirname -- "$0")/lib.sh"

build_binary dev
"$binary" openapi >docs/openapi.json
cargo run --quiet -p millwright-config --example write_reference
install_frontend_packages
(cd frontend && npm run --silent generate)
