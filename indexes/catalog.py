"""The catalog of one collection: its documents, chunks and vectors in one SQLite file.

Here are the file, its identity and its transactions; `document_table` and `chunk_table` have the
statements on what is in it. A change is one transaction with a number of its own; a reader's
transaction sees all changes up to some number and none of the later ones.
"""

import errno
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

import numpy as np

from indexes.backup import back_up, tell
from indexes.encoding import EncoderIdentity, Vectors
from indexes.errors import (
    CollectionBusy,
    EncoderMismatch,
    IndexDamaged,
    StorageFull,
    StorageRefused,
)
from indexes.languages import ENGLISH, Language, language_named
from indexes.schema import DDL, FORMAT, READABLE, TO_3, TO_4

_BUSY_SECONDS: Final = 60.0
_REFUSALS: Final = frozenset(
    (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR)
)
_DATABASE_REFUSALS: Final = frozenset(
    (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
)
NO_DESCRIPTORS: Final = frozenset((errno.EMFILE, errno.ENFILE))
DAMAGED: Final = (
    "restore it from a snapshot with `afterword restore`, or delete the collection and ingest again"
)
# How damage shows that SQLite itself takes for what was written.
_DAMAGE_SIGNS: Final = ("no such table", "no such column", "Could not decode to UTF-8")
_WITH_ORIGINALS: Final = 3
_PROBE_COSINE: Final = 0.98
_LOG_BYTES: Final = 64 << 20
_LOG_PAGES: Final = _LOG_BYTES // 4_096


@dataclass(frozen=True, slots=True)
class SplitterSettings:
    """How a collection's documents are cut: the splitter's name and the largest chunk in tokens."""

    chunk_tokens: int
    name: str = "semantic/1"


@dataclass(frozen=True, slots=True)
class Identity:
    """What a catalog is: `uuid` for life, `epoch` until a restore or reindex, and its models."""

    uuid: str
    epoch: str
    encoder: EncoderIdentity
    encoder_id: int
    splitter: SplitterSettings
    language: Language


@contextmanager
def storage_errors(where: Path, damaged: str = DAMAGED) -> Iterator[None]:
    """Turn SQLite's and the system's storage errors into ours, naming the file and the remedy."""
    with database_errors(where, damaged):
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise _full(where) from error
            if error.errno == errno.EIO:
                raise _broken_disk(where, error.strerror or str(error)) from error
            if error.errno in _REFUSALS:
                raise _refused(where, error.strerror or str(error)) from error
            if error.errno in NO_DESCRIPTORS:
                raise too_many_files(where) from error
            raise


@contextmanager
def database_errors(where: Path, damaged: str = DAMAGED) -> Iterator[None]:
    """Turn SQLite's errors alone into ours: for work in which other files are used as well."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if kind == sqlite3.SQLITE_FULL:
            raise _full(where) from error
        if kind == sqlite3.SQLITE_IOERR:
            raise _broken_disk(where, str(error)) from error
        if kind in _DATABASE_REFUSALS:
            raise _refused(where, str(error)) from error
        if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise CollectionBusy(
                f"{where} was held by another process for too long; "
                "run the same command again when that one has ended"
            ) from error
        if str(error).startswith(_DAMAGE_SIGNS) or kind in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        ):
            raise IndexDamaged(f"{where} is damaged ({error}); {damaged}") from error
        raise


def too_many_files(where: Path) -> StorageRefused:
    """Return the error of a file that cannot be opened because too many are."""
    return StorageRefused(
        f"{where.absolute()} cannot be opened, since this process or the system has too many files "
        "open; raise the limit (`ulimit -n`, LimitNOFILE= of a systemd unit) and run the same "
        "command again"
    )


def _refused(where: Path, why: str) -> StorageRefused:
    return StorageRefused(
        f"{where.absolute()} cannot be used: {why}; check that the folder is there and that this "
        "user may write in it (AFTERWORD_DATA names the folder of the collections)"
    )


def _broken_disk(where: Path, why: str) -> StorageRefused:
    return StorageRefused(
        f"{where.absolute()} cannot be read or written: {why}; check the disk (the system's log "
        "tells of its errors) and run the same command again: what was reported as stored is kept"
    )


def _full(where: Path) -> StorageFull:
    return StorageFull(
        f"no space is left for {where}; free some and run the same command again: "
        "what was reported as stored is kept"
    )


def create_catalog(
    path: Path,
    encoder: EncoderIdentity,
    probes: Mapping[str, Vectors],
    splitter: SplitterSettings,
    language: Language,
) -> None:
    """Write a new, empty catalog at `path`, which must not exist.

    `probes` maps the encoder's probe texts to their vectors.
    """
    with storage_errors(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            _execute_all(connection, DDL)
            encoder_id = add_encoder(connection, encoder, probes)
            set_language(connection, language)
            set_meta(connection, "uuid", uuid4().hex)
            set_meta(connection, "epoch", uuid4().hex[:12])
            set_meta(connection, "encoder", str(encoder_id))
            set_splitter(connection, splitter)
            connection.execute("COMMIT")
            # Not before: what is left in a log when the disk is full would not be in the file.
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()


def connect(path: Path, *, upgrade: bool = True) -> sqlite3.Connection:
    """Open the catalog at `path`. Raises IndexDamaged for another format or a damaged file.

    One of an earlier format is brought to that of today, and kept beside as it was; without
    `upgrade`, for who overwrites it, it stays as it is. Raises StorageFull.
    """
    with storage_errors(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("PRAGMA cache_size = -16384")
            # A page that changes again and again goes from the log to the file but once.
            connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            # After a large upload the log would else keep its size.
            connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
            found = check_format(connection, path)
            if upgrade and found < FORMAT:
                kept: list[Path] = []
                bring_up(connection, lambda found: kept.append(back_up(path, found)))
                for backup in kept:
                    tell(path, backup, found, FORMAT)
        except BaseException:
            connection.close()
            raise
    return connection


def check_format(connection: sqlite3.Connection, path: Path) -> int:
    """Return the catalog's format. Raises IndexDamaged unless this version reads it."""
    try:
        found = int(_meta(connection, "format"))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:  # no such table
            raise IndexDamaged(f"{path} is not an Afterword catalog: {error}; {DAMAGED}") from error
        raise
    if found not in READABLE:
        raise IndexDamaged(
            f"{path} has format {found}, this version reads formats up to {FORMAT}; "
            "use the version of Afterword that wrote it"
        )
    return found


def bring_up(
    connection: sqlite3.Connection, before: Callable[[int], None] = lambda _found: None
) -> None:
    """Give a catalog of an earlier format what it lacks, in one transaction.

    `before` is called with the format that was found, while nobody else can write.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        found = int(_meta(connection, "format"))
        if found < FORMAT:  # another process may have done it meanwhile
            before(found)
            _bring_up(connection, found)
            set_meta(connection, "format", str(FORMAT))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _bring_up(connection: sqlite3.Connection, found: int) -> None:
    if found < _WITH_ORIGINALS:
        _execute_all(connection, TO_3)
    try:
        _execute_all(connection, TO_4)
    except sqlite3.IntegrityError as error:
        raise IndexDamaged(
            "the catalog has chunks without a vector, so that it cannot be brought to format "
            f"{FORMAT}; restore it with `afterword restore`, or delete the collection and ingest "
            "its folders again"
        ) from error


def _execute_all(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        connection.execute(statement)


def _meta(connection: sqlite3.Connection, key: str) -> str:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if row is None:
        raise IndexDamaged(f"the catalog lacks its {key}; restore it with `afterword restore`")
    return str(row[0])


def set_meta(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Store one fact about the catalog."""
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def set_splitter(connection: sqlite3.Connection, splitter: SplitterSettings) -> None:
    """Store how documents are cut from now on."""
    value = json.dumps({"name": splitter.name, "chunk_tokens": splitter.chunk_tokens})
    set_meta(connection, "splitter", value)


def set_language(connection: sqlite3.Connection, language: Language) -> None:
    """Store the language by which words are told from now on, in the format that knows of it."""
    set_meta(connection, "format", str(FORMAT))
    set_meta(connection, "language", language)


def _language(connection: sqlite3.Connection) -> Language:
    """Return the collection's language: English where its format knows of none."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'language'").fetchone()
    found = language_named(row[0]) if row else ENGLISH
    if found is None:
        raise IndexDamaged(
            f"the catalog has a language that is not known, {row[0]!r}; "
            "use the version of Afterword that wrote it"
        )
    return found


def renew_epoch(connection: sqlite3.Connection) -> None:
    """Make every view of the catalog stale, so that each is built anew."""
    set_meta(connection, "epoch", uuid4().hex[:12])


def identity(connection: sqlite3.Connection) -> Identity:
    """Return what the catalog is."""
    encoder_id = int(_meta(connection, "encoder"))
    row = connection.execute(
        "SELECT name, sha256, dimension, max_tokens FROM encoders WHERE id = ?", (encoder_id,)
    ).fetchone()
    if row is None:
        raise IndexDamaged("the catalog lacks its encoder; restore it with `afterword restore`")
    splitter = json.loads(_meta(connection, "splitter"))
    return Identity(
        uuid=_meta(connection, "uuid"),
        epoch=_meta(connection, "epoch"),
        encoder=EncoderIdentity(*row),
        encoder_id=encoder_id,
        splitter=SplitterSettings(splitter["chunk_tokens"], splitter["name"]),
        language=_language(connection),
    )


def epoch(connection: sqlite3.Connection) -> str:
    """Return the catalog's epoch, which a restore or reindex renews."""
    return _meta(connection, "epoch")


def note_erased(connection: sqlite3.Connection, number: int) -> None:
    """Note that change `number` erased words: views and log are yet to be rid of them."""
    set_meta(connection, "erased", str(number))
    set_meta(connection, "log_unscrubbed", "1")


def last_erased(connection: sqlite3.Connection) -> int:
    """Return the number of the last change that erased words (0 for none)."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'erased'").fetchone()
    return int(row[0]) if row else 0


def note_loose(connection: sqlite3.Connection, *, loose: bool) -> None:
    """Note whether there may be vectors that no chunk uses."""
    if loose:
        set_meta(connection, "loose", "1")
    else:
        connection.execute("DELETE FROM meta WHERE key = 'loose'")


def has_loose(connection: sqlite3.Connection) -> bool:
    """Tell whether there may be vectors that no chunk uses."""
    row = connection.execute("SELECT 1 FROM meta WHERE key = 'loose'").fetchone()
    return row is not None


def scrub_log(connection: sqlite3.Connection, seconds: float = 0.0) -> None:
    """Empty the write-ahead log where it may hold erased words.

    A reading that is open is waited for up to `seconds`, and then leaves this for a later call.
    """
    flag = "FROM meta WHERE key = 'log_unscrubbed'"
    if connection.execute(f"SELECT 1 {flag}").fetchone() is None:
        return
    connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
    try:
        (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            connection.execute(f"DELETE {flag}")
    except sqlite3.OperationalError:  # a disk that is full, or a writer in the way
        return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000:.0f}")


def restart_log(connection: sqlite3.Connection) -> None:
    """Move the write-ahead log to the file, so that it begins anew, unless a reading is open."""
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.OperationalError):  # a disk that is full: the log serves as well
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000:.0f}")


def set_source_root(connection: sqlite3.Connection, source: str, root: str) -> None:
    """Note the folder that a source is read from."""
    connection.execute("INSERT OR REPLACE INTO sources VALUES (?, ?)", (source, root))


def source_roots(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the folder of each source that is read from one."""
    return dict(connection.execute("SELECT name, root FROM sources ORDER BY name"))


def marks(connection: sqlite3.Connection, source: str) -> dict[str, str]:
    """Return the marks of a source's files of records, by file uri."""
    return dict(connection.execute("SELECT uri, mark FROM marks WHERE source = ?", (source,)))


def set_mark(connection: sqlite3.Connection, source: str, uri: str, mark: str | None) -> None:
    """Note that a file of records was stored to its end, or forget it."""
    if mark is None:
        connection.execute("DELETE FROM marks WHERE source = ? AND uri = ?", (source, uri))
    else:
        connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (source, uri, mark))


