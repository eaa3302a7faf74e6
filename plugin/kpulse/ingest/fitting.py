"""Makes a row fit its table: what identifies has to fit as it is, what only describes is cut."""

from functools import lru_cache

from sqlalchemy import BigInteger, Integer, SmallInteger, String, Table

from kpulse.store.write import Row

REFERENCES = frozenset(("into", "merged_into", "article", "source_ticket"))
NUL = "\0"
UNLIMITED = 10_000_000


def fit(row: Row, table: Table) -> Row:
    """``row`` with descriptions cut to the length of their columns; ValueError names a value that cannot be stored."""
    texts, limited, smallest = _texts(table)
    whole = "".join([value for name, _, _ in texts if (value := row.get(name))])
    longest = max([len(value) for name in limited if (value := row.get(name))], default=0)
    if longest > smallest or NUL in whole or not whole.isascii():  # seldom
        for name, limit, identifies in texts:
            if value := row.get(name):
                row[name] = _fit_text(name, value, limit, identifies)
    for name, most in _numbers(table):
        value = row.get(name)
        if value is not None and not -most <= value < most:
            raise ValueError(f"{name}: {value} is out of range; a number of at most {most} is needed.")
    return row


def _fit_text(name: str, value: str, limit: int, identifies: bool) -> str:
    value.encode()  # an unpaired surrogate raises, as no database stores it
    if identifies and (len(value) > limit or NUL in value):
        raise ValueError(f"{name}: a key of up to {limit} characters, without NUL, is needed.")
    return value.replace(NUL, "")[:limit]


@lru_cache
def _texts(table: Table) -> tuple[tuple[tuple[str, int, bool], ...], tuple[str, ...], int]:
    """The columns of text with limit and whether they identify; those that have a limit; the smallest limit."""
    texts = tuple(
        (c.name, c.type.length or UNLIMITED, c.primary_key or c.name in REFERENCES)
        for c in table.columns
        if isinstance(c.type, String)
    )
    limits = {name: limit for name, limit, _ in texts if limit < UNLIMITED}
    return texts, tuple(limits), min(limits.values(), default=UNLIMITED)


@lru_cache
def _numbers(table: Table) -> tuple[tuple[str, int], ...]:
    return tuple((c.name, _most(c.type)) for c in table.columns if isinstance(c.type, Integer))


def _most(kind: Integer) -> int:
    return 2**63 if isinstance(kind, BigInteger) else 2**15 if isinstance(kind, SmallInteger) else 2**31
