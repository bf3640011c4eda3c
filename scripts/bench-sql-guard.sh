#!/bin/sh
# bench-sql-guard.sh - `make bench-sql-guard`: how many verdicts a second the SQL guard gives on one core for a SELECT of some 335 characters,
# how long hostile texts take, and, where Python can fetch it, how often sqlglot reads, resolves and prints the same statement.
set -eu
. "$(dirname -- "$0")/lib.sh"

need_rust
need cc:gcc cc:libc6-dev python3:python3
cargo build --quiet --locked --release -p millwright-sql-guard --example speed >&2
speed=$target/release/examples/speed
"$speed"
work=$(mktemp -d /tmp/millwright-bench-XXXXXX)
trap 'rm -rf "$work"' EXIT
if ! { python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet 'sqlglot[c]'; } >"$work/log" 2>&1; then
  say "sqlglot cannot be had here: measured without it"
  exit 0
fi
"$speed" --print-statement >"$work/statement.sql"
"$work/venv/bin/python" - "$work/statement.sql" <<'PYTHON'
import sys, time
import sqlglot
from sqlglot import exp

sql = open(sys.argv[1]).read().strip()

def parse():
    return sqlglot.parse_one(sql, read="postgres")

def verdict():
    """What a guard does at least: read, look at every node, put a limit in, print."""
    tree = parse()
    assert not any(isinstance(node, (exp.Insert, exp.Update, exp.Delete, exp.Command)) for node in tree.walk())
    tables = {table.name for table in tree.find_all(exp.Table)}
    columns = {column.name for column in tree.find_all(exp.Column)}
    assert tables and columns
    return tree.limit(50).sql(dialect="postgres")

for name, act in (("parses", parse), ("parses, walks and prints", verdict)):
    for _ in range(50):
        act()
    rates = []
    for _ in range(9):
        begun = time.perf_counter()
        for _ in range(200):
            act()
        rates.append(200 / (time.perf_counter() - begun))
    rates.sort()
    print(f"sqlglot {sqlglot.__version__} {name:<26} {len(sql)} characters: {rates[-1]:8.0f} a second at best, {rates[4]:8.0f} median")
PYTHON
