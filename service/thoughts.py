"""A model's reasoning is told apart from its answer while both are still being written."""

from collections.abc import Iterator
from typing import Final

from service.evidence import Thought
from service.language_model import Ended

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"


def outside_think(pieces: Iterator[str | Ended]) -> Iterator[str | Thought | Ended]:
    """Yield what stands between `<think>` and `</think>` as thoughts, and the rest as it is.

    Models that reason without being asked mark it so. A mark may come in several pieces.
    """
    inside, held = False, ""
    for piece in pieces:
        if isinstance(piece, Ended):
            yield from _told(held, inside)
            held = ""
            yield piece
            continue
        held += piece
        while (at := held.find(_CLOSE if inside else _OPEN)) >= 0:
            yield from _told(held[:at], inside)
            held = held[at + len(_CLOSE if inside else _OPEN) :]
            inside = not inside
        sure = len(held) - size_of_beginning(held, _CLOSE if inside else _OPEN)
        yield from _told(held[:sure], inside)
        held = held[sure:]
    yield from _told(held, inside)


def _told(text: str, inside: bool) -> Iterator[str | Thought]:  # noqa: FBT001 # a part's kind
    if text:
        yield Thought(text) if inside else text


def size_of_beginning(text: str, mark: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `mark`."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)
