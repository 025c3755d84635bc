"""`afterword mcp`: the tools for whoever starts this process, over its input and output."""

import asyncio
import os
import signal
import sys
from typing import Final

from indexes.settings import Settings
from service.answer import build_answerer
from service.logs import configure_logs
from service.mcp_server import serve_stdio
from service.state import Service

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_WAITS: Final = (
    "This waits for messages of the Model Context Protocol: it is started by a client, which is "
    "told of the command in its settings (docs/how-to/mcp.md). Ctrl-C ends it.\n"
)


def run(settings: Settings, collection: str) -> None:
    """Serve until standard input ends, or a signal comes; the log goes to stderr."""
    configure_logs(settings.log_level)
    service = Service(settings)
    service.answerer = build_answerer(settings)
    for number in _SIGNALS:
        # The thread that waits for input would hold any other end. Nothing is written here.
        signal.signal(number, lambda *_: os._exit(0))
    if sys.stdin.isatty():
        sys.stderr.write(_WAITS)
    asyncio.run(_serve(service, collection))
    service.close()


async def _serve(service: Service, collection: str) -> None:
    answerer = service.loaded()
    # What is missing is told by the first question.
    loading = service.operations.start(answerer.ready)
    await serve_stdio(service, collection)
    loading.cancel()
