"""The two views of a catalog: how they are kept on disk and how a question sees them.

A view carries a stamp (catalog uuid, epoch, change number). A stamp may lag behind the catalog,
never lead it: what the catalog did since is a small delta in memory and a list of removed ids.
A view that is missing, damaged or of another epoch counts as empty at change 0. Questions read the
views on disk without a lock; whatever changes them there holds `view.lock`.
"""

import fcntl
import json
import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Final

import numpy as np

from indexes.catalog import (
    Identity,
    identity,
    last_change,
    last_erased,
    reading,
    storage_errors,
)
from indexes.chunk_table import added_since, count_added, purge_removed, removed_since
from indexes.dense import DenseView, build_dense, load_dense, save_dense
from indexes.durable import flush, put_in_place
from indexes.encoding import Vectors
from indexes.errors import CollectionBusy, StorageFull, StorageRefused
from indexes.hits import ChunkSet, Hit, Ids, Mask, best
from indexes.lexical import (
    CountedText,
    LexicalDamaged,
    LexicalView,
    Statistics,
    bm25,
    count_terms,
    empty_lexical,
    extend_lexical,
    open_lexical,
    term_weight,
    terms,
)

_STAMPS: Final = ("dense.json", "lexical.json")
# A view this small is written anew in a moment; a larger one only for a delta of some size.
_SMALL_VIEW: Final = 5_000
_SMALL_DELTA: Final = 1_000
_DELTA_PART: Final = 20
# Each question counts the words of the delta, so after writing a smaller one is merged as well.
_CHEAP_DELTA: Final = 250
_CHEAP_PART: Final = 200
# What may keep the views on disk from being merged; the delta in memory serves as well.
NOT_MERGED: Final = (OSError, StorageFull, StorageRefused, CollectionBusy)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which state of which catalog a view on disk holds."""

    uuid: str
    epoch: str
    number: int


@dataclass(frozen=True, slots=True)
class Views:
    """Both views as they were read from disk, with the change that both have reached."""

    number: int
    dense: DenseView
    lexical: LexicalView


@dataclass(frozen=True)
class LiveViews:
    """Views, delta and removed ids that together are the collection at change `number`.

    `delta_ids` has shape (n,), ascending, `delta_vectors` (n, dimension), `delta_texts` n texts.
    """

    number: int
    who: Identity
    views: Views
    removed: ChunkSet
    delta_ids: Ids
    delta_vectors: Vectors
    delta_texts: tuple[CountedText, ...]

    @property
    def outgrown(self) -> bool:
        """Tell whether the delta is too large to keep in memory: the views are to be merged."""
        delta, removed = len(self.delta_ids), len(self.removed)
        total = len(self.views.dense.ids) + delta - removed
        return delta + removed > _most_in_memory(total)

    def dense(self, vector: Vectors, k: int, allowed: ChunkSet | None) -> list[Hit]:
        """Return the `k` chunks whose vectors are nearest, best first (inner product)."""
        main = self.views.dense
        hits = main.search(vector, k, self._keep(main.ids, allowed))
        fresh = self._fresh(main.last_id, allowed)
        scores = self.delta_vectors[fresh] @ vector
        hits += [
            Hit(int(chunk_id), float(score))
            for chunk_id, score in zip(self.delta_ids[fresh], scores, strict=True)
        ]
        return best(hits, k)

    def lexical(self, query: str, k: int, allowed: ChunkSet | None) -> list[Hit]:
        """Return the `k` chunks with the best BM25 score over 0, best first."""
        words = Counter(terms(query, self.who.language))
        main = self.views.lexical
        gone = len(self.removed)
        hits = main.search(words, k + gone, allowed)
        keep = ~self.removed.holds(np.array([hit.chunk_id for hit in hits], np.int64))
        hits = [hit for hit, kept in zip(hits, keep, strict=True) if kept]
        fresh = self._fresh(main.last_id, allowed)
        if words and len(fresh):
            statistics = self._statistics(words)
            scored = [(int(self.delta_ids[i]), self.delta_texts[i]) for i in fresh]
            hits += [
                Hit(i, score) for i, text in scored if (score := bm25(words, text, statistics))
            ]
        return best(hits, k)

    def term_weights(self, query: str) -> dict[str, float]:
        """Return the distinct terms of a query, each with what BM25 makes of it."""
        words = list(dict.fromkeys(terms(query, self.who.language)))
        statistics = self._statistics(words)
        return {word: term_weight(word, statistics) for word in words}

    def _keep(self, ids: Ids, allowed: ChunkSet | None) -> Mask | None:
        if allowed is None and self.removed.empty:
            return None
        keep = ~self.removed.holds(ids)
        return keep if allowed is None else keep & allowed.holds(ids)

    def _fresh(self, last_id: int, allowed: ChunkSet | None) -> Ids:
        """Return the places in the delta of what a view lacks and may be found."""
        keep = self.delta_ids > last_id
        if allowed is not None:
            keep &= allowed.holds(self.delta_ids)
        return np.flatnonzero(keep)

    def _statistics(self, words: Collection[str]) -> Statistics:
        main = self.views.lexical
        extra = self.delta_texts
        texts = main.texts + len(extra)
        tokens = main.texts * main.mean_length + sum(text.length for text in extra)
        return Statistics(
            texts=texts,
            mean_length=max(1.0, tokens / max(1, texts)),
            frequencies={
                word: main.frequency(word) + sum(word in text.counts for text in extra)
                for word in words
            },
        )


def view_state(folder: Path) -> tuple[int, ...]:
    """Return numbers that change whenever a view on disk does."""
    state: list[int] = []
    for name in _STAMPS:
        try:
            status = (folder / name).stat()
        except FileNotFoundError:
            state += [0, 0]
        else:
            state += [status.st_ino, status.st_mtime_ns]
    return tuple(state)


def load_views(folder: Path, connection: sqlite3.Connection) -> LiveViews:
    """Read both views of a collection as they are on disk, with no delta yet.

    Call it before the transaction that they are to serve begins: what they hold was committed
    earlier, so they cannot lead it. A view that cannot be used is empty and at change 0.
    """
    with reading(connection):
        who = identity(connection)
    dense, dense_number = _load_dense(folder, connection, who)
    lexical, lexical_number = _load_lexical(folder, connection, who)
    for view, name in zip((dense, lexical), _STAMPS, strict=True):
        if view is None and read_stamp(folder / name, connection, who):
            with suppress(OSError):  # a disk that cannot be written: the delta serves as well
                _forget_damaged(folder, connection, who)
    views = Views(
        min(dense_number, lexical_number),
        dense or build_dense(who.encoder.dimension, ()),
        lexical or empty_lexical(),
    )
    return LiveViews(
        views.number,
        who,
        views,
        ChunkSet(()),
        np.zeros(0, np.int64),
        np.zeros((0, who.encoder.dimension), np.float32),
        (),
    )


def _forget_damaged(folder: Path, connection: sqlite3.Connection, who: Identity) -> None:
    """Take the stamp from a view that cannot be read, so that the next merge builds it anew.

    Only the holder of the lock can tell: without it, the view may just be in the making.
    """
    with _view_lock(folder) as held:
        if not held:
            return
        for name, load in zip(_STAMPS, (_load_dense, _load_lexical), strict=True):
            stamp = read_stamp(folder / name, connection, who)
            if stamp and load(folder, connection, who)[0] is None:
                (folder / name).unlink(missing_ok=True)


def _load_dense(
    folder: Path, connection: sqlite3.Connection, who: Identity
) -> tuple[DenseView | None, int]:
    stamp = read_stamp(folder / "dense.json", connection, who)
    view = load_dense(folder / "dense.faiss", who.encoder.dimension) if stamp else None
    return view, stamp.number if stamp and view else 0


def _load_lexical(
    folder: Path, connection: sqlite3.Connection, who: Identity
) -> tuple[LexicalView | None, int]:
    stamp = read_stamp(folder / "lexical.json", connection, who)
    view = open_lexical(folder / "lexical" / who.epoch) if stamp else None
    return view, stamp.number if stamp and view else 0


def advance(connection: sqlite3.Connection, number: int, live: LiveViews) -> LiveViews:
    """Return `live` with the catalog's changes up to `number`.

    `connection` is in a read transaction that sees `number`.
    """
    if number == live.number:
        return live
    removed = ChunkSet(tuple(removed_since(connection, live.views.number)))
    groups = list(added_since(connection, live.who, live.number))
    keep = ~removed.holds(live.delta_ids)
    texts = [text for text, kept in zip(live.delta_texts, keep, strict=True) if kept]
    texts += [count_terms(text, live.who.language) for group in groups for text in group.texts]
    return replace(
        live,
        number=number,
        removed=removed,
        delta_ids=np.concatenate([live.delta_ids[keep], *(g.ids for g in groups)]),
        delta_vectors=np.concatenate([live.delta_vectors[keep], *(g.vectors for g in groups)]),
        delta_texts=tuple(texts),
    )


# --- writing -------------------------------------------------------------------------------------


class Due(Enum):
    """When views on disk are brought up to the catalog."""

    NOW = "now"  # whatever it costs
    CHEAP = "cheap"  # when a view is small, or its delta is a good part of it: after writing
    NEEDED = "needed"  # when the delta is too large to keep in memory: before a question


def merge_views(folder: Path, connection: sqlite3.Connection, due: Due) -> bool:
    """Bring the views on disk up to the catalog if that is due.

    Returns False at once where another process holds the view lock: that one does the work.
    Raises NOT_MERGED; then views that were sound are sound still, and the stamps say what of.
    """
    with storage_errors(folder), _view_lock(folder) as held:
        if not held:
            return False
        with reading(connection) as number:
            who = identity(connection)
            if _is_due(folder, connection, who, due):
                _merge_dense(folder, connection, number, who)
                _merge_lexical(folder, connection, number, who)
        if due is not Due.NEEDED:  # a question does not wait for the write lock
            _purge(folder, connection, who)
    return True


def _is_due(folder: Path, connection: sqlite3.Connection, who: Identity, due: Due) -> bool:
    if due is Due.NOW:
        return True
    stamps = [read_stamp(folder / name, connection, who) for name in _STAMPS]
    since = min(stamp.number if stamp else 0 for stamp in stamps)
    gone = sum(span.end - span.start for span in removed_since(connection, since))
    change = count_added(connection, since) + gone
    if not change or (due is Due.NEEDED and change <= _SMALL_DELTA):
        return False
    total = count_added(connection, 0)
    if due is Due.CHEAP:
        return total <= _SMALL_VIEW or change > max(_CHEAP_DELTA, total // _CHEAP_PART)
    return change > _most_in_memory(total)


def _most_in_memory(total: int) -> int:
    """Return how many chunks the delta of a collection of `total` chunks may have."""
    return max(_SMALL_DELTA, total // _DELTA_PART)


def _merge_dense(folder: Path, connection: sqlite3.Connection, number: int, who: Identity) -> None:
    old, since = _load_dense(folder, connection, who)
    removed = ChunkSet(tuple(removed_since(connection, since)))
    last = old.last_id if old else 0

    def blocks() -> Iterator[tuple[Ids, Vectors]]:
        if old:
            yield from old.blocks(~removed.holds(old.ids))
        for group in added_since(connection, who, since, texts=False):
            new = group.ids > last
            yield group.ids[new], group.vectors[new]

    view = build_dense(who.encoder.dimension, blocks())
    save_dense(view, folder / "dense.faiss")
    _write_stamp(folder / "dense.json", Stamp(who.uuid, who.epoch, number))


def _merge_lexical(
    folder: Path, connection: sqlite3.Connection, number: int, who: Identity
) -> None:
    old, since = _load_lexical(folder, connection, who)
    # The engine keeps the words of removed texts, so an erase asks for an index without them.
    if old is None or since < last_erased(connection):
        _build_lexical(folder, connection, who)
    else:
        removed = ChunkSet(tuple(removed_since(connection, since)))
        try:
            added = _texts(connection, who, since)
            extend_lexical(folder / "lexical" / who.epoch, who.language, removed, added)
        except LexicalDamaged:
            _build_lexical(folder, connection, who)
    _write_stamp(folder / "lexical.json", Stamp(who.uuid, who.epoch, number))
    for other in (folder / "lexical").iterdir():
        if other.name != who.epoch:
            shutil.rmtree(other, ignore_errors=True)


def _build_lexical(folder: Path, connection: sqlite3.Connection, who: Identity) -> None:
    """Build the view beside and put it in place: what is there may yet be sound."""
    place = folder / "lexical" / who.epoch
    beside, old = place.with_suffix(".new"), place.with_suffix(".old")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        extend_lexical(beside, who.language, ChunkSet(()), _texts(connection, who, 0))
        # The stamp stays: it lags behind the new index for a moment, which it may.
        shutil.rmtree(old, ignore_errors=True)
        with suppress(FileNotFoundError):
            place.rename(old)
        beside.rename(place)
        flush(place.parent)
    except LexicalDamaged as error:
        raise StorageRefused(
            f"{beside} cannot be written: {error}; check the disk and its free space, "
            "and run the same command again"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _texts(connection: sqlite3.Connection, who: Identity, number: int) -> Iterator[tuple[int, str]]:
    """Yield the chunks added after change `number` with their encoded texts."""
    for group in added_since(connection, who, number):
        for chunk_id, text in zip(group.ids, group.texts, strict=True):
            yield int(chunk_id), text


def _purge(folder: Path, connection: sqlite3.Connection, who: Identity) -> None:
    stamps = [read_stamp(folder / name, connection, who) for name in _STAMPS]
    if all(stamps):
        purge_removed(connection, min(stamp.number for stamp in stamps if stamp))


@contextmanager
def _view_lock(folder: Path) -> Iterator[bool]:
    with (folder / "view.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Wait for the view lock of a folder, which is made if need be, and hold it."""
    path = folder / "view.lock"
    while True:
        with suppress(FileExistsError):  # it was there, and was renamed away just then
            folder.mkdir(parents=True)
        try:
            file = path.open("ab")
        except FileNotFoundError:
            continue
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The folder may have been deleted, and made anew, while this waited.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                yield
                return


def read_stamp(path: Path, connection: sqlite3.Connection, who: Identity) -> Stamp | None:
    """Return a stamp of this catalog, or None; one that leads it is of a catalog put back."""
    try:
        values = json.loads(path.read_text())
        stamp = Stamp(**values)
    except (OSError, ValueError, TypeError):
        return None
    if (stamp.uuid, stamp.epoch) != (who.uuid, who.epoch):
        return None
    return stamp if stamp.number <= last_change(connection) else None


def _write_stamp(path: Path, stamp: Stamp) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(stamp)))
    put_in_place(beside, path)
