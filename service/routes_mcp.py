"""The route of the Model Context Protocol: one POST a message, answered by the SDK."""

import asyncio
from importlib import import_module
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access import Who
from service.openapi import problems
from service.problems import PROBLEM_JSON, MediaTypeRefused
from service.state import Service

router = APIRouter(tags=["tools"])

_JSON: Final = "application/json"
_MESSAGE: Final = {
    "type": "object",
    "properties": {
        "jsonrpc": {"const": "2.0"},
        "id": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "method": {"type": "string"},
        "params": {"type": "object"},
    },
    "required": ["jsonrpc", "method"],
    "examples": [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}],
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {_JSON: {"schema": _MESSAGE}}}
}
_REFUSED: Final[dict[str, Any]] = {"content": {_JSON: {}, PROBLEM_JSON: {}}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The answer: a JSON-RPC object, alone or as the last of the events",
        "content": {_JSON: {"schema": {"type": "object"}}, "text/event-stream": {}},
    },
    202: {"description": "A notification, which has no answer", "content": {_JSON: {}}},
    **problems(400, 404, 408, 413, 415, 429),
    400: {"description": "No message of the protocol, as a JSON-RPC error", **_REFUSED},
    404: {"description": "A method that there is not, as a JSON-RPC error", **_REFUSED},
    406: {"description": "The client takes no JSON, or no events", "content": {_JSON: {}}},
}


class Tools:
    """The tools of one service; the SDK is loaded when a client first asks."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._loading = asyncio.Lock()
        self._app: ASGIApp | None = None
        self._running: asyncio.Task[None] | None = None

    async def app(self) -> ASGIApp:
        """Return what answers a message, loaded and running."""
        async with self._loading:
            if self._app is None:
                server = await asyncio.to_thread(import_module, "service.mcp_server")
                manager = server.http_manager(self._service)
                begun = asyncio.Event()
                # Its tasks must end where they began, so that one task has all of its life.
                self._running = asyncio.create_task(_run(manager, begun))
                await begun.wait()
                self._app = manager.asgi_app
            return self._app

    async def close(self) -> None:
        """End what still runs."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)


class _Answered(Response):
    """An answer that the SDK sends itself."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


@router.post("/mcp", openapi_extra=_BODY, response_class=Response, responses=_RESPONSES)
async def mcp(request: Request, who: Who) -> Response:
    """Offer search, ask, list and read to language models (Model Context Protocol).

    A client of the protocol speaks to this address; each message is a request of its own.
    """
    del who  # the tools check what it may see
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _JSON:
        raise MediaTypeRefused(f"The body has the type {kind[:100]!r}; send {_JSON}.")
    tools: Tools = request.app.state.tools
    return _Answered(await tools.app())


async def _run(manager: Any, begun: asyncio.Event) -> None:
    async with manager.run():
        begun.set()
        await asyncio.Event().wait()
