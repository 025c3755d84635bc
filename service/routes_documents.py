"""The routes of documents: upload, follow the job, list, read, delete."""

from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from indexes import jobs
from indexes.documents import Document
from indexes.errors import DocumentChanged
from indexes.views import NOT_MERGED
from service.access import Who
from service.openapi import problems, reference
from service.originals import link_to
from service.problems import TooManyRequests, invalid
from service.schemas import (
    LARGEST_INTEGER,
    SHA256,
    Accepted,
    CollectionName,
    DocumentId,
    DocumentReply,
    DocumentsReply,
    DocumentSummary,
    JobReply,
    OriginalLink,
    PageSpan,
    TextReply,
    UploadAddress,
    UploadForm,
    UploadText,
)
from service.state import Here, Service
from service.uploads import Upload, read_upload

router = APIRouter(prefix="/v1", tags=["documents"])

_LONGEST_SEARCH: Final = 200
_MULTIPART: Final = {"schema": reference(UploadForm)}
_JSON: Final = {"schema": {"anyOf": [reference(UploadText), reference(UploadAddress)]}}
_UPLOAD_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": _MULTIPART, "application/json": _JSON},
    }
}
In = Annotated[CollectionName, Query()]
Offset = Annotated[int, Query(ge=0, lt=LARGEST_INTEGER)]


@router.post(
    "/documents",
    status_code=202,
    responses=problems(400, 403, 404, 408, 413, 415, 429, 507),
    openapi_extra=_UPLOAD_BODY,
)
async def upload(request: Request, response: Response, service: Here, who: Who) -> Accepted:
    """Store a file, a text, or a page by its address; the job tells what became of it.

    It is on disk when this answers, a page's address alone: the page is yet to be fetched.
    """
    data, most = service.settings.data, service.settings.max_queued_jobs
    if (await service.documents.run(lambda: jobs.counts(data)))["queued"] >= most:
        raise TooManyRequests(
            f"{most} uploads wait for ingestion already. Try again when some are done, or raise "
            "AFTERWORD_MAX_QUEUED_JOBS."
        )
    with service.uploads.place():
        given = await read_upload(request, service.documents, service.settings)
        who.check(given.fields.collection)
        who.trail.document_id = given.document_id
        job_id = await service.documents.run(lambda: _enqueue(service, given))
    who.trail.job_id = job_id
    response.headers["Location"] = f"{service.settings.root_path}/v1/jobs/{job_id}"
    return Accepted(job_id=job_id)


@router.get("/jobs/{job_id}", responses=problems(404, 429))
async def job(job_id: str, service: Here, who: Who) -> JobReply:
    """Tell how far an upload is, or what became of it."""
    data = service.settings.data
    found = await service.documents.run(lambda: jobs.job(data, job_id))
    if not who.sees(found.collection):
        raise who.hidden(jobs.unknown_job(job_id))
    return JobReply.model_validate(found)


@router.get("/documents", responses=problems(404, 429))
async def documents(
    service: Here,
    collection: In = "default",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[DocumentId | None, Query(description="`next` of the page before.")] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=_LONGEST_SEARCH,
            description="Words, or parts of words, that must all be in title or uri.",
        ),
    ] = None,
) -> DocumentsReply:
    """List the documents of a collection in the order of their ids."""
    answerer = service.loaded()

    def read() -> list[Document]:
        with answerer.collection(collection).read() as reading:
            if q is not None and q.strip():
                return reading.named_like(q, limit + 1, after)
            return reading.documents(limit + 1, after)

    found = await service.documents.run(read)
    return DocumentsReply(
        items=[DocumentSummary.model_validate(document) for document in found[:limit]],
        next=found[limit - 1].document_id if len(found) > limit else None,
    )


@router.get("/documents/{document_id}", responses=problems(404, 429))
async def document(
    document_id: DocumentId, service: Here, who: Who, collection: In = "default"
) -> DocumentReply:
    """Tell all about a document but its text."""
    answerer = service.loaded()

    def read() -> DocumentReply:
        with answerer.collection(collection).read() as reading:
            found = reading.document(document_id)
            original = reading.original(found)
        root, sign = service.settings.root_path, service.tickets
        return _reply(found, link_to(found, original, collection, root, sign, who.key_id))

    return await service.documents.run(read)


@router.get("/documents/{document_id}/text", responses=problems(404, 409, 429))
async def document_text(
    document_id: DocumentId,
    service: Here,
    collection: In = "default",
    start: Offset = 0,
    end: Annotated[Offset | None, Query(description="Up to here; the text's end if unset.")] = None,
    sha256: Annotated[
        str | None,
        Query(pattern=SHA256, description="The text must be the one with this hash."),
    ] = None,
) -> TextReply:
    """Return the code points `[start, end)` of a document's text: a citation's quote is such."""
    if end is not None and end < start:
        raise invalid("query.end", f"{end} lies before start, {start}")
    answerer = service.loaded()

    def read() -> TextReply:
        with answerer.collection(collection).read() as reading:
            found = reading.document(document_id)
            if sha256 is not None and sha256 != found.text_sha256:
                raise DocumentChanged(
                    f"Document {document_id!r} has another text now (sha256 {found.text_sha256})."
                    " Ask the question again for citations of the new text."
                )
            first = min(start, found.characters)
            last = min(found.characters if end is None else end, found.characters)
            text = reading.text(document_id, first, last)
        return TextReply(
            text=text,
            sha256=found.text_sha256,
            start=first,
            end=last,
            characters=found.characters,
        )

    return await service.documents.run(read)


@router.delete("/documents/{document_id}", status_code=204, responses=problems(404, 409, 429, 507))
async def delete_document(
    document_id: DocumentId, service: Here, collection: In = "default"
) -> None:
    """Erase a document, its text and its vectors; uploads of it that wait are ended too."""
    answerer = service.loaded()

    def erase() -> None:
        found = answerer.collection(collection)
        ended = jobs.cancel(service.settings.data, collection, document_id)
        with found.write() as writer:
            if ended and writer.find(document_id) is None:
                return
            writer.erase([document_id])
            with suppress(*NOT_MERGED):  # the words are gone from every answer all the same
                writer.merge_views()

    await service.documents.run(erase)


def _enqueue(service: Service, given: Upload) -> str:
    return jobs.enqueue(
        service.settings.data,
        payload=given.payload,
        collection=given.fields.collection,
        filename=given.filename,
        document_id=given.fields.id,
        title=given.fields.title,
        metadata=given.metadata,
        media_type=given.media_type,
        as_of=given.fields.as_of,
    )


def _reply(found: Document, original: OriginalLink | None) -> DocumentReply:
    pages = [
        PageSpan(number=page.number, start=page.span.start, end=page.span.end)
        for page in found.pages
    ]
    facts = asdict(found) | {"pages": pages, "original": original}
    return DocumentReply.model_validate(facts)
