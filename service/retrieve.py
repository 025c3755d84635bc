"""Retrieve: from a question to candidate chunks, by meaning and by words, their scores fused."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from indexes.collection import Reading
from indexes.documents import StoredChunk
from indexes.hits import ChunkSet, Hit
from service.evidence import Candidate, Query
from service.reply import Dropped

DEPTH: Final = 100
# What nearness counts beside words: see decision 037.
DENSE_WEIGHT: Final = 0.8
# Where the encoder does not know the language, it orders what has equal words, and fills the list.
_FILLING: Final = 0.02


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The candidates, best first, and the chunks left out because another has the same words."""

    candidates: tuple[Candidate, ...]
    dropped: tuple[Dropped, ...] = ()


def retrieve(
    reading: Reading,
    query: Query,
    *,
    allowed: ChunkSet | None,
    limit: int,
    executor: Executor,
    words_lead: bool = False,
) -> Retrieved:
    """Ask both engines for the same allowed chunks, fuse their scores and read the best `limit`.

    Each engine is asked for 100 hits, or `limit` where that is more. All rows are those of the
    reading's number; of chunks with equal text the better ranked stays. The dense engine counts
    next to nothing where `words_lead`.
    """
    depth = max(DEPTH, limit)
    later = executor.submit(reading.lexical, query.text, depth, allowed)
    dense = reading.dense(query.vector, depth, allowed)
    lexical = later.result()
    ranked = fuse(dense, lexical, _FILLING if words_lead else DENSE_WEIGHT, depth)
    return select(ranked, reading.chunks, limit)


class Ranked(NamedTuple):
    """A chunk's id with what each engine and their fusion gave it."""

    chunk_id: int
    dense: float | None
    lexical: float | None
    fused: float


def fuse(
    dense: Sequence[Hit],
    lexical: Sequence[Hit],
    dense_weight: float = DENSE_WEIGHT,
    depth: int = DEPTH,
) -> Iterator[Ranked]:
    """Yield every hit by the weighted mean of its two scores, best first, ties by chunk id.

    A score counts as its share of the way from the least that there can be, a cosine of -1 and no
    word, to the best that was found. Of what an engine left out it is that of the last that it
    found: of `lexical`, if that has `depth` hits; a shorter list has all that share a word. This is
    TM2C2 of Bruch, Gai and Ingber 2023 (arXiv:2210.11934), with the weight that they advise.
    """
    near, farthest = _shares(dense, -1.0)
    worded, rest = _shares(lexical, 0.0)
    rest = rest if len(lexical) >= depth else 0.0
    cosines, bm25 = dict(dense), dict(lexical)
    fused = [
        (
            -dense_weight * near.get(key, farthest) - (1 - dense_weight) * worded.get(key, rest),
            key,
        )
        for key in cosines | bm25
    ]
    for negated, key in sorted(fused):
        yield Ranked(key, cosines.get(key), bm25.get(key), min(1.0, -negated))


def _shares(hits: Sequence[Hit], least: float) -> tuple[dict[int, float], float]:
    """Return by chunk id the share of the best score, and the smallest share, 0 of none."""
    best = max((hit.score for hit in hits), default=least) - least or 1.0
    shares = {hit.chunk_id: (hit.score - least) / best for hit in hits}
    return shares, min(shares.values(), default=0.0)


def select(
    ranked: Iterable[Ranked],
    read: Callable[[Sequence[int]], Iterable[StoredChunk]],
    limit: int,
) -> Retrieved:
    """Read rows from the best down until `limit` chunks with different text are found.

    A chunk that is no longer visible is passed over in silence.
    """
    kept: dict[str, Candidate] = {}
    dropped: list[Dropped] = []
    left = iter(ranked)
    # No further row is read to learn that there is no room for it.
    while len(kept) < limit and (block := {one.chunk_id: one for one in islice(left, limit)}):
        for chunk in read(list(block)):
            if len(kept) == limit:
                return Retrieved(tuple(kept.values()), tuple(dropped))
            first = kept.get(chunk.text)
            if first is not None:
                reason = f"same text as chunk {first.chunk.chunk_id}"
                dropped.append(Dropped(chunk.chunk_id, reason))
                continue
            one = block[chunk.chunk_id]
            kept[chunk.text] = Candidate(chunk, one.dense, one.lexical, one.fused)
    return Retrieved(tuple(kept.values()), tuple(dropped))
