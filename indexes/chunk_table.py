"""Chunks, their text and their vectors in the catalog, and what the views are made from."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from indexes.catalog import Identity
from indexes.documents import (
    Chunk,
    Page,
    Span,
    StoredChunk,
)
from indexes.encoding import Vectors
from indexes.filters import Where
from indexes.hits import Ids
from indexes.languages import Language
from indexes.schema import BLOCK_CHARACTERS

_MANY: Final = 500
_SEED: Final = 21
# The chunks of a document come one after another, and many lie in one block.
_BLOCKS_KEPT: Final = 8

Blocks = Callable[[int, int], str]
"""Returns the block of a document's text, by its row, that begins at an offset."""


def insert_chunks(
    connection: sqlite3.Connection,
    document: int,
    chunks: Sequence[Chunk],
    vectors: Sequence[int],
    number: int,
) -> None:
    """Store a document's chunks, each with the id of its vector.

    Their own ids are consecutive and were never used before.
    """
    connection.executemany(
        "INSERT INTO chunks (document, start, end, context, vector, added) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            (document, c.span.start, c.span.end, _context(c), vector, number)
            for c, vector in zip(chunks, vectors, strict=True)
        ),
    )
    connection.execute(
        "UPDATE documents SET chunk_count = ?, first_chunk = "
        "(SELECT ifnull(min(id), 0) FROM chunks WHERE document = ?) WHERE row = ?",
        (len(chunks), document, document),
    )


def drop_chunks(connection: sqlite3.Connection, row: int, number: int) -> list[bytes]:
    """Erase a document's chunks, note their ids for the views, and return their texts' hashes."""
    first, last = connection.execute(
        "SELECT min(id), max(id) FROM chunks WHERE document = ?", (row,)
    ).fetchone()
    if first is None:
        return []
    rows = connection.execute(
        "SELECT DISTINCT hash FROM chunks CROSS JOIN vectors ON vectors.id = chunks.vector "
        "WHERE document = ?",
        (row,),
    )
    hashes = [r[0] for r in rows]
    connection.execute("INSERT INTO removed VALUES (?, ?, ?)", (first, last, number))
    connection.execute("DELETE FROM chunks WHERE document = ?", (row,))
    return hashes


def read_chunks(
    connection: sqlite3.Connection, ids: Sequence[int], language: Language
) -> list[StoredChunk]:
    """Return the chunks with these ids, in this order; ids that are gone are left out.

    `language` is the collection's.
    """
    found: dict[int, StoredChunk] = {}
    blocks = stored_blocks(connection)
    for group in _groups(list(ids)):
        rows = connection.execute(
            "SELECT chunks.id, chunks.document, start, end, context, document_id, uri, title, "
            "media_type, as_of, text_sha256, pages FROM chunks "
            "JOIN documents ON documents.row = chunks.document "
            f"WHERE chunks.id IN ({_marks(group)})",
            group,
        ).fetchall()
        pages: dict[int, list[Page]] = {}
        for row in rows:
            if row[1] not in pages:
                pages[row[1]] = [Page(n, Span(s, e)) for n, s, e in json.loads(row[11])]
            found[row[0]] = _stored_chunk(blocks, row, pages[row[1]], language)
    return [found[chunk_id] for chunk_id in ids if chunk_id in found]


def chunk_ranges(connection: sqlite3.Connection, where: Where) -> list[Span]:
    """Return the id ranges `[start, end)` of the chunks of the documents that match, ascending."""
    rows = connection.execute(
        "SELECT first_chunk, chunk_count FROM documents "
        f"WHERE chunk_count > 0 AND {where.sql} ORDER BY first_chunk",
        where.parameters,
    )
    ranges: list[Span] = []
    for first, count in rows:
        # Documents that were stored one after another are one range.
        start = ranges.pop().start if ranges and ranges[-1].end == first else first
        ranges.append(Span(start, first + count))
    return ranges


def document_ranges(
    connection: sqlite3.Connection, where: Where | None, document_ids: Sequence[str] = ()
) -> Ids:
    """Return the first chunk's id and the number of chunks of each document that matches.

    The shape is (documents, 2), the first column ascends; documents without chunks are left out. Of
    `document_ids`, where there are any, each document must be one.
    """
    conditions = ["chunk_count > 0"]
    parameters: list[object] = []
    if where is not None:
        conditions.append(where.sql)
        parameters += where.parameters
    if document_ids:
        conditions.append(f"document_id IN ({_marks(document_ids)})")
        parameters += document_ids
    rows = connection.execute(
        "SELECT first_chunk, chunk_count FROM documents "
        f"WHERE {' AND '.join(conditions)} ORDER BY first_chunk",
        parameters,
    )
    flat = np.fromiter((number for row in rows for number in row), np.int64)
    return flat.reshape(-1, 2)