def add_encoder(
    connection: sqlite3.Connection, encoder: EncoderIdentity, probes: Mapping[str, Vectors]
) -> int:
    """Store an encoder's identity and probe vectors if they are new; return its id."""
    connection.execute(
        "INSERT OR IGNORE INTO encoders (name, sha256, dimension, max_tokens) VALUES (?, ?, ?, ?)",
        (encoder.name, encoder.sha256, encoder.dimension, encoder.max_tokens),
    )
    row = connection.execute(
        "SELECT id FROM encoders WHERE name = ? AND sha256 = ?", (encoder.name, encoder.sha256)
    ).fetchone()
    encoder_id = int(row[0])
    connection.executemany(
        "INSERT OR IGNORE INTO probes VALUES (?, ?, ?, ?)",
        [
            (encoder_id, position, text, vector.astype(np.float16).tobytes())
            for position, (text, vector) in enumerate(probes.items())
        ],
    )
    return encoder_id


def stored_probes(connection: sqlite3.Connection) -> dict[str, Vectors]:
    """Return the probe texts of the catalog's encoder with the vectors it gave them."""
    rows = connection.execute(
        "SELECT text, vector FROM probes WHERE encoder = ? ORDER BY position",
        (int(_meta(connection, "encoder")),),
    )
    return {text: np.frombuffer(vector, np.float16).astype(np.float32) for text, vector in rows}


