"""What Prometheus reads at `/metrics`, in a registry of its own."""

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from indexes.jobs_ended import Ended
from indexes.sizes import Size
from service.model_calls import CALLS, Counted
from service.reply import Timings

Buckets = tuple[float, ...]

# A step takes from a millisecond (a short question's vector) to seconds (a large model).
_STEPS: Final[Buckets] = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)
_REQUESTS: Final[Buckets] = (*_STEPS[2:], 60.0, 300.0)
# An upload is a note that is stored at once, or a book of scans.
_JOBS: Final[Buckets] = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
_LAGS: Final[Buckets] = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_PROCESS: Final = (
    ("process_virtual_memory_bytes", "gauge", "Virtual memory of"),
    ("process_resident_memory_bytes", "gauge", "Resident memory of"),
    ("process_start_time_seconds", "gauge", "Start, in seconds since 1970, of"),
    ("process_cpu_seconds_total", "counter", "Processor time, user and system, of"),
    ("process_max_fds", "gauge", "Most file descriptors of"),
    ("process_open_fds", "gauge", "Open file descriptors of"),
)
_WORKER: Final = "afterword_worker"
NO_CODE: Final = "none"
# A second number beside each counter, which doubles the page and which Prometheus drops.
disable_created_metrics()  # type: ignore[no-untyped-call] # it has no types


@dataclass(frozen=True, slots=True)
class Stock:
    """How much there is at the moment of a scrape.

    `jobs` are by state, `waited_seconds` is how long the oldest that is queued waits, `sizes` are
    by collection, and `broken` counts the collections that cannot be read. `loaded` tells whether
    questions can be answered, `worker` whether uploads are ingested. `disk_free` and `disk_size`
    are the data folder's, in bytes.
    """

    jobs: Mapping[str, int] = field(default_factory=dict)
    waited_seconds: float = 0.0
    sizes: Mapping[str, Size] = field(default_factory=dict)
    broken: int = 0
    loaded: bool = False
    worker: bool = False
    disk_free: int = 0
    disk_size: int = 0
    ended: tuple[Ended, ...] = ()


Labelled = Iterator[tuple[tuple[str, ...], float]]


@dataclass(frozen=True, slots=True)
class Family:
    """What is counted or timed under one name."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class Metrics:
    """All that is counted and timed in one service; `families` says what there is."""

    def __init__(
        self,
        stock: Callable[[], Stock],
        version: str = "0",
        worker: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Take what asks for the stock, and what gives the worker's process id."""
        self.registry = CollectorRegistry()
        self.families: list[Family] = []
        # Before the counters: what it counts up is then on the same page.
        self.registry.register(_StockCollector(stock, self._count_ended))
        self._of_requests()
        self._of_models()
        self._of_uploads()
        self._of_the_process(version, worker)
        self.families += [Family(name, "gauge", labels, text) for name, text, labels, _ in _STOCK]

    def _of_requests(self) -> None:
        self.requests = self._counter(
            "afterword_requests_total", "Requests answered.", "method", "route", "status"
        )
        self.seconds = self._histogram(
            "afterword_request_seconds",
            "Time from a request's first byte to the answer's last.",
            _REQUESTS,
            "route",
        )
        self.steps = self._histogram(
            "afterword_step_seconds", "Time that one step of a question took.", _STEPS, "step"
        )
        self.answers = self._counter(
            "afterword_answers_total", "Questions answered, by what the answer was.", "status"
        )
        self.summaries = self._counter(
            "afterword_summaries_total", "Summaries made, by what came of it.", "status"
        )
        self.summary_seconds = self._histogram(
            "afterword_summary_seconds", "Time that a summary took.", _JOBS
        )
        self.rejected = self._counter(
            "afterword_rejected_total",
            "Requests that were refused or failed, by the problem's code.",
            "reason",
        )
        self.cut_off = self._counter(
            "afterword_connections_cut_off_total",
            "Connections ended in mid-flight, by what the client did for too long.",
            "reason",
        )
        self.in_flight = self._gauge(
            "afterword_in_flight", "Pieces of work that run or wait for a thread.", "kind"
        )
        self.places = self._gauge(
            "afterword_places", "Most pieces of work at a time; more are refused.", "kind"
        )

    def _of_models(self) -> None:
        self.registry.register(_CallsCollector(CALLS.counted))
        self.families += [
            Family(f"{name}_total", "counter", labels, text) for name, text, labels, _ in _CALLS
        ]

    def _of_uploads(self) -> None:
        self.worker_restarts = self._counter(
            "afterword_worker_restarts_total",
            "Times that the ingestion worker ended by itself and was started again.",
        )
        self.ingested = self._counter(
            "afterword_ingested_total",
            "Inputs of uploads that were ingested, by outcome and reason code.",
            "outcome",
            "code",
        )
        self.ingested_bytes = self._counter(
            "afterword_ingested_bytes_total", "Bytes of the uploads that were ingested."
        )
        self.job_seconds = self._histogram(
            "afterword_job_seconds",
            "Time of an upload's job: `waiting` until it was begun, `working` until it ended.",
            _JOBS,
            "part",
        )

    def _of_the_process(self, version: str, worker: Callable[[], int | None]) -> None:
        self.loop_lag = self._histogram(
            "afterword_event_loop_lag_seconds",
            "How late the event loop wakes up; what is slow here is slow for everybody.",
            _LAGS,
        )
        build = self._gauge("afterword_build_info", "Always 1.", "version", "python")
        build.labels(version, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        # A process that is not there has no numbers.
        pid = lambda: worker() or "none"  # noqa: E731 # one expression, used once
        ProcessCollector(namespace=_WORKER, pid=pid, registry=self.registry)
        self.families += [
            Family(f"{prefix}{name}", kind, (), f"{text} {whose} process.")
            for prefix, whose in (("", "the service's"), (f"{_WORKER}_", "the ingestion worker's"))
            for name, kind, text in _PROCESS
        ]

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.families.append(Family(name, "counter", labels, text))
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Buckets, *labels: str) -> Histogram:
        self.families.append(Family(name, "histogram", labels, text))
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.families.append(Family(name, "gauge", labels, text))
        return Gauge(name, text, labels, registry=self.registry)

    def observe_steps(self, timings: Timings) -> None:
        """Note how long each step of a question took."""
        for step, milliseconds in asdict(timings).items():
            self.steps.labels(step).observe(milliseconds / 1000)

    def page(self) -> bytes:
        """Return the page that Prometheus reads; asks the disk, so call it in a thread."""
        return generate_latest(self.registry)

    def _count_ended(self, ended: tuple[Ended, ...]) -> None:
        for one in ended:
            for outcome, code in one.outcomes:
                self.ingested.labels(outcome, code or NO_CODE).inc()
            if one.started is not None:
                self.ingested_bytes.inc(one.size)
                self.job_seconds.labels("waiting").observe(max(0.0, one.started - one.created))
                self.job_seconds.labels("working").observe(max(0.0, one.finished - one.started))


