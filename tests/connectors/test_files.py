"""The files connector: CSV exports of any shape, and JSON cases."""

import contextlib
import csv
import gc
import json
import os
import re
import string
import tracemalloc
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kpulse.records import (
    Article,
    ArticleState,
    Evidence,
    LinkEvent,
    LinksSeen,
    Record,
    Status,
    StatusChange,
    Ticket,
)
from kpulse.sdk import ConfigError, Connector, Level, Page, TransientError, Window
from kpulse.sdk.casefile import STATUS_WORDS, read_case
from kpulse.sdk.testing.conformance import ReadingConformance
from kpulse_connectors.files import Files, FilesSettings, suggest
from kpulse_connectors.files.columns import ARTICLES, LINKS, TICKETS
from kpulse_connectors.files.table import find_delimiter
from tests.conftest import ROOT

STANDARD = "id,opened_at,resolved_at,closed_at,status,article\n"
MODIFIED = 1_700_000_000


def write(folder: Path, text: str, name: str = "tickets.csv", *, encoding: str = "utf-8", at: int = MODIFIED) -> str:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    os.utime(path, (at, at))
    return str(path)


def files(tickets: str = "", **more: Any) -> Files:
    return Files(FilesSettings(tickets_file=tickets, **more))


def pages(connector: Connector, stream: str = "tickets", cursor: Any = None) -> list[Page]:
    return list(connector.fetch(stream, Window(), cursor))


def records(connector: Connector, stream: str = "tickets") -> list[Record]:
    return [record for page in pages(connector, stream) for record in page.records]


def tickets(connector: Files) -> dict[str, Ticket]:
    """The ticket of each key that wins by version."""
    found: dict[str, Ticket] = {}
    for record in records(connector):
        if isinstance(record, Ticket) and (record.key not in found or found[record.key].version < record.version):
            found[record.key] = record
    return found


def seen(connector: Files, stream: str = "tickets") -> dict[str, LinksSeen]:
    """The last look at the links of each ticket."""
    looks = [record for record in records(connector, stream) if isinstance(record, LinksSeen)]
    return {look.ticket: look for look in sorted(looks, key=lambda look: look.seen_at)}


def complaints(connector: Files, stream: str = "tickets") -> list[tuple[str, str]]:
    return [(bad.position, bad.reason) for page in pages(connector, stream) for bad in page.rejected]


def messages(connector: Files, level: Level) -> str:
    return "\n".join(finding.message for finding in connector.check().findings if finding.level is level)


# A row becomes a ticket


def test_a_file_with_standard_names_needs_no_mapping(tmp_path: Path) -> None:
    path = write(
        tmp_path, STANDARD + "T1,2025-03-01T08:00:00Z,2025-03-01T09:00:00Z,2025-03-06T09:00:00Z,Closed,KB1;KB2\n"
    )

    ticket, look = records(files(path))

    assert isinstance(ticket, Ticket)
    assert isinstance(look, LinksSeen)
    assert (ticket.key, ticket.status, ticket.source_status) == ("T1", Status.CLOSED, "Closed")
    assert ticket.resolved_at is not None
    assert ticket.resolved_at.isoformat() == "2025-03-01T09:00:00+00:00"
    assert [(change.at.day, change.to) for change in ticket.changes] == [(1, Status.RESOLVED), (6, Status.CLOSED)]
    assert (look.articles, look.evidence, look.assumed_at, look.complete) == (
        ("KB1", "KB2"),
        Evidence.UNTIMED,
        None,
        True,
    )


@pytest.mark.parametrize(
    ("cells", "status", "changes", "has_resolved"),
    [
        ("2025-03-02,,open", Status.OPEN, (), False),
        ("2025-03-02,2025-03-03,on hold", Status.PENDING, (), False),
        ("2025-03-02,,resolved", Status.RESOLVED, (Status.RESOLVED,), True),
        (",2025-03-03,resolved", Status.RESOLVED, (Status.CLOSED,), False),
        ("2025-03-03,2025-03-02,Closed", Status.CLOSED, (Status.CLOSED, Status.RESOLVED), True),
        (",,closed", Status.CLOSED, (), False),
        (",2025-03-03,", Status.CLOSED, (Status.CLOSED,), False),
        ("2025-03-02,,", Status.RESOLVED, (Status.RESOLVED,), True),
        (",,", Status.OPEN, (), False),
        ("2025-03-02,,Ganz seltsam", Status.RESOLVED, (Status.RESOLVED,), True),
    ],
)
def test_status_and_times_together_say_when_a_ticket_was_closed(
    tmp_path: Path, cells: str, status: Status, changes: tuple[Status, ...], has_resolved: bool
) -> None:
    path = write(tmp_path, f"id,opened_at,resolved_at,closed_at,status\nT1,2025-03-01,{cells}\n")

    (ticket,) = tickets(files(path)).values()

    assert ticket.status is status
    assert tuple(change.to for change in ticket.changes) == changes
    assert (ticket.resolved_at is not None) is has_resolved


