"""Test connection: what this account may see of a Confluence site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kpulse.sdk import Finding, Level, Report
from kpulse_connectors.confluence import rows

if TYPE_CHECKING:
    from kpulse_connectors.confluence import Confluence

TOLERATED_SKEW = 120.0


def look(site: Confluence) -> Report:
    """The report; a refused sign-in is the whole answer, so it is raised. Counts are of the first page of each list."""
    spaces = site.spaces()
    kept = [key for key in spaces.values() if not site.settings.spaces or key in site.settings.spaces]
    row: Any = rows.Listed[rows.Key]
    name = site.lists.path("pages" if site.cloud else "content")
    pages = site.http.get(name, row, {"limit": 1} if site.cloud else {"limit": 1, "type": "page"})
    findings = [
        Finding(
            level=Level.OK if kept else Level.FAIL,
            subject="spaces",
            message=f"{len(kept)} spaces can be read." if kept else "This account sees no space; check its rights.",
        ),
        _pages(bool(pages.body.results)),
        _skew(pages.clock_skew),
        *_labels(site, spaces),
    ]
    return Report(
        findings=findings, identity=site.settings.user or "the owner of the token", counts={"spaces": len(kept)}
    )


def _pages(any_page: bool) -> Finding:
    if any_page:
        return Finding(level=Level.OK, subject="pages", message="Pages can be read.")
    return Finding(level=Level.WARN, subject="pages", message="No page can be read; check the scope and the rights.")


def _labels(site: Confluence, spaces: Any) -> list[Finding]:
    """On Data Center labels come with the pages, so nothing is looked up here."""
    if not site.cloud or not site.settings.meanings:
        return []
    labelled = site.labelled(spaces)
    if labelled:
        return [
            Finding(
                level=Level.OK, subject="labels", message=f"{len(labelled)} pages carry a label that tells a state."
            )
        ]
    message = (
        f"No page carries a label that tells its state; every published page counts as {site.settings.unlabelled}. "
        "Change the labels if your pages use others."
    )
    return [Finding(level=Level.WARN, subject="labels", message=message)]


def _skew(seconds: float | None) -> Finding:
    if seconds is not None and abs(seconds) > TOLERATED_SKEW:
        message = f"The clock of Confluence is {seconds:+.0f} seconds off ours; set both by a time server."
        return Finding(level=Level.WARN, subject="clock", message=message)
    return Finding(level=Level.OK, subject="clock", message="The clocks agree, as far as they can be compared.")
