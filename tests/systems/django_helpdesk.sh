#!/bin/bash
# A django-helpdesk of its own for tests: SQLite file, REST API on, movable clock, loopback only. Synthetic data.
#
# usage: django_helpdesk.sh up|down|status
#   HD_HOME      where everything lives (default: kpulse-django-helpdesk in the temp directory); `up` starts from nothing
#   HD_PORT      port on 127.0.0.1 (default 8813)
#   HD_LIFETIME  seconds after which the server ends by itself (default 3600)
#   KPULSE_SYSTEMS_CACHE  keeps the virtual environment (default: kpulse-systems-cache-UID in the temp directory)
# Write +SECONDS or -SECONDS to $HD_HOME/clock to move the server's clock. All passwords: NAME-synthetic.
set -euo pipefail

home=${HD_HOME:-${TMPDIR:-/tmp}/kpulse-django-helpdesk}
port=${HD_PORT:-8813}
url=http://127.0.0.1:$port/desk
cache=${KPULSE_SYSTEMS_CACHE:-${TMPDIR:-/tmp}/kpulse-systems-cache-$(id -u)}
version=2.6.1
venv=$cache/django-helpdesk-$version
export TZ=UTC HD_HOME=$home PYTHONPATH=$home/site DJANGO_SETTINGS_MODULE=desk_settings

answers() { curl -fsS --max-time 30 -u reader:reader-synthetic "$url/api/tickets/?page_size=1"; }

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
  if [ -z "$faketime" ] || ! command -v curl >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    echo "django-helpdesk cannot be set up; install the Debian packages python3-venv faketime curl." >&2
    exit 3
  fi
  mkdir -p "$cache"
  # One at a time makes it; it gets its name only when it is whole.
  exec 9>"$venv.lock"
  flock 9
  if [ ! -e "$venv/whole" ]; then
    rm -rf "$venv"
    if ! { python3 -m venv "$venv" && "$venv/bin/pip" -q install "django-helpdesk==$version" waitress && touch "$venv/whole"; } \
         >"$cache/django-helpdesk.log" 2>&1; then
      echo "pip could not install django-helpdesk==$version and waitress (see $cache/django-helpdesk.log); let pip reach" \
           "a package index, or put a virtual environment with both and an empty file named whole at $venv." >&2
      exit 3
    fi
  fi
  exec 9>&-
}

write_site() {
  mkdir -p "$home/site"
  echo +0 >"$home/clock"
  cat >"$home/site/desk_settings.py" <<'PY'
import os
HOME = os.environ["HD_HOME"]
SECRET_KEY, DEBUG, ALLOWED_HOSTS, ROOT_URLCONF = "synthetic", False, ["127.0.0.1"], "desk_urls"
USE_TZ, TIME_ZONE, SITE_ID, DEFAULT_AUTO_FIELD = True, "UTC", 1, "django.db.models.AutoField"
STATIC_URL, MEDIA_ROOT, LOGIN_URL, LOGIN_REDIRECT_URL = "/static/", HOME + "/media", "/desk/login/", "/desk/"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HOME + "/desk.sqlite3", "OPTIONS": {"timeout": 20}}}
INSTALLED_APPS = ["django.contrib." + name for name in "auth contenttypes sessions sites messages staticfiles admin humanize".split()]
INSTALLED_APPS += ["rest_framework", "helpdesk"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
              "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages"]}}]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
HELPDESK_TEAMS_MODE_ENABLED, HELPDESK_KB_ENABLED, HELPDESK_ACTIVATE_API_ENDPOINT = False, True, True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PY
  cat >"$home/site/desk_urls.py" <<'PY'
from django.urls import include, path
urlpatterns = [path("desk/", include("helpdesk.urls", namespace="helpdesk"))]
PY
  cat >"$home/site/desk_wsgi.py" <<'PY'
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
PY
  # agents write; reader has staff status and nothing else; outsider has no staff status
  cat >"$home/site/desk_people.py" <<'PY'
import django
django.setup()
from django.contrib.auth.models import User
from helpdesk.models import CustomField, KBCategory, KBItem, Queue
for name in ("mia", "noah", "zoe", "reader", "outsider"):
    User.objects.create_user(name, name + "@desk.example", name + "-synthetic", is_staff=name != "outsider", is_superuser=name in ("mia", "noah", "zoe"))
for title in ("Helpdesk", "Network"):
    Queue.objects.create(title=title, slug=title.lower(), allow_public_submission=True)
shelf = KBCategory.objects.create(name="guides", title="Guides", slug="guides", description="synthetic")
for title in ("VPN drops every hour", "Reset the token", "Cable map"):
    KBItem.objects.create(category=shelf, title=title, question=title, answer="synthetic")
CustomField.objects.create(name="articles", label="Articles used", data_type="text", required=False, staff_only=True)
PY
}

create_database() {
  "$venv/bin/python" -m django migrate -v0 && "$venv/bin/python" "$home/site/desk_people.py"
} >"$home/setup.log" 2>&1

start_server() {
  setsid nohup timeout "${HD_LIFETIME:-3600}" env LD_PRELOAD="$faketime" FAKETIME_TIMESTAMP_FILE="$home/clock" FAKETIME_NO_CACHE=1 \
    FAKETIME_DONT_FAKE_MONOTONIC=1 "$venv/bin/waitress-serve" --listen="127.0.0.1:$port" --threads=4 desk_wsgi:application \
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
    write_site
    create_database || { echo "The database could not be set up:" >&2; tail -n 5 "$home/setup.log" >&2; exit 1; }
    start_server
    for _ in $(seq 240); do
      if answers >/dev/null 2>&1; then echo "READY $url reader-synthetic"; exit 0; fi
      kill -0 "$(cat "$home/pid")" 2>/dev/null || break
      sleep 0.25
    done
    echo "django-helpdesk did not start:" >&2
    tail -n 5 "$home/server.log" >&2
    stop_server
    exit 1 ;;
  *) echo "usage: $0 up|down|status" >&2; exit 2 ;;
esac
