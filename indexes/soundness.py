"""Whether a collection is sound: its catalog within itself, and the views against the catalog.

Every function takes a connection in a read transaction, as `looking` gives one, and writes nothing.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from indexes.catalog import Identity, last_change
from indexes.chunk_table import count_added, removed_since
from indexes.dense import DenseView
from indexes.dense_parts import load_parts
from indexes.documents import sha256_text
from indexes.hits import ChunkSet, Ids, Mask
from indexes.lexical import damaged_files, open_lexical
from indexes.views import read_stamp

_STEPS: Final = 10_000
_FEW: Final = 5
_MANY: Final = 10_000
# A dense view is read into memory as a whole.
_READ_BYTES: Final = 1 << 30
# float16 keeps about three digits, so the length of a stored unit vector is 1 but for this.
_LENGTH_TOLERANCE: Final = 0.01
# How far a vector may be from one that is kept with a byte a dimension.
_ROUNDED: Final = 0.2


class Unfinished(Exception):
    """The time for a look was over before it had seen all; never reaches a user."""


@contextmanager
def within(connection: sqlite3.Connection, seconds: float | None) -> Iterator[None]:
    """End the statements inside after so many seconds by Unfinished; None leaves them all time."""
    end = time.monotonic() + seconds if seconds is not None else None
    if end is not None:
        connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise Unfinished from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


@dataclass(frozen=True, slots=True)
class Tally:
    """How much a catalog holds; `lacking` chunks have no vector of its encoder."""

    documents: int
    chunks: int
    vectors: int
    lacking: int


def tally(connection: sqlite3.Connection, who: Identity) -> Tally:
    """Count the documents, chunks and vectors of a catalog."""

    def count(statement: str, *values: object) -> int:
        return int(connection.execute(statement, values).fetchone()[0])

    return Tally(
        count("SELECT count(*) FROM documents"),
        count("SELECT count(*) FROM chunks"),
        count("SELECT count(*) FROM vectors WHERE encoder = ?", who.encoder_id),
        count(
            "SELECT count(*) FROM chunks LEFT JOIN vectors ON vectors.encoder = ? "
            "AND vectors.id = chunks.vector WHERE vectors.id IS NULL",
            who.encoder_id,
        ),
    )


def faults(connection: sqlite3.Connection, *, full: bool) -> list[str]:
    """Return what SQLite finds wrong with the file, and rows that belong to nothing; a few.

    In full the indexes are compared with their tables too.
    """
    check = "integrity_check" if full else "quick_check"
    told = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({_FEW})")]
    found = [line for text in told for line in text.splitlines() if text != "ok"]
    lost = connection.execute("PRAGMA foreign_key_check").fetchmany(_FEW)
    found += [f"a row of {table} belongs to no row of {parent}" for table, _, parent, _ in lost]
    (wrong,) = connection.execute(
        "SELECT count(*) FROM documents WHERE chunk_count <> "
        "(SELECT count(*) FROM chunks WHERE document = documents.row)"
    ).fetchone()
    if wrong:
        found.append(f"{wrong} documents have another number of chunks than noted")
    return found


def wrong_texts(connection: sqlite3.Connection) -> list[str]:
    """Return the uris of the documents whose stored text has not the sha256 that was noted."""
    documents = connection.execute("SELECT row, uri, text_sha256 FROM documents ORDER BY uri")
    return [uri for row, uri, expected in documents if _text_sha256(connection, row) != expected]


def _text_sha256(connection: sqlite3.Connection, row: int) -> str:
    blocks = connection.execute("SELECT text FROM blocks WHERE document = ? ORDER BY start", (row,))
    return sha256_text("".join(text for (text,) in blocks))


def wrong_vectors(connection: sqlite3.Connection, who: Identity) -> int:
    """Return how many stored vectors have not the encoder's dimension and unit length."""
    wrong = 0
    rows = connection.execute("SELECT vector FROM vectors WHERE encoder = ?", (who.encoder_id,))
    while blobs := [vector for (vector,) in rows.fetchmany(_MANY)]:
        right = [blob for blob in blobs if len(blob) == 2 * who.encoder.dimension]
        vectors = np.frombuffer(b"".join(right), np.float16).astype(np.float32)
        lengths = np.linalg.norm(vectors.reshape(len(right), -1), axis=1)
        unit = np.abs(lengths - 1) < _LENGTH_TOLERANCE  # false for NaN too
        wrong += len(blobs) - int(np.count_nonzero(unit))
    return wrong


ViewState = Literal["sound", "behind", "unread", "refused", "missing", "damaged", "different"]


