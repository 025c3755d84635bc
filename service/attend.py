"""Attend: look at question and candidates together, for relevance and the sentences that answer.

A reader's network reads each pair (`reader_attend`), or a cross-encoder does (`cross_attend`).
Without either (`sentence_attend`) a chunk's relevance is a weighted sum of four signs: its cosine
with the question, the best of its sentences by the encoder, the share of the question's terms that
it has, and its rank in retrieval. Where the encoder does not know the language either, words alone
count (`words_attend`). Decisions 004, 009 and 013 tell how the weights were found.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.documents import Span, StoredChunk
from indexes.encoding import Vectors
from service.answering import answering
from service.evidence import Attend, Candidate, Evidence, Query, Sentence
from service.names import names_in, preferred
from service.read import Places, Reader, places, whole_words
from service.rows import Row
from service.sentences import is_item
from service.shown import Shown, shown, without_asides
from service.signs import coverage, logistic, named, outer_signs, shares

# Candidates whose sentences are encoded; more cost time and move no figure.
READ: Final = 8
_SENTENCE_COVERAGE: Final = 0.5
# What a row's share of the question's terms weighs, beside the logits of its cells: the row must be
# the one that is asked about before any of its cells can be the answer.
_ROW_COVERAGE: Final = 10.0
# What the question's terms weigh in a column's name, and against the cell itself: the answer is not
# what was asked with.
_CELL_COVERAGE: Final = 10.0
# The reader, which has learnt from prose, is too sure that a row does not answer that has terms of
# the question, and not sure enough of one that has none.
_ROW_ANSWERS: Final = 1.0
# `python -m training.threshold` prints scale and offset, and the figures of each threshold.
_SCALE: Final = 1.19
_OFFSET: Final = -4.454
THRESHOLD: Final = 0.45
# The same for words alone: the share of terms that a chunk has and half of its best sentence's.
_WORDS_SENTENCE: Final = 0.5
_WORDS_SCALE: Final = 4.0
_WORDS_OFFSET: Final = -2.4
WORDS_THRESHOLD: Final = 0.5

Encode = Callable[[Sequence[str]], Vectors]
"""Gives rows of unit length, shape (texts, dimension), of the space of the query's vector."""


def sentence_attend(encode: Encode) -> Attend:
    """Return an Attend that finds evidence sentences with an encoder of documents."""

    def attend(query: Query, candidates: Sequence[Candidate]) -> Sequence[Evidence]:
        if not candidates:
            return ()
        outer = outer_signs(query, candidates)
        order = sorted(range(len(candidates)), key=lambda i: (-outer[i], i))
        read, unread = order[:READ], order[READ:]
        found = list(_sentences(query, [candidates[i] for i in read], encode))
        inner = [sentences[0].fit if sentences else 0.0 for sentences in found]
        evidence = [
            _evidence(candidates[i], relevance(outer[i] + fit), sentences)
            for i, fit, sentences in zip(read, inner, found, strict=True)
        ]
        evidence.sort(key=lambda one: -one.score)
        # The unread come last: their sentences are taken to be as good as the worst that was read.
        rest = [_evidence(candidates[i], relevance(outer[i] + min(inner)), ()) for i in unread]
        return (*evidence, *rest)

    return attend


@dataclass(frozen=True, slots=True)
class _Fitting:
    """A sentence's span and how well it fits: cosine plus half its share of the question's terms.

    Without an encoder it is that share alone.
    """

    span: Span
    fit: float


def words_attend(query: Query, candidates: Sequence[Candidate]) -> Sequence[Evidence]:
    """Weigh candidates by the question's words alone: how many they and their sentences have.

    Which sentence answers is then a guess, so each is quoted with the one that follows it.
    """
    weights = named(query)
    evidence = []
    for one, found in zip(candidates, _sentences(query, candidates, None), strict=True):
        best = found[0].fit if found else 0.0
        sign = coverage(weights, one.chunk.encoded, query.language) + _WORDS_SENTENCE * best
        score = logistic(_WORDS_SCALE * sign + _WORDS_OFFSET)
        evidence.append(Evidence(one, score, tuple(_with_next(one.chunk, found))))
    evidence.sort(key=lambda one: -one.score)
    return evidence


