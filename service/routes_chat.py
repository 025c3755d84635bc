"""The routes by which clients of OpenAI's API ask: models, and chat completions."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, StreamingResponse

from indexes.errors import AfterwordError
from indexes.settings import Settings
from service.access import Who
from service.chat_question import ChatQuestion, asked_in
from service.chat_reply import Chunks, Manner, Message, completion, failed, told_all
from service.chat_text import CHORE_SAID
from service.model_names import Model, created, model_named, models_for
from service.openapi import error_replies
from service.schemas_openai import ChatCompletion, ChatRequest, ModelReply, ModelsReply
from service.state import Here
from service.stream import Asking, ask
from service.working import KEEP_ALIVE, STREAM_HEADERS

router = APIRouter(prefix="/v1", tags=["OpenAI's API"])

_CHUNK: Final = {
    "type": "object",
    "properties": {"data": {"type": "string", "contentMediaType": "application/json"}},
    "required": ["data"],
}
_COMPLETION: Final[dict[str, Any]] = {
    "description": "The answer, or with `stream` the chunks that lead to it, and `[DONE]`",
    "content": {"text/event-stream": {"itemSchema": _CHUNK}},
}


@router.get("/models", responses=error_replies(429))
async def models(service: Here, who: Who) -> ModelsReply:
    """List the models that can be asked: each collection, and how answers from it are written."""
    settings = service.settings
    found = await service.documents.run(
        lambda: [_described(one, settings) for one in models_for(who, settings)]
    )
    return ModelsReply(data=found)


@router.get("/models/{model}", responses=error_replies(404, 429))
async def model(model: str, service: Here, who: Who) -> ModelReply:
    """Tell whether a model can be asked."""
    settings = service.settings
    return await service.documents.run(
        lambda: _described(model_named(model, who, settings), settings)
    )


@router.post(
    "/chat/completions",
    response_model=ChatCompletion,
    responses={200: _COMPLETION, **error_replies(404, 408, 413, 429)},
)
async def chat_completions(
    body: ChatRequest, request: Request, service: Here, who: Who
) -> JSONResponse | StreamingResponse:
    """Answer the last message of a conversation from the documents of a collection."""
    found = await service.documents.run(lambda: model_named(body.model, who, service.settings))
    asked = asked_in(body, found, service.settings)
    message = Message(_manner(body, found, asked, service.settings))
    wants_usage = bool(body.stream_options and body.stream_options.include_usage)
    chunks = Chunks(message, usage=wants_usage)
    if asked.is_chore:
        if body.stream:
            return _streamed(_chore(chunks))
        message.say(CHORE_SAID)
        return JSONResponse(completion(message))
    asking = ask(service, asked.question)
    if body.stream:
        await asking.begun(request)
        return _streamed(_chunks(asking, chunks))
    await asking.result(request)
    return JSONResponse(completion(told_all(asking.happened(), message)))


async def _chunks(asking: Asking, chunks: Chunks) -> AsyncIterator[bytes]:
    """Give the events of a question as chunks; a comment where nothing happens."""
    yield chunks.first()
    async with aclosing(asking.told()) as told:
        async for one in told:
            match one:
                case None:
                    yield KEEP_ALIVE
                case AfterwordError():
                    yield failed(one)
                case _:
                    for chunk in chunks.of(one):
                        yield chunk


async def _chore(chunks: Chunks) -> AsyncIterator[bytes]:
    yield chunks.first()
    for chunk in chunks.said(CHORE_SAID):
        yield chunk


def _streamed(chunks: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(chunks, media_type="text/event-stream", headers=STREAM_HEADERS)


def _manner(body: ChatRequest, found: Model, asked: ChatQuestion, settings: Settings) -> Manner:
    wish = body.afterword.sources if body.afterword else None
    return Manner(
        model=body.model,
        collection=found.collection,
        root=settings.root_path,
        sources=settings.chat_sources if wish is None else wish,
        drops=settings.unsupported == "drop",
        unused=asked.unused,
    )


def _described(found: Model, settings: Settings) -> ModelReply:
    return ModelReply(id=found.name, created=created(found, settings))
