#!/usr/bin/env bash
# A Request Tracker 5 of its own for tests: SQLite file, REST 2, articles, movable clock, loopback only. Synthetic data.
#
# usage: rt5.sh up|down|status
#   RT_HOME      where everything lives (default: kpulse-rt5 in the temp directory); `up` starts from nothing
#   RT_PORT      port on 127.0.0.1 (default 8811)
#   RT_LIFETIME  seconds after which the server ends by itself (default 3600)
# Write +SECONDS or -SECONDS to $RT_HOME/clock to move the server's clock. Tokens of all accounts: $RT_HOME/tokens.
set -euo pipefail

home=${RT_HOME:-${TMPDIR:-/tmp}/kpulse-rt5}
port=${RT_PORT:-8811}
url=http://127.0.0.1:$port
share=/usr/share/request-tracker5
export TZ=UTC RT_SITE_CONFIG=$home/RT_SiteConfig.pm RT_SITE_CONFIG_DIR=$home/RT_SiteConfig.d

token_of() { awk -v name="$1" '$1 == name { print $2 }' "$home/tokens"; }

answers() { curl -fsS --max-time 10 -H "Authorization: token $(token_of reader)" "$url/REST/2.0/rt"; }

stop_server() {
  local pid
  pid=$(cat "$home/pid" 2>/dev/null || true)
  rm -f "$home/pid"
  [ -n "$pid" ] && kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.1; done
  kill -KILL "$pid" 2>/dev/null || true
}

require_binaries() {
  faketime=$(find /usr/lib -name libfaketime.so.1 -print -quit 2>/dev/null)
  if [ -z "$faketime" ] || [ ! -x "$share/libexec/rt-server" ] || ! command -v rt-setup-database-5 >/dev/null || ! command -v curl >/dev/null ||
     ! perl -MDBD::SQLite -MStarlet::Server -e1 2>/dev/null; then
    echo "Request Tracker is not installed; install the Debian packages" \
         "request-tracker5 rt5-standalone rt5-db-sqlite faketime (and curl)." >&2
    exit 3
  fi
}

write_configuration() {
  mkdir -p "$RT_SITE_CONFIG_DIR"
  echo +0 >"$home/clock"
  cat >"$RT_SITE_CONFIG" <<PERL
Set(\$rtname, 'desk.example'); Set(\$Organization, 'desk.example'); Set(\$Timezone, '${RT_TIMEZONE:-UTC}');
Set(\$WebDomain, '127.0.0.1'); Set(\$WebPort, $port); Set(\$WebPath, ''); Set(\$WebSecureCookies, 0);
Set(\$DatabaseType, 'SQLite'); Set(\$DatabaseName, '$home/rt.sqlite');
Set(\$MailCommand, 'testfile'); Set(\$LogToSyslog, undef); Set(\$LogToFile, undef); Set(\$LogToSTDERR, 'error');
1;
PERL
  # agents write; reader may read everything a connector needs; blind may read tickets but no articles
  cat >"$home/desk.pl" <<'PERL'
sub granted { my $group = shift; map +{ GroupDomain => 'UserDefined', GroupId => $group, Right => $_ }, @_ }
@Groups = map +{ Name => $_, Description => "synthetic: $_" }, qw(Agents Connectors Half);
@Users = (
  (map +{ Name => $_, Privileged => 1, MemberOf => 'Agents' }, qw(mia noah zoe)),
  { Name => 'reader', Privileged => 1, MemberOf => 'Connectors' }, { Name => 'blind', Privileged => 1, MemberOf => 'Half' },
);
@Queues  = map +{ Name => $_, Description => "synthetic: $_" }, qw(Helpdesk Network);
@Classes = ( { Name => 'Guides', Description => 'synthetic: knowledge base' } );
@CustomFields = ( { Name => 'Stage', LookupType => 'RT::Class-RT::Article', Type => 'SelectSingle', ApplyTo => [ 'Guides' ],
                    Values => [ map +{ Name => $_ }, qw(WIP NotValidated Validated Archived) ] } );
my @look = qw(SeeQueue ShowTicket);
my @know = qw(SeeClass ShowArticle ShowArticleHistory SeeCustomField);
@ACL = (
  granted('Agents', @look, @know, qw(CreateTicket ModifyTicket DeleteTicket OwnTicket TakeTicket StealTicket ReassignTicket
    CommentOnTicket ReplyToTicket ShowTicketComments CreateArticle ModifyArticle DisableArticle ModifyCustomField)),
  granted('Connectors', @look, @know), granted('Half', @look),
);
PERL
}

create_database() {
  rt-setup-database-5 --action init --skip-create
  rt-setup-database-5 --action insert --datafile "$home/desk.pl"
} >"$home/setup.log" 2>&1

create_tokens() {
  perl -I"$share/lib" -e '
    use RT -init; use RT::AuthToken;
    for my $name (qw(root mia noah zoe reader blind)) {
      my $user = RT::User->new(RT->SystemUser); $user->Load($name);
      my (undef, undef, $token) = RT::AuthToken->new(RT->SystemUser)->Create(Owner => $user->id, Description => "test");
      print "$name $token\n";
    }' >"$home/tokens" 2>>"$home/setup.log"
}

start_server() {
  LD_LIBRARY_PATH='' setsid nohup timeout "${RT_LIFETIME:-3600}" env LD_PRELOAD="$faketime" \
    FAKETIME_TIMESTAMP_FILE="$home/clock" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 \
    "$share/libexec/rt-server" --server Starlet --host 127.0.0.1 --port "$port" --max-workers 2 \
    >"$home/server.log" 2>&1 </dev/null &
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
    write_configuration
    create_database || { echo "The database could not be set up; see $home/setup.log" >&2; exit 1; }
    create_tokens
    start_server
    for _ in $(seq 240); do
      if answers >/dev/null 2>&1; then echo "READY $url token=$(token_of reader)"; exit 0; fi
      kill -0 "$(cat "$home/pid")" 2>/dev/null || break
      sleep 0.25
    done
    echo "Request Tracker did not start; see $home/server.log" >&2
    stop_server
    exit 1 ;;
  *) echo "usage: $0 up|down|status" >&2; exit 2 ;;
esac
