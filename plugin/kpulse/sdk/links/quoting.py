"""What somebody wrote themselves: a text without quoted mail and without signature."""

import re
from collections.abc import Iterator, Sequence

# A line that begins the mail that is answered; nothing below it is new, unless the mail is quoted with ">".
WROTE = re.compile(
    r"(?=.*\d)\W*(?:on|am|le|op|il|el|den)\b.{4,200}\b(?:wrote|schrieb|a écrit|schreef|ha scritto|escribió|skrev)\b.{0,120}:\s*",
    re.I,
)
MARK = re.compile(
    r"\W*-{2,}\s*(?:original message|ursprüngliche nachricht|originalnachricht|original-nachricht|message d'origine|"
    r"forwarded message|weitergeleitete nachricht|forwarded by .*)\s*-*\W*"
    r"|\W*(?:begin forwarded message|anfang der weitergeleiteten nachricht)\s*:\s*"
    r"|.*(?:##- ?please type your reply above|reply above this line|antworten sie oberhalb dieser zeile|"
    r"bitte oberhalb dieser zeile antworten).*",
    re.I,
)
FROM = re.compile(r"\W{0,3}(?:from|von|de|van)\s*:\W*\s*\S.*", re.I)
SENT = re.compile(r"\W{0,3}(?:sent|date|gesendet|datum|envoyé|verzonden)\s*:.*", re.I)
SIGNED = re.compile(
    r"\W{0,3}(?:(?:with )?(?:kind|best|warm|warmest|many)(?: and (?:kind|best))? regards|regards|best wishes|yours (?:sincerely|faithfully|truly)|"
    r"sincerely(?: yours)?|thanks (?:and|&) (?:best |kind )?regards|cheers|best|all the best|"
    r"mit freundlichen? gr(?:ü|ue)(?:ß|ss)en?|(?:viele|beste|liebe|freundliche|herzliche|sch(?:ö|oe)ne) gr(?:ü|ue)(?:ß|ss)e|"
    r"freundliche gr(?:ü|ue)sse|mfg|lg|vg|hochachtungsvoll)(?: (?:aus|from|from the|vom|ihr|ihre|your) .{1,40})?\W*",
    re.I,
)
DEVICE = re.compile(
    r"\W*(?:sent from my|sent from (?:outlook|mail)|gesendet von(?: meinem| outlook| mail)|von meinem .{2,40} gesendet|get outlook for)\b.*",
    re.I,
)
BARRED = re.compile(r"[^|•·\s][^|•·]{1,60}(?: [|•·] [^|•·]{1,150}){2,}")
AFTER_ALL = re.compile(r"\W{0,3}(?:p\.?\s?s\.?|nb|edit|update|nachtrag|addendum)\b\W", re.I)
QUOTED = re.compile(r"\s{0,3}(?:>|&gt;)")
NEAR = 6


def own_words(text: str) -> str:
    """``text`` without quoted mail, forwarded mail and signatures; a postscript below a signature stays."""
    lines = text.splitlines()
    return "\n".join(_without_signature(list(_without_quotes(lines))))


def _without_quotes(lines: Sequence[str]) -> Iterator[str]:
    at = 0
    while at < len(lines):
        length = _introduces(lines, at)
        if length and not _is_quoted(lines, at + length):
            return
        at += length
        if not length:
            if not QUOTED.match(lines[at]):
                yield lines[at]
            at += 1


def _introduces(lines: Sequence[str], at: int) -> int:
    """How many lines from ``at`` on introduce a quoted mail."""
    line = lines[at]
    if MARK.fullmatch(line):
        return 1
    for length in (1, 2, 3):
        if WROTE.fullmatch(" ".join(part.strip() for part in lines[at : at + length])):
            return length
    if FROM.fullmatch(line) and any(SENT.fullmatch(later) for later in lines[at + 1 : at + NEAR]):
        return 1
    return 0


def _is_quoted(lines: Sequence[str], at: int) -> bool:
    """Whether what is answered is marked line by line, so that words of the writer may follow."""
    following = next((line for line in lines[at:] if line.strip()), "")
    return QUOTED.match(following) is not None


def _without_signature(lines: Sequence[str]) -> Iterator[str]:
    begun, silent = False, False
    for at, line in enumerate(lines):
        if silent and AFTER_ALL.match(line):
            silent = False
        elif _signs_off(lines, at, begun):
            silent = True
        if not silent:
            begun = begun or bool(line.strip())
            yield line


def _signs_off(lines: Sequence[str], at: int, begun: bool) -> bool:
    """Whether a signature begins here; ``begun`` says that something stands before."""
    line = lines[at].strip()
    if line == "--" or DEVICE.fullmatch(line):
        return True
    apart = at > 0 and not lines[at - 1].strip()
    return begun and bool(SIGNED.fullmatch(line) or (apart and BARRED.fullmatch(line)))
