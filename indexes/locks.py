"""Locks between processes: a file that one holds, or several share."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, mode: int) -> Iterator[None]:
    """Hold the lock of a file, which is made if need be; `mode` is flock's.

    Raises OSError: BlockingIOError where it is taken and the mode does not wait.
    """
    with path.open("ab") as file:
        fcntl.flock(file, mode)
        yield
