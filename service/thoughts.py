"""A model's reasoning is told apart from its answer while both are still being written."""

from collections.abc import Iterator
from typing import Final, TypeVar

from service.evidence import Thought
from service.language_model import Ended

_OPEN: Final = "<think>"
_CLOSE: Final = "</think>"

Other = TypeVar("Other", Thought, Ended)


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


def ahead_of(mark: str, pieces: Iterator[str | Thought | Ended]) -> Iterator[str | Thought | Ended]:
    """Yield what comes ahead of `mark` as thoughts, and what comes behind it as it is.

    Where the mark does not come, the last line is the answer.
    """
    held, found = "", False
    for piece in pieces:
        if isinstance(piece, Thought) or (found and isinstance(piece, str)):
            yield piece
        elif isinstance(piece, Ended):
            if not found:
                yield from _last_line(held)
                held = ""
            yield piece
        else:
            held += piece
            before, matched, behind = held.partition(mark)
            if matched:
                found = True
                yield from _told(before, inside=True)
                yield from _told(behind, inside=False)
    if not found:
        yield from _last_line(held)


def _last_line(text: str) -> Iterator[str | Thought]:
    lines = text.strip().rpartition("\n")
    yield from _told(lines[0], inside=True)
    yield from _told(lines[2], inside=False)


def _told(text: str, inside: bool) -> Iterator[str | Thought]:  # noqa: FBT001 # a part's kind
    if text:
        yield Thought(text) if inside else text


def size_of_beginning(text: str, mark: str) -> int:
    """Return how many characters at the end of `text` may be the beginning of `mark`."""
    return next((size for size in range(len(mark) - 1, 0, -1) if text.endswith(mark[:size])), 0)