def test_mapped_states_win_over_the_usual_names_and_can_exclude(tmp_path: Path) -> None:
    rows = "T1,2025-03-01,2025-03-02,Done\nT2,2025-03-01,2025-03-02,Cancelled\nT3,2025-03-01,2025-03-02,Wait, please\n"
    path = write(tmp_path, "id,opened_at,closed_at,status\n" + rows.replace("Wait, please", '"Wait, please"'))

    found = tickets(files(path, states="Done = open\nCancelled=excluded:cancelled,\nWait, please=pending"))

    assert {key: (ticket.status, ticket.exclude) for key, ticket in found.items()} == {
        "T1": (Status.OPEN, None),
        "T2": (Status.CLOSED, "cancelled"),
        "T3": (Status.PENDING, None),
    }


def test_all_other_columns_reach_the_ticket(tmp_path: Path) -> None:
    header = "id,opened_at,team,owner,category,priority,intake,exclude,merged_into,reopened\n"
    rows = "T1,2025-03-01,Desk,anna,Mail,P1,phone,no,,2.0\nT2,2025-03-01,,,,,,spam,T1,\nT3,2025-03-01,,,,,,TRUE,T3,\n"

    found = tickets(files(write(tmp_path, header + rows)))

    one = found["T1"]
    assert (one.team, one.owner, one.category, one.priority, one.intake) == ("Desk", "anna", "Mail", "P1", "phone")
    assert (one.exclude, one.merged_into, one.reopened) == (None, None, 2)
    assert (found["T2"].exclude, found["T2"].merged_into) == ("spam", "T1")
    assert (found["T3"].exclude, found["T3"].merged_into) == ("excluded", None)


def test_a_dash_leaves_a_standard_column_unread(tmp_path: Path) -> None:
    path = write(tmp_path, "id,opened_at,team\nT1,2025-03-01,Desk\n")

    assert tickets(files(path, team_column="-"))["T1"].team is None


@pytest.mark.parametrize(
    ("cell", "form", "zone", "instant"),
    [
        ("2025-07-01 10:00", "", "Europe/Berlin", "2025-07-01T08:00:00+00:00"),
        ("2025-07-01T10:00:00+05:00", "", "Europe/Berlin", "2025-07-01T05:00:00+00:00"),
        ("01.02.2025 10:00", "%d.%m.%Y %H:%M", "UTC", "2025-02-01T10:00:00+00:00"),
        ("01/Feb/25 10:00 +0100", "%d/%b/%y %H:%M %z", "UTC", "2025-02-01T09:00:00+00:00"),
    ],
)
def test_times_are_read_in_their_format_and_zone(tmp_path: Path, cell: str, form: str, zone: str, instant: str) -> None:
    path = write(tmp_path, f"id,opened_at\nT1,{cell}\n")

    assert tickets(files(path, date_format=form, zone=zone))["T1"].opened_at.isoformat() == instant


# Links


def test_links_with_a_time_are_recorded_events_and_an_emptied_cell_takes_them_back(tmp_path: Path) -> None:
    header = "id,opened_at,article,linked_at\n"
    path = write(tmp_path, header + "T1,2025-03-01,KB1,2025-03-02\nT2,2025-03-01,,\nT3,2025-03-01,KB1,\n")

    events = [record for record in records(files(path)) if isinstance(record, LinkEvent)]
    looks = seen(files(path))

    assert [(event.ticket, event.article, event.evidence) for event in events] == [("T1", "KB1", Evidence.RECORDED)]
    assert looks["T1"].assumed_at == events[0].at
    assert {key: (look.articles, look.evidence) for key, look in looks.items()} == {
        "T1": (("KB1",), Evidence.RECORDED),
        "T2": ((), Evidence.RECORDED),
        "T3": (("KB1",), Evidence.UNTIMED),
    }


