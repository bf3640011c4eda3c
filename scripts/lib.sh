# shellcheck shell=sh
# Sourced by the other scripts. Sets $root, $target and $stamps, and offers what they share.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
case $target in /*) ;; *) target=$PWD/$target ;; esac
stamps=$target/millwright-stamps
mkdir -p "$stamps"
cd "$root" || exit 1

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# install_packages NAME... : with apt, as root or through sudo where that asks no password.
install_packages() {
  say "installing with apt: $*"
  have apt-get || fail "these packages are needed and there is no apt-get here: $*"
  as_root=
  if [ "$(id -u)" -ne 0 ]; then
    { have sudo && sudo -n true 2>/dev/null; } || fail "ask an administrator to run: apt-get install $*"
    as_root="sudo -n"
  fi
  $as_root apt-get update -qq >&2
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends "$@" >&2
}

# need COMMAND:PACKAGE... : installs the packages whose command is absent.
need() {
  absent=
  for pair in "$@"; do
    case $pair in
      pip:*) python3 -m pip --version >/dev/null 2>&1 || absent="$absent ${pair#*:}" ;;
      *) have "${pair%%:*}" || absent="$absent ${pair#*:}" ;;
    esac
  done
  # shellcheck disable=SC2086
  [ -z "$absent" ] || install_packages $absent
}

need_rust() {
  # A login shell would know it; make and cron do not read its profile.
  have cargo || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
  have cargo || fail "Rust is needed: install it with rustup, version 1.95 or newer"
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  found=$(rustc --version | cut -d' ' -f2)
  if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n1)" != "$wanted" ]; then
    fail "Rust $wanted or newer is needed and this is $found: run rustup update stable"
  fi
}

need_node() {
  have node || fail "Node.js 20 or newer is needed"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || fail "Node.js 20 or newer is needed and this is $(node --version)"
  have npm || fail "npm is needed beside Node.js"
}

# What the tree needs to be built: a linker and C compiler, pip for the pinned downloads.
need_build_tools() {
  if [ ! -e "$stamps/tools" ]; then
    need_rust
    need_node
    need cc:gcc cc:libc6-dev python3:python3 pip:python3-pip setpriv:util-linux
    : >"$stamps/tools"
  fi
}

sha256() { if have sha256sum; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1; }

install_frontend_packages() {
  locked=$(sha256 <frontend/package-lock.json)
  if [ "$(cat frontend/node_modules/.millwright-lock 2>/dev/null)" != "$locked" ]; then
    need_node
    say "installing the packages of the web interface"
    (cd frontend && npm ci --no-audit --no-fund --loglevel=error) >&2
    echo "$locked" >frontend/node_modules/.millwright-lock
  fi
}

frontend_files() {
  find frontend \( -name node_modules -o -name dist -o -name e2e -o -name test-results \) -prune -o \
    -type f ! -name '*.tsbuildinfo' -print | LC_ALL=C sort
}

# A digest of everything that the built web interface depends on, names and contents.
frontend_digest() {
  { frontend_files && frontend_files | tr '\n' '\0' | xargs -0 cat --; } | sha256
}

build_frontend() {
  digest=$(frontend_digest)
  if [ ! -e frontend/dist/index.html ] || [ "$(cat "$stamps/frontend" 2>/dev/null)" != "$digest" ]; then
    install_frontend_packages
    say "building the web interface"
    (cd frontend && npm run --silent build -- --logLevel warn) >&2
    echo "$digest" >"$stamps/frontend"
  fi
}

# build_binary PROFILE : cargo decides what to do, but asking it takes longer than a warm start
# may, so it is asked only when a file or folder that it reads is newer than the last build.
build_binary() {
  stamp=$stamps/binary-$1
  folder=$1
  [ "$1" != dev ] || folder=debug
  binary=$target/$folder/millwright
  if [ ! -x "$binary" ] || [ ! -e "$stamp" ] ||
    [ -n "$(find Cargo.toml Cargo.lock crates migrations samples frontend/dist -newer "$stamp" -print 2>/dev/null | head -n1)" ]; then
    need_rust
    say "building millwright ($1); the first time takes several minutes"
    : >"$stamp.new"
    cargo build --locked --profile "$1" -p millwright-server --bin millwright >&2
    mv "$stamp.new" "$stamp"
  fi
}

# What `millwright eval` needs that asks a server of its own: the release binary, PostgreSQL and the embedding model.
prepare_eval() {
  build_frontend
  build_binary release
  MILLWRIGHT_CACHE_DIR=$("$root/scripts/cache_dir.sh")
  MODEL_DIR=$("$root/scripts/fetch_model.sh")
  export MILLWRIGHT_CACHE_DIR MODEL_DIR
  "$root/scripts/fetch_postgres.sh" >/dev/null
}