def _each(numbers: Mapping[str, float]) -> Labelled:
    for name, number in numbers.items():
        yield (name,), number


def _one(number: float) -> Labelled:
    yield (), number


def _of_sizes(stock: Stock, part: Callable[[Size], int]) -> Labelled:
    return _each({name: part(size) for name, size in stock.sizes.items()})


def _lags(stock: Stock) -> Labelled:
    for name, size in stock.sizes.items():
        for view, chunks in size.lag.items():
            yield (name, view), chunks


class _StockCollector(Collector):
    """Asks for the stock when it is scraped, instead of keeping gauges that go stale."""

    def __init__(
        self, stock: Callable[[], Stock], ended: Callable[[tuple[Ended, ...]], None]
    ) -> None:
        self._stock = stock
        self._ended = ended

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the families without asking the disk, which registering would else do."""
        for name, text, labels, _ in _STOCK:
            yield GaugeMetricFamily(name, text, labels=labels)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the present numbers."""
        stock = self._stock()
        self._ended(stock.ended)
        for name, text, labels, values in _STOCK:
            family = GaugeMetricFamily(name, text, labels=labels)
            for key, number in values(stock):
                family.add_metric(key, number)
            yield family


class _CallsCollector(Collector):
    """Tells what the process has counted of its language models, whichever service asked them."""

    def __init__(self, counted: Callable[[], Counted]) -> None:
        self._counted = counted

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Give the present numbers."""
        counted = self._counted()
        for name, text, labels, values in _CALLS:
            family = CounterMetricFamily(name, text, labels=labels)
            for key, number in values(counted).items():
                family.add_metric(key, number)
            yield family


_CALLS: Final[
    tuple[tuple[str, str, tuple[str, ...], Callable[[Counted], Mapping[tuple[str, str], int]]], ...]
] = (
    (
        "afterword_model_tokens",
        "Tokens that language models read (`prompt`) and wrote (`completion`).",
        ("generator", "kind"),
        lambda counted: counted.tokens,
    ),
    (
        "afterword_model_calls",
        "Answers of language models by how they ended: `ok`, `stopped` or the problem's code.",
        ("generator", "outcome"),
        lambda counted: counted.calls,
    ),
)

_STOCK: Final[tuple[tuple[str, str, tuple[str, ...], Callable[[Stock], Labelled]], ...]] = (
    (
        "afterword_loaded",
        "1 once encoder and reader are loaded and questions can be answered.",
        (),
        lambda stock: _one(stock.loaded),
    ),
    (
        "afterword_worker_up",
        "1 while uploads are ingested, here or by another service of the data folder.",
        (),
        lambda stock: _one(stock.worker),
    ),
    (
        "afterword_jobs",
        "Uploads by the state of their job.",
        ("state",),
        lambda stock: _each(stock.jobs),
    ),
    (
        "afterword_oldest_job_seconds",
        "How long the oldest queued upload has waited.",
        (),
        lambda stock: _one(stock.waited_seconds),
    ),
    (
        "afterword_documents",
        "Documents by collection.",
        ("collection",),
        lambda stock: _of_sizes(stock, lambda size: size.documents),
    ),
    (
        "afterword_chunks",
        "Chunks by collection.",
        ("collection",),
        lambda stock: _of_sizes(stock, lambda size: size.chunks),
    ),
    (
        "afterword_collection_bytes",
        "Bytes on disk by collection.",
        ("collection",),
        lambda stock: _of_sizes(stock, lambda size: size.bytes),
    ),
    (
        "afterword_view_lag_chunks",
        "Chunks added or removed since a search index on disk was last brought up to date.",
        ("collection", "view"),
        _lags,
    ),
    (
        "afterword_broken_collections",
        "Collections that cannot be read; /health/ready says why.",
        (),
        lambda stock: _one(stock.broken),
    ),
    (
        "afterword_disk_free_bytes",
        "Bytes free where the data folder lies.",
        (),
        lambda stock: _one(stock.disk_free),
    ),
    (
        "afterword_disk_size_bytes",
        "Bytes in all where the data folder lies.",
        (),
        lambda stock: _one(stock.disk_size),
    ),
)
