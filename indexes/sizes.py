"""How much a collection holds, told in a moment: its catalog is looked at, no view is loaded."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.catalog import identity
from indexes.chunk_table import count_added, removed_since
from indexes.document_table import counts
from indexes.errors import CollectionNotFound
from indexes.looking import look_at
from indexes.views import read_stamp

VIEWS: Final = ("dense", "lexical")


@dataclass(frozen=True, slots=True)
class Size:
    """A collection's documents and chunks, and the bytes of its files.

    `lag` has for each view how many chunks were added or removed since it was written to disk;
    searches see those too, from memory.
    """

    documents: int
    chunks: int
    bytes: int
    lag: Mapping[str, int]


def size_of(data: Path, name: str) -> Size:
    """Return the size of a collection; raises CollectionNotFound and as `look_at` does."""
    folder = data / name

    def look(connection: sqlite3.Connection) -> Size:
        found = counts(connection)
        lag = _lag(folder, connection)
        return Size(found.documents, found.chunks, _bytes(folder), lag)

    if not (folder / "catalog.db").is_file():
        raise CollectionNotFound(f"There is no collection {name!r} in {data}.")
    return look_at(folder / "catalog.db", look)


def _lag(folder: Path, connection: sqlite3.Connection) -> dict[str, int]:
    who = identity(connection)
    lag = {}
    for view in VIEWS:
        stamp = read_stamp(folder / f"{view}.json", connection, who)
        since = stamp.number if stamp else 0
        gone = sum(span.end - span.start for span in removed_since(connection, since))
        lag[view] = count_added(connection, since) + gone
    return lag


def _bytes(folder: Path) -> int:
    """Return the bytes of all files; one that goes away meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total
