"""What every request passes before a route and after it: two layers of plain ASGI.

`Edge`, the outermost, gives the request its id, its log lines and its last-resort answer; `Gate`
refuses what must not come in: other sites' pages, wrong keys, keys that may not do this or ask too
often, bodies over their limit. It leaves the caller, `access.Caller`, for the routes.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from indexes.errors import AfterwordError
from indexes.settings import Settings
from service.access import (
    CALLER,
    TRAIL,
    Caller,
    Operation,
    Trail,
    check_name,
    operation_of,
)
from service.audit import audit
from service.keyring import Keyring, network_of
from service.logs import get_log, log_unexpected, new_request_id, request_id
from service.loopback import is_loopback
from service.metrics import Metrics
from service.problems import (
    CODE_KEY,
    HeadTooLarge,
    KeyRefused,
    NotReady,
    OriginRefused,
    RateLimited,
    TicketRefused,
    TooLarge,
    internal_error,
    problem_response,
)
from service.rates import Buckets, Taken
from service.tickets import Tickets
from service.traces import OFF, Traces, note_request

UPLOAD_PATH: Final = "/v1/documents"
RESTORE_PATH: Final = re.compile(r"/v1/collections/[^/]+/restore")
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
_READY: Final = "/health/ready"
_DEFAULT: Final = "default"
_PORT: Final = re.compile(r":\d*$")
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_READING: Final = frozenset({"GET", "HEAD"})
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
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


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", "(none)")


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "OTHER"


class Edge:
    """The outermost layer: request id, log line, counters, headers, and an answer to any error.

    `root` is the path that the service has at its proxy. Whether the proxy takes it off or leaves
    it on, all within see it once, in the one form that ASGI means.
    """

    def __init__(
        self, app: ASGIApp, metrics: Metrics, root: str = "", traces: Traces = OFF
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._traces = traces
        self._root = root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; no error but a cancellation gets past this."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        outcome = _Outcome()
        scope["path"], scope["root_path"] = self._rooted(scope["path"]), self._root
        scope[TRAIL] = Trail()
        token = request_id.set(new_request_id(Headers(scope=scope).get("x-request-id")))

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                outcome.status = int(message["status"])  # libraries put names of statuses there
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id.get()
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        method = _method(scope)
        with self._traces.request(method, path_within(scope), Headers(scope=scope)) as span:
            try:
                await self._serve(scope, receive, send_marked, outcome)
            finally:
                self._note(scope, outcome.status, time.perf_counter() - began)
                problem = scope.get(CODE_KEY)
                note_request(span, method, _route(scope), outcome.status, problem)
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
        route, method = _route(scope), _method(scope)
        code = scope.get(CODE_KEY)
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        if code is not None:
            self._metrics.rejected.labels(code).inc()
        client = scope.get("client")
        trail: Trail = scope[TRAIL]
        audit(trail, method, route, status, code)
        log = _log.debug if route.startswith("/health") else _log.info
        log(
            "request",
            method=method,
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            client=client[0] if client else None,
            **({} if trail.key_id is None else {"key": trail.key_id}),
            **({} if code is None else {"problem": code}),
        )


class Gate:
    """Refuses what must not come in, before anything of the body is read."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        keyring: Keyring | None = None,
        tickets: Tickets | None = None,
    ) -> None:
        self._app = app
        self._keyring = keyring or Keyring(settings)
        self._tickets = tickets or Tickets()
        self._rates = Buckets()
        self._rate = settings.rate_per_minute
        self._public_host, self._public_origin = settings.public_host, settings.public_origin
        self._origins = settings.origins
        self._is_loopback = is_loopback(settings.host)
        self._restore_limit = settings.max_restore_mb * (1 << 20)
        self._upload_limit = settings.max_upload_mb * (1 << 20) + FORM_ALLOWANCE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        told: dict[str, str] = {}
        try:
            if _head_size(scope) > HEAD_LIMIT:
                raise HeadTooLarge(head_too_large())
            await self._admit(scope, headers, told)
            limit = self._limit(scope)
            length = headers.get("content-length", "")
            if length.isascii() and length.isdigit() and int(length) > limit:
                raise TooLarge(_over(scope, limit))
        except AfterwordError as error:
            if "expect" not in headers:
                await _drain(receive)
            await problem_response(error, scope, told)(scope, receive, send)
            return
        await self._app(scope, _counted(scope, receive, limit), _telling(send, told))

    async def _admit(self, scope: Scope, headers: Headers, told: dict[str, str]) -> None:
        """Find who asks and whether that may be; `told` are headers for whatever is answered."""
        await self._keyring.refresh()
        operation = operation_of(scope["method"], path_within(scope))
        caller = self._caller(scope, headers, operation)
        trail: Trail = scope.setdefault(TRAIL, Trail())
        trail.key_id, trail.access = caller.key_id, operation.access
        trail.document_id = operation.names.get("document_id")
        scope[CALLER] = caller = replace(caller, trail=trail)
        if operation.access.scope is None:
            return
        taken = self._taken(caller, _address(scope))
        if taken is not None:
            told.update(taken.headers)
            if taken.wait:
                raise RateLimited(
                    f"{taken.limit} requests a minute are allowed, and these are used up.",
                    taken.wait,
                )
        caller.check_scope(operation.access)
        for name in _collections(scope, operation):
            check_name(caller, name)
        await self._keyring.note_uses()

    def _caller(self, scope: Scope, headers: Headers, operation: Operation) -> Caller:
        """Return who asks. Raises KeyRefused, RateLimited, NotReady, OriginRefused."""
        is_open = operation.access.scope is None
        if not self._keyring.is_needed:
            if scope["method"] not in _SAFE_METHODS:
                self._check_origin(headers)
            if self._is_loopback:
                _check_host(headers, self._public_host)
            return self._keyring.anonymous()
        if is_open and path_within(scope) != _READY:
            return self._keyring.anonymous()
        try:
            return self._keyring.find(_given(headers), _address(scope))
        except (KeyRefused, RateLimited, NotReady) as refused:
            return self._keyring.anonymous() if is_open else self._ticketed(scope, refused)

    def _ticketed(self, scope: Scope, refused: AfterwordError) -> Caller:
        """Let a link to an original pass that has a ticket for it; else raise `refused`."""
        place = _ORIGINAL.fullmatch(path_within(scope))
        asked = QueryParams(scope["query_string"])
        given = asked.getlist("ticket")
        if place is None or not given or scope["method"] not in _READING:
            raise refused
        # Of a parameter that is there twice the route would take another one than was checked.
        collections = asked.getlist("collection")
        if len(given) == len(collections) == 1:
            holder = self._tickets.holder(given[0], collections[0], place[1])
            caller = None if holder is None else self._keyring.holder(holder)
            if caller is not None:
                return caller
        raise TicketRefused(
            "This link is no longer good: it is for ten minutes, and until its key is revoked or "
            "the service is started anew. Open the citation again for a new one, or send the key."
        )

    def _taken(self, caller: Caller, address: str) -> Taken | None:
        """Count the request, where its key (without keys: its address) has a limit."""
        rate = self._rate if caller.rate is None else caller.rate
        if not rate:
            return None
        return self._rates.take(caller.key_id or f"address {network_of(address)}", rate)

    def _check_origin(self, headers: Headers) -> None:
        """Refuse what a page of another site makes a browser send; it needs no key to do so."""
        origin, host = headers.get("origin"), headers.get("host", "").lower()
        if origin is None or origin.lower() in {self._public_origin, *self._origins}:
            return
        # Of the public host a page that came without TLS may be anybody's.
        is_public = _name(host) == self._public_host and not is_loopback(_name(host))
        if is_public or origin.partition("://")[2].lower() != host:
            raise OriginRefused(
                f"A page of {origin!r} sent this. Only this service's own pages may; other "
                "programs send no Origin header, other sites must be named in "
                "AFTERWORD_CORS_ORIGINS. Behind a proxy AFTERWORD_PUBLIC_URL must be the address "
                "that browsers use."
            )

    def _limit(self, scope: Scope) -> int:
        path = path_within(scope)
        if RESTORE_PATH.fullmatch(path):
            return self._restore_limit
        return self._upload_limit if path == UPLOAD_PATH else BODY_LIMIT


