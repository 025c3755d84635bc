"""Documents in the catalog: put, found, listed, removed."""

import json
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from unicodedata import normalize

from indexes.chunk_table import (
    compact,
    drop_chunks,
    drop_unused_vectors,
    insert_chunks,
    store_vectors,
    stored_blocks,
    stored_vectors,
    text_of,
)
from indexes.documents import (
    UPLOADS,
    WEB,
    Counts,
    Document,
    Extract,
    Finding,
    Heading,
    Metadata,
    Original,
    Page,
    Prepared,
    Recut,
    Span,
    Table,
    part_prefix,
)
from indexes.errors import DocumentNotFound, VectorsGone
from indexes.originals import drop_originals, store_original
from indexes.schema import BLOCK_CHARACTERS
from indexes.urls import is_url

_DOCUMENT_COLUMNS: Final = (
    "document_id, uri, source, title, media_type, content_sha256, text_sha256, size, modified, "
    "reader, as_of, as_of_source, metadata, findings, pages, characters, chunk_count"
)
_SEARCHED_AT_ONCE: Final = 500


def find_document(connection: sqlite3.Connection, document_id: str) -> Document | None:
    """Return the document of that id, or None."""
    row = connection.execute(
        f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE document_id = ?",
        (document_id,),
    ).fetchone()
    return None if row is None else _document(row)


def named_document(connection: sqlite3.Connection, name: str) -> Document | None:
    """Return the document of that id, else the one of that uri, or None."""
    found = find_document(connection, name)
    if found is not None:
        return found
    source = UPLOADS if name.startswith(UPLOADS) else name.partition("/")[0]
    source = WEB if is_url(name) else source
    row = connection.execute(
        f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE source = ? AND uri = ?", (source, name)
    ).fetchone()
    return None if row is None else _document(row)


def documents_of_source(connection: sqlite3.Connection, source: str) -> dict[str, Document]:
    """Return the documents of one source by uri."""
    rows = connection.execute(
        f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE source = ? ORDER BY uri",
        (source,),
    )
    return {document.uri: document for document in map(_document, rows)}


