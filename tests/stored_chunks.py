"""A chunk as it is read back, made by hand."""

from indexes.documents import Span, StoredChunk


def stored_chunk(text: str, start: int = 0) -> StoredChunk:
    """Return a chunk of a plain document, whose text begins at `start` of the document's."""
    return StoredChunk(
        chunk_id=1,
        document_id="d",
        uri="u",
        title="",
        media_type="text/plain",
        as_of=None,
        text_sha256="",
        span=Span(start, start + len(text)),
        text=text,
    )
