#!/bin/sh
# start.sh PORT [CACHE_DIR] - a real llama.cpp server with a model of random weights, on loopback. The first time it
# builds llama.cpp (about 4 minutes on 2 cores; needs a C++ compiler and cmake). Prints nothing; ready when
# http://127.0.0.1:PORT/v1/models answers. Stops with its process. With LLAMACPP_VECTORS=true it makes vectors too.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
port=$1
cache=${2:-$("$here/../../../scripts/cache_dir.sh")}/llamacpp
if [ ! -x "$cache/bin/python3" ] || ! "$cache/bin/python3" -c 'import llama_cpp.server, gguf' 2>/dev/null; then
  python3 -m venv "$cache"
  "$cache/bin/pip" install --quiet --requirement "$here/requirements.txt" >&2
fi
model=$cache/tiny-random-pooled.gguf
[ -s "$model" ] || { "$cache/bin/python3" "$here/make_model.py" "$model.part" && mv "$model.part" "$model"; }
exec "$cache/bin/python3" -m llama_cpp.server --host 127.0.0.1 --port "$port" --model "$model" \
  --model_alias tiny-random --n_ctx 4096 --n_threads 1 ${LLAMACPP_VECTORS:+--embedding true}
