"""What a summary comes back with, and its events.

The description of the HTTP API is made from these classes, so their fields are the contract's.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import ClassVar, Final, Literal

from service.reply import Citation, CitationEvent, Dropped, Generation, TokenEvent

Status = Literal["summarised", "not_found", "no_documents"]
SUMMARISED: Final = "summarised"
NOT_FOUND: Final = "not_found"
NO_DOCUMENTS: Final = "no_documents"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a summary: what stands under one heading, or in one document.

    `heading` is "" where there is none, `document_id` null where the part is of several documents.
    """

    heading: str
    text: str
    document_id: str | None = None


@dataclass(frozen=True, slots=True)
class Summarised:
    """A document that was summarised.

    Of its `chunks` so many were read, and so many of the summary's `citations` are places in it.
    """

    document_id: str
    title: str
    uri: str
    as_of: str | None
    chunks: int
    chunks_read: int
    citations: int


@dataclass(frozen=True, slots=True)
class Read:
    """How much there was to summarise and how much of it was read.

    `reason` says why not all was, and which part; it is null where all was.
    """

    documents: int
    documents_read: int
    chunks: int
    chunks_read: int
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryTimings:
    """How long the steps took, in milliseconds."""

    select: float
    choose: float
    write: float
    cite: float
    total: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary and what it rests on.

    `summary` is the text with its markers, part by part as in `sections`. With the status
    not_found there is nothing that can be said (`reason` tells why), with no_documents nothing was
    left to summarise. `documents` are those that are cited and others that were read, 200 at most;
    `read` counts them all. `dropped` are passages that a language model was not given or that were
    changed while it worked.
    """

    status: Status
    summary: str
    citations: tuple[Citation, ...]
    sections: tuple[Section, ...]
    documents: tuple[Summarised, ...]
    read: Read
    timings: SummaryTimings
    trace_id: str
    reason: str | None = None
    focus: str | None = None
    dropped: tuple[Dropped, ...] = ()
    usage: Mapping[str, int] | None = None
    generation: Generation = field(default_factory=Generation)

    def as_json(self) -> dict[str, object]:
        """Return the summary as JSON's own types, named as in the HTTP contract."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """How far the work is: `done` of `total` in `unit`s of the step."""

    name: ClassVar[str] = "progress"
    done: int
    total: int
    unit: str
    step: str


@dataclass(frozen=True, slots=True)
class SummaryEvent:
    """The whole summary; nothing comes after it."""

    name: ClassVar[str] = "final"
    summary: Summary


Event = ProgressEvent | TokenEvent | CitationEvent | SummaryEvent


def event_data(event: Event) -> dict[str, object]:
    """Return what the event carries as JSON's own types: the data line of a server-sent event."""
    match event:
        case SummaryEvent(summary):
            return summary.as_json()
        case CitationEvent(citation):
            return asdict(citation)
        case _:
            return asdict(event)
