"""The files that documents came from: noted, kept in blocks if they were uploaded, found again."""

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final

from indexes.documents import HANDED_IN, UPLOADS, Document, Original, file_uri
from indexes.schema import BLOCK_BYTES
from indexes.urls import is_url, parse_url

# What `ingest.names.stored_name` writes for a byte that is no UTF-8, and for such an escape itself.
_ESCAPED: Final = re.compile(rb"\\x(5c|[89a-f][0-9a-f])")
_FACTS: Final = "media_type, sha256, size, modified"


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """A document's original as the catalog knows it; `size` in bytes, `modified` in ns.

    `path` is where it lies, or lay when it was read, None for an upload; `row` is the key of its
    blocks, None for a file in a folder. One of the two is set.
    """

    uri: str
    filename: str
    media_type: str
    sha256: str
    size: int
    modified: int
    path: Path | None
    row: int | None

    @property
    def is_there(self) -> bool:
        """Whether it can be had, as far as a look tells: a file has its size and time still."""
        if self.path is None:
            return True
        try:
            found = self.path.stat()
        except (OSError, ValueError):
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.modified)


def store_original(connection: sqlite3.Connection, original: Original) -> int:
    """Note a file, with its bytes where they are to be kept; return its row.

    Documents of an earlier state of the file are of this one from now on.
    """
    facts = (original.media_type, original.sha256, original.size, original.modified)
    key = (original.source, original.uri)
    held = connection.execute(
        f"SELECT row, {_FACTS} FROM originals WHERE source = ? AND uri = ?", key
    ).fetchall()
    for row, *known in held:
        if tuple(known) == facts:
            return int(row)
    cursor = connection.execute(
        f"INSERT INTO originals (source, uri, {_FACTS}) VALUES (?, ?, ?, ?, ?, ?)", (*key, *facts)
    )
    new = int(cursor.lastrowid or 0)
    if original.path is not None:
        with original.path.open("rb") as file:
            connection.executemany(
                "INSERT INTO original_blocks VALUES (?, ?, ?)",
                ((new, start, block) for start, block in _blocks(file)),
            )
    for row, *_ in held:
        connection.execute("UPDATE documents SET original = ? WHERE original = ?", (new, row))
        drop_originals(connection, [row])
    return new


def _blocks(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    start = 0
    while block := file.read(BLOCK_BYTES):
        yield start, block
        start += len(block)


def link_documents(
    connection: sqlite3.Connection, original: Original, document_ids: Iterable[str]
) -> None:
    """Note a file as the original of documents."""
    row = store_original(connection, original)
    connection.executemany(
        "UPDATE documents SET original = ? WHERE document_id = ?",
        ((row, document_id) for document_id in document_ids),
    )


def linked_documents(connection: sqlite3.Connection, original: Original) -> set[str]:
    """Return the ids of the documents that have this very file as their original."""
    rows = connection.execute(
        "SELECT document_id FROM documents JOIN originals ON originals.row = documents.original "
        "WHERE originals.source = ? AND originals.uri = ? AND originals.sha256 = ? "
        "AND originals.modified = ?",
        (original.source, original.uri, original.sha256, original.modified),
    )
    return {document_id for (document_id,) in rows}


def is_noted(connection: sqlite3.Connection, source: str, uri: str) -> bool:
    """Tell whether anything is noted of a file, in whatever state."""
    found = connection.execute(
        "SELECT 1 FROM originals WHERE source = ? AND uri = ?", (source, uri)
    ).fetchone()
    return found is not None


def forget_original(connection: sqlite3.Connection, source: str, uri: str) -> None:
    """Erase the bytes that are kept of a file, whatever documents came from it."""
    rows = connection.execute(
        "SELECT row FROM originals WHERE source = ? AND uri = ?", (source, uri)
    ).fetchall()
    _unlink(connection, [row for (row,) in rows])


def forget_uploads_of(connection: sqlite3.Connection, document_ids: Iterable[str]) -> None:
    """Erase the uploads that documents came from: what is in them is to be in no file any more."""
    for document_id in document_ids:
        rows = connection.execute(
            "SELECT originals.row FROM documents JOIN originals "
            "ON originals.row = documents.original "
            "WHERE document_id = ? AND originals.source IN (?, ?)",
            (document_id, *HANDED_IN),
        ).fetchall()
        _unlink(connection, [row for (row,) in rows])


def _unlink(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    for row in rows:
        connection.execute("UPDATE documents SET original = NULL WHERE original = ?", (row,))
        drop_originals(connection, [row])


def drop_originals(connection: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Erase those of these originals that no document came from."""
    connection.executemany(
        "DELETE FROM originals WHERE row = ?1 "
        "AND NOT EXISTS (SELECT 1 FROM documents WHERE original = ?1)",
        ((row,) for row in rows),
    )


def original_of(connection: sqlite3.Connection, document: Document) -> StoredOriginal | None:
    """Return the file that a document came from, or None where it is not known."""
    found = connection.execute(
        f"SELECT row, uri, {_FACTS} FROM originals WHERE row = "
        "(SELECT original FROM documents WHERE document_id = ?)",
        (document.document_id,),
    ).fetchone()
    file = file_uri(document)
    if found is None:
        if document.source in HANDED_IN or file != document.uri:
            return None
        uri, facts = file, _own_facts(document)
        row = None
    else:
        row, uri, *rest = found
        facts = tuple(rest)
    if document.source in HANDED_IN:
        return StoredOriginal(uri, _handed_in_name(file), *facts, path=None, row=row)
    path = _path(connection, document.source, uri)
    if path is None:
        return None
    return StoredOriginal(uri, PurePosixPath(uri).name, *facts, path=path, row=None)


def _handed_in_name(uri: str) -> str:
    return parse_url(uri).file_name if is_url(uri) else uri.removeprefix(UPLOADS)


def _own_facts(document: Document) -> tuple[str, str, int, int]:
    return document.media_type, document.content_sha256, document.size, document.modified


def _path(connection: sqlite3.Connection, source: str, uri: str) -> Path | None:
    """Return where a file of a folder lies, or None where its folder is not known."""
    root = connection.execute("SELECT root FROM sources WHERE name = ?", (source,)).fetchone()
    if root is None:
        return None
    return path_named(root[0]) / path_named(uri.removeprefix(f"{source}/"))


def path_named(stored: str) -> Path:
    """Return the path that was stored as this text, see `ingest.names.stored_name`."""
    name = _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), stored.encode())
    return Path(os.fsdecode(name))


def read_block(connection: sqlite3.Connection, row: int, place: int) -> bytes:
    """Return the bytes of a kept original from `place` to the end of the block that it lies in.

    Empty behind the last one, and where the original was erased.
    """
    found = connection.execute(
        "SELECT start, bytes FROM original_blocks WHERE original = ? AND start <= ? "
        "ORDER BY start DESC LIMIT 1",
        (row, place),
    ).fetchone()
    return b"" if found is None else found[1][place - found[0] :]
