"""Work on the wire: one result, or its events as they happen; who leaves stops the work."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from fastapi import Request

from indexes.errors import AfterwordError
from service.gate import ClientLeft
from service.lanes import Lane
from service.language_model import Check
from service.logs import get_log, log_unexpected
from service.problems import internal_error, problem_of
from service.state import Service

KEEP_ALIVE_SECONDS: Final = 15.0
_KEEP_ALIVE: Final = b": still working\n\n"
# An error within this time is answered by its status; later ones by an event.
_PATIENCE_SECONDS: Final = 10.0
_FINAL: Final = "final"
_log = get_log(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Told:
    """What is told while work goes on: a name, and JSON's own types."""

    name: str
    data: Mapping[str, object]


class Working(Generic[Result]):
    """A piece of work in a thread, with the events it has given so far.

    `work` is given what tells an event and what raises once the client has left; `as_json` makes
    JSON's own types of its result. `path` is the route's.
    """

    def __init__(
        self,
        service: Service,
        lane: Lane,
        path: str,
        work: Callable[[Callable[[Told], None], Check], Result],
        as_json: Callable[[Result], Mapping[str, object]],
    ) -> None:
        """Begin the work. Raises TooManyRequests."""
        self._service = service
        self._path = path
        self._as_json = as_json
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Told | None] = asyncio.Queue()
        self._left = threading.Event()
        self._gone = False
        self._some = asyncio.Event()
        self._result = lane.start(lambda: work(self._tell, self._stay_asked))
        self._result.add_done_callback(lambda _: self._push(None))

    async def result(self, request: Request) -> Result:
        """Wait for the result; where the client does not, stop the work and raise ClientLeft."""
        leaving = asyncio.create_task(self._stop_when_gone(request))
        try:
            return await self._result
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
        if self._result.done() and self._events.qsize() == 1:
            self._result.result()

    async def events(self) -> AsyncIterator[bytes]:
        """Give the events as they happen, a comment where nothing does, then result or error."""
        try:
            while True:
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        event = await self._events.get()
                except TimeoutError:
                    yield _KEEP_ALIVE
                    continue
                if event is None:
                    break
                yield _event(event)
            yield _event(self._last())
        finally:
            self._left.set()

    async def _stop_when_gone(self, request: Request) -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._left.set()
        self._result.cancel()

    def _last(self) -> Told:
        root = self._service.settings.root_path
        try:
            return Told(_FINAL, self._as_json(self._result.result()))
        except AfterwordError as error:
            problem = problem_of(error, f"{root}{self._path}", root)
        except Exception as error:  # noqa: BLE001 # the edge of a request: the client is answered
            log_unexpected(_log, "request_failed", error)
            problem = problem_of(internal_error(), f"{root}{self._path}", root)
        # The status has been sent, so the request's own count does not know of it.
        self._service.metrics.rejected.labels(problem.code).inc()
        return Told("error", problem.model_dump())

    def _stay_asked(self) -> None:
        if self._left.is_set():
            raise ClientLeft

    def _tell(self, event: Told) -> None:
        self._stay_asked()
        self._loop.call_soon_threadsafe(self._push, event)

    def _push(self, event: Told | None) -> None:
        self._events.put_nowait(event)
        self._some.set()


def _event(told: Told) -> bytes:
    line = json.dumps(told.data, ensure_ascii=False, allow_nan=False)
    return f"event: {told.name}\ndata: {line}\n\n".encode()