def _given(headers: Headers) -> str | None:
    """Return the one key that a request carries, None where it carries none, or several."""
    found = []
    for value in headers.getlist("authorization"):
        scheme, _, key = value.partition(" ")
        if scheme.lower() == "bearer":
            found.append(key.strip())
    found += [value.strip() for value in headers.getlist("x-api-key")]
    return found[0] if len(set(found)) == 1 else None


def _collections(scope: Scope, operation: Operation) -> list[str]:
    """Return the collections that path or query name; of several the route takes one."""
    match operation.access.named:
        case "path":
            return [operation.names["name"]]
        case "query":
            return QueryParams(scope["query_string"]).getlist("collection") or [_DEFAULT]
    return []


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _telling(send: Send, told: Mapping[str, str]) -> Send:
    """Return `send` with headers added to the answer."""

    async def send_told(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(told)
        await send(message)

    return send_told if told else send


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
    path, more = path_within(scope), ""
    if path == UPLOAD_PATH:
        more = ", or raise AFTERWORD_MAX_UPLOAD_MB"
    elif RESTORE_PATH.fullmatch(path):
        more = ", raise AFTERWORD_MAX_RESTORE_MB, or use `afterword restore` on the machine itself"
    return f"The body is over the limit of {limit:,} bytes. Send less{more}."
