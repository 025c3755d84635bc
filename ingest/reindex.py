"""Index a collection anew from its stored texts: another encoder, chunks of another size.

Or another language: then the words are told in another way, and the vectors stay.

Vectors are stored as they are made, so a run that was killed goes on where it was. Questions are
answered from the old chunks until one single change puts the new ones in their place.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Writer
from indexes.documents import Document, Recut, encoded_chunk, text_hash
from indexes.encoder import Encoder
from indexes.errors import CollectionBusy, DocumentNotFound
from indexes.languages import Language
from indexes.views import NOT_MERGED
from ingest.split import Splitter

Progress = Callable[[int, int], None]

_PAGE: Final = 200
_TRIES: Final = 5


def reindex(
    collection: Collection,
    encoder: Encoder,
    splitter: SplitterSettings,
    progress: Progress,
    language: Language | None = None,
) -> int:
    """Cut and encode every document anew; return the number of chunks.

    The collection keeps its language where no other is given. `progress` is told how many
    documents are done, of how many. Raises CollectionBusy where a folder is being ingested, or
    documents change faster than they are encoded.
    """
    cut = Splitter(encoder, splitter.chunk_tokens)
    recut: Mapping[str, Recut] = {}
    with collection.run_lock(), collection.write() as writer:
        encoder_id = writer.add_encoder(encoder)
        for _ in range(_TRIES):
            work = _Work(collection, writer, encoder, encoder_id, cut, recut)
            recut = dict(work.documents(progress))
            if writer.replace_index(encoder_id, splitter, recut, language):
                with suppress(*NOT_MERGED):  # the collection is indexed anew; questions merge too
                    writer.merge_views(force=True)
                with collection.read() as reading:
                    return reading.count().chunks
    raise CollectionBusy(
        f"collection {collection.name} changes faster than it can be indexed anew; "
        "run `afterword reindex` again when fewer documents arrive: what was encoded is kept"
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """One pass over the documents; `earlier` is what the pass before it gave.

    No reading is held while a document is encoded, so that what others erase meanwhile is gone.
    """

    collection: Collection
    writer: Writer
    encoder: Encoder
    encoder_id: int
    splitter: Splitter
    earlier: Mapping[str, Recut]

    def documents(self, progress: Progress) -> Iterator[tuple[str, Recut]]:
        """Yield each document's id and new chunks, whose vectors are stored."""
        with self.collection.read() as reading:
            total = reading.count().documents
        for done, document in enumerate(_documents(self.collection), start=1):
            known = self.earlier.get(document.document_id)
            if known and self._is_current(known, document):
                yield document.document_id, known
                continue
            with suppress(DocumentNotFound):  # it went since it was listed
                yield document.document_id, self._recut(document.document_id)
                progress(done, max(done, total))

    def _is_current(self, known: Recut, document: Document) -> bool:
        if known.text_sha256 != document.text_sha256:
            return False
        stored = self.writer.stored_vectors_of(self.encoder_id, known.hashes)
        return stored == set(known.hashes)

    def _recut(self, document_id: str) -> Recut:
        with self.collection.read() as reading:
            sha256 = reading.document(document_id).text_sha256
            extract = reading.extract(document_id)
        chunks = self.splitter.split(extract)
        title = self.splitter.title(extract.title)
        texts = [encoded_chunk(title, extract.text, chunk) for chunk in chunks]
        hashes = [text_hash(text) for text in texts]
        by_hash = dict(zip(hashes, texts, strict=True))
        lacking = sorted(by_hash.keys() - self.writer.stored_vectors_of(self.encoder_id, by_hash))
        if lacking:
            vectors = self.encoder.encode_documents([by_hash[h] for h in lacking])
            self.writer.store_vectors(self.encoder_id, dict(zip(lacking, vectors, strict=True)))
        return Recut(sha256, chunks, hashes)


def _documents(collection: Collection) -> Iterator[Document]:
    """Yield the documents in the order of their ids, read a page at a time."""
    after = None
    while True:
        with collection.read() as reading:
            page = reading.documents(_PAGE, after)
        if not page:
            return
        yield from page
        after = page[-1].document_id
