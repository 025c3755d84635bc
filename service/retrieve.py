"""Retrieve: from a question to candidate chunks, by meaning and by words, fused by rank."""

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
RANK_CONSTANT: Final = 60
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
    """Ask both engines for the same allowed chunks, fuse their ranks and read the best `limit`.

    Each engine is asked for 100 hits, or `limit` where that is more. All rows are those of the
    reading's number; of chunks with equal text the better ranked stays. Fusion: reciprocal rank
    with k = 60 (Cormack, Clarke and Buettcher 2009), in which the dense engine counts next to
    nothing where `words_lead`.
    """
    depth = max(DEPTH, limit)
    later = executor.submit(reading.lexical, query.text, depth, allowed)
    dense = reading.dense(query.vector, depth, allowed)
    lexical = later.result()
    ranked = fuse(dense, lexical, _FILLING if words_lead else 1.0)
    return select(ranked, reading.chunks, limit)


class Ranked(NamedTuple):
    """A chunk's id with what each engine and their fusion gave it."""

    chunk_id: int
    dense: float | None
    lexical: float | None
    fused: float


def fuse(
    dense: Sequence[Hit], lexical: Sequence[Hit], dense_weight: float = 1.0
) -> Iterator[Ranked]:
    """Yield every hit by its reciprocal rank sum, best first, ties by chunk id.

    A rank by the dense engine counts `dense_weight` times. The sum is divided by the largest
    possible, which a chunk has that both engines rank first.
    """
    sums: dict[int, float] = {}
    for hits, weight in ((dense, dense_weight), (lexical, 1.0)):
        for rank, hit in enumerate(hits, start=1):
            sums[hit.chunk_id] = sums.get(hit.chunk_id, 0.0) + weight / (RANK_CONSTANT + rank)
    largest = (1 + dense_weight) / (RANK_CONSTANT + 1)
    cosines = {hit.chunk_id: hit.score for hit in dense}
    bm25 = {hit.chunk_id: hit.score for hit in lexical}
    for negated, key in sorted((-total, chunk_id) for chunk_id, total in sums.items()):
        yield Ranked(key, cosines.get(key), bm25.get(key), min(1.0, -negated / largest))


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
