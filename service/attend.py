"""Attend: look at question and candidates together, for relevance and the sentences that answer.

A reader's network reads each pair (`reader_attend`), or a cross-encoder does (`cross_attend`).
Without either (`sentence_attend`) a chunk's relevance is a weighted sum of four signs: its cosine
with the question, the best of its sentences by the encoder, the share of the question's terms that
it has, and its rank in retrieval. Where the encoder does not know the language either, words alone
count (`words_attend`). Decisions 004, 009 and 013 tell how the weights were found.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest
from typing import Final

import numpy as np
import numpy.typing as npt

from indexes.documents import Span, StoredChunk
from indexes.encoding import Vectors
from service.evidence import Attend, Candidate, Evidence, Query, Sentence
from service.read import Places, Reader, places, whole_words
from service.sentences import QUESTION_MARKS, is_heading, sentence_spans, stands_above
from service.signs import coverage, logistic, named, outer_signs, shares

# Candidates whose sentences are encoded; more cost time and move no figure.
READ: Final = 8
_SENTENCE_COVERAGE: Final = 0.5
# `python -m training.threshold` prints scale and offset, and the figures of each threshold.
_SCALE: Final = 1.19
_OFFSET: Final = -2.705
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
    """A candidate's signs, and where the reader sees evidence in it."""

    signs: Signs
    places: Places


def weigh(query: Query, candidates: Sequence[Candidate], read: Reader) -> list[Weighed]:
    """Read every candidate with the question."""
    reads = read(query.text, [one.chunk.encoded for one in candidates])
    outer = outer_signs(query, candidates)
    relevance = shares([one.relevance for one in reads])
    return [
        Weighed(Signs(share, each.answers, sign), places(candidate, each))
        for each, candidate, share, sign in zip(reads, candidates, relevance, outer, strict=True)
    ]


def reader_attend(read: Reader, blend: Blend) -> Attend:
    """Return an Attend that reads every candidate with the question, for score and evidence."""

    def attend(query: Query, candidates: Sequence[Candidate]) -> Sequence[Evidence]:
        if not candidates:
            return ()
        found = weigh(query, candidates, read)
        return tuple(
            Evidence(candidates[i], score, _located(candidates[i], found[i].places))
            for i, score in blend.ranked([one.signs for one in found])
        )

    return attend


def _located(candidate: Candidate, found: Places) -> tuple[Sentence, ...]:
    """Return a chunk's sentences by the likelihood of each one's likeliest span, best first."""
    spans = _quotable(candidate)
    located = [(one, best) for one in spans if (best := found.best(one)) is not None]
    located.sort(key=lambda pair: (-pair[1].logit, pair[0]))
    return tuple(
        Sentence(
            one,
            # The mean of how much less likely its start and its end are.
            math.exp((best.logit - located[0][1].logit) / 2),
            whole_words(candidate.chunk, best.span, one),
        )
        for one, best in located
    )


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
    spans = [_quotable(candidate) for candidate in candidates]
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


def _quotable(candidate: Candidate) -> list[Span]:
    """Return the sentences of a chunk without headings and questions.

    Both resemble a question and answer none; they stay where a chunk has nothing else.
    """
    chunk = candidate.chunk
    spans = sentence_spans(chunk.text, chunk.media_type, chunk.language)
    headings = {*chunk.headings, chunk.title, chunk.header}

    def answers(span: Span, after: Span | None) -> bool:
        sentence = span.cut(chunk.text)
        if sentence.endswith(QUESTION_MARKS) or is_heading(sentence) or sentence in headings:
            return False
        return after is None or not stands_above(chunk.text, span, after)

    kept = [one for one, after in zip_longest(spans, spans[1:]) if answers(one, after)]
    return [span.moved(chunk.span.start) for span in kept or spans]
