"""The route of a summary."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from indexes.documents import Span
from service.access import Who
from service.answer import Answerer
from service.language_model import Check
from service.logs import get_log, told_id
from service.openapi import problems, streamed
from service.problems import invalid
from service.schemas_summaries import SummaryRequest
from service.searching import check_length
from service.state import Here, Service
from service.summaries.reply import Event, Summary, SummaryEvent, event_data
from service.summaries.wanted import Wanted
from service.working import STREAM_HEADERS, Working

router = APIRouter(prefix="/v1", tags=["summaries"])
_PATH: Final = "/v1/summaries"
_log = get_log(__name__)
_REPLY: Final = streamed("The summary", "progress", "token", "citation", "final", "error")


@router.post(
    "/summaries",
    response_model=Summary,
    responses={200: _REPLY, **problems(400, 404, 408, 413, 429, 502, 503, 504)},
)
async def summaries(
    body: SummaryRequest, request: Request, service: Here, who: Who
) -> Summary | StreamingResponse:
    """Summarise documents, a selection of them or a whole collection, with citations."""
    who.check(body.collection)
    _check(body, service)
    wanted = _wanted(body)
    answerer = service.loaded()
    work = _work(service, answerer, wanted)
    working: Working[Event, Summary] = Working(service, service.summaries, work, SummaryEvent)
    if not body.stream:
        return await working.result(request)
    await working.begun(request)
    return StreamingResponse(
        working.events(_PATH, lambda event: (event.name, event_data(event))),
        media_type="text/event-stream",
        headers=STREAM_HEADERS,
    )


def _check(body: SummaryRequest, service: Service) -> None:
    if body.focus is not None:
        check_length("body.focus", body.focus, service.settings)
    for name in ("pages", "span"):
        if getattr(body, name) is not None and len(set(body.document_ids or ())) != 1:
            raise invalid(f"body.{name}", "it is of one document: name one in document_ids")
    if body.pages is not None and body.span is not None:
        raise invalid("body.span", "pages are given too; give one of them")


def _wanted(body: SummaryRequest) -> Wanted:
    return Wanted(
        collection=body.collection,
        document_ids=tuple(body.document_ids or ()),
        filter=body.filter,
        as_of=body.as_of,
        pages=(body.pages.first, body.pages.last) if body.pages else None,
        span=Span(body.span.start, body.span.end) if body.span else None,
        length=body.length,
        focus=body.focus,
        generator=body.generator,
    )


def _work(
    service: Service, answerer: Answerer, wanted: Wanted
) -> Callable[[Callable[[Event], None], Check], Summary]:
    def work(tell: Callable[[Event], None], check: Check) -> Summary:
        def on_event(event: Event) -> None:
            if not isinstance(event, SummaryEvent):
                tell(event)

        summary = answerer.summarise(wanted, on_event=on_event, check=check)
        service.metrics.summaries.labels(summary.status).inc()
        service.metrics.summary_seconds.observe(summary.timings.total / 1000)
        if service.settings.log_questions:
            _log.info(
                "summary",
                question=wanted.focus,
                collection=wanted.collection,
                status=summary.status,
                chunks=summary.read.chunks_read,
            )
        return replace(summary, trace_id=told_id())

    return work
