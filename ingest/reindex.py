"""Index a collection anew from its stored texts: another encoder, or chunks of another size.

Vectors are stored as they are made, so a run that was killed goes on where it was. Questions are
answered from the old chunks until one single change puts the new ones in their place.
"""

from collections.abc import Callable, Iterator
from typing import Final

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Reading, Writer
from indexes.documents import Document, Recut, encoded_chunk, text_hash
from indexes.encoder import Encoder
from indexes.errors import CollectionBusy
from ingest.split import Splitter

Progress = Callable[[int, int], None]

_PAGE: Final = 200
_TRIES: Final = 5


def reindex(
    collection: Collection, encoder: Encoder, splitter: SplitterSettings, progress: Progress
) -> int:
    """Cut and encode every document anew; return the number of chunks.

    `progress` is told how many documents are done, of how many. Raises CollectionBusy where a
    folder is being ingested, or documents change faster than they are encoded.
    """
    cut = Splitter(encoder, splitter.chunk_tokens)
    recut: dict[str, Recut] = {}
    with collection.run_lock(), collection.write() as writer:
        encoder_id = writer.add_encoder(encoder)
        for _ in range(_TRIES):
            with collection.read() as reading:
                _recut(reading, writer, (encoder, encoder_id), cut, recut, progress)
            if writer.replace_index(encoder_id, splitter, recut):
                writer.merge_views(force=True)
                return sum(len(new.chunks) for new in recut.values())
    raise CollectionBusy(
        f"collection {collection.name} changes faster than it can be indexed anew; "
        "run `afterword reindex` again when fewer documents arrive: what was encoded is kept"
    )


def _recut(
    reading: Reading,
    writer: Writer,
    encoding: tuple[Encoder, int],
    splitter: Splitter,
    recut: dict[str, Recut],
    progress: Progress,
) -> None:
    """Bring `recut`, and the stored vectors, up to the documents of one reading."""
    encoder, encoder_id = encoding
    total = reading.count().documents
    for done, document in enumerate(_documents(reading), start=1):
        known = recut.get(document.document_id)
        if known and _is_current(known, document, writer, encoder_id):
            continue
        extract = reading.extract(document.document_id)
        chunks = splitter.split(extract)
        texts = [encoded_chunk(extract.title, extract.text, chunk) for chunk in chunks]
        new = Recut(document.text_sha256, chunks, [text_hash(text) for text in texts])
        recut[document.document_id] = new
        by_hash = dict(zip(new.hashes, texts, strict=True))
        lacking = sorted(by_hash.keys() - writer.stored_vectors_of(encoder_id, by_hash))
        if lacking:
            vectors = encoder.encode_documents([by_hash[h] for h in lacking])
            writer.store_vectors(encoder_id, dict(zip(lacking, vectors, strict=True)))
        progress(done, total)


def _is_current(known: Recut, document: Document, writer: Writer, encoder_id: int) -> bool:
    if known.text_sha256 != document.text_sha256:
        return False
    return writer.stored_vectors_of(encoder_id, known.hashes) == set(known.hashes)


def _documents(reading: Reading) -> Iterator[Document]:
    after = None
    while page := reading.documents(_PAGE, after):
        yield from page
        after = page[-1].document_id
