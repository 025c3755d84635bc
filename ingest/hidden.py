"""Characters in a text that nobody sees but every program reads: they can carry words.

The text is kept as it is; a finding tells what is there and where. What scripts and emoji need is
left alone: joiners, single variation selectors, flags, direction marks, soft hyphens.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from indexes.documents import Extract, Finding, Page, Span
from ingest.readers import RecordFailure

# Only a text with one of these is looked at more closely.
_SUSPICIOUS: Final = re.compile(
    "[\U000e0000-\U000e007f\u200b-\u200d\u2060-\u2064\ufeff\u180e\u3164\uffa0\u115f\u1160"
    "\u202a\u202b\u202d\u202e\u2066\u2067\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
# A second alphabet that is never shown. The flags of England, Scotland and Wales are written in it.
_TAGS: Final = re.compile("[\U000e0000-\U000e007f]+")
_FLAG: Final = re.compile("\U0001f3f4[\U000e0030-\U000e007a]{2,6}\U000e007f")
_ZERO_WIDTH: Final = "\u200b\u200c\u200d\u2060-\u2064\ufeff\u180e\u3164\uffa0\u115f\u1160"
# Bits are written with two signs, a letter with eight; one sign alone, or a few, say nothing. A
# byte order mark in front of others is no second sign.
_RUN: Final = re.compile(f"[{_ZERO_WIDTH}]{{8,}}")
_BETWEEN_LATIN: Final = re.compile(f"(?<=[A-Za-z])[{_ZERO_WIDTH}](?=[A-Za-z])")
_LEAST: Final = 8
# A base has one variation selector at most, two where a text was put together carelessly.
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3,}")
# Overrides that turn letters round, and embeddings of a direction that nothing in them has.
_TURNED: Final = re.compile("(\u202e|\u202d|\u202b|\u2067)([^\u202c\u2069\n]*)")
_LEFT_TO_RIGHT: Final = re.compile("[A-Za-z0-9\u00c0-\u058f]")
_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff]")


def with_finding(item: Extract | RecordFailure) -> Extract | RecordFailure:
    """Return what a reader gave, with a finding `hidden_text` where its text hides characters."""
    if isinstance(item, RecordFailure) or item.text.isascii():
        return item
    finding = hidden_finding(item.text, item.pages)
    return item if finding is None else replace(item, findings=(*item.findings, finding))


def hidden_finding(text: str, pages: Sequence[Page] = ()) -> Finding | None:
    """Return what is to be told of hidden characters in a text, None where there are none."""
    if _SUSPICIOUS.search(text) is None:
        return None
    kinds = {
        "Unicode tags": list(_tags(text)),
        "characters without width": list(_carriers(text)),
        "variation selectors": [_span(match) for match in _SELECTORS.finditer(text)],
        "letters in turned direction": list(_turned(text)),
    }
    found = {kind: spans for kind, spans in kinds.items() if spans}
    if not found:
        return None
    spans = [span for held in found.values() for span in held]
    counts = ", ".join(
        f"{sum(span.end - span.start for span in held)} {kind}" for kind, held in found.items()
    )
    place = min(span.start for span in spans)
    line = text.count("\n", 0, place) + 1
    return Finding(
        "hidden_text",
        f"the text has characters that nobody sees, which can carry hidden words ({counts}; the "
        f"first in line {line} of the stored text); they are kept: look where the file comes from, "
        "and take them out if you do not know why they are there",
        tuple(_pages(spans, pages)),
    )


def _span(match: re.Match[str]) -> Span:
    return Span(match.start(), match.end())


def _tags(text: str) -> Iterator[Span]:
    flags = {match.end() for match in _FLAG.finditer(text)}
    for match in _TAGS.finditer(text):
        if match.end() not in flags:
            yield _span(match)


def _carriers(text: str) -> Iterator[Span]:
    """Yield runs of characters without width that differ, and such between letters, if many."""
    for match in _RUN.finditer(text):
        if _says_something(match[0]):
            yield _span(match)
    between = list(_BETWEEN_LATIN.finditer(text))
    if len(between) >= _LEAST and _says_something("".join(match[0] for match in between)):
        yield from map(_span, between)


def _says_something(signs: str) -> bool:
    """Tell whether there are two signs or more, each more than once."""
    return sum(count > 1 for count in Counter(signs).values()) > 1


def _turned(text: str) -> Iterator[Span]:
    """Yield what is shown in another order than it is written, for no script needs it there."""
    for match in _TURNED.finditer(text):
        sign, inside = match[1], match[2]
        against = _RIGHT_TO_LEFT if sign == "\u202d" else _LEFT_TO_RIGHT
        if sign in "\u202d\u202e":
            wrong = against.search(inside) is not None
        else:
            wrong = bool(_LEFT_TO_RIGHT.search(inside)) and not _RIGHT_TO_LEFT.search(inside)
        if wrong:
            yield _span(match)


def _pages(spans: Sequence[Span], pages: Sequence[Page]) -> Iterator[int]:
    for page in pages:
        if any(s.start < page.span.end and page.span.start < s.end for s in spans):
            yield page.number
