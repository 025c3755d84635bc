"""Uploads that have ended, for who counts them: each is told once, and nothing is changed."""

import json
import sqlite3
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from indexes.catalog import storage_errors
from indexes.jobs import FOLDER, database_path
from indexes.looking import look_at

# An end is stamped a moment before others can see it.
_OVERLAP_SECONDS: Final = 60.0
_STATEMENT: Final = (
    "SELECT number, size, created, started, finished, items FROM jobs"
    " WHERE state IN ('done', 'failed') AND finished > ? ORDER BY number"
)


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that ended: `size` in bytes, times in seconds since 1970.

    `started` is None where it was ended before it was begun. `outcomes` has an outcome and its
    code, None for none, for each input.
    """

    size: int
    created: float
    started: float | None
    finished: float
    outcomes: tuple[tuple[str, str | None], ...]


@dataclass(slots=True)
class Endings:
    """Tells the jobs of a data folder that have ended since it was made; threads may share it."""

    data: Path
    _since: float = field(default_factory=time.time)
    _told: dict[int, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def new(self) -> tuple[Ended, ...]:
        """Return the jobs that ended and were not told before.

        Raises IndexDamaged, StorageRefused, CollectionBusy.
        """
        path = database_path(self.data)
        with self._lock:
            if not path.is_file():
                return ()
            with storage_errors(self.data / FOLDER):
                rows = look_at(path, self._rows)
            fresh = [row for row in rows if row[0] not in self._told]
            self._told.update({row[0]: row[4] for row in fresh})
            latest = max(self._told.values(), default=self._since)
            self._since = max(self._since, latest - _OVERLAP_SECONDS)
            self._told = {one: end for one, end in self._told.items() if end > self._since}
        return tuple(_ended(*row[1:]) for row in fresh)

    def _rows(
        self, connection: sqlite3.Connection
    ) -> list[tuple[int, int, float, float | None, float, str]]:
        return connection.execute(_STATEMENT, (self._since,)).fetchall()


def _ended(size: int, created: float, started: float | None, finished: float, items: str) -> Ended:
    outcomes = ((str(one.get("outcome", "")), one.get("code")) for one in json.loads(items))
    return Ended(size, created, started, finished, tuple(outcomes))
