"""Text that comes in pieces, handed to what holds some of it back until more has come."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from indexes.errors import ModelTooSlow
from service.evidence import Thought
from service.language_model import Ended

Told_co = TypeVar("Told_co", covariant=True)


class Holding(Protocol[Told_co]):
    """Takes pieces of a text and yields what is over; after the rest it begins anew."""

    def take(self, piece: str) -> Iterator[Told_co]:
        """Add a piece, and yield what is over now."""
        ...

    def rest(self, *, cut: bool) -> Iterator[Told_co]:
        """Yield all that is left; with `cut` the text may not be over."""
        ...


def held_back(
    pieces: Iterable[str | Thought | Ended], holding: Holding[Told_co]
) -> Iterator[Told_co | Thought | Ended]:
    """Yield what `holding` makes of a text; thoughts and ends as they come.

    Raises what the pieces raise; ModelTooSlow once what was held is told.
    """
    try:
        for piece in pieces:
            if isinstance(piece, Thought):
                yield piece
            elif isinstance(piece, Ended):
                yield from holding.rest(cut=piece.reason == "length")
                yield piece
            else:
                yield from holding.take(piece)
    except ModelTooSlow:
        yield from holding.rest(cut=True)
        raise
    yield from holding.rest(cut=False)
