"""The two views of a catalog: how they are kept on disk and how a question sees them.

A view carries a stamp (catalog uuid, epoch, change number). A stamp may lag behind the catalog,
never lead it: what the catalog did since is a small delta in memory and a list of removed ids.
A view that is missing, damaged or of another epoch counts as empty at change 0. Questions read the
views on disk without a lock; whatever changes them there holds `view.lock`.
"""

import fcntl
import json
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np

from indexes.catalog import (
    Identity,
    identity,
    last_change,
    last_erased,
    reading,
    storage_errors,
)
from indexes.chunk_table import (
    added_since,
    added_texts,
    added_vectors,
    count_added,
    count_chunks,
    purge_removed,
    removed_since,
    sample_vectors,
)
from indexes.delta import Delta
from indexes.dense import DensePart, DenseView
from indexes.dense_parts import FLAT, PartFile, Stored, load_parts, merge_parts, sweep_parts
from indexes.documents import Span
from indexes.durable import flush, put_in_place
from indexes.encoding import Vectors
from indexes.errors import CollectionBusy, StorageFull, StorageRefused
from indexes.filters import Where
from indexes.hits import ChunkSet, Hit, Mask, best
from indexes.lexical import (
    LexicalDamaged,
    LexicalView,
    Statistics,
    empty_lexical,
    extend_lexical,
    open_lexical,
    term_weight,
    terms,
)

# From the ids of chunks to their vectors in float16; those that are gone are left out.
StoredVectors = Callable[[Sequence[int]], Mapping[int, Vectors]]

