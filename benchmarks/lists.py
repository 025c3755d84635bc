"""Which index for which size: recall, memory and time of kinds of FAISS index on made-up vectors.

`python -m benchmarks.lists [--sizes 10000,100000,1000000] [--codes SQfp16,SQ8,SQ4]` prints a line
for each index, number of lists and number of lists that are looked into: bytes a vector, seconds to
make it, the share of the ten nearest that it finds, the same once what it finds was scored by the
vectors themselves, the share under a filter that keeps a scattered hundredth (then a hundred times
as many lists are looked into), and the milliseconds of a question with one thread.
"""

import argparse
import sys
import time
from typing import Final

import numpy as np

from benchmarks.made import DIMENSION, Halves, Vectors
from benchmarks.scale import DEPTH, chunk_vectors, exact
from indexes.hits import Ids
from indexes.kernels import faiss

PROBES: Final = (4, 8, 16, 32, 64)
_FETCHED: Final = 28
_SHARE: Final = 100
_BLOCK: Final = 50_000
_TRAINED_A_LIST: Final = 40


def make(own: Halves, kind: str, lists: int) -> faiss.Index:
    """Return an index of the vectors; 0 lists for a flat one."""
    names = f"IVF{lists},{kind}" if lists else kind
    index = faiss.index_factory(DIMENSION, names, faiss.METRIC_INNER_PRODUCT)
    if isinstance(index, faiss.IndexIVFScalarQuantizer):
        index.by_residual = False
        index.cp.niter = 8
    wanted = min(len(own), max(10_000, _TRAINED_A_LIST * lists))
    chosen = np.random.default_rng(1).permutation(len(own))[:wanted]
    index.train(own[np.sort(chosen)].astype(np.float32))
    for start in range(0, len(own), _BLOCK):
        index.add(own[start : start + _BLOCK].astype(np.float32))
    return index


def found(
    index: faiss.Index, rows: Vectors, probes: int, among: Ids | None, size: int
) -> tuple[Ids, float]:
    """Return the rows that are found for each question, and the median of the milliseconds."""
    parameters = faiss.SearchParametersIVF() if probes else faiss.SearchParameters()
    if isinstance(parameters, faiss.IVFSearchParameters):
        parameters.nprobe = probes
    if among is not None:
        keep = np.zeros(size, np.bool_)
        keep[among] = True
        bits = np.packbits(keep, bitorder="little")
        parameters.sel = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    hits, spent = [], []
    for row in rows:
        began = time.perf_counter()
        hits.append(index.search(row[None], _FETCHED, params=parameters)[1][0])
        spent.append((time.perf_counter() - began) * 1000)
    return np.array(hits), float(np.median(spent))


def recall(hits: Ids, truth: Ids) -> float:
    """Return the share of the true ten that is among the first ten."""
    pairs = zip(hits[:, :DEPTH].tolist(), truth.tolist(), strict=True)
    return float(np.mean([len({*one} & {*best}) / len(best) for one, best in pairs]))


def rescored(own: Halves, rows: Vectors, hits: Ids) -> Ids:
    """Return what was found in the order of its true scores."""
    scores = np.einsum("qkd,qd->qk", own[hits].astype(np.float32), rows)
    scores[hits < 0] = -2
    return np.take_along_axis(hits, np.argsort(-scores, axis=1), axis=1)


def measure(size: int, codes: list[str]) -> None:
    """Print the lines of one size."""
    own, rows = chunk_vectors(size)
    everything = np.arange(1, size + 1)
    scattered = everything[everything // 10 % _SHARE == 0]  # documents of ten chunks
    truth = exact(own, rows, everything) - 1
    few = exact(own, rows, scattered) - 1
    root = round(size**0.5)
    kinds = [("SQfp16", 0), *((code, n) for code in codes for n in (root // 2, root, 2 * root))]
    for kind, lists in kinds:
        began = time.perf_counter()
        index = make(own, kind, lists)
        seconds = time.perf_counter() - began
        each = len(faiss.serialize_index(index)) / size
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        for probes in PROBES if lists else (0,):
            hits, spent = found(index, rows, probes, None, size)
            inside, spent_inside = found(
                index, rows, min(lists, probes * _SHARE), scattered - 1, size
            )
            sys.stdout.write(
                f"| {size:,} | {kind} | {lists} | {probes} | {each:.0f} | {seconds:.1f} "
                f"| {recall(hits, truth):.3f} | {recall(rescored(own, rows, hits), truth):.3f} "
                f"| {recall(rescored(own, rows, inside), few):.3f} "
                f"| {spent:.2f} | {spent_inside:.2f} |\n"
            )
            sys.stdout.flush()
        faiss.omp_set_num_threads(threads)


def main() -> None:
    """Measure each size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--codes", default="SQ8,SQ4")
    given = parser.parse_args()
    columns = "chunks index lists probes bytes seconds recall re-scored filtered ms filtered-ms"
    sys.stdout.write("| " + " | ".join(columns.split()) + " |\n" + "|---" * 11 + "|\n")
    for size in map(int, given.sizes.split(",")):
        measure(size, given.codes.split(","))


if __name__ == "__main__":
    main()
