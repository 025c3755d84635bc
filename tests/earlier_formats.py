"""Catalogs of earlier formats, made from those of today by taking away what came later."""

import sqlite3
from contextlib import closing
from pathlib import Path

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
        for statement in (*_BACK_TO_2, *(_BACK_TO_1 if number == 1 else ())):
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
