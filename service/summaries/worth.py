"""Worth: which sentences of a chunk may stand in a summary, and how well each reads alone.

What belongs to the making of a document and not to what it says is left out: tables and their rows,
headings, tables of contents, headers and footers of pages, references, licences, code.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import regex

from indexes.documents import Span, StoredChunk
from indexes.languages import ENGLISH, Language
from indexes.rows import RECORDS, SHEETS
from indexes.words import UNSPACED
from service.provenance import asides
from service.sentences import (
    BULLET,
    ENDS,
    QUESTION_MARKS,
    is_heading,
    is_item,
    is_label,
    sentence_spans,
    stands_above,
)

_LEAST_WORDS: Final = 6
_MOST_WORDS: Final = 90
# Sentences of so many words read best.
_SHORT, _LONG, _LONGER = 9, 40, 60
# So often does what stands on every page stand there, and nothing else in the same words.
_REPEATED: Final = 3
_MOST_DIGITS: Final = 0.2
_MANY_DIGITS: Final = 0.1
_MOST_SIGNS: Final = 0.05
_MOST_CAPITALS: Final = 0.5
_CONTENTS_LINES: Final = 0.4
_LEAST_LINES: Final = 3

_WORD: Final = regex.compile(rf"[{UNSPACED}]{{2}}|[\p{{L}}\p{{N}}][\p{{L}}\p{{N}}\p{{M}}'\u2019-]*")
CLOSING: Final = "\"'\u201d\u2019\xbb)]*_"
"""What may stand behind the mark that ends a sentence."""
_ENDS: Final = tuple(mark for mark in ENDS if mark not in {":", "\uff1a"})
_SIGNS: Final = re.compile(r"[{}\[\]<>=_;\\|`~^@#$*/+]")
_DIGIT: Final = re.compile(r"\d")
_CAPITAL: Final = regex.compile(r"\p{Lu}")
_LETTER: Final = regex.compile(r"\p{L}")
# What an item may begin with within a line; a number is none where it may be that of a day.
_MARK: Final = rf"{BULLET}\s+|[•▪■●]|\((?:\d{{1,3}}|[ivx]{{1,5}}|[A-Za-z])\)\s+|\[\d{{1,3}}\]\s*"
_MARKER: Final = re.compile(rf"(?:{_MARK})+(?=\S)")
_MARKER_OR_NUMBER: Final = re.compile(rf"(?:{_MARK}|\d{{1,2}}[.)]\s+(?=[A-Z]))+(?=\S)")
# An item's bullet, or a heading in capitals, within what looks like one sentence.
_GLUED: Final = re.compile(
    rf"\n[ \t]*{BULLET} |[•‣◦▪▫■□●○◆◇❖➢➤]"
    r"|\A(?=[A-Z ,&-]{12})(?:[A-Z]{2,}[ ,&-]+){2,}[A-Z][a-z]"
)
_LEADERS: Final = re.compile(r"\.{4,}|(?:\. ){4,}|…{2,}|_{4,}")
_NUMBERED_LINE: Final = re.compile(r"\S.*?[\s.…]\d{1,4}\s*")
# Sections that are about the document, or are no text to be read.
_APART: Final = re.compile(
    r"\W*(?:\d+(?:\.\d+)*\W+)?(?:references?|bibliography|works cited|literature|further reading"
    r"|external links|see also|(?:table of )?contents|index|list of (?:figures|tables)"
    r"|licen[cs]es?|licen[cs]ing|copyright(?: notice)?|acknowledge?ments?|imprint|impressum"
    r"|signatures?|exhibits?(?: index)?|disclaimer|literaturverzeichnis|inhaltsverzeichnis"
    r"|quellen|références|bibliographie|sommaire|bibliografía|referencias)\W*",
    re.IGNORECASE,
)
_BOILERPLATE: Final = re.compile(
    r"all rights reserved|copyright (?:\(c\)|©|\d{4})|©|permission is hereby granted"
    r"|without warrant(?:y|ies)|as is[\"”'] basis|licensed under the|terms of (?:use|service)"
    r"|table of contents|indicate by check ?mark|incorporated (?:herein )?by reference"
    r"|forward-looking statements?|(?:see|accompanying) (?:the )?(?:accompanying )?notes"
    r"|integral part of these|this page (?:is )?intentionally|cookies?\b.*\bconsent"
    r"|pursuant to the requirements of|securities exchange act|exhibit \d|form 10-[kq]"
    r"|\A\W*(?:sources?:|see\b)|in our opinion|our audits? |hereby certif|page \d+ of \d+"
    r"|click here|subscribe to|doi:|isbn",
    re.IGNORECASE,
)
# What leans on a sentence ahead of it, or on something that is shown beside it.
_LEANS: Final = re.compile(
    r"[\"'“(]*(?:this|that|these|those|it|its|they|their|them|he|she|his|her|such|both|neither|"
    r"either|here|there|then|thus|hence|therefore|however|moreover|furthermore|additionally|also|"
    r"in addition|consequently|as a result|accordingly|similarly|likewise|conversely|instead|"
    r"otherwise|nevertheless|nonetheless|finally|further|but|and|or|so|yet|for example|"
    r"for instance|in contrast|on the other hand|in this|in these|in that|at that|by doing so|"
    r"another|one of these|the former|the latter|the same|if so|to do (?:so|this))\b",
    re.IGNORECASE,
)
_POINTS: Final = re.compile(
    r"\b(?:the following|as follows|(?:see|in|refer to) (?:also )?(?:the )?(?:note|figure|fig\.|"
    r"table|section|item|part|chapter|page|appendix|chart|example)s? (?:\d|[ivx]+\b|[A-Z]\b|above"
    r"|below)|(?:shown|described|discussed|listed|mentioned|noted) (?:above|below)|(?:above|below)"
    r"[ ,.]|see ['\"“]|\bsee (?:also|note|part|item|section)|continued)",
    re.IGNORECASE,
)
_LEANING: Final = 0.55
_POINTING: Final = 0.3
_NUMBERED: Final = 0.5
_ITEM: Final = 0.6
_FULL_OF_NUMBERS: Final = 0.6


@dataclass(frozen=True, slots=True)
class Quotable:
    """A sentence that may be quoted: a span of its document, and what it is worth, in (0, 1]."""

    span: Span
    worth: float


def quotable(chunks: Sequence[StoredChunk]) -> list[list[Quotable]]:
    """Return the sentences of each chunk that may be quoted, in their order.

    What stands in the same words, numbers apart, in several chunks is no sentence but what every
    page has.
    """
    found = [list(_of_chunk(chunk)) for chunk in chunks]
    often = Counter(
        key
        for chunk, sentences in zip(chunks, found, strict=True)
        for key in {_shape(chunk.cut(one.span)) for one in sentences}
    )
    return [
        [one for one in sentences if often[_shape(chunk.cut(one.span))] < _REPEATED]
        for chunk, sentences in zip(chunks, found, strict=True)
    ]


def _shape(words: str) -> str:
    return " ".join(_DIGIT.sub("", words).casefold().split())


def _of_chunk(chunk: StoredChunk) -> Iterator[Quotable]:
    if chunk.header is not None or chunk.media_type in RECORDS | SHEETS:
        return
    if any(_APART.fullmatch(heading) for heading in chunk.headings) or _is_contents(chunk.text):
        return
    text = chunk.text
    spans = sentence_spans(text, chunk.media_type, chunk.language, chunk.headings)
    known = {*chunk.headings, chunk.title}
    aside = asides([one.cut(text) for one in spans])
    around = zip([None, *spans], spans, [*spans[1:], None], aside, strict=False)
    for before, span, after, unasked in around:
        sentence = span.cut(text)
        if unasked or sentence in known or is_heading(sentence) or is_label(text, span, before):
            continue
        if after is not None and stands_above(text, span, after):
            continue
        item = is_item(text, span)
        bare = _without_marker(text, span, chunk.language)
        worth = _worth(chunk, bare.cut(text), item=item or bare != span)
        if worth:
            yield Quotable(bare.moved(chunk.span.start), worth)


def _without_marker(text: str, sentence: Span, language: Language) -> Span:
    """Return a sentence without the bullet or number that an item of a list begins with."""
    pattern = _MARKER_OR_NUMBER if language == ENGLISH else _MARKER
    marker = pattern.match(text, sentence.start, sentence.end)
    return Span(marker.end(), sentence.end) if marker else sentence


def _is_contents(text: str) -> bool:
    """Tell whether many lines of a text end with dots that lead to a number, or with a number."""
    lines = [line for line in text.split("\n") if line.strip()]
    led = sum(bool(_LEADERS.search(line) or _NUMBERED_LINE.fullmatch(line)) for line in lines)
    return len(lines) >= _LEAST_LINES and led >= _CONTENTS_LINES * len(lines)


def _worth(chunk: StoredChunk, sentence: str, *, item: bool) -> float:
    """Return how well a sentence reads alone, 0 where it is none to be quoted."""
    words = len(_WORD.findall(sentence))
    if not _LEAST_WORDS <= words <= _MOST_WORDS or not _is_whole(sentence):
        return 0.0
    digits = _share(_DIGIT, sentence)
    if digits > _MOST_DIGITS or _share(_SIGNS, sentence) > _MOST_SIGNS or _shouts(sentence):
        return 0.0
    if _BOILERPLATE.search(sentence) or _LEADERS.search(sentence):
        return 0.0
    worth = 1.0 if _SHORT <= words <= _LONG else 0.75 if words <= _LONGER else 0.5
    if digits > _MANY_DIGITS:
        worth *= _FULL_OF_NUMBERS
    if item:
        worth *= _ITEM
    elif sentence[0].isdigit():  # mostly a page's or a section's number ahead of it
        worth *= _NUMBERED
    if chunk.language == ENGLISH and _LEANS.match(sentence):
        worth *= _LEANING
    if _POINTS.search(sentence):
        worth *= _POINTING
    return worth


def _is_whole(sentence: str) -> bool:
    """Tell whether a sentence has a beginning and an end, and no gap between them."""
    bare = sentence.rstrip(CLOSING)
    first = sentence.lstrip("\"'\u201c\u2018\xab(*_")[:1]
    begins = bool(first) and not first.islower()
    ends = bare.endswith(_ENDS) and not bare.endswith(QUESTION_MARKS)
    return begins and ends and not ("\n\n" in sentence or _GLUED.search(sentence))


def _share(pattern: re.Pattern[str], sentence: str) -> float:
    return len(pattern.findall(sentence)) / max(1, len(sentence))


def _shouts(sentence: str) -> bool:
    letters = len(_LETTER.findall(sentence))
    return len(_CAPITAL.findall(sentence)) > _MOST_CAPITALS * max(1, letters)
