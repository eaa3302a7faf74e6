#!/bin/bash
# A PostgreSQL cluster of one's own on loopback: postgres.sh up|down
# env: PG_HOME (empty or absent folder), PG_PORT. Prints "READY url"; exit 3 names the Debian package that is missing.
set -euo pipefail
: "${PG_HOME:?say where the cluster shall live}" "${PG_PORT:?say which port it shall use}"
data=$PG_HOME/data

# PostgreSQL refuses to run as root, so root hands over to the account the package made.
as_owner() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

missing() {
    echo "postgresql is missing: $1" >&2
    exit 3
}

bin=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1 || true)
[ -n "$bin" ] || missing "no initdb under /usr/lib/postgresql"
bin=$(dirname "$bin")
[ "$(id -u)" != 0 ] || id postgres >/dev/null 2>&1 || missing "no account postgres to run it as"

case ${1:-} in
down)
    [ ! -s "$data/postmaster.pid" ] || as_owner "$bin/pg_ctl" -D "$data" -m immediate -w -t 20 stop >/dev/null
    exit 0
    ;;
up) ;;
*)
    echo "usage: $0 up|down" >&2
    exit 2
    ;;
esac

mkdir -p "$PG_HOME"
[ "$(id -u)" != 0 ] || chown postgres: "$PG_HOME"
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
as_owner sh -c 'umask 077; cat >"$1"' sh "$PG_HOME/password" <<<"$password"
as_owner "$bin/initdb" -D "$data" -U kpulse --auth=scram-sha-256 --pwfile="$PG_HOME/password" \
    --encoding=UTF8 --locale=C --no-sync >"$PG_HOME/initdb.log" 2>&1 || { cat "$PG_HOME/initdb.log" >&2; exit 1; }
# Nothing here outlives the tests, so nothing has to reach the disk.
as_owner sh -c 'cat >>"$1"' sh "$data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $PG_PORT
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 60
shared_buffers = 64MB
timezone = 'UTC'
log_timezone = 'UTC'
CONF
as_owner "$bin/pg_ctl" -D "$data" -l "$data/server.log" -w -t 60 start >/dev/null 2>&1 </dev/null ||
    { echo "PostgreSQL did not start:" >&2; tail -n 20 "$data/server.log" >&2; exit 1; }
echo "READY postgresql+psycopg://kpulse:$password@127.0.0.1:$PG_PORT/postgres"
