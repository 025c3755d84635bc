"""What a search in one view gives, and which chunks a search may give."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from indexes.documents import Span

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Hit(NamedTuple):
    """One chunk found by a search; a higher score is better.

    Hundreds are made for a question, so they are tuples, which are made fastest.
    """

    chunk_id: int
    score: float


@dataclass(frozen=True)
class ChunkSet:
    """A set of chunk ids as ascending ranges `[start, end)` that do not overlap."""

    ranges: tuple[Span, ...]

    @cached_property
    def _starts(self) -> Ids:
        return np.array([span.start for span in self.ranges], np.int64)

    @cached_property
    def _ends(self) -> Ids:
        return np.array([span.end for span in self.ranges], np.int64)

    @property
    def empty(self) -> bool:
        """Tell whether no chunk is in the set."""
        return not self.ranges

    def __len__(self) -> int:
        return sum(span.end - span.start for span in self.ranges)

    def holds(self, ids: Ids) -> Mask:
        """Tell for each of `ids`, shape (n,), whether it is in the set."""
        if self.empty:
            return np.zeros(len(ids), np.bool_)
        place = np.searchsorted(self._starts, ids, side="right") - 1
        return (place >= 0) & (ids < self._ends[np.maximum(place, 0)])

    def holds_sorted(self, ids: Ids) -> Mask:
        """Tell the same of many ids that ascend, shape (n,), in time that hardly rises with n."""
        steps = np.zeros(len(ids) + 1, np.int8)
        np.add.at(steps, np.searchsorted(ids, self._starts), 1)
        np.add.at(steps, np.searchsorted(ids, self._ends), -1)
        held: Mask = np.cumsum(steps[:-1], dtype=np.int8).astype(np.bool_)
        return held

    def ids(self) -> Ids:
        """Return all ids in the set, ascending."""
        lengths = self._ends - self._starts
        before = np.cumsum(lengths) - lengths
        return np.repeat(self._starts - before, lengths) + np.arange(len(self), dtype=np.int64)


def best(hits: Sequence[Hit], k: int) -> list[Hit]:
    """Return the `k` best hits, best first, ties by chunk id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.chunk_id))[:k]
