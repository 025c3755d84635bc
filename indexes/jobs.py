"""The queue of uploads: a durable spool and a small database, in `DATA/.jobs/`.

The service enqueues, one worker process claims and finishes; they meet only here. `enqueue` returns
when payload and row are on disk, so a job outlives a crash of either. A job whose worker died is
queued again, and given up after `ATTEMPTS` times. Every call may raise StorageFull, StorageRefused,
IndexDamaged, and CollectionBusy where another process holds the database for too long.
"""

import fcntl
import json
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypedDict, Unpack

from indexes.catalog import storage_errors
from indexes.documents import UPLOADS, Metadata, document_id_for
from indexes.durable import flush, put_in_place
from indexes.errors import CollectionBusy, IndexDamaged, JobNotFound, WorkerElsewhere
from indexes.locks import locked
from indexes.urls import is_url

JobState = Literal["queued", "running", "done", "failed"]
STATES: Final[tuple[JobState, ...]] = ("queued", "running", "done", "failed")
ATTEMPTS: Final = 3
# The media type of a job that is no file but an address to fetch; its filename is the address.
ADDRESS: Final = "text/uri-list"
KEPT_SECONDS: Final = 7 * 24 * 3600.0

# The exit status of a worker whose place is taken; 0 to 3 have the command's own meanings.
ELSEWHERE_STATUS: Final = 4

FOLDER: Final = ".jobs"
_REMEDY: Final = "delete that folder, and send again the uploads that waited in it"
_SPOOL_LOCK: Final = "spool.lock"
# Format history:
#   1  first format
#   2  jobs.as_of: the date that an upload was given
FORMAT: Final = 2
_BUSY_SECONDS: Final = 30.0
_DDL: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    collection TEXT NOT NULL,
    filename TEXT NOT NULL,
    document_id TEXT,
    target TEXT NOT NULL,
    title TEXT,
    metadata TEXT NOT NULL,
    media_type TEXT,
    as_of TEXT,
    size INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    unit TEXT NOT NULL DEFAULT '',
    items TEXT NOT NULL DEFAULT '[]',
    created REAL NOT NULL,
    started REAL,
    finished REAL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, number);
"""
_TO_2: Final = "ALTER TABLE jobs ADD COLUMN as_of TEXT;"
_INSERT: Final = (
    "INSERT INTO jobs (job_id, state, collection, filename, document_id, target, title, metadata,"
    " media_type, as_of, size, created) VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_OF_DOCUMENT: Final = (
    "SELECT job_id, filename, target FROM jobs"
    " WHERE state = ?1 AND collection = ?2 AND (?3 IS NULL OR target = ?3)"
)


@dataclass(frozen=True, slots=True)
class Job:
    """One claimed upload; `payload` is its file in the spool, `size` in bytes.

    `document_id`, `title`, `media_type` and `as_of` (an ISO date) are None where the caller gave
    none.
    """

    job_id: str
    collection: str
    filename: str
    document_id: str | None
    title: str | None
    metadata: Metadata
    media_type: str | None
    payload: Path
    size: int
    attempts: int
    as_of: str | None = None

    @property
    def uri(self) -> str:
        """The uri of the document that the upload becomes."""
        return _uri(self.filename)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: `done` of `total` units (0 of 0 before anything is known)."""

    done: int
    total: int
    unit: str


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What can be told of a job; times are ISO 8601 in UTC, items as in ingest's report."""

    job_id: str
    state: JobState
    collection: str
    filename: str
    progress: Progress
    items: tuple[Mapping[str, object], ...]
    created: str
    started: str | None
    finished: str | None


class About(TypedDict, total=False):
    """What is said about an upload; `as_of` is an ISO date."""

    document_id: str | None
    title: str | None
    metadata: Metadata
    media_type: str | None
    as_of: str | None


