"""ServiceNow: tickets of any task table, knowledge articles and attached knowledge, read over the Table API."""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from kpulse.sdk import ConfigError, Connector, KeyPage, Mode, Page, Record, Rejected, Report, Stream, Window
from kpulse_connectors.servicenow import rows
from kpulse_connectors.servicenow.check import look
from kpulse_connectors.servicenow.settings import ServiceNowSettings as ServiceNowSettings
from kpulse_connectors.servicenow.settings import listed
from kpulse_connectors.servicenow.tables import END, Part, Place, Tables, part_of


class ServiceNow(Connector):
    """Reads ServiceNow; never writes to it, and asks only for the columns that are counted."""

    key = "servicenow"
    title = "ServiceNow"
    summary = "Incidents, cases and other tasks with the knowledge articles that were attached to them."
    settings_type = ServiceNowSettings
    settings: ServiceNowSettings
    streams: ClassVar[Sequence[Stream]] = (
        Stream(name="teams", mode=Mode.SNAPSHOT),
        Stream(name="articles", sweep=True, whole=True),
        Stream(name="links", sweep=True),
        Stream(name="tickets", sweep=True),
    )

    def auth(self) -> Mapping[str, str]:
        token = self.settings.token.get_secret_value()
        if token:
            return {"Authorization": f"Bearer {token}"}
        pair = f"{self.settings.username}:{self.settings.password.get_secret_value()}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    def fetch(self, stream: str, window: Window, cursor: Any = None) -> Iterator[Page]:
        parts = self._parts(stream)
        tables = [part.table for part in parts]
        place = Place(**cursor) if cursor else Place(table=tables[0])
        if place == END:
            return
        first = tables.index(place.table) if place.table in tables else 0
        for part, following in zip(parts[first:], [*tables[first + 1 :], END.table], strict=True):
            start = place if place.table == part.table else Place(table=part.table)
            whole = None
            for found, behind, total in self._tables.walk(part, window, start):
                whole = total if whole is None else whole
                records, rejected = _turned(part, found)
                yield Page(
                    records=records,
                    cursor=asdict(behind or Place(table=following)),
                    total=whole if len(parts) == 1 and not start.last else None,
                    rejected=rejected,
                )

    def sweep(self, stream: str) -> Iterator[KeyPage]:
        what = stream.removesuffix("s")
        for part in self._parts(stream):
            keys = part_of(part.table, rows.Key, "sys_id", _nothing, part.groups)
            for found, _, _ in self._tables.walk(keys, Window(), Place(table=part.table)):
                named = [row.number or row.sys_id if what == "article" else row.sys_id for row in found]
                yield KeyPage(what=what, keys=named)

    def choices(self, name: str) -> Sequence[str]:
        return sorted(row.name for row in self._all_groups()) if name == "groups" else ()

    def check(self) -> Report:
        return look(self._tables, self.settings, self.clock())

    @property
    def _tables(self) -> Tables:
        return Tables(self.http, self.settings.page_size)

    def _parts(self, stream: str) -> Sequence[Part]:
        """The tables of ``stream`` in the order in which they are read."""
        if stream == "teams":
            members = part_of("sys_user_grmember", rows.Member, "sys_id", rows.read_membership)
            return (part_of("sys_user_group", rows.Group, "sys_id", rows.read_team), members)
        if stream == "articles":
            return (part_of("kb_knowledge", rows.Knowledge, "sys_updated_on", self._articles),)
        if stream == "links":
            return (part_of("m2m_kb_task", rows.Attached, "sys_created_on", rows.read_link),)
        turn, groups = self._tickets(), self._groups()
        return [part_of(table, rows.Task, "sys_updated_on", turn, groups) for table in listed(self.settings.tables)]

    def _articles(self, row: rows.Knowledge) -> Sequence[Record]:
        return rows.read_article(row, self.settings.address)

    def _tickets(self) -> Callable[[rows.Task], Sequence[Record]]:
        meanings, duplicates = self.settings.meanings, frozenset(listed(self.settings.duplicates))
        if self.settings.knowledge_flag:
            return lambda row: (rows.read_ticket(row, meanings, duplicates), rows.read_flag(row))
        return lambda row: (rows.read_ticket(row, meanings, duplicates),)

    def _all_groups(self) -> Iterator[rows.Group]:
        part = part_of("sys_user_group", rows.Group, "sys_id", _nothing)
        for found, _, _ in self._tables.walk(part, Window(), Place(table=part.table)):
            yield from found

    def _groups(self) -> frozenset[str]:
        """The ids of the groups in scope; empty means all."""
        wanted = set(listed(self.settings.groups))
        if not wanted:
            return frozenset()
        known = {row.name: row.sys_id for row in self._all_groups() if row.name in wanted}
        if wanted - set(known):
            raise ConfigError(f"There is no assignment group named {', '.join(sorted(wanted - set(known)))}.")
        return frozenset(known.values())


def _nothing(row: rows.Row) -> Sequence[Record]:
    return ()


def _turned(part: Part, found: Sequence[Any]) -> tuple[Sequence[Record], Sequence[Rejected]]:
    records: list[Record] = []
    rejected: list[Rejected] = []
    for row in found:
        try:
            records += part.turn(row)
        except ValueError as error:
            rejected.append(Rejected(position=f"{part.table}/{row.sys_id}", reason=str(error)))
    return records, rejected
