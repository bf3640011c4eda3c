#!/bin/bash
# test_mariadb.sh FOLDER - a throw-away MariaDB for the tests, on a free loopback port. Prints its
# port, then runs until it is told to stop or the process that started it ends.
# Its user `root` has no password and it does not flush to disk: fast, and only fit for tests.
set -euo pipefail
folder=$1
export PATH=$PATH:/usr/sbin
server=$(command -v mariadbd)
install=$(command -v mariadb-install-db)
as_user=()
if [ "$(id -u)" -eq 0 ]; then
  # MariaDB refuses to run as root.
  as_user=(--reuid=65534 --regid=65534 --clear-groups)
  chown 65534:65534 "$folder"
fi
cd "$folder"
setpriv --pdeathsig TERM "${as_user[@]}" -- "$install" --no-defaults --datadir="$folder/data" --auth-root-authentication-method=normal \
  --skip-test-db --innodb-flush-method=nosync >"$folder/install.log" 2>&1 || { cat "$folder/install.log" >&2; exit 1; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
(exec setpriv --pdeathsig TERM "${as_user[@]}" -- "$server" --no-defaults --datadir="$folder/data" --port="$port" --bind-address=127.0.0.1 \
  --socket="$folder/socket" --pid-file="$folder/pid" --skip-name-resolve --skip-log-bin --innodb-flush-method=nosync \
  --innodb-flush-log-at-trx-commit=0 --innodb-buffer-pool-size=64M --performance-schema=OFF >"$folder/mariadb.log" 2>&1 </dev/null) &
server=$!
trap 'kill -TERM $server 2>/dev/null || true; wait $server || true' EXIT
trap 'exit 0' INT TERM HUP
for _ in $(seq 600); do
  if grep -q 'ready for connections' "$folder/mariadb.log" 2>/dev/null; then
    echo "$port"
    wait $server
    exit
  fi
  kill -0 $server 2>/dev/null || break
  sleep 0.05
done
cat "$folder/mariadb.log" >&2
exit 1
