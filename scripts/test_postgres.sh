#!/bin/bash
# test_postgres.sh FOLDER - a throw-away PostgreSQL for the tests, on a free loopback port. Prints
# its URL, then runs until it is told to stop or the process that started it ends.
# It trusts every login but `password_needed` and does not flush to disk: fast, and only
# fit for tests.
set -euo pipefail
folder=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
install=$("$here/fetch_postgres.sh")
as_user=()
if [ "$(id -u)" -eq 0 ]; then
  # PostgreSQL refuses to run as root.
  as_user=(--reuid=65534 --regid=65534 --clear-groups)
  chown 65534:65534 "$folder"
fi
cd "$folder"
setpriv --pdeathsig INT "${as_user[@]}" -- "$install/bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --locale-provider=builtin \
  --builtin-locale=C.UTF-8 --no-sync >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
# All logins but one, so that a wrong password can be tried.
printf 'host all password_needed 127.0.0.1/32 scram-sha-256\n%s\n' "$(cat "$folder/data/pg_hba.conf")" >"$folder/pg_hba.conf"
cat "$folder/pg_hba.conf" >"$folder/data/pg_hba.conf"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(exec setpriv --pdeathsig INT "${as_user[@]}" -- "$install/bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
  -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c jit=off \
  >"$folder/postgres.log" 2>&1 </dev/null) &
server=$!
trap 'kill -INT $server 2>/dev/null || true; wait $server || true' EXIT
trap 'exit 0' INT TERM HUP
for _ in $(seq 300); do
  if "$install/bin/pg_isready" -q -h 127.0.0.1 -p "$port"; then
    echo "postgres://postgres@127.0.0.1:$port/postgres"
    wait $server
    exit
  fi
  kill -0 $server 2>/dev/null || break
  sleep 0.05
done
cat "$folder/postgres.log" >&2
exit 1