def _with_next(chunk: StoredChunk, found: Sequence[_Fitting]) -> Iterator[Sentence]:
    """Yield sentences, best first, each with the next of its paragraph; none is in two of them."""
    order = sorted(one.span for one in found)
    following = dict(pairwise(order))
    taken: set[Span] = set()
    for one in found:
        if one.span in taken:
            continue
        span, after = one.span, following.get(one.span)
        taken.add(span)
        if after and after not in taken and "\n\n" not in chunk.cut(Span(span.end, after.start)):
            taken.add(after)
            span = Span(span.start, after.end)
        yield Sentence(span, min(1.0, one.fit), span)


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells that a chunk answers.

    `relevance` is the share that the reader gives it among all candidates, `answers` the reader's
    logit that it answers, `outer` the sign of retrieval (`service.signs`).
    """

    relevance: float
    answers: float
    outer: float


@dataclass(frozen=True, slots=True)
class Blend:
    """How signs become an order and scores.

    `relevance`, `answers` and `outer` weigh the shares and the sign that order candidates. Whether
    one answers is the reader's to say: `scale` times its logit, plus `offset`.
    """

    relevance: float
    answers: float
    outer: float
    scale: float
    offset: float

    def ranked(self, signs: Sequence[Signs]) -> list[tuple[int, float]]:
        """Return the place of each candidate in `signs` and its score in [0, 1], best first.

        None has more than the one before it: that one is preferred for what retrieval says.
        """
        orders = [self._order(one) for one in signs]
        places = sorted(range(len(signs)), key=lambda i: (-orders[i], i))
        scores = (logistic(self.scale * signs[i].answers + self.offset) for i in places)
        return list(zip(places, accumulate(scores, min), strict=True))

    def _order(self, signs: Signs) -> float:
        # A probability, not its logit: of chunks that answer nothing none is better than another,
        # and where the reader sees no answer at all, retrieval decides.
        return (
            self.relevance * signs.relevance
            + self.answers * logistic(signs.answers)
            + self.outer * signs.outer
        )


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A candidate's signs, what the reader was shown of it, and where it sees evidence in that."""

    signs: Signs
    seen: Shown
    places: Places


def weigh(query: Query, candidates: Sequence[Candidate], read: Reader) -> list[Weighed]:
    """Read every candidate with the question."""
    weights = named(query)
    seen = [shown(one.chunk, weights, query.text) for one in candidates]
    reads = list(read(query.text, [one.text for one in seen]))
    misled = [at for at, one in enumerate(seen) if _is_misled(places(one, reads[at]), one)]
    for at in misled:
        seen[at] = without_asides(candidates[at].chunk, seen[at])
    again = read(query.text, [seen[at].text for at in misled]) if misled else ()
    for at, one in zip(misled, again, strict=True):
        reads[at] = one
    outer = outer_signs(query, candidates)
    relevance = shares([one.relevance for one in reads])
    return [
        Weighed(Signs(share, each.answers + _of_rows(text), sign), text, places(text, each))
        for each, text, share, sign in zip(reads, seen, relevance, outer, strict=True)
    ]


def _is_misled(found: Places, seen: Shown) -> bool:
    """Tell whether the reader sees the answer where a text tells of itself, unasked.

    A day or an address looks like one; what it says of the chunk rests on that, and it must read
    the chunk without.
    """
    beside = max((one.logit for one in map(found.best, seen.sentences) if one), default=-math.inf)
    return any(one.logit > beside for one in map(found.best, seen.asides) if one)


def _of_rows(seen: Shown) -> float:
    """Return what to add to the logit that a chunk answers, where it is cut from a table."""
    if not seen.rows:
        return 0.0
    return _ROW_ANSWERS if any(seen.fits) else -_ROW_ANSWERS


def reader_attend(read: Reader, blend: Blend) -> Attend:
    """Return an Attend that reads every candidate with the question, for score and evidence."""

    def attend(query: Query, candidates: Sequence[Candidate]) -> Sequence[Evidence]:
        if not candidates:
            return ()
        found = weigh(query, candidates, read)
        weights = named(query)
        return tuple(
            Evidence(candidates[i], score, _located(query, weights, candidates[i].chunk, found[i]))
            for i, score in blend.ranked([one.signs for one in found])
        )

    return attend


def _located(
    query: Query, weights: Mapping[str, float], chunk: StoredChunk, weighed: Weighed
) -> tuple[Sentence, ...]:
    """Return a chunk's sentences by the likelihood of each one's likeliest span, best first."""
    located = list(_likeliest(chunk, weighed, weights))
    located.sort(key=lambda one: (-one.logit, one.inside))
    located = _named_first(query.text, chunk, located)
    return tuple(
        Sentence(
            one.inside,
            # The mean of how much less likely its start and its end are.
            min(1.0, math.exp((one.logit - located[0].logit) / 2)),
            one.short,
        )
        for one in located
    )


