"""What `afterword documents` lists, shows and deletes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from indexes import jobs
from indexes.collection import Collection, collection_names, open_collection
from indexes.documents import HANDED_IN, Document
from indexes.errors import AfterwordError
from indexes.views import NOT_MERGED
from ingest.report import page_ranges


@dataclass(frozen=True, slots=True)
class Page:
    """Documents in the order of their ids; `next` is the last id where there may be more."""

    documents: tuple[Document, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """What a collection holds; `problem` says why it cannot be used, else it is empty."""

    name: str
    documents: int = 0
    chunks: int = 0
    language: str = ""
    problem: str = ""


def held(data: Path) -> list[Held]:
    """Return what each collection of a data folder holds, by name."""
    return [_held(data, name) for name in collection_names(data)]


def _held(data: Path, name: str) -> Held:
    try:
        with closing(open_collection(data, name)) as opened, opened.read() as reading:
            counts = reading.count()
            return Held(name, counts.documents, counts.chunks, opened.language)
    except AfterwordError as error:
        return Held(name, problem=error.message)


def collections_json(found: Sequence[Held]) -> str:
    """Return the collections as one JSON object."""
    return json.dumps({"items": [asdict(one) for one in found]}, ensure_ascii=False)


def collections_lines(found: Sequence[Held]) -> Iterator[str]:
    """Give a line on each collection."""
    if not found:
        yield "There are no collections yet; `afterword ingest PATH` makes one."
    for one in found:
        told = one.problem or f"{one.documents} documents, {one.chunks} chunks, {one.language}"
        yield f"{one.name}: {told}"


def page(collection: Collection, limit: int, after: str | None) -> Page:
    """Return up to `limit` documents past the id `after`."""
    with collection.read() as reading:
        found = tuple(reading.documents(limit + 1, after))
    more = len(found) > limit
    return Page(found[:limit], found[limit - 1].document_id if more else None)


def delete(data: Path, collection: Collection, names: Sequence[str]) -> Iterator[str]:
    """Erase the documents with these ids or uris; give a line on each. Raises DocumentNotFound."""
    with collection.read() as reading:
        found = [reading.named(name) for name in names]
    for document in found:
        jobs.cancel(data, collection.name, document.document_id)
    with collection.write() as writer:
        writer.erase(list(dict.fromkeys(document.document_id for document in found)))
        with suppress(*NOT_MERGED):  # the words are gone from every answer all the same
            writer.merge_views()
    for document in found:
        back = (
            ""
            if document.source in HANDED_IN
            else "; the next ingestion of its file brings it back"
        )
        yield f"deleted {document.uri} ({document.document_id}){back}"


def listed_json(found: Page) -> str:
    """Return a page of documents as the HTTP service writes it."""
    items = [_json(document) for document in found.documents]
    for item in items:
        del item["pages"]
    return json.dumps({"items": items, "next": found.next}, ensure_ascii=False)


def shown_json(document: Document) -> str:
    """Return one document as the HTTP service writes it."""
    return json.dumps(_json(document), ensure_ascii=False)


def _json(document: Document) -> dict[str, object]:
    pages = [{"number": p.number, **asdict(p.span)} for p in document.pages]
    return {**asdict(document), "metadata": dict(document.metadata), "pages": pages}


def listed_lines(found: Page) -> Iterator[str]:
    """Give a line for each document."""
    for document in found.documents:
        yield f"{document.document_id}  {document.as_of or '':<10}  {document.uri}"
    if not found.documents:
        yield "no documents"
    if found.next is not None:
        yield f"(more: --after {found.next})"


def shown_lines(document: Document) -> Iterator[str]:
    """Give what is stored of a document, a line a fact."""
    yield f"id          {document.document_id}"
    yield f"uri         {document.uri}"
    yield f"title       {document.title}"
    yield f"type        {document.media_type} (read by {document.reader})"
    if document.as_of is not None:
        yield f"as of       {document.as_of} ({document.as_of_source})"
    yield f"text        {document.characters} characters, {document.chunks} chunks"
    yield f"sha256      {document.text_sha256}"
    if document.pages:
        yield f"pages       {page_ranges(page.number for page in document.pages)}"
    for key, value in sorted(document.metadata.items()):
        yield f"metadata    {key} = {json.dumps(value, ensure_ascii=False)}"
    for finding in document.findings:
        yield f"finding     {finding.code}: {finding.message}"
