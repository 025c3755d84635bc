"""Documents ready to be stored, made from lists of chunk texts, for tests of the index."""

from collections.abc import Sequence
from dataclasses import replace

from indexes.collection import Reading
from indexes.documents import (
    Chunk,
    Document,
    Prepared,
    Span,
    StoredChunk,
    sha256_text,
    text_hash,
)
from small_encoder import encode


def prepared(document_id: str, texts: Sequence[str], **facts: object) -> Prepared:
    """Return a document whose chunks are `texts`, one a line; `facts` replace its fields."""
    text = "\n".join(texts)
    chunks, start = [], 0
    for part in texts:
        chunks.append(Chunk(Span(start, start + len(part))))
        start += len(part) + 1
    document = Document(
        document_id=document_id,
        uri=f"source/{document_id}",
        source="source",
        title="",
        media_type="text/plain",
        content_sha256=sha256_text(text),
        text_sha256=sha256_text(text),
        size=len(text),
        modified=0,
        reader="plain/1",
        as_of=None,
        as_of_source=None,
        metadata={},
    )
    hashes = [text_hash(part) for part in texts]
    vectors = dict(zip(hashes, encode(texts), strict=True))
    return Prepared(replace(document, **facts), text, chunks, hashes, vectors)  # type: ignore[arg-type]


def chunks_of(reading: Reading, document_id: str) -> list[StoredChunk]:
    """Return all chunks of a document in their order, none where it is not there."""
    own = reading.allowed({"field": "id", "operator": "==", "value": document_id}, None)
    assert own is not None
    return reading.chunks([i for span in own.ranges for i in range(span.start, span.end)])
