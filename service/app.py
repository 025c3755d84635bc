"""The HTTP service: its parts put together, started and stopped."""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response

from indexes.errors import AfterwordError, UsageError
from indexes.heap import return_large_pieces
from indexes.settings import Settings
from service import (
    routes_backup,
    routes_chat,
    routes_collections,
    routes_documents,
    routes_embeddings,
    routes_mcp,
    routes_operations,
    routes_originals,
    routes_page,
    routes_questions,
    routes_rerank,
    routes_sessions,
    routes_summaries,
)
from service.access import check_declared
from service.answer import Answerer, build_answerer
from service.connections import IDLE_SECONDS, BoundedConnection
from service.gate import HEAD_LIMIT, Edge, Gate, path_within
from service.keys import has_key
from service.logs import configure_logs, get_log, log_unexpected
from service.loop_lag import watch_loop
from service.loopback import is_loopback
from service.openapi import describe, methods_of
from service.problems import (
    MethodNotAllowed,
    from_http_exception,
    from_validation,
    problem_response,
)
from service.product import product_version
from service.prompts import check_prompts
from service.sockets import make_room, watch_peers
from service.state import Service, ability, only_known_parameters
from service.traces import OFF, Traces, load_traces

_RETRY_SECONDS: Final = 5.0
_FORGET_SECONDS: Final = 3600.0
_STAINLESS: Final = (
    "Arch",
    "Helper-Method",
    "Lang",
    "OS",
    "Package-Version",
    "Retry-Count",
    "Runtime",
    "Runtime-Version",
    "Timeout",
)
_CORS_METHODS: Final = ("GET", "HEAD", "POST", "DELETE")
# The last ones are those of OpenAI's own client.
_CORS_HEADERS: Final = (
    "Authorization",
    "X-API-Key",
    "X-Request-ID",
    "Range",
    "If-Range",
    "Mcp-Method",
    "Mcp-Name",
    "Mcp-Protocol-Version",
    "OpenAI-Organization",
    "OpenAI-Project",
    *(f"X-Stainless-{name}" for name in _STAINLESS),
)
_CORS_EXPOSED: Final = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
    "X-Should-Retry",
)
# The routes at which a parameter that is not known is a mistake.
_CHECKED: Final = (
    routes_questions,
    routes_summaries,
    routes_sessions,
    routes_documents,
    routes_originals,
    routes_collections,
    routes_backup,
    routes_chat,
    routes_embeddings,
    routes_rerank,
)
_log = get_log(__name__)

Build = Callable[[Settings], Answerer]


def create_app(
    settings: Settings,
    build: Build = build_answerer,
    *,
    worker: bool = True,
    traces: Traces = OFF,
) -> FastAPI:
    """Return the service as an ASGI application; `build` runs in a thread once it is started."""
    service = Service(settings)
    tools = routes_mcp.Tools(service)

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with _at_work(service, build, worker=worker):
            yield
            await tools.close()
        service.close()
        await asyncio.to_thread(traces.end)

    app = FastAPI(
        title="Afterword",
        version=product_version(),
        summary="Answers questions from your own documents and shows the words it relied on.",
        lifespan=life,
        openapi_url=None,
        redirect_slashes=False,
        # Its records would carry what was asked; `logs.py`, `metrics.py` and `traces.py` are ours.
        telemetry={"logs": False, "metrics": False, "tracing": False, "auto_configure": False},
    )
    app.state.service, app.state.tools = service, tools
    for routes in _CHECKED:
        app.include_router(routes.router, dependencies=[Depends(only_known_parameters)])
    for routes in (routes_mcp, routes_operations, routes_page):
        app.include_router(routes.router)
    app.openapi = lambda: describe(app, settings.root_path)  # type: ignore[method-assign] # the documented way
    check_declared(app.routes)
    _add_gates(app, service, traces)
    app.add_exception_handler(AfterwordError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    return app


@asynccontextmanager
async def _at_work(service: Service, build: Build, *, worker: bool) -> AsyncIterator[None]:
    """Let the service do what it does beside its requests."""
    tasks = [
        asyncio.create_task(_load(service, build)),
        asyncio.create_task(watch_loop(service.metrics.loop_lag)),
        asyncio.create_task(_forget_old_sessions(service)),
    ]
    if worker:
        tasks.append(asyncio.create_task(service.keeper.keep()))
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _add_gates(app: FastAPI, service: Service, traces: Traces) -> None:
    """Put around the routes what every request passes, the innermost first."""
    settings = service.settings
    app.add_middleware(Gate, settings=settings, keyring=service.keyring, tickets=service.tickets)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=_CORS_METHODS,
            allow_headers=_CORS_HEADERS,
            expose_headers=_CORS_EXPOSED,
        )
    app.add_middleware(Edge, metrics=service.metrics, root=settings.root_path, traces=traces)


