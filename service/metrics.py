"""What Prometheus reads at `/metrics`, in a registry of its own."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from service.reply import Timings

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Stock:
    """How much there is at the moment of a scrape: jobs by state, collections by name."""

    jobs: Mapping[str, int]
    documents: Mapping[str, int]
    chunks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Family:
    """What is counted or timed under one name."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class Metrics:
    """All that is counted and timed in one service; `families` says what there is."""

    def __init__(self, stock: Callable[[], Stock]) -> None:
        self.registry = CollectorRegistry()
        self.families: list[Family] = []
        self.requests = self._counter(
            "afterword_requests_total", "Requests answered.", "method", "route", "status"
        )
        self.seconds = self._histogram(
            "afterword_request_seconds",
            "Time from a request's first byte to the answer's last.",
            "route",
        )
        self.steps = self._histogram(
            "afterword_step_seconds", "Time that one step of a question took.", "step"
        )
        self.answers = self._counter(
            "afterword_answers_total", "Questions answered, by what the answer was.", "status"
        )
        self.rejected = self._counter(
            "afterword_rejected_total",
            "Requests that were not begun or not served, by the problem's code.",
            "reason",
        )
        self.in_flight = self._gauge(
            "afterword_in_flight", "Pieces of work that run or wait for a thread.", "kind"
        )
        self.worker_restarts = self._counter(
            "afterword_worker_restarts_total",
            "Times that the ingestion worker ended by itself and was started again.",
        )
        self.registry.register(_StockCollector(stock))
        self.families += [Family(name, "gauge", (label,), text) for name, text, label in _STOCK]

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.families.append(Family(name, "counter", labels, text))
        return Counter(name, text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        self.families.append(Family(name, "histogram", labels, text))
        return Histogram(name, text, labels, buckets=_SECONDS, registry=self.registry)

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


class _StockCollector(Collector):
    """Asks for the stock when it is scraped, instead of keeping gauges that go stale."""

    def __init__(self, stock: Callable[[], Stock]) -> None:
        self._stock = stock

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the families without asking the disk, which registering would else do."""
        yield from (GaugeMetricFamily(name, text, labels=[label]) for name, text, label in _STOCK)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the present numbers."""
        stock = self._stock()
        values = (stock.jobs, stock.documents, stock.chunks)
        for (name, text, label), numbers in zip(_STOCK, values, strict=True):
            family = GaugeMetricFamily(name, text, labels=[label])
            for key, number in numbers.items():
                family.add_metric([key], number)
            yield family


_STOCK: Final = (
    ("afterword_jobs", "Uploads by the state of their job.", "state"),
    ("afterword_documents", "Documents by collection.", "collection"),
    ("afterword_chunks", "Chunks by collection.", "collection"),
)
