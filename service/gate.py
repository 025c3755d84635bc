"""What every request passes before a route and after it: two layers of plain ASGI.

`Edge`, the outermost, gives the request its id, its log line and its last-resort answer; `Gate`
refuses what must not come in: other sites' pages, wrong keys, bodies over their limit.
"""

import asyncio
import hmac
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexes.errors import AfterwordError
from indexes.settings import Settings
from service.logs import get_log, log_unexpected, new_request_id, request_id
from service.loopback import is_loopback
from service.metrics import Metrics
from service.problems import (
    CODE_KEY,
    HeadTooLarge,
    KeyRefused,
    OriginRefused,
    TicketRefused,
    TooLarge,
    internal_error,
    problem_response,
)
from service.routes_page import PAGE_PATHS
from service.tickets import Tickets

OPEN_PATHS: Final = PAGE_PATHS | {"/docs", "/openapi.json", "/health", "/health/ready"}
UPLOAD_PATH: Final = "/v1/documents"
BODY_LIMIT: Final = 1 << 20
FORM_ALLOWANCE: Final = 1 << 20
HEAD_LIMIT: Final = 16 << 10
# A body that pauses longer, or that has come at less than this rate after a while, is given up.
BODY_PAUSE_SECONDS: Final = 20.0
BODY_GRACE_SECONDS: Final = 30.0
BODY_RATE: Final = 16 << 10
_DRAIN_LIMIT: Final = 64 << 20
_DRAIN_SECONDS: Final = 5.0
CLIENT_LEFT: Final = 499
_ORIGINAL: Final = re.compile(r"/v1/documents/([^/]+)/original")
_PORT: Final = re.compile(r":\d*$")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_READING: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_REJECTIONS: Final = frozenset({401, 403, 413, 415, 429, 503, 507})
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_TOO_SLOW: Final = (
    f"The body paused for {BODY_PAUSE_SECONDS:.0f} s, or came at less than {BODY_RATE:,} bytes a "
    f"second after {BODY_GRACE_SECONDS:.0f} s. Send it again over a faster connection."
)
_log = get_log(__name__)


class ClientLeft(Exception):
    """The client closed the connection before the answer was ready."""


@dataclass(slots=True)
class _Outcome:
    """What became of a request; the status stays at 499 if no answer was begun."""

    status: int = CLIENT_LEFT


def path_within(scope: Scope) -> str:
    """Return a request's path as the routes know it: without the service's root at its server."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class Edge:
    """The outermost layer: request id, log line, counters, headers, and an answer to any error.

    `root` is the path that the service has at its proxy. Whether the proxy takes it off or leaves
    it on, all within see it once, in the one form that ASGI means.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, root: str = "") -> None:
        self._app = app
        self._metrics = metrics
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; no error but a cancellation gets past this."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        outcome = _Outcome()
        scope["path"], scope["root_path"] = self._rooted(scope["path"]), self._root
        token = request_id.set(new_request_id(Headers(scope=scope).get("x-request-id")))

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                outcome.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id.get()
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._serve(scope, receive, send_marked, outcome)
        finally:
            self._note(scope, outcome.status, time.perf_counter() - began)
            request_id.reset(token)

    def _rooted(self, path: str) -> str:
        is_rooted = path == self._root or path.startswith(f"{self._root}/")
        within = path[len(self._root) :] if is_rooted else path
        return f"{self._root}{within or '/'}"

    async def _serve(self, scope: Scope, receive: Receive, send: Send, outcome: _Outcome) -> None:
        try:
            await self._app(scope, receive, send)
        except (ClientLeft, ClientDisconnect):
            outcome.status = CLIENT_LEFT
        except Exception as error:  # noqa: BLE001 # the edge of a request: the client is answered
            log_unexpected(_log, "request_failed", error)
            if outcome.status == CLIENT_LEFT:
                await problem_response(internal_error(), scope)(scope, receive, send)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "(none)")
        code = scope.get(CODE_KEY)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if code is not None and status in _REJECTIONS:
            self._metrics.rejected.labels(code).inc()
        client = scope.get("client")
        log = _log.debug if route.startswith("/health") else _log.info
        log(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            client=client[0] if client else None,
            **({} if code is None else {"problem": code}),
        )


