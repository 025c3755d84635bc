"""The tools behind the Model Context Protocol, by its official SDK, which only this module imports.

The SDK takes a second to import, so that nothing imports this module before it is needed.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from mcp import types
from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from sse_starlette.sse import AppStatus

from indexes.errors import AfterwordError, CollectionNotFound, DocumentNotFound
from service.access import Caller, caller_of
from service.logs import get_log, log_unexpected
from service.problems import CODE_KEY, internal_error
from service.product import product_version
from service.state import Service
from service.tools import DEFAULT, INSTRUCTIONS, Tool, Visit, tools

_NAME: Final = "afterword"
# What the tools are does not change while a service runs.
_KEPT_MS: Final = 3_600_000
_READS: Final = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_NEXT: Final[tuple[tuple[type[AfterwordError], str], ...]] = (
    (CollectionNotFound, "The tool list_collections tells which there are."),
    (DocumentNotFound, "The tool list_documents tells which there are."),
)
_log = get_log(__name__)

Context = ServerRequestContext[Any, Any]
WhoCalls = Callable[[Context], Caller]


def http_manager(service: Service) -> StreamableHTTPSessionManager:
    """Return what answers POST /mcp, each request for itself, while its `run()` is entered.

    Who may call is the gate's to say, so that the SDK's own checks of hosts are off.
    """
    _quieten()
    # Streams end with their answers, and a stop waits for those.
    AppStatus.enable_automatic_graceful_drain = False
    server = tools_server(service, _sender)
    return StreamableHTTPSessionManager(server, stateless=True)


async def serve_stdio(service: Service, collection: str) -> None:
    """Serve whoever started this process over its standard input and output until that ends."""
    _quieten()
    everything = Caller(service.settings.data, None, "admin", None)
    server = tools_server(service, lambda _: everything, collection)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def tools_server(service: Service, who_calls: WhoCalls, collection: str = DEFAULT) -> Server[Any]:
    """Return the server of the tools, which speaks over whatever it is given to speak over."""
    offered = tools(service.settings.max_question_chars, collection)
    by_name = {tool.name: tool for tool in offered}
    listed = types.ListToolsResult(tools=[_described(tool) for tool in offered])

    async def list_tools(
        _context: Context, _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return listed

    async def call_tool(
        context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            raise MCPError(
                types.INVALID_PARAMS,
                f"there is no tool {params.name!r:.100}; there are {', '.join(by_name)}",
            )

        async def tell(done: float, said: str) -> None:
            await context.session.report_progress(done, message=said)

        visit = Visit(service, who_calls(context), tell)
        try:
            told = await tool.call(visit, params.arguments or {})
        except AfterwordError as error:
            return _failed(context, error)
        except Exception as error:  # noqa: BLE001 # the edge of a call: the client is answered
            log_unexpected(_log, "tool_failed", error, tool=tool.name)
            return _failed(context, internal_error())
        return types.CallToolResult(
            content=[types.TextContent(text=told.text)],
            structured_content=told.facts.model_dump(mode="json"),
        )

    server = Server[Any](
        _NAME,
        version=product_version(),
        title="Afterword",
        instructions=INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(_KEPT_MS, "public")},
        get_tool_input_schema=lambda name: by_name[name].given if name in by_name else None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    # Its spans would carry what the gate's span has already.
    server.middleware.clear()
    return server


def _sender(context: Context) -> Caller:
    assert context.request is not None  # a message over HTTP has a request
    return caller_of(context.request.scope)


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=tool.given,
        output_schema=tool.told,
        annotations=_READS,
    )


def _failed(context: Context, error: AfterwordError) -> types.CallToolResult:
    """Return what went wrong as the model is told it, and note it for the request's log line."""
    if context.request is not None:
        context.request.scope[CODE_KEY] = error.code
    hint = next((f" {said}" for kind, said in _NEXT if isinstance(error, kind)), "")
    text = f"{error.message.rstrip('.')}.{hint} ({error.code})"
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)


def _quieten() -> None:
    """Keep the libraries' own lines out of the log: they tell of each request, and quote it."""
    for name in ("mcp", "sse_starlette"):
        logging.getLogger(name).setLevel(logging.WARNING)
