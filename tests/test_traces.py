"""Traces: a span a request and a step, the caller's trace kept, and nothing at all unasked."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from indexes.settings import Settings
from installed import ROOT, hiding
from service.answer import Answerer
from service.app import create_app
from service.traces import OFF, Traces, load_traces
from serving import SmallAnswerer, ingested, loaded, served, small_app, stored

STEPS = {"rewrite", "encode", "retrieve", "attend", "generate"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"
QUESTION = "When was the lamp of Skerrivore lit?"
TEXT = "The lamp of Skerrivore was lit on 4 March 2026."
LEAVES_NOTHING = """
import sys
from indexes.settings import Settings
from service.app import create_app
from service.traces import OFF, load_traces
import os
assert load_traces(os.environ) is OFF
create_app(Settings(), worker=False)
found = [name for name in sys.modules if name.startswith(("opentelemetry.sdk",
    "opentelemetry.exporter", "google.protobuf", "requests"))]
assert not found, found
"""


@pytest.fixture
def kept() -> InMemorySpanExporter:
    """What keeps spans in memory."""
    return InMemorySpanExporter()


def traces(kept: InMemorySpanExporter) -> Traces:
    """Return traces that go into memory at once."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return Traces(provider.get_tracer("test"))


def attributes(span: ReadableSpan) -> dict[str, object]:
    """Return what a span tells."""
    return dict(span.attributes or {})


def test_a_question_has_a_span_for_each_step(
    kept: InMemorySpanExporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within that of its request, one after the other, as long as the reply says."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "light.md").write_text(TEXT, encoding="utf-8")
    ingested(tmp_path / "data", tmp_path / "light.md")
    app = create_app(Settings(data=tmp_path / "data"), worker=False, traces=traces(kept))
    with loaded(app) as client:
        sent = {"traceparent": TRACEPARENT, "X-Request-ID": "mine"}
        answered = client.post("/v1/query", json={"question": QUESTION}, headers=sent)
        reply = answered.json()
        client.get("/health/ready")
        client.get("/metrics")
    *steps, request = kept.get_finished_spans()
    assert reply["trace_id"] == TRACE
    assert answered.headers["x-request-id"] == "mine"
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == CALLER
    assert request.name == "POST /v1/query"
    assert attributes(request) == {
        "http.request.method": "POST",
        "http.route": "/v1/query",
        "http.response.status_code": 200,
    }
    assert [span.name for span in steps] == [*reply["timings"]][:-1]
    for span, before in zip(steps, [None, *steps], strict=False):
        assert span.context is not None
        assert request.context is not None
        assert span.parent is not None
        assert f"{span.context.trace_id:032x}" == TRACE
        assert span.parent.span_id == request.context.span_id
        assert span.start_time is not None
        assert span.end_time is not None
        lasted = (span.end_time - span.start_time) / 1e6
        assert lasted == pytest.approx(reply["timings"][span.name], abs=0.01)
        assert request.start_time is not None
        assert request.start_time <= span.start_time + 1_000_000
        if before is not None and before.end_time is not None:
            assert span.start_time >= before.end_time - 1_000_000
    told = "".join(span.to_json() for span in kept.get_finished_spans())
    for word in ("Skerrivore", "lamp", "lit", "light.md"):
        assert word not in told


def test_a_request_that_is_refused_says_why(kept: InMemorySpanExporter, tmp_path: Path) -> None:
    """By the problem's code; one that failed here is an error."""
    stored(tmp_path / "data", {"a": "All swans are white."})
    answerer = SmallAnswerer(tmp_path / "data")
    settings = Settings(data=answerer.data)
    app = create_app(
        settings, lambda _: cast("Answerer", answerer), worker=False, traces=traces(kept)
    )

    def fail() -> None:
        raise RuntimeError(TEXT)

    with loaded(app) as client:
        refused = client.post("/v1/query", json={"question": ""})
        answerer.between = fail
        failed = client.post("/v1/query", json={"question": "swans"})
    first, second = kept.get_finished_spans()
    assert attributes(first)["error.type"] == "invalid_request"
    assert first.status.is_unset
    assert attributes(second)["http.response.status_code"] == 500
    assert not second.status.is_ok
    assert not second.events, "an error's message may quote a text"
    assert first.context is not None
    assert refused.json()["trace_id"] == f"{first.context.trace_id:032x}"
    assert second.context is not None
    assert failed.json()["trace_id"] == f"{second.context.trace_id:032x}"


def test_without_traces_the_callers_trace_is_told_all_the_same(tmp_path: Path) -> None:
    """So that its own spans lead to our log."""
    stored(tmp_path / "data", {"a": "All swans are white."})
    with loaded(small_app(SmallAnswerer(tmp_path / "data"))) as client:
        sent = {"traceparent": TRACEPARENT}
        reply = client.post("/v1/query", json={"question": "x"}, headers=sent)
        assert reply.json()["trace_id"] == TRACE
        reply = client.post("/v1/query", json={"question": "x"})
        assert reply.json()["trace_id"] == reply.headers["x-request-id"]


@given(st.text(st.characters(codec="latin-1"), max_size=80))
def test_any_traceparent_is_taken_or_left(sent: str) -> None:
    """What is no traceparent changes nothing."""
    with OFF.request("GET", "/", {"traceparent": sent}) as span:
        assert not span.is_recording()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_EXPORTER": "otlp"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "x"},
    ],
)
def test_nothing_is_traced_unasked(environ: dict[str, str]) -> None:
    """An address must be given, nothing may forbid it, and its protocol must be ours."""
    assert load_traces(environ) is OFF