def enqueue(
    data: Path,
    *,
    payload: bytes | BinaryIO,
    collection: str,
    filename: str | None = None,
    **about: Unpack[About],
) -> str:
    """Put an upload on disk for good and return its job id.

    Without a filename the document is named by its id or title. Raises StorageFull.
    """
    document_id, title = about.get("document_id"), about.get("title")
    name = filename or document_id or title or "text"
    target = document_id or document_id_for(_uri(name))
    job_id = secrets.token_hex(8)
    source = BytesIO(payload) if isinstance(payload, bytes) else payload
    said = (
        json.dumps(dict(about.get("metadata", {}))),
        about.get("media_type"),
        about.get("as_of"),
    )
    with _connect(data) as database, locked(data / FOLDER / _SPOOL_LOCK, fcntl.LOCK_SH):
        size = _spool(data, job_id, source)
        row = (job_id, collection, name, document_id, target, title, *said, size, time.time())
        try:
            database.execute(_INSERT, row)
        except sqlite3.Error:
            payload_path(data, job_id).unlink(missing_ok=True)
            raise
    return job_id


def claim(data: Path) -> Job | None:
    """Take the oldest queued job, or return None; no other worker gets the same one."""
    if not database_path(data).exists():
        return None
    with _connect(data) as database:
        # Looking first keeps an idle worker from taking the write lock at each poll.
        if database.execute("SELECT 1 FROM jobs WHERE state = 'queued' LIMIT 1").fetchone() is None:
            return None
        row = database.execute(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, started = ?"
            " WHERE number = (SELECT min(number) FROM jobs WHERE state = 'queued')"
            " RETURNING job_id, collection, filename, document_id, title, metadata, media_type,"
            " as_of, size, attempts",
            (time.time(),),
        ).fetchone()
    if row is None:
        return None
    job_id, collection, filename, document_id, title, metadata, media_type, *rest = row
    as_of, size, attempts = rest
    return Job(
        job_id=job_id,
        collection=collection,
        filename=filename,
        document_id=document_id,
        title=title,
        metadata=stored_object(data, metadata),
        media_type=media_type,
        payload=payload_path(data, job_id),
        size=size,
        attempts=attempts,
        as_of=as_of,
    )


def progress(data: Path, job_id: str, done: int, total: int, unit: str) -> None:
    """Note how far a running job is."""
    with _connect(data, durable=False) as database:
        database.execute(
            "UPDATE jobs SET done = ?, total = ?, unit = ? WHERE job_id = ? AND state = 'running'",
            (done, total, unit, job_id),
        )


def finish(
    data: Path,
    job_id: str,
    state: Literal["done", "failed"],
    items: Sequence[Mapping[str, object]],
) -> None:
    """Note how a job ended, drop its payload and forget the jobs that ended long ago.

    Raises JobNotFound.
    """
    with _connect(data) as database:
        changed = database.execute(
            "UPDATE jobs SET state = ?, items = ?, finished = ? WHERE job_id = ?",
            (state, json.dumps([dict(item) for item in items]), time.time(), job_id),
        ).rowcount
    if not changed:
        raise unknown_job(job_id)
    with suppress(OSError):  # where it cannot be removed now, `recover` does it
        payload_path(data, job_id).unlink(missing_ok=True)
    prune(data)


def release(data: Path, job_id: str | None = None) -> None:
    """Queue a running job again, or all of them, where a worker was told to stop: no attempt."""
    with _connect(data) as database:
        database.execute(
            "UPDATE jobs SET state = 'queued', attempts = attempts - 1, done = 0, total = 0,"
            " started = NULL WHERE state = 'running' AND (?1 IS NULL OR job_id = ?1)",
            (job_id,),
        )


def recover(data: Path) -> int:
    """Queue the jobs whose worker died again and return how many; call it as the sole worker.

    A job that was begun `ATTEMPTS` times is failed instead: it is what kills the worker. Payloads
    that no queued job owns are removed.
    """
    if not database_path(data).exists():
        return 0
    with _connect(data) as database:
        database.execute("BEGIN IMMEDIATE")
        for job_id, filename, target in database.execute(
            "SELECT job_id, filename, target FROM jobs WHERE state = 'running' AND attempts >= ?",
            (ATTEMPTS,),
        ).fetchall():
            _end(database, job_id, _given_up(filename, target))
        queued = database.execute(
            "UPDATE jobs SET state = 'queued', done = 0, total = 0, started = NULL"
            " WHERE state = 'running'"
        ).rowcount
        database.execute("COMMIT")
        _sweep(data, database)
    return queued