def documents_of_file(connection: sqlite3.Connection, source: str, uri: str) -> list[Document]:
    """Return the document with this uri and those that are records of it (`uri#id`)."""
    rows = connection.execute(
        f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE source = ? AND (uri = ? OR "
        "(uri > ? AND uri < ?)) ORDER BY uri",
        (source, uri, f"{uri}#", f"{uri}$"),
    )
    return [_document(row) for row in rows]


def parts_of(connection: sqlite3.Connection, document: Document) -> list[str]:
    """Return the ids of the documents that are parts of this one's file, like attachments."""
    prefix = part_prefix(document.uri)
    held = documents_of_file(connection, document.source, document.uri)
    return [one.document_id for one in held if one.document_id.startswith(prefix)]


def list_documents(connection: sqlite3.Connection, limit: int, after: str | None) -> list[Document]:
    """Return up to `limit` documents in the order of their ids, those past `after`."""
    rows = connection.execute(
        f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE document_id > ? "
        "ORDER BY document_id LIMIT ?",
        (after or "", limit),
    )
    return [_document(row) for row in rows]


def named_like(
    connection: sqlite3.Connection, words: Sequence[str], limit: int, after: str | None
) -> list[Document]:
    """Return up to `limit` documents past `after` whose title or uri has each of the words.

    `words` are in folded form. SQLite folds ASCII letters alone, so it is not asked to compare.
    """
    rows = connection.execute(
        "SELECT document_id, title || char(10) || uri FROM documents WHERE document_id > ? "
        "ORDER BY document_id",
        (after or "",),
    )
    found: list[str] = []
    while len(found) < limit and (batch := rows.fetchmany(_SEARCHED_AT_ONCE)):
        # Most have none of the words that somebody looks for, which is told of many at once.
        if _has_all(folded("\n".join(name for _, name in batch)), words):
            found += [key for key, name in batch if _has_all(folded(name), words)]
    documents = (find_document(connection, key) for key in found[:limit])
    return [document for document in documents if document is not None]


def folded(text: str) -> str:
    """Return text in a form in which capital and small letters, of any script, are equal."""
    return text.lower() if text.isascii() else normalize("NFC", normalize("NFC", text).casefold())


def _has_all(text: str, words: Sequence[str]) -> bool:
    return all(word in text for word in words)


def media_types(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Return the media types with the number of their documents, the most frequent first."""
    return connection.execute(
        "SELECT media_type, count(*) FROM documents GROUP BY media_type ORDER BY 2 DESC, 1"
    ).fetchall()


def counts(connection: sqlite3.Connection) -> Counts:
    """Return how much the catalog holds."""
    row = connection.execute("SELECT count(*), ifnull(sum(chunk_count), 0) FROM documents")
    return Counts(*row.fetchone())


def document_text(
    connection: sqlite3.Connection, document_id: str, start: int = 0, end: int | None = None
) -> str:
    """Return code points `[start, end)` of a document's stored text.

    Raises DocumentNotFound. Ends past the text are cut to it.
    """
    row = connection.execute(
        "SELECT row, characters FROM documents WHERE document_id = ?", (document_id,)
    ).fetchone()
    if row is None:
        raise DocumentNotFound(f"no document has the id {document_id!r}")
    stop = row[1] if end is None else min(end, row[1])
    return text_of(stored_blocks(connection), row[0], Span(start, max(start, stop)))


def document_extract(connection: sqlite3.Connection, document_id: str) -> Extract:
    """Return a document as its reader gave it, for cutting it anew. Raises DocumentNotFound."""
    document = find_document(connection, document_id)
    if document is None:
        raise DocumentNotFound(f"no document has the id {document_id!r}")
    row = connection.execute(
        "SELECT structure FROM documents WHERE document_id = ?", (document_id,)
    ).fetchone()
    structure = json.loads(row[0])
    return Extract(
        text=document_text(connection, document_id),
        media_type=document.media_type,
        title=document.title,
        pages=document.pages,
        headings=tuple(Heading(level, Span(s, e)) for level, s, e in structure["headings"]),
        tables=tuple(
            Table(Span(*header), tuple(Span(*row) for row in rows))
            for header, rows in structure["tables"]
        ),
        as_of=document.as_of,
        as_of_source=document.as_of_source,
        metadata=document.metadata,
        findings=document.findings,
    )


def put_documents(
    connection: sqlite3.Connection, items: Sequence[Prepared], encoder_id: int, number: int
) -> None:
    """Add each document, or put it in the place of the one with its id or its uri.

    Raises VectorsGone where a chunk's vector is neither given nor stored.
    """
    hashes: list[bytes] = []
    left: set[int] = set()
    files: dict[Original, int] = {}
    for item in items:
        store_vectors(connection, encoder_id, item.vectors)
        for row in _same_document(connection, item.document):
            left |= _original(connection, row)
            hashes += _drop(connection, row, number)
        row = _insert(connection, item, encoder_id, number)
        if (file := item.original) is not None:
            if file not in files:
                files[file] = store_original(connection, file)
            connection.execute(
                "UPDATE documents SET original = ? WHERE row = ?", (files[file], row)
            )
    # Only now: text that moved from one document to another keeps its vector, and a file that is
    # stored again its bytes.
    drop_unused_vectors(connection, hashes)
    drop_originals(connection, left)


def _original(connection: sqlite3.Connection, row: int) -> set[int]:
    """Return the row of a document's original, if it has one of its own."""
    found = connection.execute("SELECT original FROM documents WHERE row = ?", (row,)).fetchone()
    return {found[0]} - {None}


class Outdated(Exception):
    """The documents are not those that the new chunks were made from; never reaches a user."""


def replace_chunks(
    connection: sqlite3.Connection, encoder_id: int, recut: Mapping[str, Recut], number: int
) -> None:
    """Put new chunks in the place of every document's. Raises Outdated, see there."""
    rows = connection.execute("SELECT row, document_id, text_sha256 FROM documents").fetchall()
    for row, document_id, text_sha256 in rows:
        new = recut.get(document_id)
        if new is None or new.text_sha256 != text_sha256:
            raise Outdated
        vectors = stored_vectors(connection, encoder_id, new.hashes)
        if not vectors.keys() >= set(new.hashes):
            raise Outdated
        drop_chunks(connection, row, number)
        insert_chunks(connection, row, new.chunks, [vectors[h] for h in new.hashes], number)


def _same_document(connection: sqlite3.Connection, document: Document) -> list[int]:
    rows = connection.execute(
        "SELECT row FROM documents WHERE document_id = ? OR (source = ? AND uri = ?)",
        (document.document_id, document.source, document.uri),
    )
    return [row[0] for row in rows]


def _insert(connection: sqlite3.Connection, item: Prepared, encoder_id: int, number: int) -> int:
    """Add a document and return its row. Raises VectorsGone."""
    document = item.document
    structure = {
        "headings": [[h.level, h.span.start, h.span.end] for h in item.headings],
        "tables": [
            [[t.header.start, t.header.end], [[r.start, r.end] for r in t.rows]]
            for t in item.tables
        ],
    }
    cursor = connection.execute(
        f"INSERT INTO documents ({_DOCUMENT_COLUMNS}, structure, first_chunk, changed) "
        f"VALUES ({','.join('?' * 20)})",
        (
            *_document_values(document),
            len(item.text),
            len(item.chunks),
            compact(structure),
            0,
            number,
        ),
    )
    row = int(cursor.lastrowid or 0)
    connection.executemany(
        "INSERT INTO blocks VALUES (?, ?, ?)",
        (
            (row, start, item.text[start : start + BLOCK_CHARACTERS])
            for start in range(0, len(item.text), BLOCK_CHARACTERS)
        ),
    )
    vectors = stored_vectors(connection, encoder_id, item.hashes)
    lacking = sum(key not in vectors for key in item.hashes)
    if lacking:
        raise VectorsGone(f"{document.uri}: {lacking} of its chunks have no vector; encode them")
    insert_chunks(connection, row, item.chunks, [vectors[h] for h in item.hashes], number)
    return row


def _document_values(document: Document) -> tuple[object, ...]:
    return (
        document.document_id,
        document.uri,
        document.source,
        document.title,
        document.media_type,
        document.content_sha256,
        document.text_sha256,
        document.size,
        document.modified,
        document.reader,
        document.as_of,
        document.as_of_source,
        compact(dict(document.metadata)),
        compact([[f.code, f.message, list(f.pages)] for f in document.findings]),
        compact([[p.number, p.span.start, p.span.end] for p in document.pages]),
    )


def update_facts(connection: sqlite3.Connection, document: Document, number: int) -> None:
    """Store a document's size, times, dates and metadata; its text and chunks stay."""
    connection.execute(
        "UPDATE documents SET size = ?, modified = ?, content_sha256 = ?, reader = ?, as_of = ?, "
        "as_of_source = ?, metadata = ?, changed = ? WHERE document_id = ?",
        (
            document.size,
            document.modified,
            document.content_sha256,
            document.reader,
            document.as_of,
            document.as_of_source,
            compact(dict(document.metadata)),
            number,
            document.document_id,
        ),
    )


def remove_documents(
    connection: sqlite3.Connection, document_ids: Iterable[str], number: int
) -> int:
    """Erase documents with their text, chunks and vectors; return how many were there."""
    gone = 0
    for document_id in document_ids:
        row = connection.execute(
            "SELECT row FROM documents WHERE document_id = ?", (document_id,)
        ).fetchone()
        if row is not None:
            left = _original(connection, row[0])
            drop_unused_vectors(connection, _drop(connection, row[0], number))
            drop_originals(connection, left)
            gone += 1
    return gone


def _drop(connection: sqlite3.Connection, row: int, number: int) -> list[bytes]:
    hashes = drop_chunks(connection, row, number)
    connection.execute("DELETE FROM documents WHERE row = ?", (row,))
    return hashes


def _document(row: Sequence[object]) -> Document:
    values = list(row)
    metadata: Metadata = json.loads(str(values[12]))
    findings = tuple(Finding(c, m, tuple(p)) for c, m, p in json.loads(str(values[13])))
    pages = tuple(Page(n, Span(s, e)) for n, s, e in json.loads(str(values[14])))
    values[12:15] = [metadata, findings, pages]
    for place in (2, 4, 9):  # source, media type and reader are the same for many
        values[place] = sys.intern(str(values[place]))
    return Document(*values)  # type: ignore[arg-type]  # the columns have the fields' types (STRICT)