_STAMPS: Final = ("dense.json", "lexical.json")
# A view this small is written anew in a moment; a larger one only for a delta of some size.
_SMALL_VIEW: Final = 5_000
# The delta that is merged before a question, or while a run goes on: it is in memory.
_SMALL_DELTA: Final = 1_000
_DELTA_PART: Final = 20
_LARGEST_DELTA: Final = 5_000
# A writer is so many ahead of a merge that goes on beside it, and then waits.
_FARTHEST: Final = 4 * _LARGEST_DELTA
# After writing a smaller one is merged as well.
_CHEAP_DELTA: Final = 250
_CHEAP_PART: Final = 200
# A lexical view this large is not built anew for the words of one erased document.
_LARGE_VIEW: Final = 100_000
# An approximate view is asked for so many more, and a quarter, of which the best are taken.
_MORE: Final = 16
_FILTERS_KEPT: Final = 8
_MOST_RANGES_KEPT: Final = 10_000
_PART_NAME: Final = re.compile(r"dense[A-Za-z0-9-]*\.faiss")
_OLD_FILE: Final = PartFile(FLAT, 0)
# What may keep the views on disk from being merged; the delta in memory serves as well.
NOT_MERGED: Final = (OSError, StorageFull, StorageRefused, CollectionBusy)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which state of which catalog a view on disk holds.

    What was removed up to change `cleared` has left no trace in it; of what was removed later, a
    dense view may have vectors, which are masked, and a lexical one words, which its engine keeps.
    `parts` are the files of a dense view.
    """

    uuid: str
    epoch: str
    number: int
    cleared: int
    parts: tuple[PartFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Views:
    """Both views as they were read from disk, with the change that both have reached.

    What was removed after change `cleared` may be in the dense one.
    """

    number: int
    cleared: int
    dense: DenseView
    lexical: LexicalView


@dataclass(frozen=True)
class LiveViews:
    """Views, delta and removed ids that together are the collection at change `number`.

    `masked` holds what the dense view may have of removed ids, `removed` what the others have.
    """

    number: int
    who: Identity
    views: Views
    removed: ChunkSet
    masked: ChunkSet
    delta: Delta
    _allowed: dict[Where, ChunkSet] = field(default_factory=dict)

    def allowed(self, where: Where, find: Callable[[], Sequence[Span]]) -> ChunkSet:
        """Return the chunks that a filter allows; `find` is asked where it is not known yet.

        Questions often come with the same filter; to apply one looks at every document.
        """
        known = self._allowed.get(where)
        if known is None:
            known = ChunkSet(tuple(find()))
            if len(known.ranges) <= _MOST_RANGES_KEPT:
                if len(self._allowed) >= _FILTERS_KEPT:
                    self._allowed.clear()
                self._allowed[where] = known
        return known

    @property
    def outgrown(self) -> bool:
        """Tell whether the delta is too large to keep in memory: the views are to be merged."""
        delta, removed = len(self.delta.ids), len(self.removed)
        total = len(self.views.dense.ids) + delta - removed
        return delta + removed > _most_in_memory(total)

    def dense(
        self, vector: Vectors, k: int, allowed: ChunkSet | None, stored: StoredVectors
    ) -> list[Hit]:
        """Return the `k` chunks whose vectors are nearest, best first (inner product).

        `stored` gives the catalog's vectors of chunks, by which what an approximate view finds is
        scored.
        """
        main = self.views.dense
        if main.exact:
            hits = main.search(vector, k, self._keep(allowed))
        else:
            wanted = k + k // 4 + _MORE
            near = main.search(vector, wanted, self._keep(allowed))
            hits = [
                Hit(chunk_id, float(found.astype(np.float32) @ vector))
                for chunk_id, found in stored([hit.chunk_id for hit in near]).items()
            ]
        hits += self.delta.nearest(vector, k, self.delta.fresh(main.last_id, allowed))
        return best(hits, k)

    def lexical(self, query: str, k: int, allowed: ChunkSet | None) -> list[Hit]:
        """Return the `k` chunks with the best BM25 score over 0, best first."""
        words = Counter(terms(query, self.who.language))
        main = self.views.lexical
        hits = main.search(words, k, allowed, self.removed)
        fresh = self.delta.fresh(main.last_id, allowed)
        if words and len(fresh):
            hits += self.delta.wordiest(words, self._statistics(words), k, fresh)
        return best(hits, k)

    def term_weights(self, query: str) -> dict[str, float]:
        """Return the distinct terms of a query, each with what BM25 makes of it."""
        words = list(dict.fromkeys(terms(query, self.who.language)))
        statistics = self._statistics(words)
        return {word: term_weight(word, statistics) for word in words}

    def rarities(self, query: str) -> dict[str, float]:
        """Return the distinct terms of a query, each with its weight beside one chunk's own."""
        words = list(dict.fromkeys(terms(query, self.who.language)))
        statistics = self._statistics(words)
        alone = Statistics(max(1, statistics.texts), statistics.mean_length, {"": 1})
        most = term_weight("", alone)
        return {word: term_weight(word, statistics) / most for word in words}

    @cached_property
    def _living(self) -> Mask:
        return ~self.masked.holds_sorted(self.views.dense.ids)

    def _keep(self, allowed: ChunkSet | None) -> Mask | None:
        """Return which rows of the dense view may be found, None for all."""
        if allowed is None:
            return None if self.masked.empty else self._living
        keep = allowed.holds_sorted(self.views.dense.ids)
        return keep if self.masked.empty else keep & self._living

    def _statistics(self, words: Collection[str]) -> Statistics:
        main = self.views.lexical
        own, mean_length = main.reckoned(words)
        extra, length = self.delta.tokens()
        texts = own + extra
        tokens = own * mean_length + length
        frequencies = self.delta.frequencies(words)
        return Statistics(
            texts=texts,
            mean_length=max(1.0, tokens / max(1, texts)),
            frequencies={word: main.frequency(word) + frequencies[word] for word in words},
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


def load_views(
    folder: Path, connection: sqlite3.Connection, before: LiveViews | None = None
) -> LiveViews:
    """Read both views of a collection as they are on disk, with no delta yet.

    Call it before the transaction that they are to serve begins: what they hold was committed
    earlier, so they cannot lead it. A view that cannot be used is empty and at change 0. What
    `before` has of them in memory is not read again.
    """
    with reading(connection):
        who = identity(connection)
    known = before.views.dense.parts if before else ()
    dense, of_dense = _load_dense(folder, connection, who, known)
    lexical, of_lexical = _load_lexical(folder, connection, who)
    for view, name in zip((dense, lexical), _STAMPS, strict=True):
        if view is None and read_stamp(folder / name, connection, who):
            with suppress(OSError):  # a disk that cannot be written: the delta serves as well
                _forget_damaged(folder, connection, who)
    number = min(of_dense.number, of_lexical.number)
    views = Views(
        number,
        min(of_dense.cleared, number),
        dense or DenseView(()),
        lexical or empty_lexical(),
    )
    empty = ChunkSet(())
    return LiveViews(number, who, views, empty, empty, Delta.empty(who.encoder.dimension))


def _forget_damaged(folder: Path, connection: sqlite3.Connection, who: Identity) -> None:
    """Take the stamp from a view that cannot be read, so that the next merge builds it anew.

    Only the holder of the lock can tell: without it, the view may just be in the making.
    """
    with _view_lock(folder) as held:
        if not held:
            return
        dense, _ = _load_dense(folder, connection, who)
        lexical, _ = _load_lexical(folder, connection, who)
        for view, name in zip((dense, lexical), _STAMPS, strict=True):
            if view is None:
                (folder / name).unlink(missing_ok=True)


def _load_dense(
    folder: Path,
    connection: sqlite3.Connection,
    who: Identity,
    known: Sequence[DensePart] = (),
) -> tuple[DenseView | None, Stamp]:
    stamp = read_stamp(folder / "dense.json", connection, who)
    view = load_parts(folder, stamp.parts, who.encoder.dimension, known) if stamp else None
    return view, stamp if stamp and view else _nothing(who)


def _load_lexical(
    folder: Path, connection: sqlite3.Connection, who: Identity
) -> tuple[LexicalView | None, Stamp]:
    stamp = read_stamp(folder / "lexical.json", connection, who)
    view = open_lexical(folder / "lexical" / who.epoch) if stamp else None
    return view, stamp if stamp and view else _nothing(who)


def _nothing(who: Identity) -> Stamp:
    return Stamp(who.uuid, who.epoch, 0, 0)


def advance(connection: sqlite3.Connection, number: int, live: LiveViews) -> LiveViews:
    """Return `live` with the catalog's changes up to `number`.

    `connection` is in a read transaction that sees `number`.
    """
    if number == live.number:
        return live
    removed = ChunkSet(tuple(removed_since(connection, live.views.number)))
    masked = ChunkSet(tuple(removed_since(connection, live.views.cleared)))
    groups = list(added_since(connection, live.who, live.number))
    delta = live.delta.followed_by(groups, removed, live.who.language)
    return LiveViews(number, live.who, live.views, removed, masked, delta)


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
            if is_due(folder, connection, who, due):
                # One works in FAISS and the other in tantivy, for the most part.
                with ThreadPoolExecutor(1) as executor:
                    lexical = executor.submit(_merge_lexical, folder, connection, number, who, due)
                    _merge_dense(folder, connection, number, who)
                    lexical.result()
        if due is not Due.NEEDED:  # a question does not wait for the write lock
            _purge(folder, connection, who)
    return True


def is_due(folder: Path, connection: sqlite3.Connection, who: Identity, due: Due) -> bool:
    """Tell whether the views on disk are to be brought up to the catalog."""
    if due is Due.NOW:
        return True
    change = _lag(folder, connection, who)
    if not change or (due is Due.NEEDED and change <= _SMALL_DELTA):
        return False
    if change > _LARGEST_DELTA:
        return True
    # Of more chunks than this the views can have a delta of any size up to that.
    part = _CHEAP_PART if due is Due.CHEAP else _DELTA_PART
    total = count_chunks(connection, _LARGEST_DELTA * part)
    if due is Due.CHEAP:
        return total <= _SMALL_VIEW or change > max(_CHEAP_DELTA, total // _CHEAP_PART)
    return change > _most_in_memory(total)


def is_far_behind(folder: Path, connection: sqlite3.Connection, who: Identity) -> bool:
    """Tell whether who writes should wait for the merge that goes on."""
    return _lag(folder, connection, who) > _FARTHEST


def _lag(folder: Path, connection: sqlite3.Connection, who: Identity) -> int:
    """Return how many chunks were added and removed since the older stamp."""
    stamps = [read_stamp(folder / name, connection, who) for name in _STAMPS]
    since = min(stamp.number if stamp else 0 for stamp in stamps)
    gone = sum(span.end - span.start for span in removed_since(connection, since))
    return count_added(connection, since) + gone


def _most_in_memory(total: int) -> int:
    """Return how many chunks the delta of a collection of `total` chunks may have."""
    return min(_LARGEST_DELTA, max(_SMALL_DELTA, total // _DELTA_PART))


def _merge_dense(folder: Path, connection: sqlite3.Connection, number: int, who: Identity) -> None:
    old = read_stamp(folder / "dense.json", connection, who)
    since, cleared = (old.number, old.cleared) if old else (0, 0)
    gone = ChunkSet(tuple(removed_since(connection, cleared)))

    stored = Stored(
        count=count_added(connection, 0),
        fresh=count_added(connection, since),
        since=lambda: added_vectors(connection, since),
        everything=lambda: added_vectors(connection, 0),
        sample=lambda count: sample_vectors(connection, count),
    )
    parts, clear = merge_parts(
        folder,
        old.parts if old else (),
        who.encoder.dimension,
        gone,
        stored,
        clear=cleared < last_erased(connection),
    )
    new = Stamp(who.uuid, who.epoch, number, number if clear else cleared, tuple(parts))
    _write_stamp(folder / "dense.json", new)
    sweep_parts(folder, parts)


def _merge_lexical(
    folder: Path, connection: sqlite3.Connection, number: int, who: Identity, due: Due
) -> None:
    old, stamp = _load_lexical(folder, connection, who)
    # The engine keeps the words of removed texts, so an erase asks for an index without them.
    erased = stamp.cleared < last_erased(connection)
    cleared = number
    if old is None or (erased and _may_build(connection, stamp.cleared, due)):
        _build_lexical(folder, connection, who)
    else:
        removed = ChunkSet(tuple(removed_since(connection, stamp.number)))
        try:
            added = added_texts(connection, who, stamp.number)
            extend_lexical(folder / "lexical" / who.epoch, who.language, removed, added)
            cleared = stamp.cleared if erased else number
        except LexicalDamaged:
            _build_lexical(folder, connection, who)
    new = Stamp(who.uuid, who.epoch, number, cleared)
    _write_stamp(folder / "lexical.json", new)
    for other in (folder / "lexical").iterdir():
        if other.name != who.epoch:
            shutil.rmtree(other, ignore_errors=True)


def _may_build(connection: sqlite3.Connection, cleared: int, due: Due) -> bool:
    """Tell whether to read all texts again: of a large collection only when much has changed."""
    if due is Due.NOW or count_chunks(connection, _LARGE_VIEW) < _LARGE_VIEW:
        return True
    change = count_added(connection, cleared)
    return due is Due.CHEAP and change * _DELTA_PART > count_added(connection, 0)


def _build_lexical(folder: Path, connection: sqlite3.Connection, who: Identity) -> None:
    """Build the view beside and put it in place: what is there may yet be sound."""
    place = folder / "lexical" / who.epoch
    beside, old = place.with_suffix(".new"), place.with_suffix(".old")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        extend_lexical(beside, who.language, ChunkSet(()), added_texts(connection, who, 0))
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


def _purge(folder: Path, connection: sqlite3.Connection, who: Identity) -> None:
    dense, lexical = (read_stamp(folder / name, connection, who) for name in _STAMPS)
    if dense and lexical:
        purge_removed(connection, min(dense.cleared, lexical.number))


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
        stamp = _stamp(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None
    if (stamp.uuid, stamp.epoch) != (who.uuid, who.epoch):
        return None
    return stamp if stamp.number <= last_change(connection) else None


def _stamp(values: Any) -> Stamp:
    """Return a stamp from JSON. One of an earlier version has no parts and nothing to clear.

    Raises TypeError or LookupError where it is none: damage makes other JSON too.
    """
    given = {"cleared": values["number"], "parts": [asdict(_OLD_FILE)], **values}
    parts = tuple(PartFile(**part) for part in given["parts"])
    stamp = Stamp(**{**given, "parts": parts})
    texts = [stamp.uuid, stamp.epoch, *(part.centres for part in parts)]
    numbers = [stamp.number, stamp.cleared, *(part.rows for part in parts)]
    named = all(isinstance(part.name, str) and _PART_NAME.fullmatch(part.name) for part in parts)
    if not named or {type(one) for one in texts} != {str} or {type(n) for n in numbers} != {int}:
        raise TypeError("no stamp")
    return stamp


def _write_stamp(path: Path, stamp: Stamp) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(stamp)))
    put_in_place(beside, path)
