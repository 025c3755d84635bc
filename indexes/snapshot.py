"""Snapshot and restore: a collection as one file, made while it is in use."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from indexes import catalog
from indexes.collection import Collection, check_name, open_collection, replacing_catalog
from indexes.durable import flush, remove_database
from indexes.errors import BadSnapshot, CollectionExists, IndexDamaged, StorageRefused, UsageError

# The start of an SQLite file, see https://www.sqlite.org/fileformat2.html (1.3).
_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_LARGEST_PAGE: Final = 65_536  # written as 1
_COUNT_TABLES: Final = (
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('meta', 'chunks')"
)
_COPY_AGAIN: Final = "copy it again from where it was made, or use another snapshot"


def snapshot(collection: Collection, target: Path) -> None:
    """Write the whole collection, as of one change, into the new file `target`.

    Writers go on meanwhile. Raises UsageError if `target` exists, StorageFull, CollectionNotFound.
    """
    if target.exists():
        raise UsageError(f"{target} exists; name a new file")
    beside = target.with_name(f"{target.name}.new")
    with catalog.storage_errors(target):
        remove_database(beside)
        try:
            with closing(sqlite3.connect(beside)) as copy:
                collection.copy_catalog(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            flush(beside)
            beside.rename(target)
            flush(target.parent)
        finally:
            remove_database(beside)


def restore(data: Path, name: str, source: Path, *, replace: bool = False) -> Collection:
    """Make collection `name` from a snapshot; its views are built anew when it is read.

    With `replace` a collection of that name gives way in one step, otherwise CollectionExists is
    raised. Raises BadSnapshot if the snapshot is not whole, and changes nothing then.
    """
    folder = data / check_name(name)
    target = folder / "catalog.db"
    if not source.is_file():
        raise UsageError(
            f"there is no snapshot file {source.absolute()}; name one that `afterword snapshot` "
            "wrote"
        )
    if target.exists() and not replace:
        raise _exists(name)
    try:
        check_whole(source)
    except IndexDamaged as error:
        raise BadSnapshot(error.message) from error
    with replacing_catalog(folder) as beside:
        if target.exists() and not replace:  # made while the snapshot was looked at
            raise _exists(name)
        _copy_with_new_epoch(source, beside)
        if not _replace_content(beside, target):
            _replace_file(beside, target)
    return open_collection(data, name)


def _exists(name: str) -> CollectionExists:
    return CollectionExists(f"collection {name} is there already; --replace gives it up")


def _copy_with_new_epoch(source: Path, target: Path) -> None:
    with (
        closing(_open_read_only(source)) as original,
        closing(sqlite3.connect(target, isolation_level=None)) as copy,
    ):
        original.backup(copy)
        catalog.bring_up(copy)
        catalog.renew_epoch(copy)
    flush(target)


def _replace_content(source: Path, target: Path) -> bool:
    """Overwrite a sound catalog in one transaction; False where there is none."""
    try:
        with (
            closing(catalog.connect(target, upgrade=False)) as live,
            closing(_open_read_only(source)) as copy,
        ):
            copy.backup(live)
    except (StorageRefused, IndexDamaged):  # missing or beyond use
        return False
    return True


def _replace_file(source: Path, target: Path) -> None:
    # A log that belongs to the old file must never be replayed into the new one.
    for log in ("-wal", "-shm"):
        target.with_name(target.name + log).unlink(missing_ok=True)
    # By this way of opening no file is made, should the folder have gone.
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    source.replace(target)


def check_whole(path: Path) -> None:
    """Raise IndexDamaged unless `path` is a catalog of this format without damage."""
    with catalog.storage_errors(path, _COPY_AGAIN):
        _check_header(path)
        with closing(_open_read_only(path)) as connection:
            if connection.execute(_COUNT_TABLES).fetchone() != (2,):
                raise _no_snapshot(path, "an SQLite database without the tables of a collection")
            catalog.check_format(connection, path)
            problems = connection.execute("PRAGMA integrity_check(5)").fetchall()
    if problems != [("ok",)]:
        first = problems[0][0].splitlines()[-1]
        raise IndexDamaged(f"{path} is damaged: {first}; {_COPY_AGAIN}")


def _check_header(path: Path) -> None:
    """Tell from the first bytes what is no SQLite database, or is cut off."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        raise _no_snapshot(path, "an empty file")
    if not header.startswith(_MAGIC[: len(header)]):
        raise _no_snapshot(path, "no SQLite database")
    page_bytes = int.from_bytes(header[16:18]) or _HEADER_BYTES
    page_bytes = _LARGEST_PAGE if page_bytes == 1 else page_bytes
    size, whole = path.stat().st_size, page_bytes * max(1, int.from_bytes(header[28:32]))
    if size < whole:
        raise IndexDamaged(
            f"{path} is cut off: it has {size:,} bytes of at least {whole:,}; {_COPY_AGAIN}"
        )


def _no_snapshot(path: Path, what: str) -> IndexDamaged:
    return IndexDamaged(
        f"{path} is no Afterword snapshot: it is {what}; "
        "name a file that `afterword snapshot` wrote"
    )


def _open_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
