"""Provenance: sentences that tell where a text is from and of when it is, not of its matter.

`Source: https://…`, `As of: 2026-05-01` and `Last updated on 3 May 2026` look like answers to what
asks for a place, a name or a date, and are none, unless that is asked of the text itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["source", "date"]

_OPENING: Final = r"[\s*_>(\[\u2022\u00b7|#-]*+"
_COLON: Final = r"[*_]*\s*[:\uff1a][*_]*\s*"
_MONTH: Final = r"[^\W\d_]{3,10}\.?"
_DAY: Final = (
    r"(?:[^\W\d_]{3,10},? )?(?:"
    r"\d{4}-\d\d?(?:-\d\d?)?|\d{4}/\d\d?/\d\d?|\d{1,2}[./]\d{1,2}[./]\d{2,4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|\.)? (?:of |de )?{_MONTH},?(?: de)? \d{{4}}"
    rf"|{_MONTH} (?:\d{{1,2}}(?:st|nd|rd|th)?,? )?\d{{4}}|\d{{4}}(?:\u5e74[\d\u6708\u65e5]*)?)"
)
_TIME: Final = (
    r"(?:(?:T|,? (?:at )?)\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]\.?m\.?)?"
    r"(?:Z| ?[+-]\d\d:?\d\d| \(?[A-Z]{2,5}\)?)?)?"
)
_TEXT: Final = (
    r"(?:(?:this |the )?(?:page|document|article|file|text|content|list|table|data|site|guide|entry"
    r"|information|report|version) )?"
)
_DATED: Final = (
    r"(?:(?:status |current |valid |data |figures |prices )?as (?:of|at)"
    rf"|{_TEXT}(?:was |is |were |are )?(?:last |most recently |first )?(?:updated|modified|revised"
    r"|reviewed|edited|changed|checked|verified|retrieved|accessed|published|posted|generated"
    r"|exported|crawled|fetched|downloaded|archived|created)(?: on| at)?"
    r"|(?:last|latest|most recent)[ -](?:updated?|revision|review|edit|change|modification|modified"
    r"|check)|(?:date of|day of) (?:retrieval|access|publication|issue|(?:the )?last \w+)"
    r"|(?:publication|retrieval|access|revision|modification|update) date"
    r"|stand|zuletzt (?:aktualisiert|ge\u00e4ndert|bearbeitet)|aktualisiert|abgerufen(?: am)?"
    r"|(?:derni\u00e8re )?mise? \u00e0 jour|consult\u00e9|\u00faltima actualizaci\u00f3n"
    r"|actualizado|consultado|\u00faltima atualiza\u00e7\u00e3o|atualizado|ultimo aggiornamento"
    r"|aggiornato|laatst (?:bijgewerkt|gewijzigd)|bijgewerkt)"
)
_SOURCED: Final = (
    r"(?:(?:data |original |main |text |image |official )?sources?(?: url| link| page| document"
    r"| file)?|(?:retrieved|archived|adapted|reproduced|taken|copied) from"
    r"|original (?:article|text|page|document)|canonical(?: url)?|permalink|quellen?|fuentes?"
    r"|fontes?|bron(?:nen)?|k\u00e4lla|\u017ar\u00f3d\u0142[oa]"
    r"|\u0438\u0441\u0442\u043e\u0447\u043d\u0438\u043a\u0438?|\u6765\u6e90|\u4f86\u6e90|\u51fa\u5178)"
)
_DATE_NOTE: Final = re.compile(
    rf"{_OPENING}(?P<label>{_DATED})(?:{_COLON}| (?:on |the |am |vom |le |el |il |em |op )?){_DAY}"
    rf"{_TIME}(?:,? (?:from|by) [^\n]{{1,80}})?[\s*_)\].|]*",
    re.IGNORECASE,
)
_SOURCE: Final = re.compile(
    rf"{_OPENING}(?P<label>{_SOURCED})(?:{_COLON}|(?<=from) (?=https?://|www\.))(?P<what>\S.*)",
    re.IGNORECASE | re.DOTALL,
)
# What refers to a page, a file or a work; `Source: a spring in the hills` tells of a river.
_REFERENCE: Final = re.compile(
    r"https?://|\bwww\.|[\w.-]{3,}/[\w.-]{3,}|\b(?:doi|isbn|arxiv)\b|\b(?:RFC|PEP|ISO) ?\d"
    r"|\b[\w-]+\.(?:md|rst|txt|html?|pdf|csv|json|xml|adoc|docx?|xlsx?|org|com|net|gov|edu|io|dev)\b",
    re.IGNORECASE,
)
# These alone may be of the matter, as the day of a meeting or of a book is; beside a note they are
# one.
_OF_ANYTHING: Final = re.compile(
    r"(?:was |is )?(?:first )?(?:revised|reviewed|edited|changed|checked|verified|published|posted"
    r"|generated|exported|crawled|fetched|downloaded|archived|created)(?: on| at)?"
    r"|publication date|date of (?:publication|issue)",
    re.IGNORECASE,
)
_PLAIN_DATE: Final = re.compile(
    rf"{_OPENING}(?P<label>date|datum|fecha|data){_COLON}{_DAY}{_TIME}[\s*_)\].|]*", re.IGNORECASE
)
_MAY_BEGIN: Final = re.compile(
    rf"{_OPENING}(?:{_DATED}|{_SOURCED}|date|datum|fecha|data)\b", re.IGNORECASE
)
_LONGEST: Final = 400
_ENDS: Final = re.compile(r"(?:https?://|www\.)\S+\s*\Z", re.IGNORECASE)

_ASKS_SOURCE: Final = re.compile(
    r"\b(?:sourced|cite[ds]?|citations?|references?|provenance|urls?|permalink|repositor(?:y|ies)"
    r"|web ?sites?|web ?pages?)\b|\b(?:come|comes|came|taken|copied|drawn|obtained|adapted) from\b"
    r"|\bfrom (?:where|which|what)\b|\bwhere\b.*\b(?:from|found|hosted)\b|\bfrom\W*\Z",
    re.IGNORECASE,
)
_ASKS_DATE: Final = re.compile(
    r"\bas (?:of|at)\b(?!\W*\d)|\b(?:up[- ]to[- ]date|out ?dated|out of date)\b"
    r"|\bhow (?:old|recent|current|fresh)\b"
    r"|\b(?:date|dated|day)\b.*\b(?:this|the) (?:document|page|article|file|text|list|table|data"
    r"|information|report|guide|notes?|overview|source)\b"
    r"|\b(?:document|page|article|file|text|list|table|data|information|report|guide|notes?|overview"
    r"|source)\b.* \b(?:date|dated|from when)\b",
    re.IGNORECASE,
)
_LABEL_WORD: Final = re.compile(r"[^\W\d_]{4,}")
# Words of a label that tell nothing of its kind, and what two forms of a word have in common.
_PLAIN: Final = frozenset(
    (
        *("last", "latest", "most", "recent", "recently", "first", "this", "page", "document"),
        *("article", "file", "text", "content", "list", "table", "data", "site", "guide", "entry"),
        *("information", "report", "version", "status", "current", "valid", "figures", "prices"),
        *("main", "original", "official", "image", "link", "from", "date", "were"),
    )
)
_STEM: Final = 5


@dataclass(frozen=True, slots=True)
class _Note:
    """What a note tells of, its label, and whether it is `sure` to be one where it stands alone."""

    kind: Kind
    label: str
    sure: bool


def asides(sentences: Sequence[str], question: str = "") -> list[bool]:
    """Tell of each sentence of a text whether it tells of the text's origin alone, unasked.

    A sentence that the `question` asks for is no aside. What may be of the matter (`Date:` and a
    day, `Source:` and a few words) is an aside only beside one that surely is.
    """
    found = [_note(one) for one in sentences]
    return [
        one is not None
        and (one.sure or _is_sure(found[at - 1 : at]) or _is_sure(found[at + 1 : at + 2]))
        and not _asks_for(question, one)
        for at, one in enumerate(found)
    ]


def begins_aside(line: str) -> bool:
    """Tell whether a line begins as an aside does, so that no sentence goes on in it."""
    return _note(line.strip()) is not None


def ends_aside(line: str) -> bool:
    """Tell whether a line that begins an aside ends it too: with a day or an address."""
    note = _note(line.strip())
    return note is not None and (note.kind == "date" or _ENDS.search(line) is not None)


def _is_sure(beside: Sequence[_Note | None]) -> bool:
    return any(one is not None and one.sure for one in beside)


def _note(sentence: str) -> _Note | None:
    if len(sentence) > _LONGEST or _MAY_BEGIN.match(sentence) is None:
        return None
    if (dated := _DATE_NOTE.fullmatch(sentence)) is not None:
        label = dated["label"]
        return _Note("date", label, sure=_OF_ANYTHING.fullmatch(label) is None)
    if (dated := _PLAIN_DATE.fullmatch(sentence)) is not None:
        return _Note("date", dated["label"], sure=False)
    if (sourced := _SOURCE.fullmatch(sentence)) is not None:
        sure = _REFERENCE.search(sourced["what"]) is not None
        return _Note("source", sourced["label"], sure=sure)
    return None


def _asks_for(question: str, note: _Note) -> bool:
    asks = _ASKS_SOURCE if note.kind == "source" else _ASKS_DATE
    return asks.search(question) is not None or bool(_stems(question) & _stems(note.label))


def _stems(text: str) -> frozenset[str]:
    words = (one.casefold() for one in _LABEL_WORD.findall(text))
    return frozenset(one[:_STEM] for one in words if one not in _PLAIN)
