"""The sentences of the evidence, taken apart once an answer, each with what stands around it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from itertools import islice
from typing import Final

from indexes.documents import Span, StoredChunk
from indexes.languages import ENGLISH, Language
from indexes.lexical import terms
from service.evidence import Evidence
from service.number_words import CURRENCIES, LARGE, UNITS
from service.rows import table_rows
from service.sentences import QUESTION_MARKS, sentence_spans
from service.slots import Slots
from service.speakers import spoken
from service.stated import Stated, capitalises_nouns, stated

# More sentences than these are not looked at: the best evidence stands first.
MOST_LINES: Final = 1_500
_BEFORE: Final = 2
_IN_LARGE: Final = re.compile(
    r"(?<![\w.])(?:in |\()(?:(?P<sign>[$€£¥]) ?)?"
    r"(?P<large>thousand|million|billion)s?(?: of)?(?: (?P<unit>[a-z]+))?",
    re.IGNORECASE,
)
# A unit behind the name of a column: Yield (t/ha), Price [EUR].
_UNIT: Final = re.compile(r" ?[(\[](?:in )?([^\W\d]{1,4}(?:/[^\W\d]{1,4})?|%|[$€£¥])[)\]] ?\Z")
_BARE: Final = re.compile(r"[-+\u2212]?\d[\d.,\u00a0 ]*")
# What a remark below a table ends with, which is no row of it.
_STOPS: Final = (".", "!", "?")
_ASKED: Final = re.compile(
    r"(?P<verb>(?:may|can|could|do|does|did|is|are|was|were|will|would|must|shall|should|has|have|had))"
    r"(?P<rest> [^?]+)\?\s*",
    re.IGNORECASE,
)
_ANSWER: Final = re.compile(r"(?P<answer>yes|no)\b(?! \w)[.,;:!]?\s*", re.IGNORECASE)
_SMALL: Final = re.compile(r"(?<![\w-])[^\W\d_A-Z][^\W\d_A-Z]+(?![\w-])")


@dataclass(frozen=True)
class Line:
    """A sentence of the evidence, or a row of a table.

    `passage` is the place of its evidence, `around` what title, headings and a table's header
    state, `before` the sentences ahead of it, `nearby` the stems of its whole passage, and `units`
    the units of the numbers there.
    """

    passage: int
    evidence: Evidence
    span: Span
    said: Stated
    around: Stated
    before: "tuple[Line, ...]" = ()
    nearby: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()

    @cached_property
    def plain(self) -> str:
        """Its words with single spaces."""
        return " ".join(self.evidence.candidate.chunk.cut(self.span).split())

    @cached_property
    def read(self) -> str:
        """Its words with single spaces, a row's with the names of its columns."""
        return " ".join(self.said.text.split())

    @cached_property
    def asks(self) -> bool:
        """Whether it asks, and says nothing by itself."""
        return self.said.text.rstrip("\"' \n").endswith(QUESTION_MARKS)

    @cached_property
    def slots(self) -> Slots:
        """Its values, each with what describes it."""
        return Slots(self.said)

    @cached_property
    def context_stems(self) -> frozenset[str]:
        """The stems around it."""
        found = self.around.stems
        return found.union(*(one.said.stems for one in self.before))


@dataclass(frozen=True)
class Lines:
    """All sentences of the evidence, with the terms that lead to them."""

    all: tuple[Line, ...]
    language: Language
    nouns: bool
    small: frozenset[str]

    def apart(self, sentence: str) -> Stated:
        """Take a sentence apart that is on these ones."""
        return stated(
            sentence, self.language, nouns=self.nouns, small=self.small, stems=self.small_stems
        )

    @cached_property
    def flat(self) -> frozenset[str]:
        """All words, as names are compared."""
        return frozenset[str]().union(*(line.said.flat | line.around.flat for line in self.all))

    @cached_property
    def small_stems(self) -> frozenset[str]:
        """The stems of words that are written small."""
        return frozenset(
            one
            for line in self.all
            for word in line.said.words
            if word.text[0].islower()
            for one in word.stems
        )

    @cached_property
    def by_stem(self) -> dict[str, list[int]]:
        """In which sentences each stem stands, or around which ones."""
        found: dict[str, list[int]] = {}
        for at, line in enumerate(self.all):
            for one in line.said.stems | line.around.stems:
                found.setdefault(one, []).append(at)
        return found

    @cached_property
    def by_text(self) -> dict[str, int]:
        """Where each sentence stands first."""
        found: dict[str, int] = {}
        for at, line in enumerate(self.all):
            found.setdefault(line.plain, at)
        return found


