"""Questions on the wire: one at work, with its events as they happen."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from service.answer import Question
from service.language_model import Check
from service.logs import get_log, told_id
from service.reply import Event, FinalEvent, Reply, event_data
from service.state import Service
from service.working import Working

_log = get_log(__name__)

Keep = Callable[[Reply], Reply]
"""Keeps a reply where that was asked for, and says so in it; called in the work's thread."""
Asking = Working[Event, Reply]


def _as_it_is(reply: Reply) -> Reply:
    return reply


def ask(service: Service, question: Question, keep: Keep = _as_it_is) -> Asking:
    """Begin to answer; `keep` is given the reply last. Raises NotReady, TooManyRequests."""
    answerer = service.loaded()

    def work(tell: Callable[[Event], None], check: Check) -> Reply:
        def on_event(event: Event) -> None:
            if not isinstance(event, FinalEvent):  # the kept reply is the last
                tell(event)

        reply = answerer.answer(question, on_event=on_event, check=check)
        service.metrics.answers.labels(reply.status).inc()
        service.metrics.observe_steps(reply.timings)
        _note(service, question, reply)
        return replace(keep(reply), trace_id=told_id())

    return Working(service, service.questions, work, FinalEvent)


def reply_events(asking: Asking) -> AsyncIterator[bytes]:
    """Give the events of a question as server-sent ones, its reply as the last."""
    return asking.events("/v1/query", lambda event: (event.name, event_data(event)))


def _note(service: Service, asked: Question, reply: Reply) -> None:
    if service.settings.log_questions:
        _log.info(
            "question",
            question=asked.question,
            collection=asked.collection,
            status=reply.status,
            score=round(reply.score, 4),
        )