def test_without_any_link_column_nothing_is_said_about_links(tmp_path: Path) -> None:
    path = write(tmp_path, "id,opened_at,knowledge\nT1,2025-03-01,true\n")

    assert seen(files(path)) == {}
    assert "nothing can be said about linking" in messages(files(path), Level.WARN)
    assert "'knowledge' may say that knowledge was used" in messages(files(path), Level.WARN)


def test_a_knowledge_flag_is_read_only_on_request(tmp_path: Path) -> None:
    path = write(tmp_path, "id,opened_at,KB used\nT1,2025-03-01,Yes\nT2,2025-03-01,No\nT3,2025-03-01,?\n")

    looks = seen(files(path, read_knowledge_flag=True, knowledge_column="KB used"))

    assert {key: look.articles for key, look in looks.items()} == {"T1": (None,), "T2": (), "T3": ()}
    assert {look.evidence for look in looks.values()} == {Evidence.UNTIMED}
    with pytest.raises(ConfigError, match=r"\(knowledge_column\).*choose one of: id, opened_at, KB used"):
        records(files(path, read_knowledge_flag=True))


def test_a_links_file_of_its_own_adds_links_and_ends_none(tmp_path: Path) -> None:
    main = write(tmp_path, STANDARD + "T1,2025-03-01,,,,KB1\n")
    links = write(tmp_path, "ticket,article,linked_at\nT1,KB2,2025-03-02\nT1,KB3,\n,KB4,\nT2,,\n", "links.csv")
    connector = files(main, links_file=links)

    event, look = records(connector, "links")

    assert isinstance(event, LinkEvent)
    assert isinstance(look, LinksSeen)
    assert (event.article, look.articles, look.complete) == ("KB2", ("KB3",), False)
    assert seen(connector)["T1"].complete is False
    assert complaints(connector, "links") == [
        ("links.csv line 4", "'ticket' is empty."),
        ("links.csv line 5", "'article' is empty."),
    ]


def test_articles_come_with_their_states(tmp_path: Path) -> None:
    header = "id,created_at,title,state,archived_at,source_ticket\n"
    rows = "A1,2025-01-01,One,Published,,T1\nA2,2025-01-01,Two,Odd,,\nA3,2025-01-01,Three,Published,2025-02-01,\nA1,2025-01-01,,,,\n"
    connector = files(articles_file=write(tmp_path, header + rows, "articles.csv"), article_states="odd=wip")

    found = [record for record in records(connector, "articles") if isinstance(record, Article)]

    assert [(each.key, each.state, each.source_ticket) for each in found] == [
        ("A1", ArticleState.VALIDATED, "T1"),
        ("A2", ArticleState.WIP, None),
        ("A3", ArticleState.ARCHIVED, None),
    ]
    assert [position for position, _ in complaints(connector, "articles")] == ["articles.csv line 5"]
    assert [stream.name for stream in connector.streams] == ["articles"]


# Bad rows


def test_bad_rows_are_named_by_their_real_line_and_stop_nothing(tmp_path: Path) -> None:
    rows = [
        'T1,2025-03-01,,,,"KB1\n,\nKB2"',
        ",2025-03-01,,,,",
        "",
        "T2,2025-13-01,,,,",
        "T3,2025-03-01,,",
        "T1,2025-03-01,,,,",
        'T4,2025-03-01,,,"o"pen",',
        "T5,,,,,",
        "T6,2025-03-01,,,,",
    ]
    connector = files(write(tmp_path, STANDARD + "\n".join(rows) + "\n"))

    found = complaints(connector)

    assert list(tickets(connector)) == ["T1", "T6"]
    assert seen(connector)["T1"].articles == ("KB1", "KB2")
    assert [position for position, _ in found] == [f"tickets.csv line {line}" for line in (5, 7, 8, 9, 10, 11)]
    reasons = "\n".join(reason for _, reason in found)
    for part in (
        "'id' is empty",
        "'opened_at' is not a time in ISO 8601",
        "4 cells where the header has 6",
        "its id came on line 2 already",
        "quotation marks do not match",
        "'opened_at' is empty",
    ):
        assert part in reasons
    assert "2025-13-01" not in reasons


