"""Connections within bounds: how long a client may take to ask, to take its answer, and to leave.

uvicorn waits without end for the rest of a request's head, for a client that takes nothing of its
answer, and for one that goes on sending what was refused. Each connection is looked at once a
second here, and closed when it is late. How slowly a body may come is `gate.py`'s to say, which can
still answer then. docs/how-to/run-as-a-service.md has the numbers.
"""

import asyncio
import json
import sys
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar, Final

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from indexes.errors import AfterwordError
from service.gate import head_too_large
from service.logs import get_log, new_request_id
from service.problems import (
    PROBLEM_JSON,
    BadRequest,
    HeadTooLarge,
    RequestTooSlow,
    TooManyConnections,
    answer_for,
)

HEAD_SECONDS: Final = 10.0
# Longer than proxies keep theirs (nginx 60 s): whoever closes first never sends into nothing.
IDLE_SECONDS: Final = 75
TAKING_SECONDS: Final = 60.0
LEAVING_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 1.0
# Refusals of connections are logged this often at most.
_TOLD_SECONDS: Final = 10.0
_log = get_log(__name__)


class BoundedConnection(H11Protocol):
    """One connection of uvicorn's, which closes what is late and answers what it cannot read.

    `limit_concurrency` of the configuration is how many connections there may be at once.
    """

    _told_full: ClassVar[float] = float("-inf")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        # uvicorn's own refusal comes only with a request, and in words that help nobody.
        self._most, self.limit_concurrency = config.limit_concurrency, None
        self._asking_since: float | None = self.loop.time()
        self.idle_since = 0.0
        self._full_since: float | None = None
        self._closing_since: float | None = None
        self._looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Begin to watch the connection, or refuse it where there are too many."""
        super().connection_made(transport)
        self._look_later()
        if self._most is None or len(self.connections) <= self._most:
            return
        idle = [one for one in self.connections if isinstance(one, BoundedConnection) and one.idle]
        if idle:
            min(idle, key=lambda one: one.idle_since).transport.close()
        else:
            self._tell_full()
            self._refuse(
                TooManyConnections(
                    f"All {self._most} connections are taken. Try again in a moment, or raise "
                    "AFTERWORD_MAX_CONNECTIONS."
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        """End the watch."""
        if self._looking is not None:
            self._looking.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Note since when the client takes nothing of what waits for it."""
        self._full_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client has taken it."""
        self._full_since = None
        super().resume_writing()

    @property
    def idle(self) -> bool:
        """Tell whether it has been answered and asks nothing more, so that it may be closed."""
        answered = self.cycle is not None and self.cycle.response_complete
        return answered and self._asking_since is None and not self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Note since when the client sends the head of a request."""
        if self._asking_since is None and not self._answering:
            self._asking_since = self.loop.time()
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._asking_since, self.idle_since = None, self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, in the form of all problems."""
        error = sys.exception()
        hint = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        if hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            self._refuse(HeadTooLarge(head_too_large()))
        else:
            self._refuse(BadRequest(f"This is no HTTP/1.1 request: {error or msg}."))

    def shutdown(self) -> None:
        """End an idle connection now, and another one with its answer."""
        with suppress(h11.LocalProtocolError):  # one that is being refused has no more to say
            super().shutdown()
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _look_later(self) -> None:
        self._looking = self.loop.call_later(_LOOK_SECONDS, self._look)

    def _look(self) -> None:
        now = self.loop.time()
        self._look_later()
        if self.transport.is_closing():
            self._closing_since = self._closing_since or now
            if now - self._closing_since > LEAVING_SECONDS:
                self._abort("client_takes_nothing")
        elif self._full_since is not None and now - self._full_since > TAKING_SECONDS:
            self._abort("client_takes_nothing")
        elif self._answering:
            return
        elif self.conn.their_state is h11.SEND_BODY:
            if now - self.idle_since > LEAVING_SECONDS:
                self._abort("refused_body_goes_on")
        elif self._asking_since is not None and now - self._asking_since > HEAD_SECONDS:
            self._give_up_asking()

    def _give_up_asking(self) -> None:
        """Close a connection that asks nothing; one that has begun to is told why."""
        begun, _ = self.conn.trailing_data
        if not begun:
            self.transport.close()
            return
        _log.warning("connection_closed", reason="head_too_slow", client=self._peer)
        self._refuse(
            RequestTooSlow(
                f"The request's head was not whole within {HEAD_SECONDS:.0f} s. Send it at once."
            )
        )

    def _abort(self, reason: str) -> None:
        _log.warning("connection_closed", reason=reason, client=self._peer)
        self.transport.abort()

    def _tell_full(self) -> None:
        now = self.loop.time()
        if now - BoundedConnection._told_full >= _TOLD_SECONDS:
            BoundedConnection._told_full = now
            _log.warning("connections_refused", connections=self._most)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _peer(self) -> str | None:
        return self.client[0] if self.client else None

    def _refuse(self, error: AfterwordError) -> None:
        """Answer outside of any request, where no answer has begun, and close the connection."""
        answering = self._answering
        if not answering or not self.cycle.response_started:
            self.transport.write(_answer(error))
        if answering:
            # The request can no longer be read to its end; whoever works on it is to stop.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _answer(error: AfterwordError) -> bytes:
    """Return a whole HTTP answer, made without a request."""
    told = answer_for(type(error))
    problem = {
        "type": f"/docs#problem-{error.code}",
        "title": told.title,
        "status": told.status,
        "detail": error.message,
        "instance": "",
        "code": error.code,
        "trace_id": (trace_id := new_request_id(None)),
        "errors": [],
        "retry_after": told.retry_after,
    }
    body = json.dumps(problem).encode()
    retry = "" if told.retry_after is None else f"Retry-After: {told.retry_after}\r\n"
    head = (
        f"HTTP/1.1 {told.status} {HTTPStatus(told.status).phrase}\r\n"
        f"Content-Type: {PROBLEM_JSON}\r\nContent-Length: {len(body)}\r\n{retry}"
        f"X-Request-ID: {trace_id}\r\nX-Content-Type-Options: nosniff\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
