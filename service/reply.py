"""What a question comes back with: the reply with its citations and passages, and its events.

The description of the HTTP API is made from these classes, so their fields are the contract's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Final, Literal

Status = Literal["answered", "not_found", "no_documents"]
ANSWERED: Final = "answered"
NOT_FOUND: Final = "not_found"
NO_DOCUMENTS: Final = "no_documents"


@dataclass(frozen=True, slots=True)
class Scores:
    """What each step gave a passage, in [0, 1], higher is better; None where it gave nothing.

    `dense` is the cosine with negative values cut to 0, `lexical` is `s / (s + 10)` of the BM25
    score `s`, `fused` is the weighted mean of both beside the best that each engine found, and
    `reader` is the estimate that the passage answers the question.
    """

    dense: float | None
    lexical: float | None
    fused: float | None
    reader: float | None


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was retrieved; `score` is that of the last step that ran.

    `pages` are the pages it touches and `page` the first of them (None where the document has
    none); `section` is the heading path, "" where there is none; `start` and `end` are code points
    of the document's stored text, whose sha256 is `text_sha256`.
    """

    document_id: str
    chunk_id: int
    title: str
    uri: str
    page: int | None
    section: str
    start: int
    end: int
    text: str
    score: float
    scores: Scores
    as_of: str | None
    text_sha256: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table's row, and the name of its column, "" where it has none."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    """One place in one document: `quote` is the stored text's `[start, end)`, verbatim.

    `marker` is as it stands in the answer, e.g. "[1]"; `page` is the one on which the quote starts,
    for a workbook the sheet's number. `row` is the sheet's or CSV file's row, from 1, in which it
    starts, None for other formats. `cells` are those of the rows of a table that are quoted, empty
    ones left out, none where the quote is of no table or its columns have no names.
    Words that were `recognised` in a picture may have mistakes.
    """

    marker: str
    document_id: str
    title: str
    uri: str
    page: int | None
    row: int | None
    section: str
    start: int
    end: int
    quote: str
    score: float
    as_of: str | None
    text_sha256: str
    recognised: bool = False
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A chunk that was found and not used, and why."""

    chunk_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class UnsupportedSentence:
    """A sentence that a language model wrote and that the evidence does not bear out, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """How long the steps took, in milliseconds."""

    rewrite: float = 0.0
    encode: float
    retrieve: float
    attend: float
    generate: float
    total: float


@dataclass(frozen=True, slots=True)
class Generation:
    """How an answer was written.

    `generator` is what was asked for, `model` the language model, None where none was asked, and
    `fallback` says why the answer is quoted all the same, or why there is none. `unsupported` are
    sentences that the model wrote and that the evidence does not bear out. `reasoning` is there if
    it was asked for. `finish_reason` is "length" where there was no room or time for more.
    """

    generator: str = "quote"
    model: str | None = None
    fallback: str | None = None
    unsupported: tuple[UnsupportedSentence, ...] = ()
    reasoning: str | None = None
    finish_reason: Literal["stop", "length"] = "stop"


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole answer to one question.

    `score` is the estimate in [0, 1] that the evidence answers the question; below `threshold` the
    status is not_found, `answer` is empty and `passages` are the closest that was found. `query`
    is what was searched for: the question, or what it means after the history, and then
    `rewritten_by` tells how it was rewritten. `generation` tells how the answer was written, and
    `usage` counts a language model's tokens, None where none was asked. `session_id` names the
    session that keeps question and answer, None where none was asked for, and where they could not
    be kept, of which `session_note` says why.
    """

    status: Status
    answer: str
    answer_short: str
    score: float
    threshold: float
    query: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    dropped: tuple[Dropped, ...]
    usage: Mapping[str, int] | None
    timings: Timings
    trace_id: str
    generation: Generation = Generation()
    rewritten_by: Literal["rule", "model"] | None = None
    session_id: str | None = None
    session_note: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the reply as JSON's own types, named as in the HTTP contract."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SearchEvent:
    """Retrieval is done: what was found, and `query` is what was searched for, as in the reply."""

    name: ClassVar[str] = "search"
    passages: tuple[Passage, ...]
    query: str


@dataclass(frozen=True, slots=True)
class TokenEvent:
    """The next piece of the answer; all pieces together are the answer."""

    name: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningEvent:
    """The next piece of a language model's reasoning, where that was asked for."""

    name: ClassVar[str] = "reasoning"
    text: str


@dataclass(frozen=True, slots=True)
class CitationEvent:
    """A citation whose quote was checked."""

    name: ClassVar[str] = "citation"
    citation: Citation


@dataclass(frozen=True, slots=True)
class FinalEvent:
    """The whole reply; nothing comes after it."""

    name: ClassVar[str] = "final"
    reply: Reply


Event = SearchEvent | TokenEvent | ReasoningEvent | CitationEvent | FinalEvent


def event_data(event: Event) -> dict[str, object]:
    """Return what the event carries as JSON's own types: the data line of a server-sent event."""
    match event:
        case SearchEvent(passages, query):
            return {"query": query, "passages": [asdict(passage) for passage in passages]}
        case TokenEvent(text) | ReasoningEvent(text):
            return {"text": text}
        case CitationEvent(citation):
            return asdict(citation)
        case FinalEvent(reply):
            return reply.as_json()