def test_a_quotation_mark_that_never_closes_swallows_no_other_row(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,opened_at,team\nT1,2025-03-01,a\nT2,2025-03-01,"open\nT3,2025-03-01,b\n')

    ((position, reason),) = complaints(files(path))

    assert (position, "quotation marks" in reason) == ("tickets.csv line 3", True)
    assert list(tickets(files(path))) == ["T1", "T3"]


def test_check_sums_up_what_is_wrong(tmp_path: Path) -> None:
    rows = "T1,2025-03-01,2025-03-02,,Odd,KB1\nT2,2025-03-01,,2025-04-02,Closed,\n,,,,,\nT3,2025-03-01,,,closed,\n"
    connector = files(write(tmp_path, STANDARD + rows))

    report = connector.check()

    assert report.ok
    assert report.counts == {"tickets": 3}
    warnings, fine = messages(connector, Level.WARN), messages(connector, Level.OK)
    assert "Unknown states: Odd (1)" in warnings
    assert "1 rows cannot be read, such as line 4: 'id' is empty." in warnings
    assert "1 closed tickets have no closing time" in warnings
    assert "2 of 3 tickets closed, from 2025-03-02 to 2025-04-02 (UTC)." in fine
    assert "1 of 3 tickets (33.3%) show knowledge." in fine


def test_check_fails_when_no_row_can_be_read(tmp_path: Path) -> None:
    assert not files(write(tmp_path, "id,opened_at\nT1,1.3.2025\n")).check().ok


def test_check_offers_columns_that_are_not_read(tmp_path: Path) -> None:
    connector = files(write(tmp_path, "id,opened_at,Gelöst am\nT1,2025-03-01,\n"))

    assert "Resolved (resolved_column) from 'Gelöst am'" in messages(connector, Level.WARN)


# Settings that cannot work


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"id_column": "Nr"}, ["(id_column)", "tickets.csv has no column 'Nr'", "Number, Opened, Opened"]),
        ({}, ["(id_column)", "'Number' looks right"]),
        ({"id_column": "Number", "opened_column": "Opened"}, ["(opened_column)", "2 columns named 'Opened'"]),
        ({"id_column": "number", "opened_column": "t", "zone": "Mars/Base"}, ["(zone)", "Mars/Base"]),
        ({"id_column": "number", "opened_column": "t", "zone": "Europe"}, ["(zone)"]),
        ({"id_column": "number", "opened_column": "t", "states": "Done"}, ["(states)", "Done=resolved"]),
        ({"id_column": "number", "opened_column": "t", "states": "Done=gone"}, ["(states)", "'gone' is none of"]),
        ({"encoding": "klingon"}, ["(encoding)", "klingon"]),
        ({"encoding": "base64"}, ["(encoding)", "base64"]),
        ({"delimiter": "::"}, ["(delimiter)"]),
    ],
)
def test_a_setting_that_cannot_work_is_named_in_one_sentence(
    tmp_path: Path, more: dict[str, str], words: list[str]
) -> None:
    path = write(tmp_path, "Number,Opened,Opened,t\n1,2025-03-01,,2025-03-01\n")

    with pytest.raises(ConfigError) as caught:
        records(files(path, **more))

    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent.csv", "absent.csv cannot be opened"),
        ("key.pem", "name a file that ends in .csv"),
        ("empty.csv", "no header"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "key.pem").write_text("secret")
    (tmp_path / "empty.csv").touch()

    with pytest.raises(ConfigError, match=words):
        records(files(str(tmp_path / name)))


def test_no_file_at_all_is_an_error_of_the_settings() -> None:
    with pytest.raises(ConfigError, match=r"tickets_file.*at least one file"):
        files().check()


def test_encodings_are_read_and_the_wrong_one_is_named(tmp_path: Path) -> None:
    text = "id,opened_at,team\nT1,2025-03-01,Käse\n"
    plain, bom = write(tmp_path, text, "a.csv", encoding="cp1252"), write(tmp_path, text, "b.csv", encoding="utf-8-sig")
    wide = write(tmp_path, text, "c.csv", encoding="utf-16")

    with pytest.raises(ConfigError, match=r"\(encoding\): a.csv is not utf-8 \(near line 1\)"):
        records(files(plain))
    with pytest.raises(ConfigError, match=r"\(encoding\)"):
        records(files(wide))
    for path, encoding in ((plain, "windows-1252"), (bom, "utf-8"), (wide, "utf-16")):
        assert tickets(files(path, encoding=encoding))["T1"].team == "Käse"


# Mapping file, columns and choices


