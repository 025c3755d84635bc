"""The routes of collections: list, make, look at, delete."""

from fastapi import APIRouter, Response

from indexes import jobs
from indexes.catalog import SplitterSettings
from indexes.collection import (
    collection_names,
    create_collection,
    delete_collection,
)
from indexes.encoder import load_encoder
from indexes.errors import AfterwordError
from service.access import Caller, Who
from service.answer import Answerer
from service.openapi import problems
from service.schemas import (
    CollectionFacts,
    CollectionName,
    CollectionReply,
    CollectionRequest,
    CollectionsReply,
    EncoderReply,
    MediaTypeCount,
)
from service.state import Here, Service, look_at_each

router = APIRouter(prefix="/v1/collections", tags=["collections"])


@router.get("", responses=problems(429))
async def collections(service: Here, who: Who) -> CollectionsReply:
    """List the collections that the key is for; one that cannot be used has its problem."""
    answerer = service.loaded()
    found = await service.documents.run(lambda: list_collections(service, answerer, who))
    return CollectionsReply(items=found)


@router.post(
    "",
    status_code=201,
    responses=problems(400, 408, 409, 413, 429, 507),
)
async def make_collection(
    body: CollectionRequest, response: Response, service: Here, who: Who
) -> CollectionFacts:
    """Make an empty collection with the encoder, the chunk size and else the language set."""
    who.check_new(body.name)
    settings, answerer = service.settings, service.loaded()

    def make() -> CollectionFacts:
        encoder = load_encoder(settings.encoder, threads=settings.threads, for_questions=True)
        splitter = SplitterSettings(chunk_tokens=settings.chunk_tokens)
        language = body.language or settings.language
        create_collection(settings.data, body.name, encoder, splitter, language).close()
        return facts(answerer, body.name)

    made = await service.documents.run(make)
    response.headers["Location"] = f"{settings.root_path}/v1/collections/{body.name}"
    return made


@router.get("/{name}", responses=problems(404, 429))
async def collection(name: CollectionName, service: Here) -> CollectionFacts:
    """Tell what a collection holds and which encoder it needs."""
    answerer = service.loaded()
    return await service.documents.run(lambda: facts(answerer, name))


@router.delete("/{name}", status_code=204, responses=problems(404, 409, 429))
async def remove_collection(name: CollectionName, service: Here) -> None:
    """Delete a collection with all its documents and sessions; waiting uploads are ended too."""
    data, kept = service.settings.data, service.sessions

    def remove() -> None:
        # First: else sessions that cannot be forgotten would be of the next collection of that
        # name. And again: a question on its way may have begun one meanwhile.
        kept.forget_collection(name)
        if name in collection_names(data):
            jobs.cancel(data, name)
        try:
            delete_collection(data, name)
        finally:
            kept.forget_collection(name)

    await service.documents.run(remove)


def list_collections(service: Service, answerer: Answerer, who: Caller) -> list[CollectionReply]:
    """Return what each collection that the caller sees holds, or what is wrong with it."""
    looked = look_at_each(service.settings.data, lambda name: _look(answerer, name), who.sees)
    return [
        _broken(name, found.message) if isinstance(found, AfterwordError) else found
        for name, found in looked
    ]


def _look(answerer: Answerer, name: str) -> CollectionReply:
    found = answerer.collection(name)
    with found.read() as reading:
        counts = reading.count()
    return CollectionReply(
        name=name,
        documents=counts.documents,
        chunks=counts.chunks,
        chunk_tokens=found.splitter.chunk_tokens,
        language=found.language,
        encoder=EncoderReply.model_validate(found.encoder),
    )


def facts(answerer: Answerer, name: str) -> CollectionFacts:
    """Return what a collection holds."""
    with answerer.collection(name).read() as reading:
        counted = reading.media_types()
    types = [MediaTypeCount(media_type=kind, documents=number) for kind, number in counted]
    return CollectionFacts(**dict(_look(answerer, name)), media_types=types)


def _broken(name: str, problem: str) -> CollectionReply:
    return CollectionReply(
        name=name,
        documents=0,
        chunks=0,
        chunk_tokens=0,
        language=None,
        encoder=None,
        problem=problem,
    )