def serve(settings: Settings) -> None:
    """Run the service until it is told to stop, and let the requests in flight end.

    Raises UsageError where it may not or cannot bind the address, or prompts cannot be used.
    """
    check_exposure(settings)
    check_prompts(settings.prompts)
    return_large_pieces()
    configure_logs(settings.log_level)
    make_room(settings.max_connections)
    listener = listen(settings.host, settings.port)
    # Uploads pass through files of their own; those belong into the data folder like the rest.
    tempfile.tempdir = str(_temporary_folder(settings))
    app = create_app(settings, traces=load_traces(os.environ))
    server = uvicorn.Server(configuration(app, settings))
    # uvicorn raises a signal again when it has stopped in order; this is what it then meets.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit)
    host, port = listener.getsockname()[:2]
    _log.info(
        "listening", url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    )
    if settings.public_url and not has_key(settings):
        _log.warning("open_to_all_who_reach_the_proxy", url=settings.public_url)
    with suppress(SystemExit):
        server.run(sockets=[listener])
    service: Service = app.state.service
    if service.busy:
        # A question that does not notice the stop would hold the exit until it is answered.
        _log.warning("stopped_with_work_left")
        sys.stderr.flush()
        os._exit(0)
    _log.info("stopped")


def configuration(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Return how the server runs the application."""
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        ws="none",
        lifespan="on",
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=IDLE_SECONDS,
        h11_max_incomplete_event_size=HEAD_LIMIT,
        timeout_graceful_shutdown=settings.stop_seconds,
    )


def check_exposure(settings: Settings) -> None:
    """Raise UsageError where the service would be open to others without a key."""
    is_meant = settings.allow_anonymous or is_loopback(settings.host)
    if not is_meant and not has_key(settings):
        raise UsageError(
            f"The service would answer anybody who reaches {settings.host}. Make a key by "
            "`afterword keys create`, or set AFTERWORD_API_KEY to one of 16 or more characters, or "
            "AFTERWORD_ALLOW_ANONYMOUS=1 if it shall, or bind 127.0.0.1."
        )


def _temporary_folder(settings: Settings) -> Path:
    folder = settings.data.absolute() / ".jobs" / "tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"Cannot write to the data folder {settings.data}: {error.strerror}. Choose another by "
            "AFTERWORD_DATA, or let this user write there."
        ) from error
    return folder


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises UsageError where the address cannot be had."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UsageError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another by "
            "AFTERWORD_HOST and AFTERWORD_PORT, or --host and --port."
        ) from error
    # asyncio does this only for sockets that it opened; without it each answer waits 40 ms for the
    # client's delayed acknowledgement. Connections inherit it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    watch_peers(listener)
    return listener


def _exit(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


async def _load(service: Service, build: Build) -> None:
    """Load what questions need; where something is missing, say so and try again."""
    while True:
        try:
            answerer = await service.operations.run(lambda: build(service.settings))
            await service.operations.run(partial(ability, service, answerer))
        except AfterwordError as error:
            service.reasons = (error.message,)
        except Exception as error:  # noqa: BLE001 # a service that cannot load still tells why
            log_unexpected(_log, "load_failed", error)
            service.reasons = (_load_failure(service.settings.data, error),)
        else:
            service.answerer = answerer
            _log.info("loaded")
            return
        _log.error("not_loaded", reason=service.reasons[0], retry_in=_RETRY_SECONDS)
        await asyncio.sleep(_RETRY_SECONDS)


async def _forget_old_sessions(service: Service) -> None:
    """Forget the sessions whose time is over, also where no question comes."""
    while True:
        try:
            await asyncio.to_thread(service.sessions.forget_old)
        except AfterwordError as error:
            _log.warning("sessions_not_forgotten", reason=error.message)
        await asyncio.sleep(_FORGET_SECONDS)


def _load_failure(data: Path, error: Exception) -> str:
    """Say what went wrong; of messages only those that never quote a document's text."""
    what = type(error).__name__
    if isinstance(error, OSError | sqlite3.Error):
        what = " ".join(f"{what}: {error}".split())
    return f"Loading failed ({what}) in {data}; the log tells more."


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AfterwordError)
    return problem_response(error, request.scope)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = path_within(request.scope)
    methods = methods_of(request.app.openapi(), path)
    problem = from_http_exception(error, path, methods)
    refused = isinstance(problem, MethodNotAllowed)
    headers = {"Allow": ", ".join(methods)} if refused else {}
    return problem_response(problem, request.scope, headers)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return problem_response(from_validation(error), request.scope)
