"""The settings of the files connector: which files, which column means what, and how cells are read."""

from typing import Any, Literal

from kpulse.sdk import ConnectorSettings, setting

Rows = Literal["one per ticket", "last row per ticket wins"]


def _column(title: str, example: str, help: str = "") -> Any:
    return setting(title, help, step="map", default="", example=example, choices=True)


def _rare(title: str, example: str, help: str = "") -> Any:
    return setting(title, help, step="map", default="", example=example, choices=True, advanced=True)


class FilesSettings(ConnectorSettings):
    """Empty column settings mean the column of the standard name, where the file has one; a dash means: do not read."""

    tickets_file: str = setting(
        "Tickets file",
        "Path on the server of an export with one row per ticket (.csv, .tsv, .txt), or of a case (.json).",
        default="",
        example="/srv/exports/tickets.csv",
    )
    articles_file: str = setting(
        "Articles file", "Path of an export of the knowledge base.", default="", example="/srv/exports/articles.csv"
    )
    links_file: str = setting(
        "Links file",
        "Path of a list of tickets and the articles linked to them, if it is a file of its own.",
        default="",
        example="/srv/exports/links.csv",
    )
    mapping_file: str = setting(
        "Mapping file",
        "TOML file with any of these settings; what is filled in here goes before it.",
        default="",
        advanced=True,
        example="/srv/exports/mapping.toml",
    )
    delimiter: str = setting(
        "Delimiter", "What stands between cells; empty finds it out.", default="", advanced=True, example="; or tab"
    )
    encoding: str = setting(
        "Encoding", "How the file was saved.", default="utf-8", advanced=True, example="windows-1252"
    )
    complete: bool = setting(
        "The files are complete",
        "Only if every export holds all tickets and articles: then one that is missing was deleted.",
        step="scope",
        default=False,
    )

    id_column: str = _column("Ticket id", "Number", "Required. Standard name: id.")
    opened_column: str = _column("Opened", "Created", "Required. Standard name: opened_at.")
    resolved_column: str = _column("Resolved", "Resolved", "The final time of resolution. Standard name: resolved_at.")
    closed_column: str = _column(
        "Closed", "Closed", "Counts where there is no time of resolution. Standard name: closed_at."
    )
    status_column: str = _column(
        "Status", "State", "Without it a ticket with a closing time is closed. Standard name: status."
    )
    states: str = setting(
        "States",
        "What your states mean: open, pending, resolved, closed, or excluded:reason; one a line, or commas between.",
        step="map",
        default="",
        example="Resolved=resolved, Closed=closed, Cancelled=excluded:cancelled",
        multiline=True,
    )
    team_column: str = _column("Team", "Assignment group", "The team that closed it. Standard name: team.")
    owner_column: str = _rare("Owner", "Assigned to", "Kept only as a pseudonym, for counting. Standard name: owner.")
    category_column: str = _rare("Category", "Category", "Standard name: category.")
    priority_column: str = _rare("Priority", "Priority", "Standard name: priority.")
    intake_column: str = _rare("Intake", "Channel", "How the request came in; excludes nothing. Standard name: intake.")
    exclude_column: str = _rare(
        "Reason to exclude", "exclude", "A reason in this cell takes the ticket out. Standard name: exclude."
    )
    merged_column: str = _rare(
        "Merged into", "Merged into", "The id of the surviving ticket. Standard name: merged_into."
    )
    reopened_column: str = _rare("Times reopened", "Reopen count", "A number. Standard name: reopened.")
    article_column: str = _column(
        "Linked articles", "KB articles", "Article ids; several with ; or , between. Standard name: article."
    )
    linked_column: str = _rare("Linked at", "Linked at", "When the articles were linked. Standard name: linked_at.")
    read_knowledge_flag: bool = setting(
        "A column says only that knowledge was used",
        "Read it only if yes means that an article was used; in some systems it asks for an article to be written.",
        step="map",
        default=False,
        advanced=True,
    )
    knowledge_column: str = _rare("Knowledge used", "knowledge", "Read only when the switch above is on.")
    knowledge_yes: str = setting(
        "Words for yes",
        "Commas between; every other word, and an empty cell, means no.",
        step="map",
        default="true, yes, 1",
        advanced=True,
        example="true, yes, 1",
    )

    rows: Rows = setting(
        "Rows",
        "Choose the second for a log of changes, in which a ticket has several rows and the last one holds.",
        step="map",
        default="one per ticket",
    )
    date_format: str = setting(
        "Date format",
        "Python's strptime codes; empty reads ISO 8601 (2025-03-01T08:00:00Z).",
        step="map",
        default="",
        example="%d/%m/%Y %H:%M",
    )
    zone: str = setting(
        "Time zone", "For times that carry no zone.", step="map", default="UTC", example="Europe/Berlin"
    )
    missing: str = setting(
        "Signs for a missing value",
        "Commas between; an empty cell is always missing.",
        step="map",
        default="?, NULL",
        advanced=True,
    )

    article_id_column: str = _rare("Article id", "KB number", "In the articles file. Standard name: id.")
    article_created_column: str = _rare("Article created", "Created", "Standard name: created_at.")
    article_title_column: str = _rare("Article title", "Title", "Standard name: title.")
    article_state_column: str = _rare("Article state", "Workflow", "Standard name: state.")
    article_states: str = setting(
        "Article states",
        "What they mean: wip, not_validated, validated or archived.",
        step="map",
        default="",
        advanced=True,
        example="Published=validated, Retired=archived",
        multiline=True,
    )
    article_archived_column: str = _rare("Article archived", "Retired", "When. Standard name: archived_at.")
    article_source_column: str = _rare(
        "Written from ticket", "Source", "The ticket it was written from. Standard name: source_ticket."
    )
    link_ticket_column: str = _rare("Link: ticket", "Ticket", "In the links file. Standard name: ticket.")
    link_article_column: str = _rare("Link: article", "Article", "In the links file. Standard name: article.")
    link_time_column: str = _rare("Link: made at", "Linked at", "In the links file. Standard name: linked_at.")

    @classmethod
    def title_of(cls, name: str) -> str:
        """The title that people see for the setting ``name``, with the name itself."""
        return f"{cls.model_fields[name].title} ({name})"
