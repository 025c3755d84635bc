"""The queue of uploads as an onlooker sees it: nothing is claimed, changed or swept."""

import fcntl
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.catalog import storage_errors
from indexes.errors import IndexDamaged
from indexes.jobs import (
    FOLDER,
    FORMAT,
    STATES,
    JobState,
    database_path,
    newer_format,
    payload_path,
    stored_items,
)
from indexes.looking import look_at

# A payload is there a moment before its row.
_SETTLED_SECONDS: Final = 60.0
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Failed:
    """An upload that was not stored, and why."""

    job_id: str
    collection: str
    filename: str
    message: str


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """The queue: how many jobs are in each state, and what does not fit.

    `waited_seconds` is the longest time that a queued job waits (0 for none), `failed` has the
    last 20, `lost` the jobs whose payload is gone, `orphans` the payloads that no job owns.
    """

    counts: Mapping[JobState, int]
    waited_seconds: float
    failed: tuple[Failed, ...]
    lost: tuple[str, ...]
    orphans: tuple[str, ...]


NO_UPLOADS: Final = QueueSeen(dict.fromkeys(STATES, 0), 0.0, (), (), ())
"""The queue of a data folder where there was never an upload."""


def look_at_queue(data: Path) -> QueueSeen | None:
    """Return the queue of a data folder, None where there was never an upload.

    Raises IndexDamaged, StorageRefused, CollectionBusy.
    """
    path = database_path(data)
    if not path.is_file():
        return None
    with storage_errors(data / FOLDER):
        spooled = _spooled(data)
    return look_at(path, lambda connection: _queue(data, connection, spooled), _remedy(data))


def _remedy(data: Path) -> str:
    return f"delete {data / FOLDER}, and send again the uploads that waited in it"


def worker_alive(data: Path) -> bool:
    """Tell whether a process has the place of the data folder's worker.

    The place is touched for a moment; a worker that comes just then finds it taken, and its service
    starts it again after half a second.
    """
    try:
        file = (data / FOLDER / "worker.lock").open("rb")
    except FileNotFoundError:
        return False
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _queue(data: Path, connection: sqlite3.Connection, spooled: frozenset[str]) -> QueueSeen:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise newer_format(data, version)
    if version < 1:
        raise IndexDamaged(f"{database_path(data)} is no queue of uploads; {_remedy(data)}")
    counts: dict[JobState, int] = dict.fromkeys(STATES, 0)
    counts |= dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
    (oldest,) = connection.execute(
        "SELECT min(created) FROM jobs WHERE state = 'queued'"
    ).fetchone()
    owned = {
        job_id
        for (job_id,) in connection.execute(
            "SELECT job_id FROM jobs WHERE state IN ('queued', 'running')"
        )
    }
    return QueueSeen(
        counts,
        max(0.0, time.time() - oldest) if oldest else 0.0,
        _failed(data, connection),
        tuple(sorted(job_id for job_id in owned if not payload_path(data, job_id).exists())),
        tuple(sorted(spooled - owned)),
    )


def _failed(data: Path, connection: sqlite3.Connection) -> tuple[Failed, ...]:
    rows = connection.execute(
        "SELECT job_id, collection, filename, items FROM jobs WHERE state = 'failed' "
        "ORDER BY finished DESC LIMIT ?",
        (_SHOWN,),
    )
    told = (
        (job_id, collection, filename, stored_items(data, items))
        for job_id, collection, filename, items in rows
    )
    # What was deleted while it waited is noted as failed too, and that was asked for.
    return tuple(
        Failed(job_id, collection, filename, str(items[0].get("message", "")) if items else "")
        for job_id, collection, filename, items in told
        if not items or items[0].get("outcome") != "removed"
    )


def _spooled(data: Path) -> frozenset[str]:
    """Return the names of the payloads that have lain for a while."""
    latest = time.time() - _SETTLED_SECONDS
    spool = payload_path(data, "")
    if not spool.is_dir():
        return frozenset()
    return frozenset(path.name for path in spool.iterdir() if path.stat().st_mtime < latest)
