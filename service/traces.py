"""OpenTelemetry traces: a span a request, and a span a step of its question, where asked for.

They are asked for by OTEL_EXPORTER_OTLP_ENDPOINT (or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) and need
the extra `otel`; without both nothing of it is imported and no connection is opened. A span tells
of a request what its log line does: no question, no text, no name of a document.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from service.logs import get_log, trace_id
from service.product import product_version

NAME: Final = "afterword"
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN: Final = "http/protobuf"
# Asked every few seconds by machines; nobody looks for one of these.
_UNTRACED: Final = frozenset({"/health", "/health/ready", "/metrics"})
_SERVER_ERROR: Final = 500
# A collector that is away does not hold a stop for longer.
_LAST_SECONDS: Final = 2.0
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_tracer: ContextVar[Tracer | None] = ContextVar("tracer", default=None)
_log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Traces:
    """Where spans go; without a tracer nowhere. `end` sends what is left, and takes no more."""

    tracer: Tracer | None = None
    end: Callable[[], None] = lambda: None

    @contextmanager
    def request(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """Hold the span of a request; the id of its trace is the caller's where one was sent."""
        parent = _PROPAGATOR.extract(headers)
        if self.tracer is None or path in _UNTRACED:
            with _known(trace.get_current_span(parent)):
                yield INVALID_SPAN
            return
        span = self._begun(self.tracer, method, parent)
        token = _tracer.set(self.tracer)
        try:
            with _known(span), trace.use_span(span, end_on_exit=True, record_exception=False):
                yield span
        finally:
            _tracer.reset(token)

    @staticmethod
    def _begun(tracer: Tracer, method: str, parent: Context) -> Span:
        attributes = {"http.request.method": method}
        return tracer.start_span(method, parent, SpanKind.SERVER, attributes)


OFF: Final = Traces()


@contextmanager
def _known(span: Span) -> Iterator[None]:
    """Let logs and replies know the trace that a span belongs to."""
    context = span.get_span_context()
    token = trace_id.set(trace.format_trace_id(context.trace_id) if context.is_valid else "")
    try:
        yield
    finally:
        trace_id.reset(token)


def note_request(span: Span, method: str, route: str, status: int, problem: str | None) -> None:
    """Note in a request's span what became of it."""
    if not span.is_recording():
        return
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.route": route, "http.response.status_code": status})
    if problem is not None:
        span.set_attribute("error.type", problem)
    if status >= _SERVER_ERROR:
        span.set_status(StatusCode.ERROR)


def note_step(step: str, milliseconds: float) -> None:
    """Make the span of a step that has just ended, within the request that is being served."""
    tracer = _tracer.get()
    if tracer is None:
        return
    ended = time.time_ns()
    began = ended - int(milliseconds * 1e6)
    tracer.start_span(step, start_time=began).end(ended)


def load_traces(environ: Mapping[str, str]) -> Traces:
    """Return what sends traces as the environment asks, or `OFF`; a reason why not is logged."""
    if not any(environ.get(name) for name in ENDPOINTS) or _is_off(environ):
        return OFF
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _SPOKEN)
    if protocol != _SPOKEN:
        _log.warning("no_traces", reason=f"{protocol} is not spoken; set {_PROTOCOLS[1]}={_SPOKEN}")
        return OFF
    try:
        return _exporting(environ)
    except ImportError:
        reason = f"{ENDPOINTS[0]} asks for them, and the extra is not installed: `afterword[otel]`"
        _log.warning("no_traces", reason=reason)
        return OFF


def _is_off(environ: Mapping[str, str]) -> bool:
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return disabled or environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"


def _exporting(environ: Mapping[str, str]) -> Traces:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = {"service.version": product_version()}
    named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    resource = Resource.create(about if named else {**about, "service.name": NAME})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _log.info("traces", endpoint=next(environ[name] for name in ENDPOINTS if environ.get(name)))
    return Traces(provider.get_tracer(NAME, product_version()), lambda: _within(provider.shutdown))


def _within(work: Callable[[], None]) -> None:
    """Do a piece of work, and leave it where it takes longer than a stop may."""
    thread = threading.Thread(target=work, daemon=True, name="last traces")
    thread.start()
    thread.join(_LAST_SECONDS)
