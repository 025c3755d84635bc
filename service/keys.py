"""The store of API keys: `keys.db` in the data folder, for its owner's eyes alone.

A key is `aw_ID_SECRET`. The id is shown in lists and logs; of the whole only a SHA-256 is stored.
That is enough, for the secret is 32 random bytes: there is nothing to guess that a slow hash could
make slower. Every call may raise StorageFull, StorageRefused, IndexDamaged and CollectionBusy.
"""

import hashlib
import json
import os
import re
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from indexes.catalog import storage_errors
from indexes.errors import IndexDamaged, KeyNotFound
from indexes.settings import Settings

Scope = Literal["read", "write", "admin"]
# Each scope has those before it as well.
SCOPES: Final[tuple[Scope, ...]] = ("read", "write", "admin")

# Format history:
#   1  first format
FORMAT: Final = 1
_FILE: Final = "keys.db"
_SECRET_BYTES: Final = 32
_KEY: Final = re.compile(r"aw_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_BUSY_SECONDS: Final = 5.0
_REMEDY: Final = "move it away, and make new keys by `afterword keys create`"
_DDL: Final = """
CREATE TABLE IF NOT EXISTS keys (
    key_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    collections TEXT,
    rate INTEGER,
    created REAL NOT NULL,
    expires REAL,
    last_used REAL,
    revoked REAL
) STRICT
"""
_COLUMNS: Final = (
    "key_id, name, digest, scope, collections, rate, created, expires, last_used, revoked"
)


_Row = tuple[
    str,
    str,
    bytes,
    Scope,
    str | None,
    int | None,
    float,
    float | None,
    float | None,
    float | None,
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key to be made; moments are seconds since 1970.

    `collections` is None for all collections, `rate` (requests a minute, 0 for no limit) for the
    setting's.
    """

    name: str
    scope: Scope
    collections: frozenset[str] | None = None
    expires: float | None = None
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it is stored; moments are seconds since 1970, `last_used` is right to an hour."""

    key_id: str
    name: str
    scope: Scope
    collections: frozenset[str] | None
    rate: int | None
    created: float
    expires: float | None
    last_used: float | None
    revoked: float | None
    digest: bytes = field(repr=False)

    def is_good(self, now: float) -> bool:
        """Tell whether the key opens anything at that moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)


def path_of(data: Path) -> Path:
    """Return where the keys of a data folder are stored."""
    return data / _FILE


def digest_of(given: str) -> bytes:
    """Return the SHA-256 of a key as a client sends it."""
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest()


def id_of(given: str) -> str | None:
    """Return the id of what has the form of a key, else None."""
    parts = _KEY.fullmatch(given)
    return parts[1] if parts else None


def create(data: Path, wanted: Wanted) -> tuple[Key, str]:
    """Store a new key; return it with what a client sends, which is told nowhere else."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    collections = None if wanted.collections is None else json.dumps(sorted(wanted.collections))
    with _writing(data) as database:
        key_id = _free_id(database)
        given = f"aw_{key_id}_{secret}"
        database.execute(
            f"INSERT INTO keys ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
            (
                key_id,
                wanted.name,
                digest_of(given),
                wanted.scope,
                collections,
                wanted.rate,
                time.time(),
                wanted.expires,
            ),
        )
        made = _one(database, key_id)
    return made, given


def stored_keys(data: Path) -> list[Key]:
    """Return all keys in the order they were made, revoked and expired ones too."""
    if not path_of(data).exists():
        return []
    with _connected(data) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:  # whoever makes the first key has not come further
            return []
        return [
            _key(row) for row in database.execute(f"SELECT {_COLUMNS} FROM keys ORDER BY rowid")
        ]


def has_key(settings: Settings) -> bool:
    """Tell whether there is a key, that of the settings or a stored one, that opens anything."""
    if settings.api_key is not None:
        return True
    now = time.time()
    return any(key.is_good(now) for key in stored_keys(settings.data))


def revoke(data: Path, key_id: str) -> Key:
    """Let a key open nothing any more, for good. Raises KeyNotFound."""
    if not path_of(data).exists():
        raise _unknown(key_id)
    with _writing(data) as database:
        database.execute(
            "UPDATE keys SET revoked = ? WHERE key_id = ? AND revoked IS NULL",
            (time.time(), key_id),
        )
        return _one(database, key_id)


def note_used(data: Path, used: Mapping[str, float]) -> None:
    """Note when keys, by their ids, were used."""
    with _writing(data) as database:
        database.executemany(
            "UPDATE keys SET last_used = ? WHERE key_id = ?",
            [(moment, key_id) for key_id, moment in used.items()],
        )


def _free_id(database: sqlite3.Connection) -> str:
    """Return an id that no key has; of 32 bits two may be alike one day."""
    while True:
        key_id = secrets.token_hex(4)
        if database.execute("SELECT 1 FROM keys WHERE key_id = ?", (key_id,)).fetchone() is None:
            return key_id


def _one(database: sqlite3.Connection, key_id: str) -> Key:
    row = database.execute(f"SELECT {_COLUMNS} FROM keys WHERE key_id = ?", (key_id,)).fetchone()
    if row is None:
        raise _unknown(key_id)
    return _key(row)


def _key(row: _Row) -> Key:
    key_id, name, digest, scope, collections, rate, created, expires, last_used, revoked = row
    return Key(
        key_id=key_id,
        name=name,
        scope=scope,
        collections=None if collections is None else frozenset(json.loads(collections)),
        rate=rate,
        created=created,
        expires=expires,
        last_used=last_used,
        revoked=revoked,
        digest=digest,
    )


def _unknown(key_id: str) -> KeyNotFound:
    return KeyNotFound(
        f"No key has the id {key_id!r}; `afterword keys list` shows those there are."
    )


@contextmanager
def _writing(data: Path) -> Iterator[sqlite3.Connection]:
    """Hold one transaction on the store, which is made at first use."""
    with storage_errors(path_of(data), _REMEDY):
        _make_file(data)
    with _connected(data) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(_DDL)
        database.execute(f"PRAGMA user_version = {FORMAT}")
        yield database
        database.execute("COMMIT")


@contextmanager
def _connected(data: Path) -> Iterator[sqlite3.Connection]:
    path = path_of(data)
    with (
        storage_errors(path, _REMEDY),
        closing(sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)) as database,
    ):
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version > FORMAT:
            raise IndexDamaged(
                f"{path} has format {version}, newer than this version of afterword knows "
                f"({FORMAT}). Install the version that wrote it."
            )
        yield database


def _make_file(data: Path) -> None:
    """Make the file, for its owner alone: the owner of the data folder, also where root does it."""
    data.mkdir(parents=True, exist_ok=True)
    path = path_of(data)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        if os.geteuid() == 0:
            folder = data.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)
