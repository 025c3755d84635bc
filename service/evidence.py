"""What the steps of a question hand to each other: query, candidates, evidence and pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexes.documents import Span, StoredChunk
from indexes.languages import ENGLISH, Language


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """What is searched for: `vector` of shape (dimension,), and the BM25 weight of each term.

    `language` is the collection's.
    """

    text: str
    vector: npt.NDArray[np.float32]
    weights: Mapping[str, float]
    language: Language = ENGLISH


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that retrieval found.

    `dense` is the cosine and `lexical` the BM25 score as the engines gave them (None where the
    engine did not find the chunk); `fused` is its reciprocal rank sum as a share of the largest
    that is possible, in (0, 1].
    """

    chunk: StoredChunk
    dense: float | None
    lexical: float | None
    fused: float


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the document's text that may answer, and its part `short` that does.

    `score` in [0, 1] tells how well it fits the question, beside the others of its chunk.
    """

    span: Span
    score: float
    short: Span


@dataclass(frozen=True, slots=True)
class Evidence:
    """A candidate that was weighed together with the question.

    `score` in [0, 1] estimates that the chunk answers the question. `sentences` are the chunk's
    evidence sentences, best first, empty where it was not read closely.
    """

    candidate: Candidate
    score: float
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Quoted:
    """A span of a chunk's document that the answer relies on; `short` lies inside `span`."""

    evidence: Evidence
    span: Span
    short: Span


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of an answer's text, and the quote that stands behind it."""

    text: str
    quoted: Quoted | None = None


Attend = Callable[[Query, Sequence[Candidate]], Sequence[Evidence]]
"""Gives evidence for each candidate, best first."""

Generator = Callable[[str, Sequence[Evidence]], Iterator[Piece]]
"""Gives an answer to a question from evidence, best first; the pieces' texts are the answer."""
