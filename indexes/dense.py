"""The dense view: FAISS over the vectors of a collection's chunks.

Up to FLAT_MOST chunks the view is one flat index in float16, just as the catalog keeps vectors, and
exact. A larger one is an inverted file: each vector, a byte a dimension, stands in the list of the
nearest of some centres, and a search looks into the lists whose centres are nearest. It is kept in
parts that never change: what is new becomes a part, which takes up those before it that are no
larger, so that a vector is written anew only when what it lies in has doubled (`dense_parts`).
Scores are inner products, cosines for unit vectors; those of an inverted file are near the truth,
and the catalog's vectors tell it (see `views`).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from indexes.durable import flush
from indexes.encoding import Vectors
from indexes.hits import ChunkSet, Hit, Ids, Mask
from indexes.kernels import faiss, get_invlist

# By measurement: see decision 021.
FLAT_MOST: Final = 50_000
_BLOCK: Final = 16_384
_TRAINED_A_LIST: Final = 40
_TRAIN_ROUNDS: Final = 4
_SEED: Final = 21
# For four times as many vectors as centres were found for, there should be twice as many.
_OUTGROWN: Final = 4
# So many vectors are asked for their nearest, to see how many lists must be looked into.
_ASKED: Final = 64
_NEAREST: Final = 10
_FOUND: Final = 0.99
_LEAST_PROBES: Final = 16
# Ends a file, before its checksum; FAISS does not read so far.
_MARK: Final = b"afterword crc32 "
_NOTE_BYTES: Final = len(_MARK) + 4
_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class DensePart:
    """An immutable FAISS index.

    `rows` is the index in it, whose rows are numbered from 0; `ids`, shape (n,), are their chunk
    ids, ascending; `name` is that of the file it was read from.
    """

    index: faiss.IndexIDMap
    rows: faiss.Index
    ids: Ids
    name: str = ""

    @property
    def lists(self) -> faiss.IndexIVFScalarQuantizer | None:
        """The rows as an inverted file, or None where they are flat."""
        return self.rows if isinstance(self.rows, faiss.IndexIVFScalarQuantizer) else None


@dataclass(frozen=True)
class DenseView:
    """Parts whose ids ascend from each to the next."""

    parts: tuple[DensePart, ...]

    @cached_property
    def ids(self) -> Ids:
        """The chunk ids of all rows, ascending, shape (n,)."""
        if len(self.parts) == 1:
            return self.parts[0].ids
        return np.concatenate([np.zeros(0, np.int64), *(part.ids for part in self.parts)])

    @property
    def last_id(self) -> int:
        """The greatest chunk id in the view (0 for none)."""
        return int(self.ids[-1]) if len(self.ids) else 0

    @property
    def exact(self) -> bool:
        """Tell whether a search finds the best for certain, with their true scores."""
        return not any(part.lists for part in self.parts)

    def search(self, vector: Vectors, k: int, keep: Mask | None) -> list[Hit]:
        """Return the `k` best rows for a unit vector of shape (dimension,), best first.

        `keep`, shape (n,), tells which rows may be found; None means all. The fewer may be, the
        more lists are looked into, down to all.
        """
        if not len(self.ids) or (keep is not None and not keep.any()):
            return []
        query = vector.reshape(1, -1)
        share = 1.0 if keep is None else np.count_nonzero(keep) / len(keep)
        found: list[tuple[Vectors, Ids]] = []
        start = 0
        with _one_thread():
            for part in self.parts:
                end = start + len(part.ids)
                kept = None if keep is None else keep[start:end]
                found.append(_search_part(part, query, k, kept, share))
                start = end
        scores = np.concatenate([scores for scores, _ in found])
        ids = np.concatenate([ids for _, ids in found])
        order = np.lexsort((ids, -scores))[:k]
        return [
            Hit(chunk_id, score)
            for chunk_id, score in zip(ids[order].tolist(), scores[order].tolist(), strict=True)
        ]

    def blocks(self, keep: Mask | None) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the kept rows' ids and vectors, a block at a time. Not while others search."""
        done = 0
        for part in self.parts:
            if part.lists:
                part.lists.make_direct_map()
            for start in range(0, len(part.ids), _BLOCK):
                ids = part.ids[start : start + _BLOCK]
                vectors = part.rows.reconstruct_n(start, len(ids))
                chosen = slice(None) if keep is None else keep[done : done + len(ids)]
                yield ids[chosen], vectors[chosen]
                done += len(ids)


