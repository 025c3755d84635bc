"""The route of a document's original: the very file that was ingested."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response

from indexes.errors import DocumentChanged, OriginalNotFound
from service.downloads import Download
from service.openapi import problems
from service.originals import INLINE, Opened
from service.schemas import CollectionName, DocumentId
from service.state import Here, Service
from service.tickets import ticket_sha256

router = APIRouter(prefix="/v1", tags=["documents"])

# What a browser shows has its own media type, all else is for it to save.
_BYTES: Final = {
    media_type: {"schema": {"type": "string", "format": "binary"}}
    for media_type in ("application/octet-stream", *sorted(INLINE))
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The file", "content": _BYTES},
    206: {"description": "The range of the file that was asked for", "content": _BYTES},
    304: {"description": "The client has this very file"},
    **problems(404, 409, 416, 429),
}
_PATH: Final = "/documents/{document_id}/original"
In = Annotated[CollectionName, Query()]
Ticket = Annotated[
    str | None,
    Query(max_length=200, description="What a link has in place of the key; `url` tells it."),
]


@router.get(_PATH, response_class=Response, responses=_ANSWERS)
async def original(
    document_id: DocumentId, service: Here, collection: In = "default", ticket: Ticket = None
) -> Download:
    """Return the file that a document came from, if it still is as it was ingested.

    PDF, plain text and pictures are for a browser to show, all else is for it to save.
    """
    return _download(document_id, service, collection, ticket)


@router.head(_PATH, response_class=Response, responses=_ANSWERS)
async def original_head(
    document_id: DocumentId, service: Here, collection: In = "default", ticket: Ticket = None
) -> Download:
    """Tell size, kind and name of the file that a document came from, and whether it is there."""
    return _download(document_id, service, collection, ticket)


def _download(document_id: str, service: Service, collection: str, ticket: str | None) -> Download:
    answerer = service.loaded()

    def opening() -> Opened:
        found = answerer.collection(collection)
        with found.read() as reading:
            stored = reading.original(reading.document(document_id))
        if stored is None:
            raise OriginalNotFound(
                f"The file that document {document_id!r} came from is not kept here. Upload or "
                "ingest it again to have it kept, with AFTERWORD_KEEP_UPLOADS on."
            )
        if ticket and ticket_sha256(ticket) not in {None, stored.sha256}:
            raise DocumentChanged(
                f"Document {document_id!r} came from another file when this link was made. Ask "
                "the question again for citations of the new one."
            )
        return service.originals.open(stored, found)

    return Download(opening, service.downloads, service.reads)
