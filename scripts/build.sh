#!/bin/sh
# build.sh - `make build`: the web interface and the release binary.
set -eu
. "$(dirname -- "$0")/lib.sh"

need_build_tools
build_frontend
build_binary release
echo "$binary"