def test_a_mapping_file_stands_under_what_was_filled_in(tmp_path: Path) -> None:
    write(tmp_path, "Nr;Auf;Team\nT1;01.03.2025;Desk\n")
    toml = 'tickets_file = "tickets.csv"\nid_column = "Nr"\nopened_column = "Team"\ndate_format = "%d.%m.%Y"\n'
    mapping = write(tmp_path, toml, "map.toml")

    assert tickets(files(mapping_file=mapping, opened_column="Auf"))["T1"].team == "Desk"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("map.toml", "id_colum = 'a'", "id_colum"),
        ("map.toml", "rows = 'all'", "rows"),
        ("map.toml", "id_column = ", "not a TOML file"),
        ("map.ini", "", "ends in .toml"),
    ],
)
def test_a_mapping_file_that_makes_no_sense_is_named(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        records(files(mapping_file=write(tmp_path, text, name)))


def test_choices_are_the_columns_of_the_header(tmp_path: Path) -> None:
    articles = write(tmp_path, "KB\tMade\n", "articles.tsv")
    connector = files(write(tmp_path, "Number|Opened at\n"), articles_file=articles)

    assert connector.choices("team_column") == ("Number", "Opened at")
    assert connector.choices("article_id_column") == ("KB", "Made")
    assert connector.choices("link_ticket_column") == ()
    assert connector.choices("zone") == ()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            "number,incident_state,assignment_group,assigned_to,opened_at,resolved_at,closed_at,contact_type,knowledge",
            "id=number status=incident_state team=assignment_group owner=assigned_to opened=opened_at "
            "resolved=resolved_at closed=closed_at intake=contact_type",
        ),
        (
            "Ticket ID,Ticket created - Timestamp,Ticket solved - Timestamp,Ticket status,Ticket group,Assignee name",
            "id=Ticket ID,opened=Ticket created - Timestamp,resolved=Ticket solved - Timestamp,status=Ticket status,"
            "team=Ticket group,owner=Assignee name",
        ),
        (
            "Issue key,Issue Type,Status,Assignee,Created,Resolved,Priority",
            "id=Issue key,category=Issue Type,status=Status,owner=Assignee,opened=Created,resolved=Resolved,priority=Priority",
        ),
        (
            "Ticket ID,Status,Group,Agent,Created time,Resolved time,Closed time,Source",
            "id=Ticket ID,status=Status,team=Group,owner=Agent,opened=Created time,resolved=Resolved time,"
            "closed=Closed time,intake=Source",
        ),
        (
            "TicketNumber,Created,State,Queue,Owner,Close Time",
            "id=TicketNumber,opened=Created,status=State,team=Queue,owner=Owner,closed=Close Time",
        ),
        (
            "Ticketnummer;Erstellt am;Gelöst am;Geschlossen am;Status;Zuweisungsgruppe;Bearbeiter;Kategorie;Priorität;Kanal",
            "id=Ticketnummer,opened=Erstellt am,resolved=Gelöst am,closed=Geschlossen am,status=Status,"
            "team=Zuweisungsgruppe,owner=Bearbeiter,category=Kategorie,priority=Priorität,intake=Kanal",
        ),
    ],
    ids=["servicenow", "zendesk", "jira", "freshdesk", "otrs", "german"],
)
def test_headers_of_known_exports_are_recognised(header: str, expected: str) -> None:
    pairs = [pair.split("=") for pair in expected.split("," if "," in expected else " ")]

    assert suggest(header.split(find_delimiter(header))) == {f"{name}_column": column for name, column in pairs}


# Pages, cursors, versions


def many(count: int) -> str:
    return STANDARD + "".join(f"T{number},2025-03-01,,,,\n" for number in range(count))


def test_pages_of_a_thousand_resume_behind_any_cursor(tmp_path: Path) -> None:
    path = write(tmp_path, many(2500) + "T3,2025-03-01,,,,\n")

    whole = pages(files(path))

    assert [len(page.records) + len(page.rejected) for page in whole] == [2000, 2000, 1001]
    assert [page.cursor["row"] for page in whole] == [1000, 2000, 2501]
    for place, page in enumerate(whole):
        json.dumps(page.cursor)
        assert pages(files(path), cursor=page.cursor) == whole[place + 1 :]
    assert "line 5 already" in whole[2].rejected[0].reason


