"""Parts: what is too long to be read at once is cut into pieces that fit."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def packed(items: Sequence[Item], fits: Callable[[Sequence[Item]], bool]) -> Iterator[list[Item]]:
    """Yield the items in their order, as many at a time as fit; one that does not fit, alone.

    What fits must fit without its last item too. `fits` is asked about few pieces, none of which is
    much longer than what fits.
    """
    start = 0
    while start < len(items):
        count = _most(items[start:], fits)
        yield list(items[start : start + count])
        start += count


def _most(items: Sequence[Item], fits: Callable[[Sequence[Item]], bool]) -> int:
    """Return how many items fit, 1 at least: found by doubling, then by halving."""
    high = 1
    while high < len(items) and fits(items[:high]):
        high *= 2
    high = min(high, len(items))
    counts = range(high // 2 + 1, high + 1)
    within = bisect_left(counts, x=True, key=lambda count: not fits(items[:count]))
    return max(1, high // 2 + within)


def spread(count: int) -> list[int]:
    """Return the numbers below `count` in an order whose beginnings are spread over all of them."""
    bits = max(1, (count - 1).bit_length())
    return sorted(range(count), key=lambda number: f"{number:0{bits}b}"[::-1])
