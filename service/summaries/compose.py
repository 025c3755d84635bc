"""Compose: sentences become the text of a summary, in parts, each sentence with its citations."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from indexes.collection import Reading
from indexes.documents import StoredChunk
from indexes.errors import DocumentNotFound
from service.citations import Citer, page_at
from service.evidence import Quoted
from service.reply import Citation, CitationEvent, Dropped, TokenEvent
from service.summaries.reply import Section
from service.summaries.write import Note

CHANGED: Final = "its document was changed or deleted while the summary was made"
# From so many sentences on, those of one document stand under its headings, or where these would
# part nearly all of them in paragraphs of a few.
_MANY: Final = 8
_PARAGRAPH: Final = 5
_LEAST_PARTS: Final = 2

Tell = Callable[[TokenEvent | CitationEvent], None]


@dataclass(slots=True)
class Composed:
    """The text of a summary, its parts and citations, and the passages that are gone."""

    texts: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    citations: tuple[Citation, ...] = ()
    dropped: list[Dropped] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The summary."""
        return "".join(self.texts)


@dataclass(frozen=True, slots=True)
class _Part:
    heading: str
    document_id: str | None
    notes: list[Note]


def noted(quotes: Sequence[Quoted]) -> list[Note]:
    """Return quotes as sentences of a summary: their words, line breaks being spaces."""
    return [
        Note(" ".join(one.evidence.candidate.chunk.cut(one.span).split()), (one,)) for one in quotes
    ]


def compose(notes: Sequence[Note], reading: Reading, tell: Tell, *, parted: bool) -> Composed:
    """Put a summary together; no sentence is told before its quotes were checked.

    With `parted` there is a part for each document, or in a long summary of one for each of its
    headings, or for a few sentences at a time, under the sections or pages that they are from. A
    sentence whose passages are all gone is left out. Raises IndexDamaged.
    """
    composed = Composed()
    kept = list(_still_there(notes, reading, composed))
    citer = Citer(reading)
    for part in _parts(kept) if parted else [_Part("", None, kept)] if kept else []:
        ahead = "\n\n" if composed.sections else ""
        if part.heading:
            _say(composed, tell, f"{ahead}{part.heading}\n")
            ahead = ""
        said = len(composed.texts)
        for note in part.notes:
            _cite(composed, citer, note, ahead, tell)
            ahead = " "
        text = "".join(composed.texts[said:]).strip()
        composed.sections.append(Section(part.heading, text, part.document_id))
    composed.citations = citer.citations
    return composed


def _still_there(notes: Sequence[Note], reading: Reading, composed: Composed) -> Iterator[Note]:
    """Yield the sentences with the quotes whose documents are as they were when they were read."""
    known = dict[str, bool]()
    gone = dict[int, Dropped]()
    for note in notes:
        quotes = list[Quoted]()
        for one in note.quoted:
            chunk = one.evidence.candidate.chunk
            if chunk.document_id not in known:
                known[chunk.document_id] = _is_as_it_was(chunk, reading)
            if known[chunk.document_id]:
                quotes.append(one)
            else:
                gone[chunk.chunk_id] = Dropped(chunk.chunk_id, CHANGED)
        if quotes or not note.quoted:
            yield Note(note.text, tuple(quotes))
    composed.dropped += gone.values()


def _is_as_it_was(chunk: StoredChunk, reading: Reading) -> bool:
    try:
        return reading.document(chunk.document_id).text_sha256 == chunk.text_sha256
    except DocumentNotFound:
        return False


def _cite(composed: Composed, citer: Citer, note: Note, ahead: str, tell: Tell) -> None:
    known = len(citer.citations)
    markers = dict.fromkeys(citer.cite(one)[0].marker for one in note.quoted)
    behind = f" {''.join(markers)}" if markers else ""
    _say(composed, tell, f"{ahead}{note.text}{behind}")
    for citation in citer.citations[known:]:
        tell(CitationEvent(citation))


def _say(composed: Composed, tell: Tell, text: str) -> None:
    composed.texts.append(text)
    tell(TokenEvent(text))


def _parts(notes: Sequence[Note]) -> Iterator[_Part]:
    """Yield sentences that follow one another under one heading, or in one document."""
    chunks = [note.quoted[0].evidence.candidate.chunk for note in notes]
    documents = list(dict.fromkeys(chunk.document_id for chunk in chunks))
    many = len(documents) == 1 and len(notes) > _MANY
    level = _level(chunks) if many else None
    if many and level is None:
        yield from _paragraphs(notes, chunks)
        return
    part: _Part | None = None
    for note, chunk in zip(notes, chunks, strict=True):
        heading = chunk.title or chunk.uri if len(documents) > 1 else _heading(chunk, level)
        if part is None or (part.heading, part.document_id) != (heading, chunk.document_id):
            if part is not None:
                yield part
            part = _Part(heading, chunk.document_id, [])
        part.notes.append(note)
    if part is not None:
        yield part


def _paragraphs(notes: Sequence[Note], chunks: Sequence[StoredChunk]) -> Iterator[_Part]:
    """Yield a few sentences at a time, under the sections or else the pages that they are from."""
    sections = len({chunk.headings for chunk in chunks}) > 1
    for start in range(0, len(notes), _PARAGRAPH):
        some = list(notes[start : start + _PARAGRAPH])
        these = chunks[start : start + len(some)]
        heading = _sections(these) if sections else ""
        yield _Part(heading or _pages(some), these[0].document_id, some)


def _sections(chunks: Sequence[StoredChunk]) -> str:
    """Return the first and the last section's heading, "" where there is none."""
    names = [_flat(chunk.headings[-1]) for chunk in chunks if chunk.headings]
    return " \u2013 ".join(dict.fromkeys([*names[:1], *names[-1:]]))


def _pages(notes: Sequence[Note]) -> str:
    """Return the first and the last page, "" where there are none."""
    places = [note.quoted[0] for note in (notes[0], notes[-1])]
    first, last = (page_at(one.evidence.candidate.chunk.pages, one.span.start) for one in places)
    if first is None or last is None:
        return ""
    return f"Page {first}" if first == last else f"Pages {first}\u2013{last}"


def _level(chunks: Sequence[StoredChunk]) -> int | None:
    """Return the level of headings that makes most parts, of two sentences and more on average.

    None where no level makes two parts.
    """
    most = max(_LEAST_PARTS, len(chunks) // 2)
    deepest = max(len(chunk.headings) for chunk in chunks)
    parts = {level: _count_parts(chunks, level) for level in range(deepest)}
    fitting = {level: count for level, count in parts.items() if _LEAST_PARTS <= count <= most}
    return max(fitting, key=lambda level: (fitting[level], -level), default=None)


def _count_parts(chunks: Sequence[StoredChunk], level: int) -> int:
    paths = [chunk.headings[: level + 1] for chunk in chunks]
    return 1 + sum(before != after for before, after in pairwise(paths))


def _heading(chunk: StoredChunk, level: int | None) -> str:
    """Return the heading of a level; what stands ahead of all headings has the document's title."""
    if level is None:
        return ""
    if not chunk.headings:
        return _flat(chunk.title)
    return _flat(chunk.headings[min(level, len(chunk.headings) - 1)])


def _flat(heading: str) -> str:
    return " ".join(heading.split())