def lines_of(evidence: Sequence[Evidence]) -> Lines:
    """Return the sentences of the evidence, in its order."""
    language = evidence[0].candidate.chunk.language if evidence else ENGLISH
    nouns = language == "other" and capitalises_nouns(
        [one.candidate.chunk.text for one in evidence]
    )
    small = frozenset(word for one in evidence for word in _SMALL.findall(one.candidate.chunk.text))
    capitals = _Told(language, nouns, small)
    every = (
        line for passage, one in enumerate(evidence) for line in _lines(passage, one, capitals)
    )
    return Lines(tuple(islice(every, MOST_LINES)), language, nouns, small)


@dataclass(frozen=True, slots=True)
class _Told:
    language: Language
    nouns: bool
    small: frozenset[str]

    def apart(self, text: str) -> Stated:
        return stated(text, self.language, nouns=self.nouns, small=self.small)


def _lines(passage: int, evidence: Evidence, told: _Told) -> Iterator[Line]:
    chunk = evidence.candidate.chunk
    above = ". ".join([chunk.title, *chunk.headings])
    header = f". {chunk.header}" if chunk.header else ""
    around = told.apart(f"{above}{header}")
    before: tuple[Line, ...] = ()
    nearby = frozenset(terms(chunk.text, chunk.language))
    scale = _scale(f"{above}{header}") if chunk.header else None
    parts = [(span, told.apart(text)) for span, text in _texts(chunk)]
    units = frozenset(
        value.number.unit
        for said in (around, *(said for _, said in parts))
        for value in said.values
        if value.number
    )
    for span, plain in parts:
        said = _scaled(plain, *scale) if scale else plain
        line = Line(passage, evidence, span, said, around, before, nearby, units)
        yield line
        before = (*before, line)[-_BEFORE:]


def _scale(above: str) -> tuple[Decimal, str] | None:
    """Return what a table's numbers are told in, `in million euros`, and the unit; None if none."""
    found = _IN_LARGE.search(above)
    if not found:
        return None
    unit = UNITS.get((found["unit"] or "").lower(), "") or CURRENCIES.get(found["sign"] or "", "")
    return LARGE[found["large"].lower()], unit


def _scaled(said: Stated, size: Decimal, unit: str) -> Stated:
    """Return a row whose bare numbers may be as many millions."""
    values = tuple(
        replace(
            one,
            number=replace(
                one.number,
                readings=one.number.readings
                | {(reading * size).normalize() for reading in one.number.readings},
                unit=unit,
            ),
        )
        if one.number and not one.number.unit and one.number.year is None and one.number.readings
        else one
        for one in said.values
    )
    return replace(said, values=values)


def _spoken(name: str, cell: str) -> str:
    """Return a cell with the name of its column; a unit in the name goes behind a bare number."""
    if not name:
        return cell
    found = _UNIT.search(name)
    if found and _BARE.fullmatch(cell.strip()):
        name, cell = name[: found.start()], f"{cell.strip()} {found[1]}"
    return f"{name.lower().replace('_', ' ')} is {cell}"


def _texts(chunk: StoredChunk) -> Iterator[tuple[Span, str]]:
    """Yield where sentences stand in the document, and their words; a row's with its columns."""
    rows = table_rows(chunk)
    if rows:
        for row in rows:
            if len(row.cells) == 1 and (cell := chunk.cut(row.cells[0])).endswith(_STOPS):
                for one in sentence_spans(cell, "text/plain", chunk.language):
                    yield one.moved(row.cells[0].start), one.cut(cell)
                continue
            cells = zip(row.cells, row.names, strict=True)
            told = "; ".join(_spoken(name, chunk.cut(cell)) for cell, name in cells)
            yield row.span, told
        return
    spans = sentence_spans(chunk.text, chunk.media_type, chunk.language)
    sentences = [(span, span.cut(chunk.text)) for span in spans]
    if chunk.language == ENGLISH:
        sentences = list(_answered(spoken(sentences, chunk.title)))
    for span, text in sentences:
        yield span.moved(chunk.span.start), text


def _answered(told: Iterable[tuple[Span, str]]) -> Iterator[tuple[Span, str]]:
    """Yield sentences, a question that yes or no answers being one with its answer.

    `May I smoke? No.` says `may not I smoke`.
    """
    sentences = list(told)
    at = 0
    while at < len(sentences):
        span, text = sentences[at]
        asked = _ASKED.fullmatch(text)
        answer = _ANSWER.match(sentences[at + 1][1]) if asked and at + 1 < len(sentences) else None
        if not asked or not answer:
            yield span, text
            at += 1
            continue
        denial = " not" if answer["answer"].lower() == "no" else ""
        behind, rest = sentences[at + 1]
        said = f"{asked['verb']}{denial}{asked['rest']}; {rest[answer.end() :].strip()}"
        yield Span(span.start, behind.end), said.rstrip("; ")
        at += 2
