"""From what a reader gave to what the catalog takes: the document, its chunks and their texts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from indexes.documents import (
    HANDED_IN,
    TITLE_LIMIT,
    Chunk,
    Document,
    Extract,
    Original,
    Prepared,
    document_id_for,
    encoded_chunk,
    sha256_text,
    stored_form,
    text_hash,
)
from indexes.encoding import Vectors
from ingest.plan import Given, Mark, Step, record_uri
from ingest.readers import READERS
from ingest.report import Item, Outcome, stored_item

# What the readers read that give several documents of one file.
_READ_BY: Final[Mapping[str, str]] = MappingProxyType(
    {entry.label: media_type for media_type, entry in READERS.items()}
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Which bytes an extract came from, and by which reader ("pdf/1")."""

    content_sha256: str
    reader: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A document that was read and split; `hashes` are of what the encoder sees of its chunks.

    `extract` has as much of the document's title as the encoder can see.
    """

    document: Document
    extract: Extract
    chunks: tuple[Chunk, ...]
    hashes: tuple[bytes, ...]
    outcome: Outcome
    original: Original | None = None

    def text(self, chunk: Chunk) -> str:
        """Return what the encoder sees of a chunk."""
        return encoded_chunk(self.extract.title, self.extract.text, chunk)

    def prepared(self, vectors: Mapping[bytes, Vectors]) -> Prepared:
        """Return the document as the catalog takes it, with those of `vectors` that it uses."""
        own = {key: vectors[key] for key in self.hashes if key in vectors}
        extract = self.extract
        return Prepared(
            self.document,
            extract.text,
            self.chunks,
            self.hashes,
            own,
            headings=extract.headings,
            tables=extract.tables,
            original=self.original,
        )

    def item(self) -> Item:
        """Return what is reported once the document is stored."""
        document = self.document
        return stored_item(document.uri, self.outcome, document.document_id, document.findings)


def named(step: Step, extract: Extract, origin: Origin, given: Given) -> Document:
    """Return the document of an extract, with what was given put over what the file says.

    A record's content is its text: its file's says nothing about it.
    """
    record = extract.record_id
    uri = step.uri if record is None else record_uri(step.uri, record)
    text_sha256 = sha256_text(extract.text)
    # A given title is that of the file itself, not of each of its records or attachments.
    title = (given.title if record is None else None) or extract.title
    document = Document(
        document_id=record or given.document_id or _known_id(step) or document_id_for(uri),
        uri=uri,
        source=step.source,
        title=stored_form(title)[:TITLE_LIMIT],
        media_type=extract.media_type,
        content_sha256=origin.content_sha256 if record is None else text_sha256,
        text_sha256=text_sha256,
        size=step.size,
        modified=step.modified,
        reader=extract.reader or origin.reader,
        as_of=extract.as_of,
        as_of_source=extract.as_of_source,
        metadata=extract.metadata,
        findings=extract.findings,
        pages=extract.pages,
        characters=len(extract.text),
    )
    return given.over(document)


def _known_id(step: Step) -> str | None:
    return next((d.document_id for d in step.known if d.uri == step.uri), None)


def original_of(step: Step, origin: Origin, own: str | None) -> Original | None:
    """Return the file that a document came from, `own` being the file's media type as it told.

    None as `own` is that of a record, which does not know. Returns None for what is not to be
    noted: an upload that is not kept, and a file in a folder that is one document, which says all.
    """
    is_upload = step.source in HANDED_IN
    if not (step.kept if is_upload else own is None):
        return None
    return Original(
        step.source,
        step.uri,
        own or _READ_BY.get(origin.reader, ""),
        origin.content_sha256,
        step.size,
        step.modified,
        Path(step.path) if is_upload else None,
    )


def marked_original(step: Step, mark: Mark) -> Original:
    """Return the file of records that a mark tells of, as it is now."""
    media_type = _READ_BY.get(mark.reader, "")
    sha256 = mark.content_sha256
    return Original(step.source, step.uri, media_type, sha256, mark.size, step.modified)


def same_record(known: Document, document: Document) -> bool:
    """Tell whether a record is as it was; its file's size and time say nothing about it."""
    as_now = replace(known, size=document.size, modified=document.modified, chunks=0)
    return as_now == replace(document, metadata=dict(document.metadata))


def cut(
    document: Document,
    extract: Extract,
    chunks: tuple[Chunk, ...],
    original: Original | None,
    *,
    is_new: bool,
) -> Cut:
    """Return a document with its chunks and their hashes.

    `extract` has as much of the document's title as the encoder can see.
    """
    title, text = extract.title, extract.text
    hashes = tuple(text_hash(encoded_chunk(title, text, chunk)) for chunk in chunks)
    document = replace(document, chunks=len(chunks))
    outcome: Outcome = "added" if is_new else "updated"
    return Cut(document, extract, chunks, hashes, outcome, original)
