"""The routes of a question: ask, and search alone."""

from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from service.access import Who
from service.answer import Question
from service.evidence import Turn
from service.openapi import problems, streamed
from service.reply import Reply
from service.schemas import QueryRequest, SearchReply, SearchRequest
from service.searching import check_length
from service.searching import search as find
from service.session_use import asked_in_session
from service.state import Here
from service.stream import ask, reply_events
from service.working import STREAM_HEADERS

router = APIRouter(prefix="/v1", tags=["questions"])

_REPLY: Final = streamed("The reply", "search", "token", "reasoning", "citation", "final", "error")


@router.post(
    "/query",
    response_model=Reply,
    responses={200: _REPLY, **problems(400, 404, 408, 409, 413, 429, 507)},
)
async def query(
    body: QueryRequest, request: Request, service: Here, who: Who
) -> Reply | StreamingResponse:
    """Answer a question from the documents of a collection, with citations.

    With `session` the server remembers question and answer, and goes by them next time.
    """
    check_length("body.question", body.question, service.settings)
    asked = await asked_in_session(body, service, who)
    if asked is None:
        who.check(body.collection)
        asking = ask(service, _question(body))
    else:
        collection, history, keep = asked.collection, asked.history, asked.keep
        asking = ask(
            service, replace(_question(body), collection=collection, history=history), keep
        )
    if not body.stream:
        return await asking.result(request)
    await asking.begun(request)
    return StreamingResponse(
        reply_events(asking),
        media_type="text/event-stream",
        headers=STREAM_HEADERS,
    )


@router.post("/search", responses=problems(400, 404, 408, 413, 429))
async def search(body: SearchRequest, service: Here, who: Who) -> SearchReply:
    """Find passages; nothing looks at them closely and nothing is answered."""
    who.check(body.collection)
    check_length("body.query", body.query, service.settings)
    return SearchReply(passages=await find(service, body))


def _question(body: QueryRequest) -> Question:
    return Question(
        question=body.question,
        collection=body.collection,
        filter=body.filter,
        as_of=body.as_of,
        top_k=body.top_k,
        candidates=max(body.candidates, body.top_k),
        generator=body.generator,
        strategy=body.strategy,
        reasoning=body.reasoning,
        history=tuple(Turn(one.role, one.content) for one in body.history),
        rewrite=body.rewrite,
    )
