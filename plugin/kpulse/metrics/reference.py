"""Writes docs/metrics.md from the definitions: ``python -m kpulse.metrics.reference > docs/metrics.md``."""

import sys
from collections.abc import Iterable

from kpulse.metrics.definitions import SERVICE, Definition, list_definitions
from kpulse.metrics.snapshot import BUDGET

HEAD = f"""# Metrics

Made from the code by `python -m kpulse.metrics.reference > docs/metrics.md`; do not edit.

`/metrics` hands out what the last refresh has kept, as Prometheus text or OpenMetrics, plain or gzipped; a scrape asks no
desk and counts nothing. It is open on loopback without a forwarded header, and everywhere else wants the token of
`KPULSE_METRICS_TOKEN` as a bearer token; once a token is set it is wanted on loopback too.

* All are gauges: late data can lower a number. No sample has a timestamp of its own.
* The window stands at the end of the name (`_28d`: 28 local days, today included; `_365d`).
* `kcs_org_*` is the whole organisation, `kcs_team_*` has a label `team`; never add the two. Teams too small to be shown alone
  stand together as `Other teams`. Aggregate as sum of parts over sum of parts, never as a mean of ratios.
* What is not known has no sample; a 0 means that 0 was counted. No label names a ticket, an article or a person. In label
  values `"` becomes `'` and `\\` becomes `/`, because Grafana does not escape them in queries.
* At most {BUDGET} series: organisation and service come first, then families of the teams, each whole or not at all;
  what was left out is counted in `kpulse_metrics_dropped_series`.
"""


def write_reference() -> str:
    """The page."""
    found = list_definitions()
    parts = (
        ("Organisation", [one for one in found if one.name.startswith("kcs_org_")]),
        ("Teams", [one for one in found if one.name.startswith("kcs_team_")]),
        ("Service", SERVICE),
    )
    return "\n".join([HEAD, *(f"## {title}\n\n{_table(rows)}" for title, rows in parts)])


def _table(rows: Iterable[Definition]) -> str:
    lines = [
        f"| `{one.name}` | {one.help} | {one.unit} | {', '.join(f'`{x}`' for x in one.labels) or '–'} | {one.absent} |"
        for one in rows
    ]
    return "\n".join(["| Metric | Says | Unit | Labels | Absent |", "|---|---|---|---|---|", *lines, ""])


if __name__ == "__main__":
    sys.stdout.write(write_reference())
