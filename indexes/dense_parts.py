"""The files of the dense view: which there are, and how what is new comes into them.

A small view is one flat file, written anew at each merge. Those of a large one never change: what
is new becomes a file, which takes up those before it that are no larger and have the same centres.
Once all has outgrown the centres, what comes from then on gets new ones, and more of them; what
is there keeps its own. So there are few files, and a merge costs about what it brings.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from indexes.dense import (
    FLAT_MOST,
    DensePart,
    DenseView,
    build_dense,
    join_dense,
    load_dense,
    outgrows,
    sample_size,
    save_dense,
    train_dense,
)
from indexes.encoding import Vectors
from indexes.hits import ChunkSet, Ids

FLAT: Final = "dense.faiss"
_GONE_PART: Final = 16

Blocks = Iterator[tuple[Ids, Vectors]]


@dataclass(frozen=True, slots=True)
class PartFile:
    """A file of the view, and how many vectors it has.

    `centres` names those of an inverted file: the same in all files that share them.
    """

    name: str
    rows: int
    centres: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the catalog has for the view: how many vectors, and how they are read.

    `fresh` of all `count` came after what the view on disk holds, and `since` yields them; both
    iterators yield blocks whose ids ascend. `sample` gives so many at random, in random order.
    """

    count: int
    fresh: int
    since: Callable[[], Blocks]
    everything: Callable[[], Blocks]
    sample: Callable[[int], Vectors]


def load_parts(
    folder: Path, files: Sequence[PartFile], dimension: int, known: Sequence[DensePart] = ()
) -> DenseView | None:
    """Return the view that the files hold, or None where one is missing or damaged.

    Of the parts that are known already those are used that belong to it: all but the flat one,
    whose file is the only one that changes.
    """
    by_name = {part.name: part for part in known if part.name != FLAT}
    parts: list[DensePart] = []
    for file in files:
        part = by_name.get(file.name) or load_dense(folder / file.name, dimension)
        if part is None:
            return None
        parts.append(part)
    return DenseView(tuple(parts))


def merge_parts(
    folder: Path,
    files: Sequence[PartFile],
    dimension: int,
    gone: ChunkSet,
    stored: Stored,
    *,
    clear: bool,
) -> tuple[list[PartFile], bool]:
    """Write files that hold what is stored; return which, and whether all that is gone is out.

    `files`, none where there is no view, are those there now; they stay where they are. What is
    gone is taken out by `clear` or where it is much; otherwise some of it may stay, to be masked.
    Raises OSError.
    """
    flat = all(file.name == FLAT for file in files)
    if stored.count <= (FLAT_MOST if flat else FLAT_MOST // 2):
        return [_write_flat(folder, files if flat else (), dimension, gone, stored)], True
    last = None if flat else load_dense(folder / files[-1].name, dimension)
    if last is None:
        return [_write_anew(folder, stored)], True
    kept, taken, name = list(files), list[PartFile](), files[-1].centres
    if stored.fresh and outgrows(stored.count, last):
        last, name = _find_centres(stored), uuid4().hex[:12]
    else:
        taken = _small_ones(kept, stored.fresh)
    parts = [load_dense(folder / file.name, dimension) for file in taken]
    if None in parts:
        return [_write_anew(folder, stored)], True
    clear = clear or len(gone) * _GONE_PART > stored.count
    if clear:
        kept = [_without(folder, file, dimension, gone) for file in kept]
    if taken or stored.fresh:
        found = [part for part in parts if part is not None]
        kept.append(_save(folder, join_dense(last, found, gone, stored.since()), name))
    return [file for file in kept if file.rows], clear


def _small_ones(files: list[PartFile], grown: int) -> list[PartFile]:
    """Take those files from the end that are no larger than what is behind them, and like it."""
    taken: list[PartFile] = []
    name = files[-1].centres
    while files and files[-1].centres == name and files[-1].rows <= grown:
        taken.insert(0, files.pop())
        grown += taken[0].rows
    return taken


def _write_flat(
    folder: Path, files: Sequence[PartFile], dimension: int, gone: ChunkSet, stored: Stored
) -> PartFile:
    old = load_parts(folder, files, dimension) if files else None
    last = old.last_id if old else 0

    def blocks() -> Blocks:
        if old is None:
            yield from stored.everything()
            return
        yield from old.blocks(~gone.holds_sorted(old.ids))
        for ids, vectors in stored.since():
            yield ids[ids > last], vectors[ids > last]

    part = build_dense(dimension, blocks())
    save_dense(part, folder / FLAT)
    return PartFile(FLAT, len(part.ids))


def _write_anew(folder: Path, stored: Stored) -> PartFile:
    part = join_dense(_find_centres(stored), (), ChunkSet(()), stored.everything())
    return _save(folder, part, uuid4().hex[:12])


def _find_centres(stored: Stored) -> DensePart:
    return train_dense(stored.count, stored.sample(sample_size(stored.count)))


def _without(folder: Path, file: PartFile, dimension: int, gone: ChunkSet) -> PartFile:
    """Return the file, or where it has any of what is gone, a new one without."""
    part = load_dense(folder / file.name, dimension)
    if part is None or not gone.holds_sorted(part.ids).any():
        return file
    return _save(folder, join_dense(part, (part,), gone), file.centres)


def _save(folder: Path, part: DensePart, centres: str) -> PartFile:
    name = f"dense-{uuid4().hex[:12]}.faiss"
    save_dense(part, folder / name)
    return PartFile(name, len(part.ids), centres)


def sweep_parts(folder: Path, files: Sequence[PartFile]) -> None:
    """Remove what is of no use beside these files; what cannot be removed stays."""
    named = {file.name for file in files}
    for path in [*folder.glob("dense*.faiss"), *folder.glob("dense-*.new")]:
        if path.name not in named:
            path.unlink(missing_ok=True)
