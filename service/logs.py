"""One log, one line an event, as JSON: what happened under which request id.

Questions and document text never go in, so unexpected errors are logged by their type and place;
their messages, which may quote a text, only at level debug.
"""

import logging
import re
import secrets
import sys
import traceback
from contextvars import ContextVar
from typing import Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

request_id: ContextVar[str] = ContextVar("request_id", default="")
# That of the trace a request belongs to, for its caller's or this service's OpenTelemetry.
trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_SANE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def configure_logs(level: str, stream: TextIO | None = None) -> None:
    """Send all that this process logs to `stream` (stderr): JSON, or plain lines on a terminal."""
    stream = stream or sys.stderr
    renderer: Processor = (
        structlog.dev.ConsoleRenderer()
        if stream.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _with_ids,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _foreign_error],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True


def get_log(name: str) -> structlog.stdlib.BoundLogger:
    """Return the log of one module."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return log


def new_request_id(proposed: str | None) -> str:
    """Return the caller's id where it is harmless to log and to send back, else a new one."""
    if proposed is not None and _SANE_ID.fullmatch(proposed):
        return proposed
    return secrets.token_hex(8)


def told_id() -> str:
    """Return under which id a reply says that the log has more: the trace's, or the request's."""
    return trace_id.get() or request_id.get()


def place_of(error: BaseException) -> list[str]:
    """Return where an error came from, innermost last, without the values involved."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-12:]
    ]


def log_unexpected(
    log: structlog.stdlib.BoundLogger, event: str, error: BaseException, **values: object
) -> None:
    """Log an error that nobody foresaw: its type and place, and its message at level debug."""
    log.error(event, error=type(error).__name__, place=place_of(error), **values)
    log.debug(event, error=type(error).__name__, message=str(error), **values)


def _with_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    for name, current in (("request_id", request_id.get()), ("trace_id", trace_id.get())):
        if current:
            event.setdefault(name, current)
    return event


def _foreign_error(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Give a library's logged exception the same form as our own."""
    exc_info = event.pop("exc_info", None)
    error = exc_info[1] if isinstance(exc_info, tuple) else None
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["place"] = place_of(error)
    return event