@pytest.mark.parametrize("count", [0, 1, 1000, 2000])
def test_the_last_page_says_that_it_is_the_last(tmp_path: Path, count: int) -> None:
    found = pages(files(write(tmp_path, many(count))))

    assert len(found) == max(1, count // 1000)
    assert [page.cursor.get("done", False) for page in found] == [False] * (len(found) - 1) + [True]


def test_a_changed_file_or_mapping_is_read_from_its_first_row(tmp_path: Path) -> None:
    path = write(tmp_path, many(1500))
    cursor = pages(files(path))[0].cursor

    assert pages(files(path, states="New=open"), cursor=cursor)[0].cursor["row"] == 1000
    write(tmp_path, many(1501), at=MODIFIED + 60)
    again = pages(files(path), cursor=cursor)
    assert [page.cursor["row"] for page in again] == [1000, 1501]


def test_later_rows_and_newer_files_have_higher_versions(tmp_path: Path) -> None:
    path = write(tmp_path, many(3))
    old = [ticket.version for ticket in tickets(files(path)).values()]
    write(tmp_path, many(3), at=MODIFIED + 1)
    new = [ticket.version for ticket in tickets(files(path)).values()]
    write(tmp_path, many(1), at=4_000_000_000)
    (far,) = [ticket.version for ticket in tickets(files(path)).values()]

    assert old == sorted(set(old))
    assert max(old) < min(new) < far < 1 << 63


def test_in_a_log_the_last_row_of_a_ticket_wins(tmp_path: Path) -> None:
    rows = "T1,2025-03-01,,,Open,KB1\nT2,2025-03-01,,,Open,KB9\nT1,2025-03-01,,2025-03-05,Closed,KB2\n"
    filler = "".join(f"X{number},2025-03-01,,,,\n" for number in range(1000))
    path = write(tmp_path, STANDARD + rows + filler + "T2,2025-03-01,,,Closed,\n")
    connector = files(path, rows="last row per ticket wins")

    assert (tickets(connector)["T1"].status, seen(connector)["T1"].articles) == (Status.CLOSED, ("KB2",))
    assert (tickets(connector)["T2"].status, seen(connector)["T2"].articles) == (Status.CLOSED, ())
    assert complaints(connector) == []


# Deletions


def test_only_complete_files_are_swept(tmp_path: Path) -> None:
    path = write(tmp_path, many(1001))

    assert [stream.sweep for stream in files(path).streams] == [False]
    connector = files(path, complete=True, links_file=write(tmp_path, "ticket,article\n", "links.csv"))
    assert [(stream.name, stream.sweep) for stream in connector.streams] == [("tickets", True), ("links", False)]
    assert [len(page.keys) for page in connector.sweep("tickets")] == [1000, 1]
    assert [stream.name for stream in Files.streams] == ["tickets", "articles", "links"]


def test_a_row_without_a_readable_id_prevents_deletions(tmp_path: Path) -> None:
    path = write(tmp_path, STANDARD + "T1,never,,,,\n?,2025-03-01,,,,\n")

    with pytest.raises(ConfigError, match="line 3 has no readable id"):
        list(files(path, complete=True).sweep("tickets"))


def test_a_file_that_changes_during_a_sweep_deletes_nothing(tmp_path: Path) -> None:
    sweep = files(write(tmp_path, many(1500)), complete=True).sweep("tickets")
    next(sweep)
    Path(write(tmp_path, many(10), "newer.csv")).replace(tmp_path / "tickets.csv")

    with pytest.raises(TransientError, match="changed while it was read"):
        list(sweep)


# Odd cells


def test_an_endless_cell_and_a_wrong_number_are_put_aside(tmp_path: Path) -> None:
    path = write(tmp_path, f'id,opened_at,reopened\nT1,2025-03-01,often\n"{"x" * 1_100_000}",,\nT2,2025-03-01,1\n')

    (_, number), (position, endless) = complaints(files(path))

    assert "'reopened' is not a number" in number
    assert (position, "longer than 1048576 characters" in endless) == ("tickets.csv line 3", True)
    assert list(tickets(files(path))) == ["T2"]


cell = st.text(st.sampled_from(string.ascii_letters + " ,;|\t\"\n\r'=éß"), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=8), st.sampled_from(",;\t|"))
@example([("a\r\nb", '"'), ("\n\n", ";,\t|")], ";")
def test_any_cell_survives_and_lines_are_counted_right(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str
) -> None:
    path = tmp_path / "odd.csv"
    lines: list[int] = []
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, delimiter=delimiter)
        writer.writerow(["id", "opened_at", "category", "team"])
        for number, (category, team) in enumerate(rows):
            handle.flush()
            lines.append(len(path.read_bytes().decode().splitlines(keepends=True)) + 1)
            writer.writerow([f"T{number}", "2025-03-01" if number % 2 else "bad", category, team])
    connector = files(str(path))

    found = tickets(connector)

    assert {key: (ticket.category, ticket.team) for key, ticket in found.items()} == {
        f"T{number}": (category.strip() or None, team.strip() or None)
        for number, (category, team) in enumerate(rows)
        if number % 2
    }
    assert [position for position, _ in complaints(connector)] == [f"odd.csv line {line}" for line in lines[::2]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.text(st.sampled_from('ab,"\n\r;0\x00'), max_size=200))
