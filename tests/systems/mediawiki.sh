#!/usr/bin/env bash
# A MediaWiki of its own for tests: SQLite file, PHP's own web server, movable clock, loopback only. Synthetic data.
#
# usage: mediawiki.sh up|down|status
#   MW_HOME      where everything lives (default: kpulse-mediawiki in the temp directory); `up` starts from nothing
#   MW_PORT      port on 127.0.0.1 (default 8812)
#   MW_PRIVATE   1: nobody may read without signing in
#   MW_LIFETIME  seconds after which the server ends by itself (default 3600)
# Write +SECONDS or -SECONDS to $MW_HOME/clock to move the server's clock. Names and passwords: $MW_HOME/accounts.
set -euo pipefail

home=${MW_HOME:-${TMPDIR:-/tmp}/kpulse-mediawiki}
port=${MW_PORT:-8812}
url=http://127.0.0.1:$port
share=/usr/share/mediawiki
export TZ=UTC MW_CONFIG_FILE=$home/conf/LocalSettings.php

answers() { curl -fsS --max-time 10 "$url/api.php?action=query&meta=siteinfo&format=json"; }

stop_server() {
  local pid
  pid=$(cat "$home/pid" 2>/dev/null || true)
  rm -f "$home/pid"
  [ -n "$pid" ] && kill -- "-$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do kill -0 -- "-$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL -- "-$pid" 2>/dev/null || true
}

require_binaries() {
  faketime=$(find /usr/lib -name libfaketime.so.1 -print -quit 2>/dev/null)
  if [ -z "$faketime" ] || [ ! -f "$share/maintenance/install.php" ] || ! command -v php >/dev/null || ! command -v curl >/dev/null ||
     ! php -r 'exit(array_diff(["pdo_sqlite", "intl", "mbstring", "xml"], get_loaded_extensions()) ? 1 : 0);'; then
    echo "MediaWiki is not installed; install the Debian packages" \
         "mediawiki php-cli php-sqlite3 php-intl php-mbstring php-xml faketime (and curl)." >&2
    exit 3
  fi
}

install_wiki() {
  mkdir -p "$home/db" "$home/conf"
  echo +0 >"$home/clock"
  php "$share/maintenance/install.php" --dbtype sqlite --dbpath "$home/db" --dbname wiki --server "$url" --scriptpath "" \
    --confpath "$home/conf" --pass root-password-1 "Synthetic wiki" root
  cat >>"$MW_CONFIG_FILE" <<'PHP'
$wgCacheDirectory = false; $wgMainCacheType = CACHE_NONE; $wgParserCacheType = CACHE_NONE; $wgSessionCacheType = CACHE_DB;
$wgJobRunRate = 1; $wgEnableUploads = false; $wgRateLimits = []; $wgPasswordAttemptThrottle = false; $wgUsePathInfo = true;
PHP
  if [ "${MW_PRIVATE:-0}" = 1 ]; then
    echo "\$wgGroupPermissions['*']['read'] = false; \$wgGroupPermissions['*']['edit'] = false;" >>"$MW_CONFIG_FILE"
  fi
}

create_accounts() {
  local name
  for name in Mia Noah Zoe; do
    php "$share/maintenance/createAndPromote.php" --force --sysop "$name" "$name-password-1"
    echo "$name $name-password-1" >>"$home/accounts"
  done
  php "$share/maintenance/createAndPromote.php" --force Reader Reader-password-1
  php "$share/maintenance/createBotPassword.php" --appid pulse --grants basic Reader 0123456789abcdef0123456789abcdef
  echo "Reader@pulse 0123456789abcdef0123456789abcdef" >>"$home/accounts"
}

start_server() {
  setsid nohup timeout "${MW_LIFETIME:-3600}" env PHP_CLI_SERVER_WORKERS=2 LD_PRELOAD="$faketime" \
    FAKETIME_TIMESTAMP_FILE="$home/clock" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0 \
    php -d display_errors=stderr -S "127.0.0.1:$port" -t "$share" >"$home/server.log" 2>&1 </dev/null &
  echo $! >"$home/pid"
}

case ${1:-} in
  down) stop_server; echo DOWN ;;
  status) answers ;;
  up)
    require_binaries
    stop_server
    rm -rf "$home"
    mkdir -p "$home"
    { install_wiki && create_accounts; } >"$home/setup.log" 2>&1 ||
      { echo "The wiki could not be set up; see $home/setup.log" >&2; exit 1; }
    start_server
    for _ in $(seq 160); do
      if answers >/dev/null 2>&1; then echo "READY $url"; exit 0; fi
      kill -0 "$(cat "$home/pid")" 2>/dev/null || break
      sleep 0.25
    done
    echo "MediaWiki did not start; see $home/server.log" >&2
    stop_server
    exit 1 ;;
  *) echo "usage: $0 up|down|status" >&2; exit 2 ;;
esac