def cancel(data: Path, collection: str, document_id: str | None = None) -> int:
    """End the queued uploads of a document (or of a whole collection); return how many.

    Raises CollectionBusy where one of them is being ingested right now.
    """
    if not database_path(data).exists():
        return 0
    with _connect(data) as database:
        database.execute("BEGIN IMMEDIATE")
        running = database.execute(_OF_DOCUMENT, ("running", collection, document_id)).fetchone()
        if running is not None:
            database.execute("ROLLBACK")
            raise CollectionBusy(
                f"Collection {collection!r}: job {running[0]} is ingesting an upload that this"
                " would delete. Try again when the job has ended."
            )
        ended = database.execute(_OF_DOCUMENT, ("queued", collection, document_id)).fetchall()
        for job_id, filename, target in ended:
            _end(database, job_id, _cancelled(filename, target))
        database.execute("COMMIT")
    with _storage_errors(data):
        for job_id, _, _ in ended:
            payload_path(data, job_id).unlink(missing_ok=True)
    return len(ended)


def job(data: Path, job_id: str) -> JobStatus:
    """Return what is known of a job; raises JobNotFound."""
    if not database_path(data).exists():
        raise unknown_job(job_id)
    with _connect(data) as database:
        row = database.execute(
            "SELECT state, collection, filename, done, total, unit, items, created, started,"
            " finished FROM jobs WHERE job_id = ?",
            (job_id,),
        ).fetchone()
    if row is None:
        raise unknown_job(job_id)
    state, collection, filename, done, total, unit, items, *times = row
    created, started, finished = (_iso(moment) for moment in times)
    return JobStatus(
        job_id=job_id,
        state=state,
        collection=collection,
        filename=filename,
        progress=Progress(done, total, unit),
        items=stored_items(data, items),
        created=created or "",
        started=started,
        finished=finished,
    )