@dataclass(frozen=True, slots=True)
class _Likeliest:
    """The likeliest answer `short` within a sentence, and its logit."""

    inside: Span
    short: Span
    logit: float


def _named_first(question: str, chunk: StoredChunk, located: list[_Likeliest]) -> list[_Likeliest]:
    names = names_in(question, f"{chunk.title} {chunk.section or ''}")
    insides = [one.inside.moved(-chunk.span.start) for one in located]
    texts = [one.cut(chunk.text) for one in insides]
    items = [is_item(chunk.text, one) for one in insides]
    return [located[at] for at in preferred(texts, items, names)]


def _likeliest(
    chunk: StoredChunk, weighed: Weighed, weights: Mapping[str, float]
) -> Iterator[_Likeliest]:
    rows = weighed.seen.rows
    if rows:
        for row, fit in zip(rows, weighed.seen.fits, strict=True):
            cells = list(_cells(chunk, row, weighed.places, weights))
            if cells:
                logit, cell = max(cells)
                yield _Likeliest(row.span, cell, logit + _ROW_COVERAGE * fit)
        return
    for inside in weighed.seen.sentences:
        if best := weighed.places.best(inside):
            yield _Likeliest(inside, whole_words(chunk, best.span, inside), best.logit)


def _cells(
    chunk: StoredChunk, row: Row, found: Places, weights: Mapping[str, float]
) -> Iterator[tuple[float, Span]]:
    """Yield the cells of a row, each with how likely it is the answer."""
    for cell, name in zip(row.cells, row.apart, strict=True):
        if best := found.best(cell):
            asked = coverage(weights, name, chunk.language)
            asked -= coverage(weights, chunk.cut(cell), chunk.language)
            yield best.logit + _CELL_COVERAGE * asked, cell


def cross_attend(
    relevance_of: Callable[[str, Sequence[str]], npt.NDArray[np.float32]], encode: Encode | None
) -> Attend:
    """Return an Attend that scores candidates with a cross-encoder, whose logits have shape (n,).

    Such a model knows of no evidence: sentences come from `encode`, as in `sentence_attend`, or
    from words alone where there is none.
    """

    def attend(query: Query, candidates: Sequence[Candidate]) -> Sequence[Evidence]:
        if not candidates:
            return ()
        logits = relevance_of(query.text, [one.chunk.encoded for one in candidates]).tolist()
        order = sorted(range(len(candidates)), key=lambda i: (-logits[i], i))
        read = [candidates[i] for i in order[:READ]]
        sentences = [*_sentences(query, read, encode)]
        sentences += [[]] * (len(order) - len(read))
        return tuple(
            _evidence(candidates[i], logistic(logits[i]), found)
            for i, found in zip(order, sentences, strict=True)
        )

    return attend


def _evidence(candidate: Candidate, score: float, sentences: Sequence[_Fitting]) -> Evidence:
    most = 1 + _SENTENCE_COVERAGE
    rated = [(one.span, min(1.0, max(0.0, one.fit / most))) for one in sentences]
    return Evidence(candidate, score, tuple(Sentence(span, fit, span) for span, fit in rated))


def relevance(sign: float) -> float:
    """Return the estimate in (0, 1) that a chunk with this sum of signs answers."""
    return logistic(_SCALE * sign + _OFFSET)


def sign_of(score: float) -> float:
    """Return the sum of signs that has this relevance."""
    return (math.log(score / (1 - score)) - _OFFSET) / _SCALE


def _sentences(
    query: Query, candidates: Sequence[Candidate], encode: Encode | None
) -> Iterator[list[_Fitting]]:
    """Yield each candidate's sentences by how well they fit the question, best first.

    Without `encode` they fit as far as their words go.
    """
    weights = named(query)
    spans = [answering(candidate.chunk, query.text).sentences for candidate in candidates]
    texts = [
        candidate.chunk.cut(span)
        for candidate, inside in zip(candidates, spans, strict=True)
        for span in inside
    ]
    shared = [coverage(weights, text, query.language) for text in texts]
    if encode is None:
        fits = shared
    else:
        cosines = encode(texts) @ query.vector if texts else np.zeros(0, np.float32)
        fits = [
            float(cosine) + _SENTENCE_COVERAGE * share
            for cosine, share in zip(cosines, shared, strict=True)
        ]
    ends = np.cumsum([0, *map(len, spans)]).tolist()
    for inside, (first, end) in zip(spans, pairwise(ends), strict=True):
        fitting = zip(inside, fits[first:end], strict=True)
        yield sorted((_Fitting(*one) for one in fitting), key=lambda one: (-one.fit, one.span))