def chunks_within(connection: sqlite3.Connection, document_id: str, span: Span) -> list[int]:
    """Return the ids of the chunks of a document that have a part in a span, ascending."""
    rows = connection.execute(
        "SELECT id FROM chunks WHERE document = (SELECT row FROM documents WHERE document_id = ?) "
        "AND start < ? AND end > ? ORDER BY id",
        (document_id, span.end, span.start),
    )
    return [row[0] for row in rows]


def _stored_chunk(
    blocks: Blocks,
    row: Sequence[object],
    pages: Sequence[Page],
    language: Language,
) -> StoredChunk:
    chunk_id, document, start, end, context, document_id, uri, title, media_type, as_of, sha = row[
        :11
    ]
    assert isinstance(chunk_id, int)
    assert isinstance(document, int)
    assert isinstance(start, int)
    assert isinstance(end, int)
    headings, header = json.loads(str(context))
    span = Span(start, end)
    return StoredChunk(
        chunk_id=chunk_id,
        document_id=str(document_id),
        uri=str(uri),
        title=str(title),
        media_type=str(media_type),
        as_of=None if as_of is None else str(as_of),
        text_sha256=str(sha),
        span=span,
        text=text_of(blocks, document, span),
        headings=tuple(text_of(blocks, document, Span(s, e)) for s, e in headings),
        header=text_of(blocks, document, Span(*header)) if header else None,
        pages=tuple(p for p in pages if p.span.start < end and p.span.end > start),
        language=language,
    )


def stored_blocks(connection: sqlite3.Connection) -> Blocks:
    """Return what reads blocks, and keeps the last ones; what is not there is empty."""

    @lru_cache(_BLOCKS_KEPT)
    def block(document: int, start: int) -> str:
        row = connection.execute(
            "SELECT text FROM blocks WHERE document = ? AND start = ?", (document, start)
        ).fetchone()
        return str(row[0]) if row else ""

    return block


def text_of(blocks: Blocks, document: int, span: Span) -> str:
    """Return the part of a document's stored text (by its row) that a span covers."""
    first = span.start - span.start % BLOCK_CHARACTERS
    starts = range(first, span.end, BLOCK_CHARACTERS)
    joined = "".join(blocks(document, start) for start in starts)
    return joined[span.start - first : span.end - first]


def _context(chunk: Chunk) -> str:
    headings = [[span.start, span.end] for span in chunk.headings]
    header = [chunk.header.start, chunk.header.end] if chunk.header else None
    return compact([headings, header])


