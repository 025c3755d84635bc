"""Select: which chunks of a collection are summarised, and what of them is read."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np

from indexes.collection import Reading
from indexes.documents import Document, Span, StoredChunk
from indexes.encoding import Vectors
from indexes.errors import UsageError
from indexes.hits import ChunkSet, Ids
from service.evidence import Query
from service.language_model import Check
from service.retrieve import retrieve
from service.signs import coverage, named
from service.summaries.central import Numbers
from service.summaries.reply import ProgressEvent, Read
from service.summaries.sampling import sampled
from service.summaries.wanted import Wanted

MOST_CHUNKS: Final = 3000
"""So many chunks are read at most; they are five to seven hundred pages of a report."""
NEAREST: Final = 200
"""So many chunks are read where the summary is to be about something."""
_AT_ONCE: Final = 250
# What the words of a focus weigh beside its meaning, and beside them both where only words count.
_COVERAGE: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What was read: the documents as they were named, or by their uris, each in its order.

    `vectors` has shape (chunks, dimension); `relevance`, shape (chunks,), says how near each chunk
    is to the focus, None where there is none; `by_meaning` tells that the vectors may be compared
    with it, as they may where the encoder knows the language. `sizes` are the chunks that each
    document has. `inside` is the part of the one document that is summarised, None for all of it.
    """

    chunks: tuple[StoredChunk, ...]
    vectors: Vectors
    relevance: Numbers | None
    sizes: dict[str, int]
    read: Read
    inside: Span | None = None
    by_meaning: bool = True


def select(
    reading: Reading,
    wanted: Wanted,
    query: Query | None,
    executor: Executor,
    tell: Callable[[ProgressEvent], None],
    check: Check,
    *,
    by_meaning: bool = True,
) -> Selection:
    """Read what is to be summarised, or of very much a part, and say which.

    `query` is the focus; `by_meaning` tells whether the encoder knows the language. Raises
    UsageError, BadFilter and DocumentNotFound.
    """
    documents = [reading.document(one) for one in dict.fromkeys(wanted.document_ids)]
    inside = _inside(wanted, documents)
    ranges = reading.document_ranges(
        wanted.filter, wanted.as_of, [one.document_id for one in documents]
    )
    if inside is not None and len(ranges):
        ids = reading.chunks_within(documents[0].document_id, inside)
        ranges = np.array([[ids[0], len(ids)]] if ids else np.zeros((0, 2)), np.int64)
    total = int(ranges[:, 1].sum()) if len(ranges) else 0
    reason = None
    if query is not None and total > NEAREST:
        chosen = _nearest(reading, query, ranges, executor, words_lead=not by_meaning)
        reason = f"of {total} chunks the {len(chosen)} nearest to the focus were read"
    else:
        chosen = sampled(ranges, MOST_CHUNKS)
        if len(chosen) < total:
            reason = (
                f"of {total} chunks {len(chosen)} were read, by even steps through all documents; "
                "summarise fewer documents at a time, or give a focus, for more of each"
            )
    chunks, vectors = _read(reading, chosen, tell, check)
    order = _order(chunks, wanted.document_ids)
    chunks, vectors = tuple(chunks[at] for at in order), vectors[order]
    sizes = _sizes(ranges, chunks)
    return Selection(
        chunks=chunks,
        vectors=vectors,
        relevance=None
        if query is None
        else _relevance(query, chunks, vectors, by_meaning=by_meaning),
        sizes=sizes,
        read=Read(len(ranges), len(sizes), total, len(chunks), reason),
        inside=inside,
        by_meaning=by_meaning,
    )


def _inside(wanted: Wanted, documents: Sequence[Document]) -> Span | None:
    """Return the part of the one document that is meant, None where it is all of what is named."""
    if wanted.pages is None and wanted.span is None:
        return None
    if len(documents) != 1:
        raise UsageError("pages or a span are of one document: name exactly one")
    if wanted.pages is not None and wanted.span is not None:
        raise UsageError("pages and a span were given; give one of them")
    (document,) = documents
    if wanted.span is not None:
        span = Span(wanted.span.start, min(wanted.span.end, document.characters))
        if span.start >= span.end:
            raise UsageError(
                f"the span from {wanted.span.start} to {wanted.span.end} has no text; the document "
                f"has {document.characters} characters"
            )
        return span
    first, last = wanted.pages or (0, 0)
    pages = [page for page in document.pages if first <= page.number <= last]
    if not pages:
        held = f"pages 1 to {document.pages[-1].number}" if document.pages else "no pages"
        raise UsageError(f"pages {first} to {last}: the document has {held}")
    return Span(pages[0].span.start, pages[-1].span.end)


def _nearest(
    reading: Reading, query: Query, ranges: Ids, executor: Executor, *, words_lead: bool
) -> Ids:
    spans = tuple(Span(first, first + count) for first, count in ranges.tolist())
    found = retrieve(
        reading,
        query,
        allowed=ChunkSet(spans),
        limit=NEAREST,
        executor=executor,
        words_lead=words_lead,
    )
    return np.array(sorted(one.chunk.chunk_id for one in found.candidates), np.int64)


def _read(
    reading: Reading, ids: Ids, tell: Callable[[ProgressEvent], None], check: Check
) -> tuple[tuple[StoredChunk, ...], Vectors]:
    chunks = list[StoredChunk]()
    vectors = list[Vectors]()
    for start in range(0, len(ids), _AT_ONCE):
        check()
        block: list[int] = ids[start : start + _AT_ONCE].tolist()
        found = reading.vectors(block)
        for chunk in reading.chunks(block):
            chunks.append(chunk)
            vectors.append(found[chunk.chunk_id])
        tell(ProgressEvent(min(start + _AT_ONCE, len(ids)), len(ids), "chunks", "read"))
    dimension = reading.encoder.dimension
    stacked = np.array(vectors, np.float32).reshape(len(chunks), dimension)
    return tuple(chunks), stacked


def _order(chunks: Sequence[StoredChunk], document_ids: Sequence[str]) -> list[int]:
    """Return the places of chunks by document: as these were named, else by uri."""
    named = {one: at for at, one in reversed(list(enumerate(document_ids)))}

    def place(at: int) -> tuple[int, str, str, int]:
        chunk = chunks[at]
        return named.get(chunk.document_id, 0), chunk.uri, chunk.document_id, chunk.chunk_id

    return sorted(range(len(chunks)), key=place)


def _sizes(ranges: Ids, chunks: Sequence[StoredChunk]) -> dict[str, int]:
    """Return how many chunks each of the documents has that were read, in their order."""
    places = np.searchsorted(ranges[:, 0], [one.chunk_id for one in chunks], side="right") - 1
    counts = ranges[places, 1].tolist()
    return {one.document_id: count for one, count in zip(chunks, counts, strict=True)}


def _relevance(
    query: Query, chunks: Sequence[StoredChunk], vectors: Vectors, *, by_meaning: bool
) -> Numbers:
    """Return how near chunks are to the focus, in [0, 1]: by meaning and by words."""
    weights = named(query)
    shared = [coverage(weights, one.encoded, query.language) for one in chunks]
    words = np.array(shared, np.float32)
    if not by_meaning:
        return words
    cosines = np.maximum(vectors @ query.vector, 0)
    near: Numbers = ((cosines + _COVERAGE * words) / (1 + _COVERAGE)).astype(np.float32)
    return near