def counts(data: Path) -> dict[JobState, int]:
    """Return how many jobs are in each state."""
    found: dict[JobState, int] = dict.fromkeys(STATES, 0)
    if database_path(data).exists():
        with _connect(data) as database:
            found |= dict(database.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
    return found


def prune(data: Path, kept_seconds: float = KEPT_SECONDS) -> int:
    """Forget the jobs that ended longer ago than `kept_seconds`; return how many."""
    if not database_path(data).exists():
        return 0
    with _connect(data) as database:
        return database.execute(
            "DELETE FROM jobs WHERE finished < ?", (time.time() - kept_seconds,)
        ).rowcount


@contextmanager
def sole_worker(data: Path) -> Iterator[None]:
    """Hold the place of the one worker of a data folder; raises WorkerElsewhere if it is taken."""
    with _storage_errors(data):
        _set_up_folder(data)
        file = (data / FOLDER / "worker.lock").open("ab")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkerElsewhere(
                f"Another process ingests the uploads of {data.absolute()}, mostly the worker of "
                "another `afterword serve`. Let it do the work, or stop it."
            ) from None
        yield


def _uri(filename: str) -> str:
    # No file has an address for a name: the service takes all but the last part of a path away.
    return filename if is_url(filename) else f"{UPLOADS}{filename}"


def _end(database: sqlite3.Connection, job_id: str, item: Mapping[str, object]) -> None:
    database.execute(
        "UPDATE jobs SET state = 'failed', items = ?, finished = ? WHERE job_id = ?",
        (json.dumps([item]), time.time(), job_id),
    )


def _given_up(filename: str, target: str) -> dict[str, object]:
    message = (
        f"{filename}: the worker process ended {ATTEMPTS} times while it read this upload, so it"
        " was given up. Read the service's log for the cause, or ingest the file by"
        " `afterword ingest`."
    )
    return _item(filename, target, "failed", "unreadable", message)


def _cancelled(filename: str, target: str) -> dict[str, object]:
    message = f"{filename}: deleted before it was ingested."
    return _item(filename, target, "removed", None, message)


def _item(
    filename: str, target: str, outcome: str, code: str | None, message: str
) -> dict[str, object]:
    return {
        "uri": _uri(filename),
        "outcome": outcome,
        "code": code,
        "message": message,
        "pages": [],
        "document_id": target,
        "findings": [],
    }


def unknown_job(job_id: str) -> JobNotFound:
    """Return the error of an id that no job has."""
    days = round(KEPT_SECONDS / 86400)
    return JobNotFound(f"No job {job_id!r}. Jobs are forgotten {days} days after they ended.")


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")


def database_path(data: Path) -> Path:
    """Return where the queue's database lies in a data folder."""
    return data / FOLDER / "jobs.db"


def payload_path(data: Path, job_id: str) -> Path:
    """Return where the file of an upload lies until it is ingested."""
    return data / FOLDER / "spool" / job_id


def _spool(data: Path, job_id: str, source: BinaryIO) -> int:
    """Write the payload so that its final name never stands for half a file; return its size."""
    final = payload_path(data, job_id)
    part = final.with_suffix(".part")
    try:
        with part.open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
            size = file.tell()
        put_in_place(part, final)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return size


def _sweep(data: Path, database: sqlite3.Connection) -> None:
    """Remove payloads without a job; left for another time while an upload is being written."""
    try:
        with locked(data / FOLDER / _SPOOL_LOCK, fcntl.LOCK_EX | fcntl.LOCK_NB):
            owned = {
                job_id
                for (job_id,) in database.execute(
                    "SELECT job_id FROM jobs WHERE state IN ('queued', 'running')"
                )
            }
            for path in (data / FOLDER / "spool").iterdir():
                if path.name not in owned:
                    path.unlink(missing_ok=True)
    except BlockingIOError:
        return


@contextmanager
def _connect(data: Path, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
    """Open the queue's database, made at first use; an autocommit connection."""
    with _storage_errors(data):
        _set_up_folder(data)
        path = database_path(data)
        with closing(
            sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        ) as database:
            _check_format(data, database)
            database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            yield database


@contextmanager
def _storage_errors(data: Path) -> Iterator[None]:
    try:
        with storage_errors(data / FOLDER, _REMEDY):
            yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # All statements here are constants that are tested; what is left is the file's fault.
        raise IndexDamaged(f"{database_path(data)} is damaged ({error}); {_REMEDY}") from error


def _check_format(data: Path, database: sqlite3.Connection) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version > FORMAT:
        raise newer_format(data, version)
    if version < FORMAT:
        _set_up_database(data, database)


def stored_object(data: Path, text: str) -> dict[str, Any]:
    """Return the JSON object that a column of the queue holds; raises IndexDamaged."""
    found = _stored_json(data, text)
    if not isinstance(found, dict):
        raise _no_json(data)
    return found


def stored_items(data: Path, text: str) -> tuple[Mapping[str, object], ...]:
    """Return the JSON objects that a column of the queue holds; raises IndexDamaged."""
    found = _stored_json(data, text)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _no_json(data)
    return tuple(found)


def _stored_json(data: Path, text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _no_json(data) from None


def _no_json(data: Path) -> IndexDamaged:
    return IndexDamaged(
        f"{database_path(data)} is damaged (a job's column is not what was written); {_REMEDY}"
    )


def newer_format(data: Path, version: int) -> IndexDamaged:
    """Return the error of a queue that a later version wrote."""
    return IndexDamaged(
        f"{database_path(data)} has format {version}, newer than this version of"
        f" afterword knows ({FORMAT}). Install the version that wrote it."
    )


def _set_up_folder(data: Path) -> None:
    spool = data / FOLDER / "spool"
    if not spool.is_dir():
        spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        flush(data / FOLDER)
        flush(data)


def _set_up_database(data: Path, database: sqlite3.Connection) -> None:
    # Two processes that switch to WAL at once would fail with "locked", so they take turns.
    with locked(data / FOLDER / "setup.lock", fcntl.LOCK_EX):
        database.execute("PRAGMA journal_mode = WAL")
        # Read again: the other process may have done it meanwhile.
        (version,) = database.execute("PRAGMA user_version").fetchone()
        step = {0: _DDL, 1: _TO_2}.get(version, "")
        database.executescript(f"BEGIN; {step} PRAGMA user_version = {FORMAT}; COMMIT;")
        flush(data / FOLDER)
