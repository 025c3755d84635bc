"""Looking into a database of the data folder without a trace, while others may write it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from indexes.catalog import DAMAGED, storage_errors
from indexes.errors import IndexDamaged

_BUSY_SECONDS: Final = 3.0
_TRIES: Final = 3

Seen = TypeVar("Seen")


def look_at(path: Path, look: Callable[[sqlite3.Connection], Seen], damaged: str = DAMAGED) -> Seen:
    """Return what `look` finds in the SQLite database at `path`; no file changes.

    Where no log lies beside it, nobody has it open, and it is read as a file that stays as it is.
    Should it change meanwhile all the same, it is looked at again. Otherwise the log and its index
    are used as they are; only a log that lost its index is given one. Raises as `storage_errors`;
    `damaged` says what to do about damage.
    """
    for _ in range(_TRIES - 1):
        state = _state(path)
        alone = state[1] is None
        try:
            found = _look_once(path, look, damaged, alone=alone)
        except IndexDamaged:
            if _state(path) == state:
                raise
            continue
        if not alone or _state(path) == state:
            return found
    return _look_once(path, look, damaged, alone=False)


def _look_once(
    path: Path, look: Callable[[sqlite3.Connection], Seen], damaged: str, *, alone: bool
) -> Seen:
    indexed = path.with_name(f"{path.name}-shm").exists()
    manner = "immutable=1" if alone else "readonly_shm=1" if indexed else ""
    uri = f"{path.absolute().as_uri()}?mode=ro&{manner}"
    with (
        storage_errors(path, damaged),
        closing(
            sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as connection,
    ):
        connection.execute("BEGIN")
        return look(connection)


def _state(path: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """Return what changes when the database, or its log, is written."""
    return tuple(map(_file_state, (path, path.with_name(f"{path.name}-wal"))))


def _file_state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