@dataclass(frozen=True, slots=True)
class View:
    """A view against its catalog.

    `behind` are the changes that it lacks, `chunks` what these added or removed. It is `missing`
    where none is there that is of this catalog, `damaged` where it cannot be read, and `different`
    where it can and does not hold what the catalog says. A large one is `unread` unless in full;
    it is `refused` where its folder cannot be written: its engine opens nothing without a lock.
    """

    name: Literal["dense", "lexical"]
    state: ViewState
    behind: int = 0
    chunks: int = 0


def views(
    folder: Path, connection: sqlite3.Connection, who: Identity, *, full: bool
) -> tuple[View, View]:
    """Tell how the views of a collection's folder stand to its catalog; in full all is compared."""
    return _dense(folder, connection, who, full=full), _lexical(folder, connection, who, full=full)


def _dense(folder: Path, connection: sqlite3.Connection, who: Identity, *, full: bool) -> View:
    stamp = read_stamp(folder / "dense.json", connection, who)
    paths = [folder / part.name for part in stamp.parts] if stamp else []
    if stamp is None or not all(path.exists() for path in paths):
        return _missing("dense", connection)
    if not full and sum(path.stat().st_size for path in paths) > _READ_BYTES:
        return View("dense", "unread")
    view = load_parts(folder, stamp.parts, who.encoder.dimension)
    if view is None:
        return View("dense", "damaged")
    living = ~ChunkSet(tuple(removed_since(connection, stamp.cleared))).holds_sorted(view.ids)
    same = _lacks_nothing(connection, stamp.number, view.last_id)
    # A writer that was killed before it wrote the stamp left a file that is ahead of it.
    same = same and np.array_equal(view.ids[living], _ids(connection, view.last_id))
    if same and full:
        same = _same_vectors(connection, view, living)
    return _against(connection, "dense", stamp.number) if same else View("dense", "different")


def _lacks_nothing(connection: sqlite3.Connection, number: int, last: int) -> bool:
    """Tell whether no living chunk that change `number` or an earlier one added is behind `last`.

    A view has all up to its last one: ids ascend with the changes that add chunks.
    """
    lacking = "SELECT 1 FROM chunks WHERE id > ? AND added <= ? LIMIT 1"
    return connection.execute(lacking, (last, number)).fetchone() is None


def _ids(connection: sqlite3.Connection, last: int) -> Ids:
    """Return the ids of the living chunks up to `last`."""
    rows = connection.execute("SELECT id FROM chunks WHERE id <= ? ORDER BY id", (last,))
    return np.fromiter((chunk_id for (chunk_id,) in rows), np.int64)


def _same_vectors(connection: sqlite3.Connection, view: DenseView, living: Mask) -> bool:
    rows = connection.execute(
        "SELECT vectors.vector FROM chunks JOIN vectors ON vectors.id = chunks.vector "
        "WHERE chunks.id <= ? ORDER BY chunks.id",
        (view.last_id,),
    )
    for ids, vectors in view.blocks(living):
        stored = b"".join(vector for (vector,) in rows.fetchmany(len(ids)))
        if view.exact:
            same = vectors.astype(np.float16).tobytes() == stored
        else:
            whole = np.frombuffer(stored, np.float16).reshape(vectors.shape).astype(np.float32)
            same = bool((np.linalg.norm(whole - vectors, axis=1) < _ROUNDED).all())
        if not same:
            return False
    return True


def _lexical(folder: Path, connection: sqlite3.Connection, who: Identity, *, full: bool) -> View:
    place = folder / "lexical" / who.epoch
    stamp = read_stamp(folder / "lexical.json", connection, who)
    if stamp is None or not place.is_dir():
        return _missing("lexical", connection)
    if not os.access(place, os.W_OK):
        return View("lexical", "refused")
    view = open_lexical(place)
    if view is None or (full and damaged_files(place)):
        return View("lexical", "damaged")
    # A writer that was killed between its commit and the stamp left an index that is ahead of it:
    # what was added since may be there, and what was removed since may be gone.
    gone = sum(
        min(span.end, view.last_id + 1) - span.start
        for span in removed_since(connection, stamp.number)
        if span.start <= view.last_id
    )
    living = len(_ids(connection, view.last_id))
    whole = _lacks_nothing(connection, stamp.number, view.last_id)
    if not whole or not living <= view.searcher.num_docs <= living + gone:
        return View("lexical", "different")
    return _against(connection, "lexical", stamp.number)


def _missing(name: Literal["dense", "lexical"], connection: sqlite3.Connection) -> View:
    return View(name, "missing", last_change(connection), count_added(connection, 0))


def _against(
    connection: sqlite3.Connection, name: Literal["dense", "lexical"], number: int
) -> View:
    gone = sum(span.end - span.start for span in removed_since(connection, number))
    chunks = count_added(connection, number) + gone
    return View(name, "behind" if chunks else "sound", last_change(connection) - number, chunks)
