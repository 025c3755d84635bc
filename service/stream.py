"""Questions on the wire: one reply, or its events as they happen; who leaves stops the work."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from fastapi import Request

from indexes.errors import AfterwordError
from service.answer import Question
from service.gate import ClientLeft
from service.logs import get_log, log_unexpected, told_id
from service.problems import internal_error, problem_of
from service.reply import Event, FinalEvent, Reply, event_data
from service.state import Service

KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": still working\n\n"
# An error within this time is answered by its status; later ones by an event.
_PATIENCE_SECONDS: Final = 10.0
_log = get_log(__name__)

Keep = Callable[[Reply], Reply]
"""Keeps a reply where that was asked for, and says so in it; called in the work's thread."""


def _as_it_is(reply: Reply) -> Reply:
    return reply


class Asking:
    """One question at work in a thread, with the events it has given so far."""

    def __init__(self, service: Service, question: Question, keep: Keep = _as_it_is) -> None:
        """Begin the work; `keep` is given the reply last. Raises NotReady, TooManyRequests."""
        self._service = service
        self._answerer = service.loaded()
        self._question = question
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._left = threading.Event()
        self._gone = False
        self._some = asyncio.Event()
        self._reply = service.questions.start(self._work)
        self._reply.add_done_callback(lambda _: self._push(None))

    async def reply(self, request: Request) -> Reply:
        """Wait for the reply; where the client does not, stop the work and raise ClientLeft.

        What happened until then is in `happened`.
        """
        leaving = asyncio.create_task(self._stop_when_gone(request))
        try:
            return await self._reply
        except asyncio.CancelledError:
            if self._gone:
                raise ClientLeft from None
            raise
        finally:
            leaving.cancel()
            self._left.set()

    async def begun(self) -> None:
        """Wait for the first event, and raise what went wrong before it."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._some.wait()
        except TimeoutError:
            return
        if self._reply.done() and self._events.qsize() == 1:
            self._reply.result()

    async def told(self) -> AsyncGenerator[Event | AfterwordError | None]:
        """Give the events as they happen, None where nothing does, then the reply or an error."""
        try:
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        event = await self._events.get()
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    break
                yield event
            yield self._last()
        finally:
            self._left.set()
            self._reply.cancel()  # what waits for a thread need not begin

    async def events(self) -> AsyncIterator[bytes]:
        """Give the same as server-sent events; a comment where nothing happens."""
        root = self._service.settings.root_path
        async with aclosing(self.told()) as told:
            async for one in told:
                match one:
                    case None:
                        yield KEEP_ALIVE
                    case AfterwordError():
                        problem = problem_of(one, f"{root}/v1/query", root)
                        yield _event("error", problem.model_dump())
                    case _:
                        yield _event(one.name, event_data(one))

    def happened(self) -> Iterator[Event]:
        """Give the events of a question that is answered, its reply as the last."""
        while not self._events.empty():
            event = self._events.get_nowait()
            if event is not None:
                yield event
        yield FinalEvent(self._reply.result())

    async def _stop_when_gone(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._reply.cancel()

    def _last(self) -> Event | AfterwordError:
        failed: AfterwordError
        try:
            return FinalEvent(self._reply.result())
        except AfterwordError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 # the edge of a request: the client is answered
            log_unexpected(_log, "request_failed", error)
            failed = internal_error()
        # The status has been sent, so the request's own count does not know of it.
        self._service.metrics.rejected.labels(failed.code).inc()
        return failed

    def _work(self) -> Reply:
        reply = self._answerer.answer(
            self._question, on_event=self._on_event, check=self._stay_asked
        )
        self._service.metrics.answers.labels(reply.status).inc()
        self._service.metrics.observe_steps(reply.timings)
        if self._service.settings.log_questions:
            asked = self._question
            _log.info(
                "question",
                question=asked.question,
                collection=asked.collection,
                status=reply.status,
                score=round(reply.score, 4),
            )
        return replace(self._keep(reply), trace_id=told_id())

    def _stay_asked(self) -> None:
        if self._left.is_set():
            raise ClientLeft

    def _on_event(self, event: Event) -> None:
        self._stay_asked()
        if not isinstance(event, FinalEvent):
            self._loop.call_soon_threadsafe(self._push, event)

    def _push(self, event: Event | None) -> None:
        self._events.put_nowait(event)
        self._some.set()


def _event(name: str, data: Mapping[str, object]) -> bytes:
    line = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return f"event: {name}\ndata: {line}\n\n".encode()
