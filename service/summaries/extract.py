"""Extract: the sentences of what was read that stand for the rest, verbatim.

First the chunks that cover most of what is said, then among their sentences those that do; so the
encoder sees the sentences of some dozen chunks only, however many there are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from indexes.documents import Span, StoredChunk
from indexes.encoding import Vectors
from service.evidence import Candidate, Evidence, Query, Quoted
from service.signs import coverage, named
from service.summaries.central import Numbers, centrality, covering, similarity
from service.summaries.selection import Selection
from service.summaries.worth import Quotable, quotable

Embed = Callable[[Sequence[str]], Vectors]
"""Gives rows of unit length, shape (texts, dimension), of the space of the chunks' vectors."""

Progress = Callable[[int, int], None]
"""Told how many of how many sentences were looked at; what it raises ends the work."""

# Of so many chunks, for each sentence that is wanted, the sentences are looked at.
_CHUNKS_A_SENTENCE: Final = 5
_LEAST_CHUNKS: Final = 24
_MOST_CHUNKS: Final = 96
# The most central chunks, among which those are chosen.
_CENTRAL: Final = 600
_MOST_SENTENCES: Final = 480
_AT_ONCE: Final = 64
# Of two sentences more alike than this one is enough.
_MOST_ALIKE: Final = 0.75
# They say the same.
_SAME: Final = 0.9
# A text gives half of its sentences at most, unless a number of them is asked for.
_SHARE: Final = 0.5
# What a beginning is worth more: of a document, of a section, of a chunk.
_LEADS: Final = 0.5
_OPENS: Final = 0.15
_BEGINS: Final = 0.1
_COVERAGE: Final = 0.5
# What is less near to the focus is not about it.
_LEAST_NEAR: Final = 0.15


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence that may be chosen: the place of its chunk, where it stands, and its worth."""

    chunk: int
    span: Span
    worth: float


def extract(
    selection: Selection,
    count: int,
    embed: Embed,
    query: Query | None,
    progress: Progress,
    *,
    exactly: bool = False,
) -> list[Quoted]:
    """Return up to `count` sentences that stand for what was read, in the order of the text.

    Of a short text fewer, unless `exactly` so many are wanted. `query` is the focus.
    """
    found = _inside(selection, quotable(selection.chunks))
    if not exactly:
        count = min(count, max(1, round(_SHARE * sum(map(len, found)))))
    leading = _leading(selection, found, count)
    sentences = _sentences(selection, found, leading)
    if not sentences:
        return []
    texts = [selection.chunks[one.chunk].cut(one.span) for one in sentences]
    vectors = _embedded(texts, embed, progress)
    near = _nearness(selection, texts, vectors, query)
    every = len(leading) == sum(map(bool, found))
    chosen = _chosen(selection, sentences, vectors, near, count, every=every)
    chosen = sorted(set(_newest_of(selection, sentences, vectors, chosen)))
    return [_quoted(selection.chunks, sentences[at], near[at]) for at in chosen]


def pick(texts: Sequence[str], count: int, embed: Embed) -> list[int]:
    """Return the places of up to `count` of the texts that stand for all, in their order."""
    if len(texts) <= count:
        return list(range(len(texts)))
    vectors = embed(texts)
    even = np.ones(len(texts), np.float32)
    chosen = covering(similarity(vectors, vectors), even, even, count)
    return sorted(chosen)


def _inside(selection: Selection, found: Sequence[Sequence[Quotable]]) -> list[list[Quotable]]:
    inside = selection.inside
    return [[one for one in each if inside is None or inside.holds(one.span)] for each in found]


def _leading(selection: Selection, found: Sequence[Sequence[Quotable]], count: int) -> list[int]:
    """Return the places of the chunks whose sentences are looked at, in their order."""
    most = min(_MOST_CHUNKS, max(_LEAST_CHUNKS, _CHUNKS_A_SENTENCE * count))
    prose = [at for at, each in enumerate(found) if each]
    if len(prose) <= most:
        return prose
    vectors, weights = selection.vectors[prose], _weights(selection)[prose]
    places = _places(selection.chunks)[prose]
    rank = centrality(vectors) * places if selection.relevance is None else weights * places
    central = np.sort(np.argsort(-rank, kind="stable")[:_CENTRAL])
    worth = places[central] * np.array([_best(found[prose[at]]) for at in central], np.float32)
    covers = similarity(vectors[central], vectors)
    chosen = covering(covers, weights, worth, most)
    kept = {prose[int(central[at])] for at in chosen}
    return sorted(_newest_chunk(selection, at, prose) for at in kept)


def _best(sentences: Sequence[Quotable]) -> float:
    return max(one.worth for one in sentences)


def _weights(selection: Selection) -> Numbers:
    """Return how much it matters that a chunk is covered.

    Long documents weigh more than short ones, but not as much more as they are longer.
    """
    read = Counter(chunk.document_id for chunk in selection.chunks)
    sizes = np.array([read[chunk.document_id] for chunk in selection.chunks], np.float32)
    weights: Numbers = (1 / np.sqrt(np.maximum(sizes, 1))).astype(np.float32)
    return weights if selection.relevance is None else weights * selection.relevance**2


def _places(chunks: Sequence[StoredChunk]) -> Numbers:
    """Return what the place of a chunk is worth: documents and sections say first what they say."""
    worth = np.ones(len(chunks), np.float32)
    before: StoredChunk | None = None
    first, at_first = 0, 0
    for at, chunk in enumerate(chunks):
        if before is None or before.document_id != chunk.document_id:
            first, at_first = at, at
        elif before.headings != chunk.headings:
            at_first = at
        if at == first:
            worth[at] += _LEADS
        elif at == at_first:
            worth[at] += _OPENS
        before = chunk
    return worth


def _newest_chunk(selection: Selection, at: int, prose: Sequence[int]) -> int:
    """Return the place of what says the same in the newest of dated documents."""
    alike = selection.vectors[prose] @ selection.vectors[at]
    same = [place for place, one in zip(prose, alike.tolist(), strict=True) if one >= _SAME]
    return _newest(selection.chunks, at, same)


def _newest(chunks: Sequence[StoredChunk], at: int, same: Sequence[int]) -> int:
    mine = chunks[at]
    if mine.as_of is None:
        return at
    later = [
        place
        for place in same
        if chunks[place].document_id != mine.document_id
        and (chunks[place].as_of or "") > mine.as_of
    ]
    return max(later, key=lambda place: chunks[place].as_of or "", default=at)


def _sentences(
    selection: Selection, found: Sequence[Sequence[Quotable]], leading: Sequence[int]
) -> list[_Sentence]:
    """Return the sentences of some chunks, each once, the ones that read best if they are many."""
    seen = set[tuple[str, Span]]()
    sentences = list[_Sentence]()
    for at in leading:
        chunk = selection.chunks[at]
        for number, one in enumerate(found[at]):
            key = (chunk.document_id, one.span)
            if key not in seen:
                seen.add(key)
                worth = one.worth * (1 + (0 if number else _BEGINS))
                sentences.append(_Sentence(at, one.span, worth))
    if len(sentences) <= _MOST_SENTENCES:
        return sentences
    order = sorted(range(len(sentences)), key=lambda at: (-sentences[at].worth, at))
    return [sentences[at] for at in sorted(order[:_MOST_SENTENCES])]


def _embedded(texts: Sequence[str], embed: Embed, progress: Progress) -> Vectors:
    blocks = list[Vectors]()
    for start in range(0, len(texts), _AT_ONCE):
        progress(start, len(texts))
        blocks.append(embed(texts[start : start + _AT_ONCE]))
    progress(len(texts), len(texts))
    return np.concatenate(blocks)


def _nearness(
    selection: Selection, texts: Sequence[str], vectors: Vectors, query: Query | None
) -> Numbers:
    """Return how near each sentence is to the focus, or to all that was read, in [0, 1]."""
    if query is None or selection.relevance is None:
        mean = selection.vectors.mean(0)
        length = float(np.linalg.norm(mean)) or 1.0
        central: Numbers = np.clip(vectors @ (mean / length), 0, 1).astype(np.float32)
        return central
    weights = named(query)
    shared = np.array([coverage(weights, text, query.language) for text in texts], np.float32)
    cosines = np.maximum(vectors @ query.vector, 0) if selection.by_meaning else shared
    near: Numbers = ((cosines + _COVERAGE * shared) / (1 + _COVERAGE)).astype(np.float32)
    return near


def _chosen(
    selection: Selection,
    sentences: Sequence[_Sentence],
    vectors: Vectors,
    near: Numbers,
    count: int,
    *,
    every: bool,
) -> list[int]:
    """Return the places of the sentences that cover most, the best first.

    Where the sentences of `every` chunk are looked at, they are what is to be covered; else the
    chunks are.
    """
    chunks = np.array([one.chunk for one in sentences])
    weights = _weights(selection)
    worth = (
        np.array([one.worth for one in sentences], np.float32) * _places(selection.chunks)[chunks]
    )
    alike = vectors @ vectors.T
    if selection.relevance is not None:
        worth *= np.where(near < _LEAST_NEAR, 0, near**2)
    if every:
        covers, weights = similarity(vectors, vectors), weights[chunks]
    else:
        covers = similarity(vectors, selection.vectors)
    return covering(covers, weights, worth, count, alike, _MOST_ALIKE)


def _newest_of(
    selection: Selection, sentences: Sequence[_Sentence], vectors: Vectors, chosen: Sequence[int]
) -> Iterator[int]:
    """Yield each chosen sentence, or what says the same in the newest of dated documents."""
    chunks = [selection.chunks[one.chunk] for one in sentences]
    for at in chosen:
        same = np.flatnonzero(vectors @ vectors[at] >= _SAME).tolist()
        yield _newest(chunks, at, same)


def _quoted(chunks: Sequence[StoredChunk], sentence: _Sentence, near: float) -> Quoted:
    candidate = Candidate(chunks[sentence.chunk], None, None, 1.0)
    evidence = Evidence(candidate, min(1.0, max(0.0, float(near))))
    return Quoted(evidence, sentence.span, sentence.span)
