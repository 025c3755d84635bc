"""What Prometheus reads: it parses, is named by the rules, and says what happened."""

import re
import time
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from indexes import jobs
from indexes.collection import open_collection
from indexes.jobs_ended import Endings
from indexes.sizes import size_of
from service.metrics import Metrics, Stock
from service.problems import TABLE
from service.worker import INGESTING
from serving import SmallAnswerer, loaded, small_app, stored, until
from stored_documents import prepared

# The base units of Prometheus that are in use, and what a count may end in.
UNITS = ("_seconds", "_bytes", "_info", "_ratio")
STEPS = {"encode", "retrieve", "attend", "generate", "total"}


@pytest.fixture
def answerer(tmp_path: Path) -> SmallAnswerer:
    """A collection of two documents."""
    stored(tmp_path / "data", {"a": "All swans are white.", "b": "Some swans are black."})
    return SmallAnswerer(tmp_path / "data")


def families(page: str) -> dict[str, Metric]:
    """Read a page as Prometheus does."""
    return {family.name: family for family in text_string_to_metric_families(page)}


def value(page: str, name: str, **labels: str) -> float:
    """Return the one number with this name and these labels."""
    (found,) = [
        sample.value
        for family in families(page).values()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    return float(found)


def test_names_follow_the_rules() -> None:
    """Counters end in _total, base units end the name, and each has a word of its own."""
    told = Metrics(Stock).families
    assert len({one.name for one in told}) == len(told)
    for one in told:
        assert re.fullmatch(r"(afterword_)?[a-z]+(_[a-z]+)*", one.name), one
        assert one.name.endswith("_total") == (one.kind == "counter"), one
        assert one.text.endswith("."), one
        assert not re.search(r"milli|micro|minutes|_ms\b|kilo|mega|percent", one.name), one
        if one.kind == "histogram":
            assert one.name.endswith(UNITS), one
        bare = one.name.removesuffix("_total")
        for unit in UNITS:
            assert unit not in bare or bare.endswith(unit), one
        assert not {"le", "quantile", "job", "instance"} & set(one.labels), one


def test_a_page_has_what_is_described_and_no_more(answerer: SmallAnswerer) -> None:
    """Each family by its name, kind and labels; only that of the absent worker has no numbers."""
    app = small_app(answerer)
    with loaded(app) as client:
        client.post("/v1/query", json={"question": "swans"})
        client.post("/v1/query", json={"question": ""})
        page = client.get("/metrics").text
    found = families(page)
    told = {one.name: one for one in app.state.service.metrics.families}
    absent = {name for name in told if name.startswith("afterword_worker_process_")}
    assert set(found) == {name.removesuffix("_total") for name in set(told) - absent}
    for one in told.values():
        family = found.get(one.name.removesuffix("_total"))
        if family is None:
            continue
        assert (family.type, family.documentation[-1]) == (one.kind, ".")
        used = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert used == set(one.labels) or not family.samples, one


def test_a_question_is_timed_by_its_steps(answerer: SmallAnswerer) -> None:
    """Each step once, in seconds, in buckets that tell a fast one from a slow one."""
    with loaded(small_app(answerer)) as client:
        client.post("/v1/query", json={"question": "swans"})
        page = client.get("/metrics").text
    for step, seconds in zip(
        ("encode", "retrieve", "attend", "generate", "total"), (1, 2, 3, 4, 10), strict=True
    ):
        assert value(page, "afterword_step_seconds_count", step=step) == 1
        assert value(page, "afterword_step_seconds_sum", step=step) == seconds / 1000
    assert value(page, "afterword_step_seconds_bucket", step="retrieve", le="0.0025") == 1
    assert value(page, "afterword_step_seconds_bucket", step="retrieve", le="0.001") == 0
    assert value(page, "afterword_answers_total", status="answered") == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", "/v1/query", {"question": ""}, "invalid_request"),
        ("POST", "/v1/query", {"question": "x", "collection": "none"}, "collection_not_found"),
        ("GET", "/nowhere", None, "route_not_found"),
        ("DELETE", "/health", None, "method_not_allowed"),
        ("POST", "/v1/query", {"question": "x" * (2 << 20)}, "too_large"),
    ],
)
def test_what_is_refused_is_counted_by_why(
    answerer: SmallAnswerer, method: str, path: str, body: dict[str, str] | None, code: str
) -> None:
    """By the code that the client was told."""
    with loaded(small_app(answerer)) as client:
        refused = client.request(method, path, json=body)
        page = client.get("/metrics").text
    assert refused.json()["code"] == code
    assert value(page, "afterword_rejected_total", reason=code) == 1
    assert {kind.code for kind in TABLE} >= {code} or code == "collection_not_found"


def test_an_error_within_a_stream_is_counted(answerer: SmallAnswerer) -> None:
    """Though its status, 200, was sent long before."""

    def fail() -> None:
        raise RuntimeError

    answerer.between = fail
    with loaded(small_app(answerer)) as client:
        client.post("/v1/query", json={"question": "swans", "stream": True})
        page = client.get("/metrics").text
    assert value(page, "afterword_rejected_total", reason="internal_error") == 1


def test_places_and_what_takes_them(answerer: SmallAnswerer) -> None:
    """How full a service is can be read from two numbers of one label."""
    with loaded(small_app(answerer, max_concurrent=3)) as client:
        page = client.get("/metrics").text
    assert value(page, "afterword_places", kind="questions") == 3
    assert value(page, "afterword_in_flight", kind="questions") == 0
    kinds = [
        {sample.labels["kind"] for sample in families(page)[name].samples}
        for name in ("afterword_places", "afterword_in_flight")
    ]
    assert kinds[0] == kinds[1]


