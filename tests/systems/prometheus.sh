#!/bin/bash
# A Prometheus of one's own on loopback, scraping one target every second: prometheus.sh up|down
# env: PM_HOME, PM_PORT, TARGET (host:port of a /metrics), BEARER (file with a token), RULES (rule file),
#      WITH_AM=1 with AM_PORT and HOOK (URL that Alertmanager posts to). Prints "READY url [alertmanager-url]";
#      exit 3 names the Debian package that is missing.
set -euo pipefail
: "${PM_HOME:?say where its data shall live}"

# A dead process that nobody has waited for yet still answers to `kill -0`.
alive() {
    grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

stop() {
    for name in prometheus alertmanager; do
        [ -s "$PM_HOME/$name.pid" ] || continue
        pid=$(cat "$PM_HOME/$name.pid")
        kill "$pid" 2>/dev/null || true
        for _ in $(seq 50); do alive "$pid" || break; sleep .1; done
        kill -9 "$pid" 2>/dev/null || true
        rm -f "$PM_HOME/$name.pid"
    done
}

need() {
    command -v "$1" >/dev/null || { echo "$2 is missing: no command $1" >&2; exit 3; }
}

launch() {
    name=$1
    shift
    setsid nohup "$@" >"$PM_HOME/$name.log" 2>&1 </dev/null &
    echo $! >"$PM_HOME/$name.pid"
}

wait_ready() {
    for _ in $(seq 120); do
        ! curl -fs -o /dev/null "$2/-/ready" || return 0
        alive "$(cat "$PM_HOME/$1.pid")" || break
        sleep .25
    done
    echo "$1 did not start:" >&2
    tail -n 20 "$PM_HOME/$1.log" >&2
    stop
    exit 1
}

start_alertmanager() {
    am_url=http://127.0.0.1:${AM_PORT:?say which port Alertmanager shall use}
    cat >"$PM_HOME/alertmanager.yml" <<YML
route: {receiver: hook, group_wait: 1s, group_interval: 2s, repeat_interval: 1h}
receivers:
  - name: hook
    webhook_configs: [{url: "${HOOK:-http://127.0.0.1:9/}"}]
YML
    # Without a cluster address it would look for a private network and refuse to start when there is none.
    launch alertmanager prometheus-alertmanager --config.file="$PM_HOME/alertmanager.yml" \
        --storage.path="$PM_HOME/alertmanager" --web.listen-address="127.0.0.1:$AM_PORT" --cluster.listen-address=
    wait_ready alertmanager "$am_url"
}

configure() {
    {
        echo "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}"
        [ -z "${RULES:-}" ] || echo "rule_files: [\"$RULES\"]"
        [ "${WITH_AM:-0}" != 1 ] || echo "alerting: {alertmanagers: [{static_configs: [{targets: [\"127.0.0.1:$AM_PORT\"]}]}]}"
        echo "scrape_configs:"
        echo "  - job_name: kpulse"
        [ -z "${BEARER:-}" ] || echo "    authorization: {type: Bearer, credentials_file: \"$BEARER\"}"
        echo "    static_configs: [{targets: [\"${TARGET:?say which host:port to scrape}\"]}]"
    } >"$PM_HOME/prometheus.yml"
    promtool check config "$PM_HOME/prometheus.yml" >"$PM_HOME/check.log" 2>&1 || { cat "$PM_HOME/check.log" >&2; exit 1; }
}

case ${1:-} in
down)
    stop
    exit 0
    ;;
up) ;;
*)
    echo "usage: $0 up|down" >&2
    exit 2
    ;;
esac

need prometheus prometheus
need promtool prometheus
need curl curl
[ "${WITH_AM:-0}" != 1 ] || need prometheus-alertmanager prometheus-alertmanager
url=http://127.0.0.1:${PM_PORT:?say which port it shall use}
am_url=
mkdir -p "$PM_HOME/data"
configure
[ "${WITH_AM:-0}" != 1 ] || start_alertmanager
# Three years, because the history of a desk is loaded into the past and must not be cut off.
launch prometheus prometheus --config.file="$PM_HOME/prometheus.yml" --storage.tsdb.path="$PM_HOME/data" \
    --storage.tsdb.retention.time=3y --web.listen-address="127.0.0.1:$PM_PORT" --web.enable-lifecycle --web.enable-admin-api
wait_ready prometheus "$url"
echo "READY $url${am_url:+ $am_url}"
