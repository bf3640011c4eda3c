# shellcheck shell=sh
# packages.sh - for start.sh of a peer in its folder $here: `install_packages NAME` puts what its package-lock.json names into
# the cache folder, the first time, and sets $packages. Whoever cannot run here ends with status 77 and says why.
cannot() { echo "$1" >&2; exit 77; }

install_packages() {
  command -v node >/dev/null 2>&1 || cannot "Node.js is not installed"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || cannot "Node.js is older than version 20"
  cache=$("$here/../../../scripts/cache_dir.sh")
  packages=$cache/$1-$(cksum <"$here/package-lock.json" | tr ' ' -)
  [ ! -d "$packages" ] || return 0
  command -v npm >/dev/null 2>&1 || cannot "npm is not installed"
  # Aside and moved into place, so that tests that start at once do not meet half of it.
  aside=$(mktemp -d "$cache/$1-XXXXXX")
  trap 'rm -rf "$aside"' EXIT
  cp "$here/package.json" "$here/package-lock.json" "$aside"
  (cd "$aside" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 || cannot "npm cannot fetch $1"
  mv -T "$aside" "$packages" 2>/dev/null || [ -d "$packages" ]
  rm -rf "$aside"
  trap - EXIT
}
