#!/bin/bash
# fuzz.sh - `make fuzz TARGET=pdf_files TIME=300`: drives one fuzz target of `documents` by libFuzzer for some seconds. Without
# TARGET it names them. What it learns lies in target/fuzz/TARGET/corpus, what breaks a law in target/fuzz/TARGET/crashes; to
# read that again: CRASH=FILE. Needs a C++ compiler beside Rust. `cargo fuzz`, where it is installed, finds the same targets in
# crates/documents. They run as ordinary tests too, on a fixed set of inputs, in `make test`.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "$0")/lib.sh"

targets=$(sed -n 's/^target!(\([a-z_]*\):.*/\1/p' crates/documents/src/fuzz/mod.rs)
if [ -z "${TARGET:-}" ]; then
  printf 'Name a target: make fuzz TARGET=… TIME=SECONDS\n%s\n' "$targets"
  exit 2
fi
grep -qx "$TARGET" <<<"$targets" || fail "no fuzz target $TARGET; there are: $(tr '\n' ' ' <<<"$targets")"
need_rust
# `libfuzzer-sys` builds libFuzzer, which is C++, from its own copy of the sources.
have c++ || have g++ || have clang++ ||
  fail "a C++ compiler is missing, which libFuzzer is built by (Debian: apt-get install g++)"

host=$(rustc -vV | sed -n 's/^host: //p')
folder=$target/fuzz/$TARGET
mkdir -p "$folder/corpus" "$folder/crashes" "$folder/seeds"

# The seeds that the test reads: those with one of the target's endings.
endings=$(sed -n "s/^target!($TARGET: \[\([^]]*\)\].*/\1/p" crates/documents/src/fuzz/mod.rs | tr -d '" ' | tr ',' ' ')
for ending in $endings; do
  for seed in crates/documents/tests/{seeds,fixtures}/*."$ending" samples/*."$ending"; do
    if [ -f "$seed" ] && [ "$(stat -c %s "$seed")" -le 40960 ]; then cp "$seed" "$folder/seeds/"; fi
  done
done

# The flags that `cargo fuzz run --sanitizer none` gives to a stable compiler: counters of covered edges and no sanitizer, since
# the code that is fuzzed is safe Rust. Overflows and broken assertions end it.
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions -Ccodegen-units=4 -Cpasses=sancov-module \
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-level=4 \
  -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares \
  -Cllvm-args=-simplifycfg-branch-fold-threshold=0 ${RUSTFLAGS:-}"
cargo build --locked --manifest-path crates/documents/fuzz/Cargo.toml --target "$host" --target-dir "$target/fuzz/build" \
  --bin "$TARGET"
binary=$target/fuzz/build/$host/debug/$TARGET
limits=(-timeout=20 -rss_limit_mb=3000 -max_len=65536)
if [ -n "${CRASH:-}" ]; then exec "$binary" "${limits[@]}" "$CRASH"; fi
exec "$binary" "${limits[@]}" "-artifact_prefix=$folder/crashes/" "-max_total_time=${TIME:-60}" -print_final_stats=1 \
  "$folder/corpus" "$folder/seeds"
