"""The tables: facts as the sources tell them, what is derived from them, and the service's own books.

All instants are integers (microseconds, UTC), all days are ordinals of local days. Keys begin with the source's id, so
that a grown installation can be split by source. Persons stand here only as keyed pseudonyms.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, SmallInteger, String, Table, Text

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str) -> "Column[str]":
    return Column(name, String(255), primary_key=True)


def _source() -> "Column[int]":
    return Column("source_id", Integer, primary_key=True, autoincrement=False)


def _instant(name: str) -> "Column[int]":
    return Column(name, BigInteger)


def _text(name: str, *, default: str = "") -> "Column[str]":
    return Column(name, String(255), nullable=False, server_default=default)


def _count(name: str) -> "Column[int]":
    return Column(name, Integer, nullable=False, server_default="0")


source = Table(
    "source",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("type", String(64), nullable=False),
    Column("settings", Text, nullable=False),
    Column("secrets", Text, nullable=False, server_default=""),
    Column("evidence", String(16), nullable=False, server_default="recorded"),
    Column("poll_minutes", Integer),
    Column("history_days", Integer, nullable=False, server_default="400"),
    Column("enabled", SmallInteger, nullable=False, server_default="1"),
    Column("synthetic", SmallInteger, nullable=False, server_default="0"),
    _instant("created_at"),
    sqlite_autoincrement=True,  # an id is never given again: facts of a removed source must not find a new owner
)
stream_state = Table(
    "stream_state", metadata, _source(), _key("stream"), Column("state", Text, nullable=False), _instant("saved_at")
)
run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", Integer, nullable=False, index=True),
    _instant("started_at"),
    _instant("ended_at"),
    _text("outcome"),
    _text("kind"),
    Column("message", Text, nullable=False, server_default=""),
    _count("records"),
    _count("rejected"),
    _text("stage"),
    Column("progress", Integer, nullable=False, server_default="0"),
    _instant("eta"),
)
quarantine = Table(
    "quarantine",
    metadata,
    _source(),
    _key("stream"),
    _key("position"),
    Column("reason", Text, nullable=False),
    _instant("seen_at"),
)

ticket = Table(
    "ticket",
    metadata,
    _source(),
    _key("key"),
    Column("version", BigInteger, nullable=False),
    Column("fingerprint", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("changes", Text, nullable=False, server_default="[]"),
    _text("status"),
    _text("source_status"),
    _instant("resolved_at"),
    Column("team", String(255)),
    Column("owner", String(64)),
    Column("self_service", SmallInteger, nullable=False, server_default="0"),
    Column("intake", String(255)),
    Column("category", String(255)),
    Column("priority", String(255)),
    Column("exclude", String(255)),
    Column("merged_into", String(255)),
    Column("reopened", Integer),
    Column("gone", SmallInteger, nullable=False, server_default="0"),
    Index("ix_ticket_merged", "source_id", "merged_into"),
)
status_event = Table(
    "status_event",
    metadata,
    _source(),
    _key("ticket"),
    _key("event_id"),
    Column("at", BigInteger, nullable=False),
    _text("status"),
    _text("source_status"),
    Column("team", String(255)),
)
merge = Table(
    "merge",
    metadata,
    _source(),
    _key("ticket"),
    Column("into", String(255), nullable=False),
    Index("ix_merge_into", "source_id", "into"),
)
article = Table(
    "article",
    metadata,
    _source(),
    _key("key"),
    Column("version", BigInteger, nullable=False),
    Column("fingerprint", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False, server_default=""),
    _text("state"),
    _text("source_state"),
    Column("changes", Text, nullable=False, server_default="[]"),
    _instant("archived_at"),
    _instant("first_published_at"),
    Column("audience", String(64)),
    Column("author", String(64)),
    Column("source_ticket", String(255)),
    Column("category", String(255)),
    Column("language", String(64)),
    Column("gone", SmallInteger, nullable=False, server_default="0"),
)
link_event = Table(
    "link_event",
    metadata,
    _source(),
    _key("ticket"),
    _key("event_key"),
    Column("article", String(255)),
    Column("op", String(8), nullable=False),
    _instant("at"),
    Column("actor", String(64)),
    Column("kind", String(16), nullable=False),
    Column("evidence", String(16), nullable=False),
    Column("article_version", String(64)),
    Index("ix_link_event_article", "source_id", "article"),
)
link_seen = Table(
    "link_seen",
    metadata,
    _source(),
    _key("ticket"),
    _key("article"),
    _key("kind"),
    _key("evidence"),
    Column("first_seen_at", BigInteger, nullable=False),
    _instant("absent_at"),
    _instant("assumed_at"),
    Index("ix_link_seen_article", "source_id", "article"),
)
link_view = Table(
    "link_view",
    metadata,
    _source(),
    _key("ticket"),
    _key("kind"),
    _key("evidence"),
    Column("stretches", Text, nullable=False),
)
team = Table(
    "team", metadata, _source(), _key("key"), Column("name", String(255), nullable=False), Column("parent", String(255))
)
membership = Table(
    "membership",
    metadata,
    _source(),
    _key("team"),
    _key("person"),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    _instant("valid_to"),
)
article_event = Table(
    "article_event",
    metadata,
    _source(),
    _key("article"),
    _key("event_key"),
    Column("what", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64)),
)
reach = Table(
    "reach",
    metadata,
    _source(),
    _key("article"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    _count("views"),
    _count("helpful"),
    _count("not_helpful"),
)

swept = Table("swept", metadata, _source(), _key("what"), _key("key"))
dirty_ticket = Table("dirty_ticket", metadata, _source(), _key("ticket"))
dirty_article = Table(
    "dirty_article", metadata, _source(), _key("article"), Column("every_link", SmallInteger, nullable=False)
)
dirty_bucket = Table(
    "dirty_bucket", metadata, _key("team"), Column("day", Integer, primary_key=True, autoincrement=False)
)

outcome = Table(
    "outcome",
    metadata,
    _source(),
    _key("ticket"),
    Column("team", String(255), nullable=False),
    Column("day", Integer, nullable=False),
    _text("excluded"),
    Column("owner", String(64)),
    Column("closed_at", BigInteger, nullable=False),
    *(
        _count(name)
        for name in (
            "linked", "linked_strict", "strict_unknown", "linked_any", "linked_fresh", "reuse", "creation", "origin_unknown",
            "links", "stale", "orphan", "before_open", "odd_clock", "slot",
        )
    ),
    Index("ix_outcome_bucket", "team", "day"),
)  # fmt: skip
counted_link = Table(
    "counted_link",
    metadata,
    _source(),
    _key("ticket"),
    _key("article"),
    Column("team", String(255), nullable=False),
    Column("day", Integer, nullable=False),
    Column("origin", String(8), nullable=False),
    Column("evidence", String(16), nullable=False),
    _instant("made_at"),
    Index("ix_counted_link_bucket", "team", "day"),
)
rollup = Table(
    "rollup",
    metadata,
    _key("team"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("measure", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
    Index("ix_rollup_day", "day"),
)
article_rollup = Table(
    "article_rollup",
    metadata,
    _key("team"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    _source(),
    _key("article"),
    _count("reuse"),
    _count("creation"),
    Index("ix_article_rollup_day", "day"),
)
settled = Table(
    "settled",
    metadata,
    _key("team"),
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("measure", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
)
settlement = Table(
    "settlement",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),
    _text("rule"),
    Column("settled_at", BigInteger, nullable=False),
)
visibility = Table(
    "visibility",
    metadata,
    Column("quarter", Integer, primary_key=True, autoincrement=False),
    _key("team"),
    Column("shown", SmallInteger, nullable=False),
)

note = Table("note", metadata, _key("name"), Column("value", Text, nullable=False))
snapshot = Table(
    "snapshot",
    metadata,
    _key("name"),
    Column("body", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
)
account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("password", Text, nullable=False),
    Column("role", String(16), nullable=False),
    _instant("created_at"),
)
api_token = Table(
    "api_token",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scope", String(16), nullable=False),
    _instant("created_at"),
)
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", String(255), nullable=False),
    Column("what", Text, nullable=False),
)
