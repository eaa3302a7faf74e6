"""Commands for Grafana and Prometheus."""

import json
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from kpulse.errors import UsageError
from kpulse.settings import load

PACKAGE = "kpulse_dashboards"
INSTALLED = "/var/lib/grafana/dashboards/kcs"
FORBIDDEN = set('"\\\n')


@click.group()
def dashboards() -> None:
    """Grafana dashboards and what feeds them."""


@dashboards.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--target", help="host:port of this service as Prometheus reaches it; the one of the settings without it."
)
@click.option("--https", is_flag=True, help="Prometheus reaches this service over https.")
@click.option("--token-file", help="File on Prometheus' machine with the token of KPULSE_METRICS_TOKEN.")
@click.option(
    "--prometheus", default="http://127.0.0.1:9090", show_default=True, help="Prometheus as Grafana reaches it."
)
@click.option("--dashboards-path", default=INSTALLED, show_default=True, help="Where Grafana will find the dashboards.")
@click.option("--leader-page", help="Address of the leader page for people; the one of the settings without it.")
def export(
    folder: Path,
    target: str | None,
    https: bool,
    token_file: str | None,
    prometheus: str,
    dashboards_path: str,
    leader_page: str | None,
) -> None:
    """Write provisioning for Grafana and Prometheus into DIR; other files there stay as they are."""
    settings = load()
    target = target or f"{settings.host}:{settings.port}"
    page = leader_page or settings.public_url or f"http://{target}/"
    places = {
        "@TARGET@": target,
        "@SCHEME@": "https" if https else "http",
        "@TOKEN_FILE@": token_file or "",
        "@PROMETHEUS@": prometheus,
        "@DASHBOARDS@": dashboards_path,
    }
    for name, text in render_tree(places, page).items():
        path = folder / name
        _write(path, text)
        click.echo(path)


def render_tree(places: Mapping[str, str], leader_page: str) -> dict[str, str]:
    """The files by their name under the folder; without a token file Prometheus sends no token. UsageError on a bad value."""
    for value in (*places.values(), leader_page):
        if FORBIDDEN & set(value):
            raise UsageError(f"{value!r} cannot be written into a configuration; leave out quotes and backslashes.")
    source = files(PACKAGE)
    found = {
        "prometheus/prometheus.yml": _without_token(source / "provisioning/prometheus.yml", places),
        "grafana/provisioning/datasources/kcs.yaml": (source / "provisioning/datasources/kcs.yaml").read_text("utf-8"),
        "grafana/provisioning/dashboards/kcs.yaml": (source / "provisioning/dashboards/kcs.yaml").read_text("utf-8"),
    }
    tree = {name: _fill(text, places) for name, text in found.items()}
    for one in sorted((source / "json").iterdir(), key=lambda item: item.name):
        if one.name.endswith(".json"):
            tree[f"grafana/dashboards/kcs/{one.name}"] = _point(one.read_text("utf-8"), leader_page)
    return tree


def _without_token(template: Traversable, places: Mapping[str, str]) -> str:
    text = template.read_text("utf-8")
    if places["@TOKEN_FILE@"]:
        return text
    before, _, rest = text.partition("    authorization:\n")
    return before + "    static_configs:\n" + rest.partition("    static_configs:\n")[2]


def _fill(text: str, places: Mapping[str, str]) -> str:
    for place, value in places.items():
        text = text.replace(place, value)
    return text


def _point(text: str, leader_page: str) -> str:
    dashboard = json.loads(text)
    for variable in dashboard["templating"]["list"]:
        if variable["name"] == "leader_page":
            variable["query"] = leader_page
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from None


COMMANDS = (dashboards,)
