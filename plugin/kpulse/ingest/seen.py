"""What a ticket showed of its links over time, in any order of reading. Pure functions.

A *stretch* is a time in which every view showed the same: (first view, last view, complete, assumed time, articles).
Kept together they say the same, whichever view was read first.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from kpulse.clock import to_instant
from kpulse.records import LinksSeen


class Stretch(NamedTuple):
    """Views from ``first`` to ``last`` showed ``articles``; the empty key is a bare flag. All times are instants."""

    first: int
    last: int
    complete: bool
    assumed: int | None
    articles: tuple[str, ...]


class Span(NamedTuple):
    """A link was seen since ``first_seen_at``, and is gone since ``absent_at``."""

    first_seen_at: int
    absent_at: int | None
    assumed_at: int | None


_decoder = msgspec.json.Decoder(list[Stretch])


def read_stretches(stored: str) -> list[Stretch]:
    """The stretches from their stored form."""
    return _decoder.decode(stored)


def write_stretches(stretches: Sequence[Stretch]) -> str:
    """The stored form of stretches."""
    return msgspec.json.encode(stretches).decode()


def add_view(stretches: Sequence[Stretch], view: LinksSeen) -> list[Stretch]:
    """The stretches with one more view; a repeat changes nothing."""
    at = to_instant(view.seen_at)
    assumed = None if view.assumed_at is None else to_instant(view.assumed_at)
    new = Stretch(at, at, view.complete, assumed, tuple(sorted({article or "" for article in view.articles})))
    if any(old.first <= at <= old.last and old[2:] == new[2:] for old in stretches):
        return list(stretches)
    pieces = [piece for old in stretches for piece in (_cut(old) if old.first <= at <= old.last else (old,))]
    return _join(sorted([*pieces, new], key=_place))


def find_spans(stretches: Iterable[Stretch]) -> dict[str, Span]:
    """For each article ever shown since when it was seen, and since when it is gone. A link that came back counts from a
    time that nobody knows."""
    spans: dict[str, Span] = {}
    for stretch in stretches:
        for article in stretch.articles:
            spans[article] = _see(spans.get(article), stretch)
        if stretch.complete:
            gone = (a for a, span in spans.items() if a not in stretch.articles and span.absent_at is None)
            spans.update({article: spans[article]._replace(absent_at=stretch.first) for article in gone})
    return spans


def _see(span: Span | None, stretch: Stretch) -> Span:
    if span is None:
        return Span(stretch.first, None, stretch.assumed)
    if span.absent_at is not None:
        return Span(stretch.first, None, None)
    return span if span.assumed_at is not None else span._replace(assumed_at=stretch.assumed)


def _cut(stretch: Stretch) -> Sequence[Stretch]:
    """The two views that are known of a stretch, to let another one in between."""
    if stretch.first == stretch.last:
        return (stretch,)
    return stretch._replace(last=stretch.first), stretch._replace(first=stretch.last)


def _join(pieces: Iterable[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for piece in pieces:
        if joined and joined[-1][2:] == piece[2:]:
            joined[-1] = joined[-1]._replace(last=piece.last)
        else:
            joined.append(piece)
    return joined


def _place(stretch: Stretch) -> tuple[int, int, tuple[str, ...], bool, int]:
    return stretch.first, stretch.last, stretch.articles, stretch.complete, stretch.assumed or 0
