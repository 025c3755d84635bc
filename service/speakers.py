"""Who says `I` in a chat, a mail or a letter: the name that stands for it."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from indexes.documents import Span

_NAME: Final = r"[A-Z][\w'\u2019-]+(?: (?!Hi\b|Dear\b)[A-Z][\w'\u2019-]+){0,2}"
# `[09:02] Ingrid: yes`, and the head of a mail.
_BEGINS: Final = re.compile(
    r"\s*(?:[\[(]?(?:\d[\d\-. /]*,? )?\d{1,2}[:.]\d\d(?:[:.]\d\d)?[\])]?,? ?[-\u2013]? ?"
    rf"(?P<says>{_NAME}):|From: (?P<writes>{_NAME})\b)"
)
_TITLE: Final = re.compile(rf"\b(?:[Mm]ail|[Ll]etter|[Mm]essage|[Nn]ote) from (?P<name>{_NAME})")
_I: Final = re.compile(r"\bI\b(?:['\u2019](?:m|ll|ve|d)\b)?(?![-.])")
_ME: Final = re.compile(r"\b(?:me|myself)\b")
_MY: Final = re.compile(r"\b(?:[Mm]y|mine)\b")


def spoken(sentences: Sequence[tuple[Span, str]], title: str) -> Iterator[tuple[Span, str]]:
    """Yield sentences in which the name of who says it stands for `I`, where that is told."""
    found = _TITLE.search(title)
    speaker = found["name"] if found else ""
    for span, text in sentences:
        if begun := _BEGINS.match(text):
            speaker = begun["says"] or begun["writes"]
        yield span, _in_third_person(text, speaker) if speaker else text


def _in_third_person(text: str, speaker: str) -> str:
    told = _I.sub(speaker, text)
    told = _ME.sub(speaker, told)
    return _MY.sub(f"{speaker}'s", told)
