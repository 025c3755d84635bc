"""Make what was written last: to the disk, not only to the system's memory."""

import os
from pathlib import Path


def put_in_place(beside: Path, path: Path) -> None:
    """Give a file that is written to its end the name `path`, for good. Raises OSError."""
    flush(beside)
    beside.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_database(path: Path) -> None:
    """Remove an SQLite file and its logs, which must not come into another one. Raises OSError."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
