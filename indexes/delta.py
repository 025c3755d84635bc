"""The delta: what the catalog has and the views on disk lack, in memory and open to searches."""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from indexes.chunk_table import Added
from indexes.encoding import Vectors
from indexes.hits import ChunkSet, Hit, Ids, Mask
from indexes.languages import Language
from indexes.lexical import Statistics, bm25, terms

Scores = npt.NDArray[np.float64]


class WordTable:
    """Which terms the texts of a delta have: texts are added at its end and never change.

    Who knows of the first n texts sees nothing of those that are added later, so states of a delta
    that follow one another share one table.
    """

    def __init__(self) -> None:
        self._rows: dict[str, array[int]] = {}
        self._counts: dict[str, array[int]] = {}
        self._lengths: array[int] = array("I")

    def add(self, words: Sequence[str]) -> None:
        """Add a text as its terms."""
        row = len(self._lengths)
        for term, count in Counter(words).items():
            self._rows.setdefault(term, array("I")).append(row)
            self._counts.setdefault(term, array("I")).append(count)
        self._lengths.append(len(words))

    def lengths(self, n: int) -> Ids:
        """Return the lengths of the first `n` texts in terms, shape (n,)."""
        return _numbers(self._lengths, n)

    def texts_with(self, term: str, n: int) -> tuple[Ids, Ids]:
        """Return which of the first `n` texts have a term, ascending, and how often each."""
        if term not in self._rows:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows = _numbers(self._rows[term], None)
        few = int(np.searchsorted(rows, n))
        return rows[:few], _numbers(self._counts[term], few)


def _numbers(values: "array[int]", n: int | None) -> Ids:
    return np.frombuffer(values[:n], np.uintc).astype(np.int64)  # a copy: `values` may grow


@dataclass(frozen=True)
class Delta:
    """Chunks in the order of their ids, with those that were removed again.

    `ids` has shape (n,), ascending, `vectors` (n, dimension), `living`, shape (n,), tells which
    were not removed. `words` has the n texts, and perhaps more.
    """

    ids: Ids
    vectors: Vectors
    living: Mask
    words: WordTable = field(default_factory=WordTable)

    @classmethod
    def empty(cls, dimension: int) -> Self:
        """Return a delta of nothing."""
        return cls(
            np.zeros(0, np.int64), np.zeros((0, dimension), np.float32), np.zeros(0, np.bool_)
        )

    def followed_by(
        self, groups: Sequence[Added], removed: ChunkSet, language: Language
    ) -> "Delta":
        """Return the delta with later chunks, and with those marked that are removed by now."""
        for words in [terms(text, language) for group in groups for text in group.texts]:
            self.words.add(words)
        ids = np.concatenate([self.ids, *(group.ids for group in groups)])
        vectors = np.concatenate([self.vectors, *(group.vectors for group in groups)])
        return replace(self, ids=ids, vectors=vectors, living=~removed.holds(ids))

    def fresh(self, last_id: int, allowed: ChunkSet | None) -> Ids:
        """Return the rows that a view up to `last_id` lacks and that may be found."""
        keep = self.living & (self.ids > last_id)
        if allowed is not None:
            keep &= allowed.holds(self.ids)
        return np.flatnonzero(keep)

    def nearest(self, vector: Vectors, k: int, rows: Ids) -> list[Hit]:
        """Return the `k` of these rows whose vectors are nearest, best first (inner product)."""
        # Of all, as those would have to be copied; and with one thread, as in the view.
        scores = np.einsum("ij,j->i", self.vectors, vector)
        return self._best(k, rows, scores[rows].astype(np.float64))

    def wordiest(self, query: Mapping[str, int], of: Statistics, k: int, rows: Ids) -> list[Hit]:
        """Return the `k` of these rows with the best BM25 score over 0, best first."""
        n = len(self.ids)
        found = {term: self.words.texts_with(term, n) for term in query}
        scores = bm25(query, found, self.words.lengths(n), of)[rows]
        return self._best(k, rows[scores > 0], scores[scores > 0])

    def _best(self, k: int, rows: Ids, scores: Scores) -> list[Hit]:
        order = np.argsort(-scores, kind="stable")[:k]
        return [Hit(int(self.ids[rows[i]]), float(scores[i])) for i in order]

    def tokens(self) -> tuple[int, int]:
        """Return the number of the living texts and of the terms in them."""
        lengths = self.words.lengths(len(self.ids))[self.living]
        return len(lengths), int(lengths.sum())

    def frequencies(self, words: Iterable[str]) -> dict[str, int]:
        """Return for each word how many living texts have it."""
        n = len(self.ids)
        found = {word: self.words.texts_with(word, n)[0] for word in words}
        return {word: int(np.count_nonzero(self.living[rows])) for word, rows in found.items()}
