"""How well the search does on the labelled set, as the table in docs. ``python -m tests.text_evidence.table`` writes it."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kpulse.sdk.links import find_links
from tests.text_evidence.bases import BASES
from tests.text_evidence.snippets import Snippet, snippets

PAGE = Path(__file__).parents[2] / "docs" / "connectors" / "text-evidence.md"
BEGIN, END = "<!-- table made by tests/text_evidence/table.py -->", "<!-- end of the table -->"


def found_in(snippet: Snippet) -> frozenset[str]:
    """The articles that the search finds."""
    return frozenset(f"{one.kb}:{one.article}" for one in find_links(snippet.text, BASES))


def count(known: Sequence[Snippet]) -> Counter[str]:
    """Articles that were ``hit``, ``missed``, and found though not meant (``false``)."""
    total: Counter[str] = Counter()
    for snippet in known:
        got = found_in(snippet)
        total += Counter(hit=len(got & snippet.meant), false=len(got - snippet.meant), missed=len(snippet.meant - got))
    return total


def write_table() -> str:
    """The table in Markdown."""
    known = snippets()
    lines = [
        "| Kind of text | Texts | Articles meant | Found | Missed | Found wrongly |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    kinds = dict.fromkeys(snippet.kind for snippet in known)
    lines += [_row(kind, [snippet for snippet in known if snippet.kind == kind]) for kind in kinds]
    total = count(known)
    lines.append(_row("**all**", known))
    precision, recall = total["hit"] / (total["hit"] + total["false"]), total["hit"] / (total["hit"] + total["missed"])
    lines += ["", f"Precision {precision:.3f}, recall {recall:.3f} over all {len(known)} texts."]
    return "\n".join(lines)


def _row(name: str, known: Sequence[Snippet]) -> str:
    total = count(known)
    meant = total["hit"] + total["missed"]
    return f"| {name} | {len(known)} | {meant} | {total['hit']} | {total['missed']} | {total['false']} |"


def put_in(page: str) -> str:
    """``page`` with the table of now."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{write_table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(put_in(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
