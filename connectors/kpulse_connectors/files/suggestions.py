"""Proposes which column of a well-known export means what."""

from collections.abc import Mapping, Sequence

# Names as they are compared: lower case, letters and digits only. Earlier ones are preferred.
KNOWN: Mapping[str, str] = {
    "id_column": "id number ticketid ticketnumber issuekey key ticket ticketno incidentid caseid casenumber tn nummer "
    "ticketnummer vorgangsnummer vorgang",
    "opened_column": "openedat opened createdat created createdtime ticketcreatedtimestamp createtime datecreated "
    "creationdate dateopened opendate erstellt erstelltam eroffnet eroffnetam angelegtam erstellungsdatum erstellzeit",
    "resolved_column": "resolvedat resolved resolvedtime solvedat ticketsolvedtimestamp solved resolutiondate "
    "dateresolved resolvetime gelost gelostam losungszeit losungsdatum",
    "closed_column": "closedat closed closedtime closetime dateclosed closuredate geschlossen geschlossenam "
    "abgeschlossenam schliesszeit abschlussdatum",
    "status_column": "status state incidentstate ticketstatus ticketstate zustand",
    "team_column": "team assignmentgroup group ticketgroup queue supportgroup gruppe zuweisungsgruppe "
    "bearbeitergruppe warteschlange abteilung",
    "owner_column": "owner assignedto assignee assigneename agent technician resolvedby bearbeiter besitzer zugewiesenan "
    "verantwortlicher",
    "category_column": "category type issuetype tickettype service kategorie typ vorgangstyp dienst",
    "priority_column": "priority prioritat",
    "intake_column": "intake contacttype channel via source ticketchannel kontaktart kanal quelle eingangskanal",
    "merged_column": "mergedinto mergedintoid mergedto parentticket zusammengefuhrtmit",
    "reopened_column": "reopened reopencount reopens reopenings wiedereroffnet wiedereroffnungen",
    "article_column": "article articles articleid kbarticle kbarticles knowledgearticle knowledgearticles linkedarticles "
    "kbnumber kb artikel wissensartikel kbartikel",
    "linked_column": "linkedat linked attachedat verknupftam",
}
FOLDED = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})


def suggest(columns: Sequence[str]) -> dict[str, str]:
    """Setting → column for the headers of ServiceNow, Zendesk, Jira, Freshdesk, OTRS and their likes, also in German.

    Each column is proposed once at most. A knowledge flag is never proposed: what it means has to be known first.
    """
    names = {plain: column for column in reversed(columns) if (plain := simplify(column))}
    found: dict[str, str] = {}
    for setting, known in KNOWN.items():
        for name in known.split():
            if name in names and names[name] not in found.values():
                found[setting] = names[name]
                break
    return found


def simplify(column: str) -> str:
    """Lower case, without accents, blanks and signs, so that ``Gelöst am`` and ``geloest_am`` differ only in spelling."""
    folded = column.casefold().translate(FOLDED)
    return "".join(letter for letter in folded if letter.isalnum())