def compact(value: object) -> str:
    """Return `value` as JSON without needless white space."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def stored_vectors(
    connection: sqlite3.Connection, encoder_id: int, hashes: Iterable[bytes]
) -> dict[bytes, int]:
    """Return those of `hashes` whose vectors by that encoder are stored, each with its id."""
    found: dict[bytes, int] = {}
    for group in _groups(list(hashes)):
        found |= connection.execute(
            f"SELECT hash, id FROM vectors WHERE encoder = ? AND hash IN ({_marks(group)})",
            (encoder_id, *group),
        ).fetchall()
    return found


def store_vectors(
    connection: sqlite3.Connection, encoder_id: int, vectors: Mapping[bytes, Vectors]
) -> None:
    """Store vectors in float16 by the hash of the text that was encoded."""
    connection.executemany(
        "INSERT OR IGNORE INTO vectors (encoder, hash, vector) VALUES (?, ?, ?)",
        [(encoder_id, h, np.asarray(v).astype(np.float16).tobytes()) for h, v in vectors.items()],
    )


def drop_unused_vectors(connection: sqlite3.Connection, hashes: Sequence[bytes]) -> None:
    """Erase the vectors, by all encoders, of those of the texts that no chunk has any more."""
    # The encoders are named so that the key (encoder, hash) serves, and no scan is made.
    these = "FROM vectors WHERE encoder IN (SELECT id FROM encoders) AND hash = ?1"
    connection.executemany(
        f"DELETE {these} AND NOT EXISTS (SELECT 1 FROM chunks WHERE vector IN (SELECT id {these}))",
        [(h,) for h in hashes],
    )


def drop_other_vectors(connection: sqlite3.Connection, encoder_id: int) -> None:
    """Erase the vectors of every other encoder, and those that no chunk uses."""
    connection.execute(
        "DELETE FROM vectors WHERE encoder <> ? OR id NOT IN (SELECT vector FROM chunks)",
        (encoder_id,),
    )
    connection.execute("DELETE FROM probes WHERE encoder <> ?", (encoder_id,))


def drop_loose_vectors(connection: sqlite3.Connection) -> None:
    """Erase the vectors that no chunk uses."""
    connection.execute("DELETE FROM vectors WHERE id NOT IN (SELECT vector FROM chunks)")


@dataclass(frozen=True, slots=True)
class Added:
    """Chunks that a view lacks, in the order of their ids.

    `ids` has shape (n,), `vectors` (n, dimension) float32, `texts` n encoded texts.
    """

    ids: Ids
    vectors: Vectors
    texts: tuple[str, ...]


def added_since(connection: sqlite3.Connection, who: Identity, number: int) -> Iterator[Added]:
    """Yield the chunks added after change `number`, in groups of up to 500."""
    for ids, vectors in added_vectors(connection, number):
        chunks = read_chunks(connection, ids.tolist(), who.language)
        yield Added(ids, vectors, tuple(chunk.encoded for chunk in chunks))


def added_vectors(connection: sqlite3.Connection, number: int) -> Iterator[tuple[Ids, Vectors]]:
    """Yield ids and vectors of the chunks added after change `number`, as `Added` has them."""
    joined = "chunks CROSS JOIN vectors ON vectors.id = chunks.vector"
    for rows in _added(connection, number, "vectors.vector", joined):
        ids = np.array([row[0] for row in rows], np.int64)
        vectors = np.frombuffer(b"".join(row[2] for row in rows), np.float16)
        yield ids, vectors.reshape(len(ids), -1).astype(np.float32)


def added_texts(
    connection: sqlite3.Connection, who: Identity, number: int
) -> Iterator[tuple[int, str]]:
    """Yield ids and encoded texts of the chunks added after change `number`."""
    for rows in _added(connection, number, "NULL", "chunks"):
        for chunk in read_chunks(connection, [row[0] for row in rows], who.language):
            yield chunk.chunk_id, chunk.encoded


def _added(
    connection: sqlite3.Connection, number: int, column: str, source: str
) -> Iterator[list[tuple[int, int, bytes]]]:
    """Yield rows of ids, the changes that added them and a column, up to 500 at a time."""
    # Ids rise with the changes that added them, so the index of changes gives both orders; CROSS
    # JOIN keeps chunks the outer loop, and a group costs no more than its own rows.
    change, last = number + 1, 0
    while True:
        rows = connection.execute(
            f"SELECT chunks.id, chunks.added, {column} FROM {source} "
            "WHERE (chunks.added, chunks.id) > (?, ?) ORDER BY chunks.added, chunks.id LIMIT ?",
            (change, last, _MANY),
        ).fetchall()
        if not rows:
            return
        yield rows
        last, change = rows[-1][:2]


def vectors_of(connection: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Vectors]:
    """Return the stored vectors, each of shape (dimension,) in float16, of the chunks there are."""
    found: dict[int, Vectors] = {}
    for group in _groups(list(ids)):
        rows = connection.execute(
            "SELECT chunks.id, vectors.vector FROM chunks CROSS JOIN vectors "
            f"ON vectors.id = chunks.vector WHERE chunks.id IN ({_marks(group)})",
            group,
        )
        found.update((row[0], np.frombuffer(row[1], np.float16)) for row in rows)
    return found


def sample_vectors(connection: sqlite3.Connection, count: int) -> Vectors:
    """Return the vectors of so many chunks, or of all, in random order, shape (m, dimension).

    The same chunks give the same sample.
    """
    rows = connection.execute("SELECT id FROM chunks ORDER BY id")
    ids = np.fromiter((row[0] for row in rows), np.int64)
    chosen = np.random.default_rng(_SEED).permutation(ids)[:count]
    found = vectors_of(connection, chosen.tolist())
    return np.stack([found[i] for i in chosen.tolist()]).astype(np.float32)


def count_chunks(connection: sqlite3.Connection, most: int) -> int:
    """Return the number of chunks, or `most` where there are more: only so many are looked at."""
    row = connection.execute("SELECT count(*) FROM (SELECT 1 FROM chunks LIMIT ?)", (most,))
    return int(row.fetchone()[0])


def count_added(connection: sqlite3.Connection, number: int) -> int:
    """Return how many chunks were added after change `number`."""
    row = connection.execute("SELECT count(*) FROM chunks WHERE added > ?", (number,))
    return int(row.fetchone()[0])


def removed_since(connection: sqlite3.Connection, number: int) -> list[Span]:
    """Return the id ranges `[start, end)` of the chunks removed after change `number`."""
    rows = connection.execute(
        "SELECT first_chunk, last_chunk FROM removed WHERE number > ? ORDER BY first_chunk",
        (number,),
    )
    return [Span(first, last + 1) for first, last in rows]


def purge_removed(connection: sqlite3.Connection, number: int) -> None:
    """Forget the chunks removed up to change `number`, which every view has passed."""
    # Looking first keeps those who only read from waiting for the write lock.
    rows = connection.execute("SELECT 1 FROM removed WHERE number <= ? LIMIT 1", (number,))
    if rows.fetchone():
        connection.execute("DELETE FROM removed WHERE number <= ?", (number,))


def _groups(values: list[bytes] | list[int]) -> Iterator[list[bytes] | list[int]]:
    for start in range(0, len(values), _MANY):
        yield values[start : start + _MANY]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