def check_probes(name: str, stored: Mapping[str, Vectors], given: Vectors) -> None:
    """Raise EncoderMismatch if a probe's vector is not within cosine .98 of the stored one.

    `given` has shape (len(stored), dimension), unit length, in the order of `stored`.
    """
    expected = np.stack(list(stored.values()))
    if given.shape == expected.shape:
        lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(given, axis=1)
        least = float(np.min(np.sum(expected * given, axis=1) / lengths))
        if least >= _PROBE_COSINE:
            return
    raise EncoderMismatch(
        f"the encoder {name} gives other vectors than those stored in this collection; "
        "put the original model back, or run `afterword reindex`"
    )


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[int]:
    """Hold one read transaction; yields the number of the last change that it sees."""
    connection.execute("BEGIN")
    try:
        yield last_change(connection)
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def changing(connection: sqlite3.Connection, kind: str, where: Path) -> Iterator[int]:
    """Hold one write transaction that commits as one numbered change; yields the number."""
    with storage_errors(where):
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            cursor = connection.execute("INSERT INTO changes (at, kind) VALUES (?, ?)", (now, kind))
            yield int(cursor.lastrowid or 0)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def last_change(connection: sqlite3.Connection) -> int:
    """Return the number of the last change (0 for none)."""
    return int(connection.execute("SELECT ifnull(max(number), 0) FROM changes").fetchone()[0])
