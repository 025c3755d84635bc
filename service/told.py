"""An answer is put together from the steps of its generator, and told as it grows."""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field

from service.citations import Citer
from service.evidence import Fallback, LeftOut, Piece, Step, Thought, Unsupported
from service.language_model import Ended, Reason, Usage
from service.reply import (
    Citation,
    CitationEvent,
    Dropped,
    Event,
    Generation,
    ReasoningEvent,
    TokenEvent,
    UnsupportedSentence,
)


@dataclass(slots=True)
class Written:
    """What the steps of a generator have given."""

    texts: list[str] = field(default_factory=list)
    short: str = ""
    thoughts: list[str] | None = None
    unsupported: list[UnsupportedSentence] = field(default_factory=list)
    left_out: list[Dropped] = field(default_factory=list)
    fallback: str | None = None
    abstains: bool = False
    usage: Usage | None = None
    model: str | None = None
    finish_reason: Reason = "stop"
    citations: tuple[Citation, ...] = ()

    @property
    def text(self) -> str:
        """The answer."""
        return "".join(self.texts)

    def generation(self, generator: str) -> Generation:
        """Return how the answer was written."""
        return Generation(
            generator,
            self.model,
            self.fallback,
            tuple(self.unsupported),
            None if self.thoughts is None else "".join(self.thoughts).strip(),
            self.finish_reason,
        )


def put_together(
    steps: Generator[Step], citer: Citer, tell: Callable[[Event], None], *, reasoning: bool
) -> Written:
    """Put an answer together; no quote is told before it was checked.

    Whatever ends this, the steps are closed here and now, and a model at work with them.
    """
    written = Written(thoughts=[] if reasoning else None)
    with closing(steps):
        for step in steps:
            _take(step, written, citer, tell)
    written.citations = citer.citations
    return written


def _take(step: Step, written: Written, citer: Citer, tell: Callable[[Event], None]) -> None:
    match step:
        case Piece():
            _tell_piece(step, written, citer, tell)
        case Thought(text):
            if written.thoughts is not None:
                written.thoughts.append(text)
                tell(ReasoningEvent(text))
        case Unsupported(text, reason):
            written.unsupported.append(UnsupportedSentence(text, reason))
        case LeftOut(evidence, reason):
            written.left_out.append(Dropped(evidence.candidate.chunk.chunk_id, reason))
        case Fallback(reason, abstains):
            written.fallback, written.abstains = reason, abstains
        case Ended(reason, usage, model):
            written.model = model
            written.usage = (written.usage or Usage()) + usage
            written.finish_reason = reason


def _tell_piece(
    piece: Piece, written: Written, citer: Citer, tell: Callable[[Event], None]
) -> None:
    if piece.quoted is None:
        written.texts.append(piece.text)
        tell(TokenEvent(piece.text))
        return
    known = len(citer.citations)
    citation, span = citer.cite(piece.quoted)
    written.short = written.short or span
    written.texts.append(f"{piece.text} {citation.marker}")
    tell(TokenEvent(written.texts[-1]))
    if len(citer.citations) > known:
        tell(CitationEvent(citation))