def _search_part(
    part: DensePart, query: Vectors, k: int, keep: Mask | None, share: float
) -> tuple[Vectors, Ids]:
    """Return the scores and the ids of the part's best rows, each of shape (m,)."""
    if keep is not None and not keep.any():
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    parameters = faiss.SearchParameters()
    if (lists := part.lists) is not None:
        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = min(lists.nlist, int(lists.nprobe / share))
    if keep is not None:
        bits = np.packbits(keep, bitorder="little")  # must live as long as the selector
        parameters.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    scores, rows = part.rows.search(query, min(k, len(part.ids)), params=parameters)
    found = rows[0] >= 0
    return scores[0][found], part.ids[rows[0][found]]


@contextmanager
def _one_thread() -> Iterator[None]:
    """Search with one thread: a question is searched faster than a second one is woken.

    The setting is OpenMP's for the calling thread, where torch would find it too.
    """
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def build_dense(dimension: int, blocks: Iterable[tuple[Ids, Vectors]]) -> DensePart:
    """Make a flat part of vectors that come in blocks, ids ascending over all of them."""
    flat = faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    index = faiss.IndexIDMap2(flat)
    _add(index, blocks)
    return _part(index)


def train_dense(count: int, sample: Vectors) -> DensePart:
    """Make an empty part with centres for `count` vectors and more, until they are outgrown.

    `sample`, shape (m, dimension), are some of them in random order; `sample_size` tells how many
    are wanted. The same sample gives the same centres.
    """
    dimension = sample.shape[1]
    lists = _inverted_file(faiss.IndexFlatIP(dimension), dimension, _lists_for(count))
    lists.cp.niter, lists.cp.seed = _TRAIN_ROUNDS, _SEED
    vectors = np.ascontiguousarray(sample)
    lists.train(vectors)
    lists.add(vectors)
    _tune(lists, vectors[:_ASKED])
    lists.reset()
    return _part(_numbered(lists))


def sample_size(count: int) -> int:
    """Return how many of `count` vectors `train_dense` wants."""
    return min(count, _TRAINED_A_LIST * _lists_for(count))


def outgrows(count: int, part: DensePart) -> bool:
    """Tell whether so many vectors are too many for the part's centres."""
    return part.lists is None or _lists_for(count) ** 2 > _OUTGROWN * part.lists.nlist**2


def _lists_for(count: int) -> int:
    # They are kept until there are four times as many vectors. Half of these lists made
    # ingestion hardly cheaper, and found less: .982 of the nearest at 100,000 instead of .998.
    return max(1, round(math.sqrt(2 * count)))


def _tune(lists: faiss.IndexIVFScalarQuantizer, asked: Vectors) -> None:
    """Set into how many lists a search looks, so that it finds nearly all.

    `asked`, shape (m, dimension), are some of the vectors in them. The number is doubled until the
    nearest of each are those that a search of all lists finds, and once more, since questions are
    not as near to texts as texts are to each other. Where lists are fuller it finds more.
    """

    def nearest(probes: int) -> Ids:
        lists.nprobe = min(lists.nlist, probes)
        found: Ids = lists.search(asked, _NEAREST + 1)[1][:, 1:]  # the first is what is asked
        return found

    true, probes = nearest(lists.nlist), _LEAST_PROBES // 2
    while probes < lists.nlist and _share(nearest(probes), true) < _FOUND:
        probes *= 2
    lists.nprobe = min(lists.nlist, 2 * probes)


def _share(found: Ids, true: Ids) -> float:
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return sum(len({*one} & {*other}) for one, other in pairs) / true.size


def join_dense(
    centres: DensePart,
    parts: Sequence[DensePart],
    gone: ChunkSet,
    blocks: Iterable[tuple[Ids, Vectors]] = (),
) -> DensePart:
    """Make one inverted file of the parts, all of the same centres, and of blocks of vectors.

    Ids ascend over all of them; the parts' ids that are gone are left out.
    """
    lists = _emptied(centres)
    index = _numbered(lists)
    ids = [np.zeros(0, np.int64)]
    for part in parts:
        keep = ~gone.holds_sorted(part.ids)
        _move(part, lists, keep)
        ids.append(part.ids[keep])
    faiss.copy_array_to_vector(np.concatenate(ids), index.id_map)
    index.ntotal = lists.ntotal
    _add(index, blocks)
    return _part(index)