class Gate:
    """Refuses what must not come in, before anything of the body is read."""

    def __init__(self, app: ASGIApp, settings: Settings, tickets: Tickets | None = None) -> None:
        self._app = app
        self._tickets = tickets
        self._public_host, self._public_origin = settings.public_host, settings.public_origin
        key = settings.api_key
        self._key = None if key is None else key.get_secret_value().encode()
        self._loopback_only = key is None and is_loopback(settings.host)
        self._upload_limit = settings.max_upload_mb * (1 << 20) + FORM_ALLOWANCE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            if _head_size(scope) > HEAD_LIMIT:
                raise HeadTooLarge(head_too_large())
            self._check_sender(scope, headers)
            limit = self._limit(scope)
            length = headers.get("content-length", "")
            if length.isascii() and length.isdigit() and int(length) > limit:
                raise TooLarge(_over(scope, limit))
        except AfterwordError as error:
            if "expect" not in headers:
                await _drain(receive)
            await problem_response(error, scope)(scope, receive, send)
            return
        await self._app(scope, _counted(scope, receive, limit), send)

    def _check_sender(self, scope: Scope, headers: Headers) -> None:
        if self._key is None:
            if scope["method"] not in _SAFE_METHODS:
                self._check_origin(headers)
            if self._loopback_only:
                _check_host(headers, self._public_host)
        elif path_within(scope) not in OPEN_PATHS and not self._has_key(headers):
            self._check_ticket(scope)

    def _check_origin(self, headers: Headers) -> None:
        """Refuse what a page of another site makes a browser send; it needs no key to do so."""
        origin, host = headers.get("origin"), headers.get("host", "").lower()
        if origin is None or origin.lower() == self._public_origin:
            return
        # Of the public host a page that came without TLS may be anybody's.
        is_public = _name(host) == self._public_host and not is_loopback(_name(host))
        if is_public or origin.partition("://")[2].lower() != host:
            raise OriginRefused(
                f"A page of {origin!r} sent this. Only this service's own pages may; other "
                "programs send no Origin header, other sites need AFTERWORD_API_KEY set and the "
                "key sent. Behind a proxy AFTERWORD_PUBLIC_URL must be the address that browsers "
                "use."
            )

    def _has_key(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        given_key = given.strip().encode("latin-1")
        is_key = self._key is not None and hmac.compare_digest(given_key, self._key)
        return scheme.lower() == "bearer" and is_key

    def _check_ticket(self, scope: Scope) -> None:
        """Let a link to an original pass that has a ticket for it; refuse all else."""
        place = _ORIGINAL.fullmatch(path_within(scope))
        asked = QueryParams(scope["query_string"])
        given = asked.getlist("ticket")
        if place is None or not given or scope["method"] not in _READING or not self._tickets:
            raise KeyRefused(
                "This service has a key. Send it as `Authorization: Bearer KEY`; it is the "
                "value of AFTERWORD_API_KEY."
            )
        # Of a parameter that is there twice the route would take another one than was checked.
        collections = asked.getlist("collection")
        good = len(given) == len(collections) == 1
        if not good or not self._tickets.is_good(given[0], collections[0], place[1]):
            raise TicketRefused(
                "This link is no longer good: it is for ten minutes, and until the service is "
                "started anew. Open the citation again for a new one, or send the key."
            )

    def _limit(self, scope: Scope) -> int:
        return self._upload_limit if path_within(scope) == UPLOAD_PATH else BODY_LIMIT


def _name(host: str) -> str:
    """Return the host's name in a Host header, in small letters."""
    return _PORT.sub("", host).strip("[]").lower()


def _check_host(headers: Headers, public: str | None) -> None:
    """Refuse other names for this machine, by which a web page could reach a loopback service."""
    host = headers.get("host", "")
    if not is_loopback(_name(host)) and _name(host) != public:
        raise OriginRefused(
            f"The Host header says {host!r}, but this service answers on loopback only. Use "
            "http://127.0.0.1 or localhost, or set AFTERWORD_API_KEY. Behind a proxy set "
            "AFTERWORD_PUBLIC_URL to the address that browsers use."
        )


def head_too_large() -> str:
    """Say how large the head of a request may be."""
    return (
        f"Address and headers of the request are over the limit of {HEAD_LIMIT:,} bytes. Send "
        "fewer or shorter ones."
    )


def _head_size(scope: Scope) -> int:
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    return target + sum(len(name) + len(value) + 4 for name, value in scope["headers"])


def _counted(scope: Scope, receive: Receive, limit: int) -> Receive:
    """Return `receive` with a limit on the body, for bodies that do not tell their length.

    Only the time that somebody waits for the client counts against the client.
    """
    received, waited, whole = 0, 0.0, False

    async def receive_counted() -> Message:
        nonlocal received, waited, whole
        if whole:
            return await receive()
        began = time.monotonic()
        allowed = BODY_GRACE_SECONDS + received / BODY_RATE - waited
        try:
            async with asyncio.timeout(min(BODY_PAUSE_SECONDS, allowed)):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, _TOO_SLOW) from None
        waited += time.monotonic() - began
        whole = not message.get("more_body", False)
        received += len(message.get("body", b""))
        if received > limit:
            await _drain(receive)
            # The framework lets only its own exception through while it reads a body.
            raise HTTPException(413, _over(scope, limit))
        return message

    return receive_counted


async def _drain(receive: Receive) -> None:
    """Take the rest of a refused body, within bounds.

    Many clients read no answer before they have sent all, and see a broken connection instead.
    """
    taken = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            while taken < _DRAIN_LIMIT:
                message = await receive()
                taken += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return


def _over(scope: Scope, limit: int) -> str:
    more = ", or raise AFTERWORD_MAX_UPLOAD_MB" if path_within(scope) == UPLOAD_PATH else ""
    return f"The body is over the limit of {limit:,} bytes. Send less{more}."