def run(program: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_is_imported_unasked(tmp_path: Path) -> None:
    """Neither the SDK nor what sends."""
    ended = run(LEAVES_NOTHING, tmp_path, PYTHONPATH=str(ROOT))
    assert ended.returncode == 0, ended.stderr


def test_without_the_extra_the_log_says_what_to_install(tmp_path: Path) -> None:
    """And the service goes on without traces."""
    program = (
        "import os\nfrom service.logs import configure_logs\nconfigure_logs('info')\n"
        "from service.traces import OFF, load_traces\nassert load_traces(os.environ) is OFF\n"
        "from service.app import create_app\n"
    )
    path = hiding(tmp_path, ["google", "requests"])
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    ended = run(program, tmp_path, PYTHONPATH=path, **asked)
    assert ended.returncode == 0, ended.stderr
    assert "`afterword[otel]`" in ended.stderr


@contextmanager
def collector() -> Iterator[tuple[str, list[Span]]]:
    """A collector on loopback: its address, and the spans that it was sent."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take spans as OTLP over HTTP has them."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = ExportTraceServiceRequest()
            request.ParseFromString(body)
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", spans
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.mark.slow
def test_a_served_question_reaches_the_collector(tmp_path: Path) -> None:
    """Over OTLP, when the service stops at the latest; its log has the trace's id."""
    (tmp_path / "light.md").write_text(TEXT, encoding="utf-8")
    ingested(tmp_path / "data", tmp_path / "light.md")
    with collector() as (url, spans):
        asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        with served(tmp_path / "data", tmp_path / "log", **asked) as server:
            reply = server.client.post("/v1/query", json={"question": QUESTION}).json()
            assert server.stop() == 0
            lines = server.lines()
        found = [span for span in spans if span.trace_id.hex() == reply["trace_id"]]
    assert {span.name for span in found} == {"POST /v1/query", *STEPS}
    (line,) = [one for one in lines if one.get("route") == "/v1/query"]
    assert line["trace_id"] == reply["trace_id"]


@pytest.mark.slow
def test_a_collector_that_is_away_holds_up_nothing(tmp_path: Path) -> None:
    """Questions are answered, and the stop takes its usual time and exit status."""
    with collector() as (url, _):
        pass
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": url}
    with served(tmp_path / "data", tmp_path / "log", **asked) as server:
        assert server.client.get("/v1/collections").status_code == 200
        assert server.stop() == 0