def test_no_text_behind_the_header_stops_a_run(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(("id,opened_at,team\n" + text).encode())

    found = pages(files(str(path), delimiter=","))

    assert found[-1].cursor["done"]
    assert sum(len(page.records) + len(page.rejected) for page in found) == found[-1].cursor["row"]


# A real desk


@pytest.fixture(scope="module")
def incident_log(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    archive = shared / "data" / "uci-498" / "incident_event_log.zip"
    if not archive.is_file():
        pytest.skip("the UCI 498 incident log is absent")
    folder = tmp_path_factory.mktemp("uci")
    with zipfile.ZipFile(archive) as packed:
        return Path(packed.extract("incident_event_log.csv", folder))


def test_the_incident_log_gives_the_published_figures(incident_log: Path) -> None:
    connector = files(
        str(incident_log),
        id_column="number",
        status_column="incident_state",
        team_column="assignment_group",
        read_knowledge_flag=True,
        rows="last row per ticket wins",
        date_format="%d/%m/%Y %H:%M",
    )
    last: dict[str, Ticket] = {}
    flags: dict[str, LinksSeen] = {}
    read = pages(connector)
    for record in (record for page in read for record in page.records):
        if isinstance(record, Ticket):
            assert record.key not in last or last[record.key].version < record.version
            last[record.key] = record
        elif isinstance(record, LinksSeen):
            flags[record.ticket] = record

    flagged = {key for key, look in flags.items() if look.articles == (None,)}
    months = Counter(f"{closing(ticket).at:%Y-%m}" for ticket in last.values())
    linked = Counter(f"{closing(last[key]).at:%Y-%m}" for key in flagged)
    assert read[-1].cursor["row"] == 141_712
    assert [page.rejected for page in read if page.rejected] == []
    assert (len(last), len(flagged)) == (24_918, 3_551)
    assert [(months[month], linked[month]) for month in ("2016-03", "2016-04", "2016-05")] == [
        (7_341, 3_154),
        (8_419, 210),
        (7_576, 80),
    ]
    assert sum(ticket.resolved_at is None for ticket in last.values()) == 1_556


def closing(ticket: Ticket) -> StatusChange:
    """The change that closed a ticket: its final resolution, else its closure."""
    by_time = {change.at: change for change in ticket.changes}
    return by_time[ticket.resolved_at] if ticket.resolved_at else ticket.changes[0]


def test_check_reads_the_first_hundred_thousand_rows_and_says_so(incident_log: Path) -> None:
    connector = files(
        str(incident_log), id_column="number", status_column="incident_state", date_format="%d/%m/%Y %H:%M"
    )

    report = connector.check()

    assert report.ok
    assert "100,000 rows read (only the first 100,000; the file has more)." in messages(connector, Level.OK)
    assert report.counts["tickets"] == 16_932


# JSON files

A_CASE: Mapping[str, Any] = {
    "id": "C1",
    "tickets": [{"id": "T1", "opened_at": "2025-03-01T08:00:00Z"}],
    "articles": [{"id": 7, "created_at": "2025-01-01T00:00:00Z"}],
    "link_events": [{"op": "add", "ticket": "T1", "article": "7", "at": None}],
}


def test_a_json_file_is_read_as_one_stream_with_prefixes_where_needed(tmp_path: Path) -> None:
    single = files(write(tmp_path, json.dumps(A_CASE), "one.json"), complete=True)
    double = files(write(tmp_path, json.dumps({"cases": [A_CASE, {**A_CASE, "id": "C2"}]}), "two.json"))

    assert list(tickets(single)) == ["T1"]
    assert list(tickets(double)) == ["C1/T1", "C2/T1"]
    assert {r.article for r in records(double) if isinstance(r, LinkEvent)} == {"C1/7", "C2/7"}
    assert [(page.what, page.keys) for page in single.sweep("tickets")] == [("ticket", ["T1"]), ("article", ["7"])]
    assert single.check().counts == {"tickets": 1, "articles": 1, "links": 1}
    assert pages(single, cursor=pages(single)[-1].cursor) == []
    with pytest.raises(ConfigError, match="leave the other files empty"):
        files(single.path("tickets"), links_file="links.csv").check()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "broken.json is not JSON"),
        ('{"cases": [{"id": "A"}, {"id": "A"}]}', "A comes twice"),
        ('{"tickets": 1}', "tickets has"),
    ],
)
def test_a_broken_json_file_is_an_error_of_the_settings(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        records(files(write(tmp_path, text, "broken.json")))


# What the documentation says


def test_the_worked_example_of_the_documentation_works(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "connectors" / "files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL)
    (plain, table), (mapping,), (case,) = (
        [content for kind, content in blocks if kind == language] for language in ("", "toml", "json")
    )
    write(tmp_path, table)
    german = files(mapping_file=write(tmp_path, mapping, "mapping.toml"))

    found = tickets(german)

    assert {key: (ticket.status, ticket.exclude, ticket.team) for key, ticket in found.items()} == {
        "T-1": (Status.RESOLVED, None, "Support"),
        "T-2": (Status.RESOLVED, "cancelled", "Support"),
    }
    assert found["T-1"].opened_at.isoformat() == "2025-03-03T08:12:00+00:00"
    assert {key: look.articles for key, look in seen(german).items()} == {"T-1": ("KB-7",), "T-2": ()}
    assert list(tickets(files(write(tmp_path, plain, "plain.csv")))) == ["4711", "4712"]
    assert read_case(json.loads(case)).id == "march"


def test_every_standard_name_is_documented() -> None:
    text = (ROOT / "docs" / "connectors" / "files.md").read_text(encoding="utf-8")

    names = {name for group in (TICKETS, ARTICLES, LINKS) for name in group.values()} - {"knowledge"}
    assert {name for name in names if f"`{name}`" not in text} == set()
    assert {word for word in STATUS_WORDS if f"`{word}`" not in text} == set()


def test_settings_are_of_the_kind_that_a_form_can_show() -> None:
    fields = FilesSettings.model_fields
    columns = {name for name in fields if name.endswith("_column")}

    assert columns == {*TICKETS, *ARTICLES, *LINKS}
    for name, field in fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict)
        assert field.title
        assert extra["choices"] is (name in columns)


# What holds for every connector


class TestConformance(ReadingConformance):
    connector_type = Files

    @pytest.fixture(autouse=True)
    def exports(self, tmp_path: Path) -> None:
        write(tmp_path, many(1500).replace(",\n", ",KB1\n"))
        write(tmp_path, "id,created_at\n" + "".join(f"KB{n},2025-01-01\n" for n in range(1100)), "articles.csv")
        write(tmp_path, "ticket,article\n" + "".join(f"T{n},KB{n}\n" for n in range(1100)), "links.csv")
        self.folder = tmp_path

    @contextlib.contextmanager
    def opened(self) -> Iterator[Connector]:
        paths = {f"{name}_file": str(self.folder / f"{name}.csv") for name in ("tickets", "articles", "links")}
        with contextlib.closing(files(paths.pop("tickets_file"), **paths, complete=True)) as connector:
            yield connector

    def test_the_sweeps_of_complete_files_list_what_the_streams_gave(self) -> None:
        with self.opened() as connector:
            for stream, what in (("tickets", "ticket"), ("articles", "article")):
                given = [r.key for r in records(connector, stream) if isinstance(r, Ticket | Article)]
                assert [(page.what, key) for page in connector.sweep(stream) for key in page.keys] == [
                    (what, key) for key in given
                ]


def test_memory_stays_flat_however_long_the_file_is(tmp_path: Path) -> None:
    few, much = (write(tmp_path, many(rows), f"{rows}.csv") for rows in (2_000, 20_000))
    records(files(few))

    assert peak(much) < 1.5 * peak(few)


def peak(path: str) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        assert sum(len(page.records) for page in files(path).fetch("tickets", Window())) > 2_000
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
