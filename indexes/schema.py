"""The catalog's tables and its format version."""

from typing import Final

# Format history. A catalog of a later format is refused by name, never guessed at.
#   1  first format: documents with blocks of text, chunks as spans, vectors by (encoder, hash)
#   2  the language of a collection; one of format 1 is English, and stays as it is until it is
#      given another language
#   3  originals: the files that documents came from, those of uploads with their bytes; an index
#      for lists. A catalog of an earlier format is given what it lacks when it is opened
#   4  a chunk names its vector by number, where it had the hash of its text
FORMAT: Final = 4
READABLE: Final = frozenset(range(1, FORMAT + 1))

# Text is kept in blocks so that a chunk of a long document is read without the rest of it.
BLOCK_CHARACTERS: Final = 16_384
# The bytes of an upload are kept in blocks so that none is ever in memory as a whole.
BLOCK_BYTES: Final = 262_144

# What format 3 has and those before it lack.
TO_3: Final = """
-- A file that documents came from, as it was when it was read, and its bytes if it was uploaded; a
-- row and its blocks never change, so that whoever reads them in turns reads one file.
CREATE TABLE originals (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    uri TEXT NOT NULL,
    media_type TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL
) STRICT;
CREATE INDEX originals_by_uri ON originals (source, uri);
CREATE TABLE original_blocks (
    original INTEGER NOT NULL REFERENCES originals (row) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (original, start)
) STRICT;
-- None for a file of a folder that is one document: all that is to be known of it stands here.
ALTER TABLE documents ADD COLUMN original INTEGER REFERENCES originals (row);
CREATE INDEX documents_by_original ON documents (original) WHERE original IS NOT NULL;
CREATE INDEX documents_listed ON documents (document_id, title, uri, media_type, chunk_count);
"""

# The tables of chunks and vectors since format 4. With numbers in the order in which they came, an
# insertion touches the ends of all trees but one, that of hashes.
_CHUNKS: Final = """
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY,
    encoder INTEGER NOT NULL REFERENCES encoders (id),
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    UNIQUE (encoder, hash)
) STRICT;
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    context TEXT NOT NULL,
    vector INTEGER NOT NULL REFERENCES vectors (id),
    added INTEGER NOT NULL
) STRICT;
CREATE INDEX chunks_by_document ON chunks (document);
CREATE INDEX chunks_by_vector ON chunks (vector);
CREATE INDEX chunks_by_change ON chunks (added);
"""

_APART: Final = """
DROP INDEX chunks_by_document;
DROP INDEX chunks_by_hash;
DROP INDEX chunks_by_change;
ALTER TABLE chunks RENAME TO old_chunks;
ALTER TABLE vectors RENAME TO old_vectors;
"""
# A chunk without a vector cannot be stored; ids of chunks are not used again.
_MOVED: Final = """
INSERT INTO vectors (encoder, hash, vector) SELECT encoder, hash, vector FROM old_vectors;
INSERT INTO chunks
    SELECT old.id, old.document, old.start, old.end, old.context, vectors.id, old.added
    FROM old_chunks AS old LEFT JOIN vectors ON vectors.hash = old.hash
    AND vectors.encoder = (SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'encoder')
    ORDER BY old.id;
DELETE FROM sqlite_sequence WHERE name = 'chunks';
INSERT INTO sqlite_sequence SELECT 'chunks', seq FROM sqlite_sequence WHERE name = 'old_chunks';
DROP TABLE old_chunks;
DROP TABLE old_vectors;
"""
# What makes a catalog of format 3 one of format 4.
TO_4: Final = _APART + _CHUNKS + _MOVED

DDL: Final = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    kind TEXT NOT NULL
) STRICT;
CREATE TABLE encoders (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    dimension INTEGER NOT NULL,
    max_tokens INTEGER NOT NULL,
    UNIQUE (name, sha256)
) STRICT;
CREATE TABLE probes (
    encoder INTEGER NOT NULL REFERENCES encoders (id),
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (encoder, position)
) WITHOUT ROWID, STRICT;
CREATE TABLE sources (name TEXT PRIMARY KEY, root TEXT NOT NULL) WITHOUT ROWID, STRICT;
-- A file of many records that was stored to its end; what it says is the pipeline's own.
CREATE TABLE marks (
    source TEXT NOT NULL,
    uri TEXT NOT NULL,
    mark TEXT NOT NULL,
    PRIMARY KEY (source, uri)
) WITHOUT ROWID, STRICT;
CREATE TABLE documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id TEXT NOT NULL UNIQUE,
    uri TEXT NOT NULL,
    source TEXT NOT NULL,
    title TEXT NOT NULL,
    media_type TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified INTEGER NOT NULL,
    reader TEXT NOT NULL,
    as_of TEXT,
    as_of_source TEXT,
    metadata TEXT NOT NULL,
    findings TEXT NOT NULL,
    pages TEXT NOT NULL,
    structure TEXT NOT NULL,
    characters INTEGER NOT NULL,
    first_chunk INTEGER NOT NULL,
    chunk_count INTEGER NOT NULL,
    changed INTEGER NOT NULL REFERENCES changes (number)
) STRICT;
CREATE INDEX documents_by_source ON documents (source, uri);
CREATE TABLE blocks (
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (document, start)
) WITHOUT ROWID, STRICT;
{_CHUNKS.strip()}
-- Ids of chunks that are gone, for views that still hold them; purged when all views passed.
CREATE TABLE removed (
    first_chunk INTEGER PRIMARY KEY,
    last_chunk INTEGER NOT NULL,
    number INTEGER NOT NULL
) STRICT;
{TO_3}"""