def test_the_process_and_the_loop_are_told(answerer: SmallAnswerer) -> None:
    """Memory and files of this process as the kernel has them, lag after a while, and the build."""
    app = small_app(answerer)
    with loaded(app) as client:
        lag = app.state.service.metrics.loop_lag
        until(lambda: next(s.value for s in lag.collect()[0].samples if s.name.endswith("_count")))
        page = client.get("/metrics").text
    resident = int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    assert value(page, "process_resident_memory_bytes") == pytest.approx(resident, rel=0.2)
    assert 3 < value(page, "process_open_fds") < value(page, "process_max_fds")
    assert value(page, "afterword_build_info") == 1
    assert value(page, "afterword_loaded") == 1
    assert value(page, "afterword_worker_up") == 0
    free, size = (value(page, f"afterword_disk_{which}_bytes") for which in ("free", "size"))
    assert 0 < free < size
    assert "stopped" not in INGESTING


def test_sizes_are_those_of_the_collection(tmp_path: Path) -> None:
    """Documents, chunks, and how far each index on disk is behind, before and after a merge."""
    stored(tmp_path, {"a": "All swans are white.", "b": "Some swans are black."})
    size = size_of(tmp_path, "default")
    assert (size.documents, size.chunks, size.lag) == (2, 2, {"dense": 0, "lexical": 0})
    files = [path for path in (tmp_path / "default").rglob("*") if path.is_file()]
    assert size.bytes == sum(path.stat().st_size for path in files)
    collection = open_collection(tmp_path, "default")
    with collection.write() as writer:
        writer.put([prepared("c", ["Terns dive.", "Owls hunt."])])
        writer.remove(["a"])
    assert size_of(tmp_path, "default").lag == {"dense": 3, "lexical": 3}
    with collection.write() as writer:
        writer.merge_views(force=True)
    collection.close()
    size = size_of(tmp_path, "default")
    assert (size.documents, size.chunks, size.lag) == (2, 3, {"dense": 0, "lexical": 0})


def test_a_damaged_collection_hides_no_other(answerer: SmallAnswerer) -> None:
    """It is counted, and the page goes on; so it does where the queue is damaged."""
    broken = answerer.data / "broken"
    broken.mkdir()
    (broken / "catalog.db").write_bytes(b"no database" * 1000)
    with loaded(small_app(answerer)) as client:
        page = client.get("/metrics").text
        assert value(page, "afterword_broken_collections") == 1
        assert value(page, "afterword_documents", collection="default") == 2
        assert value(page, "afterword_jobs", state="queued") == 0
        jobs.database_path(answerer.data).parent.mkdir(exist_ok=True)
        jobs.database_path(answerer.data).write_bytes(b"no database" * 1000)
        page = client.get("/metrics").text
        assert value(page, "afterword_documents", collection="default") == 2
        assert not families(page)["afterword_jobs"].samples


def item(outcome: str, code: str | None = None) -> dict[str, object]:
    """Return what the report of a job has for one input."""
    return {"uri": "upload:x", "outcome": outcome, "code": code}


def test_each_job_that_ends_is_counted_once(answerer: SmallAnswerer) -> None:
    """By outcome and code, with its bytes and times; those of before the start are not."""
    data = answerer.data

    def end(*items: dict[str, object], payload: bytes = b"12345") -> None:
        job_id = jobs.enqueue(data, payload=payload, collection="default", filename="x")
        assert jobs.claim(data) is not None
        jobs.finish(data, job_id, "done", items)

    end(item("added"))
    time.sleep(0.01)
    with loaded(small_app(answerer)) as client:
        end(item("added"), item("failed", "damaged"))
        end(item("failed", "damaged"), payload=b"123")
        jobs.enqueue(data, payload=b"x", collection="default", filename="y")
        client.get("/metrics")
        page = client.get("/metrics").text
        assert value(page, "afterword_ingested_total", outcome="added", code="none") == 1
        assert value(page, "afterword_ingested_total", outcome="failed", code="damaged") == 2
        assert value(page, "afterword_ingested_bytes_total") == 8
        assert value(page, "afterword_job_seconds_count", part="working") == 2
        assert value(page, "afterword_jobs", state="done") == 3
        assert value(page, "afterword_jobs", state="queued") == 1
        assert 0 <= value(page, "afterword_oldest_job_seconds") < 60
        assert jobs.cancel(data, "default") == 1
        page = client.get("/metrics").text
        assert value(page, "afterword_ingested_total", outcome="removed", code="none") == 1
        assert value(page, "afterword_ingested_bytes_total") == 8


def test_an_end_is_not_told_twice_however_often_it_is_asked(tmp_path: Path) -> None:
    """And none is overlooked, with many within one moment."""
    endings = Endings(tmp_path)
    assert endings.new() == ()
    told = 0
    for number in range(30):
        job_id = jobs.enqueue(tmp_path, payload=b"x", collection="c", filename=str(number))
        jobs.claim(tmp_path)
        jobs.finish(tmp_path, job_id, "done", [item("added")])
        if number % 7 == 0:
            told += len(endings.new())
    assert told + len(endings.new()) == 30
    assert endings.new() == ()
