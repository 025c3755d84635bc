"""Work on the wire: one result, or its events as they happen; who leaves stops the work."""

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing
from typing import Final, Generic, TypeVar

from fastapi import Request

from indexes.errors import AfterwordError
from service.at_work import gone, unless_left
from service.gate import ClientLeft
from service.lanes import Lane
from service.language_model import Check
from service.logs import get_log, log_unexpected
from service.problems import internal_error, problem_of
from service.state import Service

KEEP_ALIVE_SECONDS: Final = 15.0
KEEP_ALIVE: Final = b": still working\n\n"
# Each event goes to the client as it happens: nothing on the way keeps it, or waits for more.
STREAM_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# An error within this time is answered by its status; later ones by an event.
_PATIENCE_SECONDS: Final = 10.0
_log = get_log(__name__)

Event = TypeVar("Event")
Result = TypeVar("Result")


class Working(Generic[Event, Result]):
    """A piece of work in a thread, with the events it has given so far.

    `work` is given what tells an event and what raises once the client has left; `last` makes the
    last event of its result.
    """

    def __init__(
        self,
        service: Service,
        lane: Lane,
        work: Callable[[Callable[[Event], None], Check], Result],
        last: Callable[[Result], Event],
    ) -> None:
        """Begin the work. Raises TooManyRequests."""
        self._service = service
        self._final = last
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._left = threading.Event()
        self._some = asyncio.Event()
        self._result = lane.start(lambda: work(self._tell, self._stay_asked))
        self._result.add_done_callback(lambda _: self._push(None))

    async def result(self, request: Request) -> Result:
        """Wait for the result; where the client does not, stop the work and raise ClientLeft.

        What happened until then is in `happened`.
        """
        return await unless_left(self._result, self._left, request)

    async def begun(self, request: Request) -> None:
        """Wait for the first event, and raise what went wrong before it.

        Where the client does not wait, stop the work and raise ClientLeft.
        """
        leaving = asyncio.create_task(gone(request))
        some = asyncio.create_task(self._some.wait())
        try:
            await asyncio.wait(
                {leaving, some}, timeout=_PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        except asyncio.CancelledError:
            self._stop()
            raise
        finally:
            leaving.cancel()
            some.cancel()
        if leaving.done():
            self._stop()
            raise ClientLeft
        if self._result.done() and self._events.qsize() == 1:
            self._result.result()

    async def told(self) -> AsyncGenerator[Event | AfterwordError | None]:
        """Give the events as they happen, None where nothing does, then the last or an error."""
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
            self._stop()

    async def events(
        self, path: str, data: Callable[[Event], tuple[str, Mapping[str, object]]]
    ) -> AsyncIterator[bytes]:
        """Give the same as server-sent events; a comment where nothing happens.

        `data` gives an event's name and JSON's own types, `path` is the route's.
        """
        root = self._service.settings.root_path
        async with aclosing(self.told()) as told:
            async for one in told:
                match one:
                    case None:
                        yield KEEP_ALIVE
                    case AfterwordError():
                        problem = problem_of(one, f"{root}{path}", root)
                        yield _as_bytes("error", problem.model_dump())
                    case _:
                        yield _as_bytes(*data(one))

    def happened(self) -> Iterator[Event]:
        """Give the events of work that is done, the last one too."""
        while not self._events.empty():
            event = self._events.get_nowait()
            if event is not None:
                yield event
        yield self._final(self._result.result())

    def _last(self) -> Event | AfterwordError:
        failed: AfterwordError
        try:
            return self._final(self._result.result())
        except AfterwordError as error:
            failed = error
        except Exception as error:  # noqa: BLE001 # the edge of a request: the client is answered
            log_unexpected(_log, "request_failed", error)
            failed = internal_error()
        # The status has been sent, so the request's own count does not know of it.
        self._service.metrics.rejected.labels(failed.code).inc()
        return failed

    def _stop(self) -> None:
        self._left.set()
        self._result.cancel()  # what waits for a thread need not begin

    def _stay_asked(self) -> None:
        if self._left.is_set():
            raise ClientLeft

    def _tell(self, event: Event) -> None:
        self._stay_asked()
        self._loop.call_soon_threadsafe(self._push, event)

    def _push(self, event: Event | None) -> None:
        self._events.put_nowait(event)
        self._some.set()


def _as_bytes(name: str, data: Mapping[str, object]) -> bytes:
    line = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return f"event: {name}\ndata: {line}\n\n".encode()
