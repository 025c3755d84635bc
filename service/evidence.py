"""What the steps of a question hand to each other: query, candidates, evidence and pieces."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from indexes.documents import Span, StoredChunk
from indexes.languages import ENGLISH, Language
from service.language_model import Check, Ended, go_on


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
    engine did not find the chunk); `fused` is the weighted mean of both beside the best that each
    found, in [0, 1].
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
class Turn:
    """An earlier question of a conversation, or its answer."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a generator is to answer: a question that can be understood alone.

    `history` is what was said before, oldest first. `check` is asked while a language model works;
    what it raises ends the work.
    """

    question: str
    history: tuple[Turn, ...] = ()
    strategy: str = "direct"
    check: Check = go_on


@dataclass(frozen=True, slots=True)
class Piece:
    """The next piece of an answer's text, and the quote that stands behind it."""

    text: str
    quoted: Quoted | None = None


@dataclass(frozen=True, slots=True)
class Thought:
    """A piece of a language model's reasoning, which is no part of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A sentence that a language model wrote and that the evidence does not bear out, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Evidence that a language model was not given, and why."""

    evidence: Evidence
    reason: str


@dataclass(frozen=True, slots=True)
class Fallback:
    """What follows is quoted, or where nothing follows there is no answer, and why."""

    reason: str
    abstains: bool = False


Step = Piece | Thought | Unsupported | LeftOut | Fallback | Ended

Attend = Callable[[Query, Sequence[Candidate]], Sequence[Evidence]]
"""Gives evidence for each candidate, best first."""

Generator = Callable[[Asked, Sequence[Evidence]], Iterator[Step]]
"""Gives an answer from evidence, best first; the texts of the pieces are the answer."""


@dataclass(frozen=True, slots=True)
class Support:
    """What bears a sentence out: quotes of the evidence, or the reason why nothing does."""

    quoted: tuple[Quoted, ...] = ()
    reason: str | None = None


NOT_SAID: Final = "no passage says this"
NOT_QUITE_SAID: Final = "no passage says quite this"
PART_NOT_SAID: Final = "no passage says a part of this"

Ground = Callable[[str, Sequence[Evidence], Sequence[int]], Support]
"""Checks a sentence, without markers, against the evidence that its writer was given.

The numbers are the places (from 0) of the evidence that the writer named for it, which may be
wrong or none at all.
"""
