"""Catalogs of earlier formats, made from those of today by taking away what came later."""

import sqlite3
from contextlib import closing
from pathlib import Path

_CHUNKS_OF_3 = """
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    context TEXT NOT NULL,
    hash BLOB NOT NULL,
    added INTEGER NOT NULL
) STRICT
"""
_VECTORS_OF_3 = """
CREATE TABLE vectors (
    encoder INTEGER NOT NULL REFERENCES encoders (id),
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (encoder, hash)
) WITHOUT ROWID, STRICT
"""
_BACK_TO_3 = (
    "ALTER TABLE chunks ADD COLUMN hash BLOB",
    "UPDATE chunks SET hash = (SELECT hash FROM vectors WHERE id = chunks.vector)",
    "DROP INDEX chunks_by_vector",
    "ALTER TABLE chunks RENAME TO new_chunks",
    _CHUNKS_OF_3,
    "INSERT INTO chunks SELECT id, document, start, end, context, hash, added FROM new_chunks",
    "DROP TABLE new_chunks",
    "CREATE INDEX chunks_by_document ON chunks (document)",
    "CREATE INDEX chunks_by_hash ON chunks (hash)",
    "CREATE INDEX chunks_by_change ON chunks (added)",
    "ALTER TABLE vectors RENAME TO new_vectors",
    _VECTORS_OF_3,
    "INSERT INTO vectors SELECT encoder, hash, vector FROM new_vectors",
    "DROP TABLE new_vectors",
    "UPDATE meta SET value = '3' WHERE key = 'format'",
)
_BACK_TO_2 = (
    "DROP INDEX documents_listed",
    "DROP INDEX documents_by_original",
    "ALTER TABLE documents DROP COLUMN original",
    "DROP TABLE original_blocks",
    "DROP TABLE originals",
    "UPDATE meta SET value = '2' WHERE key = 'format'",
)
_BACK_TO_1 = (
    "UPDATE meta SET value = '1' WHERE key = 'format'",
    "DELETE FROM meta WHERE key = 'language'",
)


def make_earlier(folder: Path, number: int) -> None:
    """Turn the catalog in a collection's folder, which nobody has open, into one of that format."""
    with closing(sqlite3.connect(folder / "catalog.db", isolation_level=None)) as raw:
        for step in (_BACK_TO_3, _BACK_TO_2, _BACK_TO_1)[: 4 - number]:
            for statement in step:
                raw.execute(statement)


def meta(path: Path) -> dict[str, str]:
    """Return what the catalog in a file says of itself."""
    with closing(sqlite3.connect(path)) as raw:
        return dict(raw.execute("SELECT key, value FROM meta"))


def tables(path: Path) -> list[str]:
    """Return the statements that would make the catalog's tables and indexes, white space apart."""
    with closing(sqlite3.connect(path)) as raw:
        rows = raw.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return sorted(" ".join(sql.split()) for (sql,) in rows)
