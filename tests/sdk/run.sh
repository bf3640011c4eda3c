#!/bin/sh
# run.sh python|javascript - the official client packages, unmodified, against a running Millwright. The first time it
# installs them into the cache folder; says SKIPPED and ends with 0 where that cannot be done. By hand against any
# installation, with these variables:
#   SDK_BASE_URL   http://HOST:PORT/v1
#   SDK_KEY        a key whose owner may chat          SDK_POOR_KEY  one whose budget SDK_BUDGET (its name) is used up
#   SDK_MODEL      a chat model of `models.yaml`       SDK_NOISE=1   where its words are noise, as with random weights
#   SDK_QUESTION   what the documents answer           SDK_ANSWER    words of the answer
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=$("$here/../../scripts/cache_dir.sh")
skip() { echo "SKIPPED: $1"; exit 0; }

case $1 in
  python)
    packages=$cache/sdk-python-$(cksum <"$here/python/requirements.txt" | tr ' ' -)
    if [ ! -x "$packages/bin/python3" ]; then
      command -v python3 >/dev/null 2>&1 || skip "Python is not installed"
      rm -rf "$packages"
      # A virtual environment cannot be moved: its programs name its folder.
      if ! { python3 -m venv "$packages" && "$packages/bin/python3" -m pip install --quiet --disable-pip-version-check \
        --requirement "$here/python/requirements.txt"; } >&2; then
        rm -rf "$packages"
        skip "pip cannot install openai and langchain-openai here"
      fi
    fi
    cd "$here/python"
    # It would send traces to its maker; there is no network to send them over.
    LANGSMITH_TRACING=false PYTHONDONTWRITEBYTECODE=1 exec "$packages/bin/python3" -m unittest --verbose
    ;;
  javascript)
    command -v npm >/dev/null 2>&1 || skip "npm is not installed"
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || skip "Node.js is older than version 20"
    packages=$cache/sdk-javascript-$(cksum <"$here/javascript/package-lock.json" | tr ' ' -)
    if [ ! -d "$packages" ]; then
      # Aside and moved into place, so that runs that start at once do not meet half of it.
      aside=$(mktemp -d "$cache/sdk-javascript-XXXXXX")
      cp "$here/javascript/package.json" "$here/javascript/package-lock.json" "$aside"
      if ! (cd "$aside" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2; then
        rm -rf "$aside"
        skip "npm cannot install openai here"
      fi
      mv -T "$aside" "$packages" 2>/dev/null || rm -rf "$aside"
    fi
    # Modules are looked for beside the file that names them.
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp "$here/javascript/openai.test.mjs" "$work"
    ln -s "$packages/node_modules" "$work/node_modules"
    cd "$work"
    node --test openai.test.mjs
    ;;
  *) echo "run.sh python|javascript" >&2; exit 2 ;;
esac