def _emptied(part: DensePart) -> faiss.IndexIVFScalarQuantizer:
    """Return an inverted file with the same centres and codes, and nothing in it."""
    lists = part.lists
    assert lists is not None
    empty = _inverted_file(faiss.clone_index(lists.quantizer), lists.d, lists.nlist)
    empty.sq = lists.sq
    empty.is_trained = True
    empty.nprobe = lists.nprobe
    return empty


def _inverted_file(
    quantizer: faiss.Index, dimension: int, count: int
) -> faiss.IndexIVFScalarQuantizer:
    lists = faiss.IndexIVFScalarQuantizer(
        quantizer,
        dimension,
        count,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
        False,  # codes are of the vectors themselves, not of what is left of them at a centre
    )
    quantizer.this.disown()  # type: ignore[attr-defined]  # no stub
    lists.own_fields = True
    return lists


def _numbered(lists: faiss.IndexIVFScalarQuantizer) -> faiss.IndexIDMap:
    index = faiss.IndexIDMap(lists)
    lists.this.disown()  # type: ignore[attr-defined]  # no stub
    index.own_fields = True
    return index


def _move(part: DensePart, to: faiss.IndexIVFScalarQuantizer, keep: Mask) -> None:
    """Append the kept rows of an inverted file to another, and number them as its next."""
    assert part.lists is not None
    assert to.invlists is not None
    number = np.cumsum(keep, dtype=np.int64) - 1 + to.ntotal
    for place in range(to.nlist):
        rows, codes = get_invlist(part.lists.invlists, place)  # type: ignore[no-untyped-call]
        kept = keep[rows]
        rows, codes = number[rows[kept]], np.ascontiguousarray(codes[kept])
        to.invlists.add_entries(place, len(rows), faiss.swig_ptr(rows), faiss.swig_ptr(codes))
    to.ntotal += int(np.count_nonzero(keep))


def _add(index: faiss.IndexIDMap, blocks: Iterable[tuple[Ids, Vectors]]) -> None:
    waiting: list[tuple[Ids, Vectors]] = []
    for block in blocks:
        waiting.append(block)
        if sum(len(ids) for ids, _ in waiting) >= _BLOCK:  # the centres of many are found faster
            _add_block(index, waiting)
            waiting.clear()
    _add_block(index, waiting)


def _add_block(index: faiss.IndexIDMap, blocks: Sequence[tuple[Ids, Vectors]]) -> None:
    if any(len(ids) for ids, _ in blocks):
        ids = np.concatenate([ids for ids, _ in blocks])
        index.add_with_ids(np.concatenate([vectors for _, vectors in blocks]), ids)


def load_dense(path: Path, dimension: int) -> DensePart | None:
    """Return the part that `path` holds, or None where it is missing or damaged."""
    if not path.is_file() or not _is_whole(path):
        return None
    try:
        index = faiss.read_index(str(path))
    except RuntimeError:  # how faiss says that it cannot read a file
        return None
    if not isinstance(index, faiss.IndexIDMap | faiss.IndexIDMap2) or index.d != dimension:
        return None
    return replace(_part(index), name=path.name)


def save_dense(part: DensePart, path: Path) -> None:
    """Write the part beside `path`, flush it to the disk, and put it in place in one step.

    Raises OSError; then what was at `path` is still there.
    """
    beside = path.with_suffix(".new")
    try:
        # FAISS's own writer hides the system's error in a text, and that of closing altogether.
        with beside.open("wb") as file:
            writer = faiss.PyCallbackIOWriter(file.write)  # type: ignore[attr-defined]  # no stub
            faiss.write_index(part.index, writer)
        found = _checksum(beside, beside.stat().st_size)
        with beside.open("ab") as file:
            file.write(_MARK + found.to_bytes(4, "little"))
        flush(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Tell whether a file has the checksum that stands at its end.

    FAISS takes what is damaged in the middle for vectors. A file of an earlier version has none.
    """
    size = path.stat().st_size - _NOTE_BYTES
    if size < 0:
        return False
    with path.open("rb") as file:
        file.seek(size)
        note = file.read()
    return not note.startswith(_MARK) or note == _MARK + _checksum(path, size).to_bytes(4, "little")


def _checksum(path: Path, size: int) -> int:
    """Return the CRC-32 of a file's first `size` bytes."""
    found = 0
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(size, _PIECE))):
            found, size = crc32(piece, found), size - len(piece)
    return found


def _part(index: faiss.IndexIDMap) -> DensePart:
    ids: Ids = faiss.vector_to_array(index.id_map).astype(np.int64, copy=True)
    ids.setflags(write=False)
    return DensePart(index, faiss.downcast_index(index.index), ids)
