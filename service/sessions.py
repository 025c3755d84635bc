"""Sessions: conversations that the server remembers, in `sessions.db` in the data folder.

Only what was asked to be remembered is there: for each exchange the question, what was searched
for, the answer and when. A session belongs to the key that began it, and to nobody else; without
keys it belongs to who knows its id, which is 16 random bytes. It is forgotten some days after its
last question. What is forgotten or deleted is overwritten in the file (`secure_delete`). SQLite's
journal, which undoes the change of a killed process, has held it too, and is removed, not
overwritten: the disk may hold it until that room is used again. Every call may raise StorageFull,
StorageRefused, IndexDamaged and CollectionBusy.
"""

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from indexes.catalog import storage_errors
from indexes.errors import IndexDamaged, SessionNotFound, SessionsFull
from service.evidence import Turn
from service.history import MOST_TURNS, exchange
from service.reply import Reply, Status

# A session keeps its last exchanges; a key has so many sessions.
MOST_EXCHANGES: Final = 200
MOST_BYTES: Final = 1 << 18
MOST_SESSIONS: Final = 1000
# Format history:
#   1  first format
FORMAT: Final = 1
_FILE: Final = "sessions.db"
_ID_BYTES: Final = 16
_BUSY_SECONDS: Final = 5.0
_DAY: Final = 86_400.0
_REMEDY: Final = "move it away: sessions begin anew, and documents are not concerned"
_DDL: Final = (
    """
    CREATE TABLE IF NOT EXISTS sessions (
        session_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        collection TEXT NOT NULL,
        created REAL NOT NULL,
        used REAL NOT NULL
    ) STRICT
    """,
    "CREATE INDEX IF NOT EXISTS sessions_by_owner ON sessions (owner, used)",
    """
    CREATE TABLE IF NOT EXISTS exchanges (
        session_id TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE,
        number INTEGER NOT NULL,
        question TEXT NOT NULL,
        query TEXT NOT NULL,
        answer TEXT NOT NULL,
        status TEXT NOT NULL,
        asked REAL NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (session_id, number)
    ) STRICT
    """,
)
_SUMMARY: Final = (
    "SELECT session_id, collection, created, used,"
    " (SELECT count(*) FROM exchanges WHERE exchanges.session_id = sessions.session_id)"
    " FROM sessions"
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question of a session and its answer; `query` is what was searched for."""

    question: str
    query: str
    answer: str
    status: Status
    asked: float


@dataclass(frozen=True, slots=True)
class Session:
    """A session without what was said in it; moments are seconds since 1970."""

    session_id: str
    collection: str
    created: float
    used: float
    exchanges: int


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of a data folder, each kept for `days` after its last question.

    An owner is a key's id, "" where there are no keys. Any number of threads may call.
    """

    data: Path
    days: float
    clock: Callable[[], float] = time.time

    def begin(
        self,
        owner: str,
        collection: str,
        question: str,
        reply: Reply,
        check: Callable[[], object] = lambda: None,
    ) -> str:
        """Begin a session with its first exchange, and return its id. Raises SessionsFull.

        While `check` is called no session can be forgotten; what it raises undoes it all.
        """
        now, session_id = self.clock(), secrets.token_hex(_ID_BYTES)
        with self._writing() as database:
            check()
            self._prune(database)
            _check_room(database, owner)
            database.execute(
                "INSERT INTO sessions (session_id, owner, collection, created, used)"
                " VALUES (?, ?, ?, ?, ?)",
                (session_id, owner, collection, now, now),
            )
            _add(database, session_id, question, reply, now)
        return session_id

    def check_room(self, owner: str) -> None:
        """Raise SessionsFull where this owner may begin no other session."""
        if self._is_there():
            with self._writing() as database:
                self._prune(database)
                _check_room(database, owner)

    def add(self, session_id: str, owner: str, question: str, reply: Reply) -> bool:
        """Put an exchange to the end of a session; return whether it is still there to have it.

        Of two questions that were asked at once, the one that was answered first stands first.
        """
        now = self.clock()
        if not self._is_there():
            return False
        with self._writing() as database:
            found = database.execute(
                "UPDATE sessions SET used = ? WHERE session_id = ? AND owner = ?",
                (now, session_id, owner),
            ).rowcount
            if found:
                _add(database, session_id, question, reply, now)
        return bool(found)

    def session(self, session_id: str, owner: str) -> tuple[Session, tuple[Exchange, ...]]:
        """Return an owner's session and all that was said in it. Raises SessionNotFound."""
        if not self._is_there():
            raise _unknown(session_id)
        with self._connected() as database:
            found = self._one(database, session_id, owner)
            rows = database.execute(
                "SELECT question, query, answer, status, asked FROM exchanges"
                " WHERE session_id = ? ORDER BY number",
                (session_id,),
            ).fetchall()
        return found, tuple(Exchange(*row) for row in rows)

    def history(self, session_id: str, owner: str) -> tuple[str, tuple[Turn, ...]]:
        """Return a session's collection and its last turns. Raises SessionNotFound."""
        if not self._is_there():
            raise _unknown(session_id)
        with self._connected() as database:
            found = self._one(database, session_id, owner)
            rows = database.execute(
                "SELECT question, answer, status FROM exchanges WHERE session_id = ?"
                " ORDER BY number DESC LIMIT ?",
                (session_id, MOST_TURNS // 2),
            ).fetchall()
        turns = (turn for row in reversed(rows) for turn in exchange(*row))
        return found.collection, tuple(turns)

    def sessions(self, owner: str) -> tuple[Session, ...]:
        """Return an owner's sessions, the one that was used last first."""
        if not self._is_there():
            return ()
        with self._connected() as database:
            rows = database.execute(
                f"{_SUMMARY} WHERE owner = ? AND used > ? ORDER BY used DESC, session_id",
                (owner, self._oldest()),
            ).fetchall()
        return tuple(Session(*row) for row in rows)

    def delete(self, session_id: str, owner: str) -> None:
        """Forget a session and all that was said in it, at once. Raises SessionNotFound."""
        if not self._is_there():
            raise _unknown(session_id)
        with self._writing() as database:
            self._one(database, session_id, owner)
            database.execute("DELETE FROM sessions WHERE session_id = ?", (session_id,))

    def forget_collection(self, collection: str) -> None:
        """Forget the sessions about a collection."""
        if self._is_there():
            with self._writing() as database:
                database.execute("DELETE FROM sessions WHERE collection = ?", (collection,))

    def forget_old(self) -> None:
        """Forget the sessions whose time is over."""
        if self._is_there():
            with self._writing() as database:
                self._prune(database)

    def expires(self, session: Session) -> float:
        """Return when a session is forgotten if nothing is asked in it until then."""
        return session.used + self.days * _DAY

    def _oldest(self) -> float:
        return self.clock() - self.days * _DAY

    def _prune(self, database: sqlite3.Connection) -> None:
        database.execute("DELETE FROM sessions WHERE used <= ?", (self._oldest(),))

    def _one(self, database: sqlite3.Connection, session_id: str, owner: str) -> Session:
        row = database.execute(
            f"{_SUMMARY} WHERE session_id = ? AND owner = ? AND used > ?",
            (session_id, owner, self._oldest()),
        ).fetchone()
        if row is None:
            raise _unknown(session_id)
        return Session(*row)

    # --- the file ---------------------------------------------------------------------------------

    def _is_there(self) -> bool:
        """Tell whether any session was ever kept: who only asks makes no file, and no tables."""
        path = path_of(self.data)
        with storage_errors(path, _REMEDY):
            return path.exists() and path.stat().st_size > 0

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold one transaction on the store, which is made at first use."""
        with storage_errors(path_of(self.data), _REMEDY):
            _make_file(self.data)
        with self._connected(for_writing=True) as database:
            yield database

    @contextmanager
    def _connected(self, *, for_writing: bool = False) -> Iterator[sqlite3.Connection]:
        path = path_of(self.data)
        with (
            storage_errors(path, _REMEDY),
            closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as database,
        ):
            database.execute("PRAGMA secure_delete = ON")
            database.execute("PRAGMA foreign_keys = ON")
            database.execute("BEGIN IMMEDIATE" if for_writing else "BEGIN")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > FORMAT:
                raise IndexDamaged(
                    f"{path} has format {version}, newer than this version of afterword knows "
                    f"({FORMAT}). Install the version that wrote it."
                )
            if for_writing:
                _set_up(database)
            yield database
            database.execute("COMMIT")


def path_of(data: Path) -> Path:
    """Return where the sessions of a data folder are stored."""
    return data / _FILE


def _set_up(database: sqlite3.Connection) -> None:
    for statement in _DDL:
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {FORMAT}")


def _check_room(database: sqlite3.Connection, owner: str) -> None:
    (count,) = database.execute(
        "SELECT count(*) FROM sessions WHERE owner = ?", (owner,)
    ).fetchone()
    if count >= MOST_SESSIONS:
        raise SessionsFull(
            f"{MOST_SESSIONS:,} sessions are kept already, which is as many as may be. Delete one "
            "by DELETE /v1/sessions/{session_id}, or ask with `history` and no session."
        )


def _add(
    database: sqlite3.Connection, session_id: str, question: str, reply: Reply, now: float
) -> None:
    """Add an exchange, and let the earliest go that there is no room for any more."""
    size = sum(len(text.encode()) for text in (question, reply.query, reply.answer))
    (number,) = database.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM exchanges WHERE session_id = ?", (session_id,)
    ).fetchone()
    database.execute(
        "INSERT INTO exchanges VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (session_id, number, question, reply.query, reply.answer, reply.status, now, size),
    )
    database.execute(
        "DELETE FROM exchanges WHERE session_id = ?1 AND number < ?2 AND (number <= ?2 - ?3 OR"
        " (SELECT sum(size) FROM exchanges AS later WHERE later.session_id = ?1"
        " AND later.number >= exchanges.number) > ?4)",
        (session_id, number, MOST_EXCHANGES, MOST_BYTES),
    )


def _unknown(session_id: str) -> SessionNotFound:
    return SessionNotFound(
        f"No session {session_id!r} is kept for this key. Sessions are forgotten some days after "
        "their last question; begin one by POST /v1/query with `session`: true."
    )


def _make_file(data: Path) -> None:
    """Make the file, for its owner alone: the owner of the data folder, also where root does it."""
    data.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(
            path_of(data), os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600
        )
    except FileExistsError:
        return
    try:
        if os.geteuid() == 0:
            folder = data.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
