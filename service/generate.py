"""Generate: from evidence to an answer. `quote` says what is written, without a language model."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from indexes.documents import Span
from indexes.errors import UsageError
from service.evidence import Evidence, Generator, Piece, Quoted

MOST_SENTENCES: Final = 3
# A further sentence must fit the question this well, as a share of the best one's fit.
_NEAR_ENOUGH: Final = 0.8


def quote(question: str, evidence: Sequence[Evidence]) -> Iterator[Piece]:
    """Yield one to three sentences of the best chunk verbatim, the best first.

    A further sentence is quoted where it fits the question nearly as well as the best. A chunk
    without evidence sentences is quoted whole.
    """
    del question
    if not evidence:
        return
    best = evidence[0]
    for number, span in enumerate(_chosen(best)):
        chunk = best.candidate.chunk
        words = Span(span.start - chunk.span.start, span.end - chunk.span.start).cut(chunk.text)
        short = best.span if number == 0 and best.span else span
        yield Piece(f" {words}" if number else words, Quoted(best, span, short))


def _chosen(evidence: Evidence) -> list[Span]:
    if not evidence.sentences:
        return [evidence.candidate.chunk.span]
    enough = _NEAR_ENOUGH * evidence.sentences[0].score
    return [one.span for one in evidence.sentences[:MOST_SENTENCES] if one.score >= enough]


GENERATORS: Final[Mapping[str, Generator]] = MappingProxyType({"quote": quote})


def generator_named(name: str) -> Generator:
    """Return the generator of that name. Raises UsageError that names those there are."""
    try:
        return GENERATORS[name]
    except KeyError:
        raise UsageError(
            f"generator {name!r} is not known; use one of: {', '.join(GENERATORS)}"
        ) from None
