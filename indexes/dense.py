"""The dense view: FAISS over the vectors of a collection's chunks.

Vectors are kept in float16, just as the catalog keeps them, and compared exactly: scores are inner
products, cosines for unit vectors.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import faiss
import numpy as np

from indexes.durable import flush
from indexes.encoding import Vectors
from indexes.hits import Hit, Ids, Mask

_BLOCK: Final = 16_384


@dataclass(frozen=True)
class DenseView:
    """An immutable FAISS index with the chunk ids of its rows, ascending, shape (n,)."""

    index: faiss.IndexIDMap2
    ids: Ids

    @property
    def last_id(self) -> int:
        """The greatest chunk id in the view (0 for none)."""
        return int(self.ids[-1]) if len(self.ids) else 0

    def search(self, vector: Vectors, k: int, keep: Mask | None) -> list[Hit]:
        """Return the `k` best rows for a unit vector of shape (dimension,).

        `keep`, shape (n,), tells which rows may be found; None means all.
        """
        if not len(self.ids) or (keep is not None and not keep.any()):
            return []
        parameters = None
        if keep is not None:
            bits = np.packbits(keep, bitorder="little")  # must live as long as the selector
            parameters = faiss.SearchParameters()
            parameters.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
        with _one_thread():
            scores, rows = self.index.index.search(
                vector.reshape(1, -1), min(k, len(self.ids)), params=parameters
            )
        return [
            Hit(int(self.ids[row]), float(score))
            for score, row in zip(scores[0], rows[0], strict=True)
            if row >= 0
        ]

    def blocks(self, keep: Mask | None) -> Iterator[tuple[Ids, Vectors]]:
        """Yield the kept rows' ids and vectors, a block at a time."""
        for start in range(0, len(self.ids), _BLOCK):
            count = min(_BLOCK, len(self.ids) - start)
            vectors = self.index.index.reconstruct_n(start, count)
            chosen = slice(None) if keep is None else keep[start : start + count]
            yield self.ids[start : start + count][chosen], vectors[chosen]


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


def build_dense(dimension: int, blocks: Iterable[tuple[Ids, Vectors]]) -> DenseView:
    """Make a view of vectors that come in blocks, ids ascending over all of them."""
    flat = faiss.IndexScalarQuantizer(
        dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    index = faiss.IndexIDMap2(flat)
    for ids, vectors in blocks:
        if len(ids):
            index.add_with_ids(np.ascontiguousarray(vectors), ids)
    return _view(index)


def load_dense(path: Path, dimension: int) -> DenseView | None:
    """Return the view that `path` holds, or None where it is missing or damaged."""
    if not path.is_file():
        return None
    try:
        index = faiss.read_index(str(path))
    except RuntimeError:  # how faiss says that it cannot read a file
        return None
    if not isinstance(index, faiss.IndexIDMap2) or index.d != dimension:
        return None
    return _view(index)


def save_dense(view: DenseView, path: Path) -> None:
    """Write the view beside `path`, flush it to the disk, and put it in place in one step.

    Raises OSError; then what was at `path` is still there.
    """
    beside = path.with_suffix(".new")
    try:
        # FAISS's own writer hides the system's error in a text, and that of closing altogether.
        with beside.open("wb") as file:
            writer = faiss.PyCallbackIOWriter(file.write)  # type: ignore[attr-defined]  # no stub
            faiss.write_index(view.index, writer)
        flush(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _view(index: faiss.IndexIDMap2) -> DenseView:
    ids: Ids = faiss.vector_to_array(index.id_map).astype(np.int64, copy=True)
    ids.setflags(write=False)
    index.index = faiss.downcast_index(index.index)
    return DenseView(index, ids)
