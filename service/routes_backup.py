"""The routes of backups: a collection as one file, out and in; for administrators."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response

from service.backups import (
    MEDIA_TYPE,
    check_free,
    opened_snapshot,
    receive_snapshot,
    receiving,
    restored,
)
from service.downloads import Whole
from service.openapi import problems
from service.originals import Opened
from service.routes_collections import facts
from service.schemas import CollectionFacts, CollectionName
from service.state import Here

router = APIRouter(prefix="/v1/collections", tags=["backup"])

Replace = Annotated[bool, Query(description="Give up the collection of that name, in one step.")]
_BYTES: Final = {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}
_SNAPSHOT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The snapshot", "content": _BYTES},
    **problems(404, 429, 507),
}
_BODY: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": _BYTES}}


@router.post("/{name}/snapshot", response_class=Response, responses=_SNAPSHOT)
async def snapshot_collection(name: CollectionName, service: Here) -> Whole:
    """Write a collection, as it is now, into one file and return that, while it is in use.

    The file's sha256 is its ETag. An answer that ends early is no snapshot.
    """
    answerer = service.loaded()

    def opening() -> Opened:
        return opened_snapshot(service.settings.data, answerer.collection(name))

    return Whole(opening, service.backups, service.reads)


@router.post(
    "/{name}/restore", responses=problems(408, 409, 413, 415, 429, 507), openapi_extra=_BODY
)
async def restore_collection(
    name: CollectionName,
    request: Request,
    service: Here,
    *,
    replace: Replace = False,
) -> CollectionFacts:
    """Make a collection from a snapshot that is sent as the body; tell what it holds."""
    answerer, data = service.loaded(), service.settings.data
    check_free(data, name, replace=replace)
    with service.backups.place(), receiving(data) as path:
        await receive_snapshot(request, path, service.reads)

        def put() -> CollectionFacts:
            restored(data, name, path, replace=replace)
            return facts(answerer, name)

        return await service.documents.run(put)
