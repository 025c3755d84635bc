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


class Metrics:
    """All that is counted and timed in one service."""

    def __init__(self, stock: Callable[[], Stock]) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "afterword_requests_total",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "afterword_request_seconds",
            "Time from a request's first byte to the answer's last.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.steps = Histogram(
            "afterword_step_seconds",
            "Time that one step of a question took.",
            ["step"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "afterword_answers_total",
            "Questions answered, by what the answer was.",
            ["status"],
            registry=self.registry,
        )
        self.rejected = Counter(
            "afterword_rejected_total",
            "Requests that were not begun or not served, by the problem's code.",
            ["reason"],
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "afterword_in_flight",
            "Pieces of work that run or wait for a thread.",
            ["kind"],
            registry=self.registry,
        )
        self.worker_restarts = Counter(
            "afterword_worker_restarts_total",
            "Times that the ingestion worker ended by itself and was started again.",
            registry=self.registry,
        )
        self.registry.register(_StockCollector(stock))

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
