#!/bin/bash
# A Redmine 5 of its own for tests: SQLite file, REST API on, movable clock, loopback only. Synthetic data.
#
# usage: redmine.sh up|down|status
#   RM_HOME      where everything lives (default: kpulse-redmine in the temp directory); `up` starts from nothing
#   RM_PORT      port on 127.0.0.1 (default 8814)
#   RM_LIFETIME  seconds after which the server ends by itself (default 3600)
#   KPULSE_SYSTEMS_CACHE  keeps an empty database between runs (default: kpulse-systems-cache-UID in the temp directory)
# Write +SECONDS or -SECONDS to $RM_HOME/clock to move the server's clock. API keys of all accounts: $RM_HOME/keys.
set -euo pipefail

home=${RM_HOME:-${TMPDIR:-/tmp}/kpulse-redmine}
port=${RM_PORT:-8814}
url=http://127.0.0.1:$port
cache=${KPULSE_SYSTEMS_CACHE:-${TMPDIR:-/tmp}/kpulse-systems-cache-$(id -u)}
share=/usr/share/redmine
# Debian's Redmine looks for its instance below $share/instances; a path up to / lets it live in $home, without root.
up=../../../../
# Another Bundler than the one that came with this Ruby would look for gems that Debian does not have.
export TZ=UTC LANG=C.UTF-8 BUNDLER_VERSION=2.3.15 RAILS_ENV=production SCHEMA=/dev/null
export REDMINE_INSTANCE=$up${home#/} BUNDLE_GEMFILE=$home/Gemfile REDMINE_LANG=en

key_of() { awk -v name="$1" '$1 == name { print $2 }' "$home/keys"; }

answers() { curl -fsS --max-time 30 -H "X-Redmine-API-Key: $(key_of reader)" "$url/issues.json?limit=1"; }

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
  if [ -z "$faketime" ] || [ ! -f "$share/config/boot.rb" ] || ! command -v puma >/dev/null || ! command -v bundle >/dev/null ||
     ! command -v curl >/dev/null || ! ruby -e 'gem "sqlite3"' 2>/dev/null; then
    echo "Redmine is not installed; install the Debian packages redmine redmine-sqlite puma ruby-sqlite3 faketime (and curl)," \
         "with BUNDLER_VERSION=$BUNDLER_VERSION in the environment." >&2
    exit 3
  fi
}

write_configuration() {
  mkdir -p "$home"/{config,files,log,tmp,public}
  echo +0 >"$home/clock"
  echo synthetic0123456789abcdef0123456 >"$home/config/secret_key.txt"
  printf 'eval_gemfile "%s/Gemfile"\ngem "sqlite3", "~> 1.4.0"\n' "$share" >"$BUNDLE_GEMFILE"
  printf 'production:\n  adapter: sqlite3\n  database: %s/redmine.db\n  timeout: 20000\n  pool: 12\n' "$home" >"$home/config/database.yml"
  # agents write; reader may read everything a connector needs; blind may read issues but no wiki; outsider is nobody's member
  cat >"$home/desk.rb" <<'RB'
Setting.rest_api_enabled = '1'; Setting.default_language = 'en'; Setting.notified_events = []
User.find_by_login('admin').update_columns(must_change_passwd: false)
people = %w[mia noah zoe reader blind outsider].map do |name|
  user = User.new(firstname: name.capitalize, lastname: 'Synthetic', mail: "#{name}@desk.example", mail_notification: 'none')
  user.login = name; user.password = user.password_confirmation = "#{name}-synthetic"; user.save!; user
end
reading = %i[view_issues view_private_notes]
roles = Hash.new(Role.find_by_name('Manager'))
roles['reader'] = Role.create!(name: 'Connector', permissions: reading + [:view_wiki_pages])
roles['blind'] = Role.create!(name: 'Half', permissions: reading)
{ 'Helpdesk' => 'helpdesk', 'Network' => 'network' }.each do |name, identifier|
  project = Project.create!(name: name, identifier: identifier, is_public: false, enabled_module_names: %w[issue_tracking wiki])
  project.trackers = Tracker.all; project.wiki ||= Wiki.create!(project: project, start_page: 'Wiki')
  people.each { |user| Member.create!(project: project, principal: user, roles: [roles[user.login]]) unless user.login == 'outsider' }
end
field = IssueCustomField.create!(name: 'Articles used', field_format: 'text', is_for_all: true, visible: true)
field.trackers = Tracker.all
File.write("#{ENV['RM_HOME']}/keys", ([User.find_by_login('admin')] + people).map { |user| "#{user.login} #{user.api_key}\n" }.join)
RB
}

create_database() {
  local empty fresh
  empty=$cache/redmine-$(dpkg-query -W -f '${Version}' redmine | tr -c 'A-Za-z0-9.' _).db
  cd "$share" || return
  if ! cp "$empty" "$home/redmine.db" 2>/dev/null; then
    # Two processes: after the migration the first one still knows the old columns, and says so with status 0.
    bundle exec rake db:migrate && bundle exec rake redmine:load_default_data && mkdir -p "$cache" &&
      fresh=$(mktemp "$empty.XXXXXX") && cp "$home/redmine.db" "$fresh" && mv "$fresh" "$empty" || return
  fi
  RM_HOME=$home bundle exec rails runner "$home/desk.rb"
} >"$home/setup.log" 2>&1

start_server() {
  # setsid and nohup without the fake clock: only the server lives at another time
  setsid nohup timeout "${RM_LIFETIME:-3600}" env LD_PRELOAD="$faketime" FAKETIME_TIMESTAMP_FILE="$home/clock" FAKETIME_NO_CACHE=1 \
    FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0 puma -e production -b "tcp://127.0.0.1:$port" -t 10:10 --dir "$share" >"$home/server.log" 2>&1 </dev/null &
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
    create_database || { echo "The database could not be set up; see $home/setup.log" >&2; tail -n 5 "$home/setup.log" >&2; exit 1; }
    start_server
    for _ in $(seq 480); do
      if answers >/dev/null 2>&1; then echo "READY $url key=$(key_of reader)"; exit 0; fi
      kill -0 "$(cat "$home/pid")" 2>/dev/null || break
      sleep 0.25
    done
    echo "Redmine did not start; see $home/server.log" >&2
    tail -n 5 "$home/server.log" >&2
    stop_server
    exit 1 ;;
  *) echo "usage: $0 up|down|status" >&2; exit 2 ;;
esac
