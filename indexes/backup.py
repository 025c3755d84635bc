"""The catalog as it was before a later version changed its format: a file beside it.

`catalog.db.format-N.bak` is a whole catalog in one file, which `afterword restore` reads like a
snapshot, and the version that wrote it opens. There is one at a time. It goes with the first
erasure, since it would keep what was erased, with the collection, or when a person removes it.
"""

import logging
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

from indexes.durable import put_in_place, remove_database
from indexes.errors import StorageFull, StorageRefused

_NAMES: Final = "catalog.db.format-*.bak"
_MB: Final = 1_000_000
_log = logging.getLogger(__name__)


def back_up(path: Path, found: int) -> Path:
    """Copy the catalog at `path`, of format `found`, as it was last committed; return the file.

    Whoever calls this holds the catalog's write lock, so that nothing is committed meanwhile. What
    an earlier change of format left is given up. Raises StorageFull where there is no room for the
    copy and for the change itself, which takes as much again; sqlite3.Error and OSError.
    """
    target = path.with_name(f"{path.name}.format-{found}.bak")
    beside = target.with_name(f"{target.name}.new")
    # By this way of opening no file is made, should the folder have gone.
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as source:
        _check_room(path, source)
        remove_database(beside)
        try:
            with closing(sqlite3.connect(beside)) as copy:
                source.backup(copy)
                # In one file, which is opened as it is, with no log beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
            put_in_place(beside, target)
        finally:
            remove_database(beside)
    for other in backups(path.parent):
        if other != target:
            other.unlink()
    return target


def _check_room(path: Path, source: sqlite3.Connection) -> None:
    (pages,) = source.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = source.execute("PRAGMA page_size").fetchone()
    needed, free = 2 * pages * page_bytes, shutil.disk_usage(path.parent).free
    if free < needed:
        raise StorageFull(
            f"{path} has an earlier format, and to bring it to that of this version "
            f"{needed / _MB:,.0f} MB must be free in {path.parent.absolute()}: half for a backup "
            f"beside it, half for the change; {free / _MB:,.0f} MB are. Free some and run the same "
            "command again; nothing was changed, and the version that wrote it opens it as before"
        )


def tell(path: Path, kept: Path, found: int, now: int) -> None:
    """Note in the log that a catalog has another format now, and where it is as it was."""
    _log.warning(
        "%s was brought from format %d to %d; as it was it is in %s (%.1f MB): remove that file "
        "once all is well",
        path,
        found,
        now,
        kept,
        kept.stat().st_size / _MB,
    )


def backups(folder: Path) -> list[Path]:
    """Return the files in a collection's folder that keep its catalog in an earlier format."""
    return sorted(folder.glob(_NAMES))


def forget(folder: Path) -> None:
    """Remove the backups of a collection: what was erased from it is in them still.

    Raises StorageRefused where one cannot be removed.
    """
    _remove(backups(folder))
    _remove(folder.glob(f"{_NAMES}.new*"))  # of a process that was killed


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageRefused(
                f"it is erased, but {path.absolute()}, a backup from before an upgrade, has it "
                f"still and cannot be removed: {error.strerror}; remove that file by hand"
            ) from error
