"""The worker that ingests uploads, as a real process and job by job."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from indexes import jobs
from indexes.collection import open_collection
from indexes.errors import CollectionBusy
from indexes.jobs import JobStatus, Progress
from indexes.settings import Settings, load_settings
from ingest import worker
from ingest.pipeline import reader_pool
from ingest.worker import work

ROOT = Path(__file__).parent.parent


@contextmanager
def running(data: Path, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker; it ends when its standard input does."""
    ours = {"AFTERWORD_DATA": str(data), "PYTHONPATH": str(ROOT), **settings}
    environ = {**os.environ, **ours}
    program = [sys.executable, "-m", "afterword", "ingest", "--worker"]
    with subprocess.Popen(
        program, env=environ, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        yield process
        if process.poll() is None:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(20)


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something to be so."""
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def ended(data: Path, *job_ids: str) -> list[JobStatus]:
    """Wait for jobs to end and return what became of them."""
    until(lambda: all(jobs.job(data, j).state in {"done", "failed"} for j in job_ids))
    return [jobs.job(data, job_id) for job_id in job_ids]


def texts(data: Path, collection: str = "default") -> dict[str, str]:
    """Return the stored texts of a collection by uri."""
    with closing(open_collection(data, collection)) as opened, opened.read() as reading:
        return {d.uri: reading.text(d.document_id) for d in reading.documents(1000)}


def test_uploads_become_documents(tmp_path: Path) -> None:
    """Each job ends with its items, each document has its facts, in the collection asked for."""
    first = jobs.enqueue(
        tmp_path,
        collection="default",
        filename="ice.md",
        payload=b"# Ice\n\nIce is cold.\n",
        metadata={"team": "north"},
    )
    with running(tmp_path) as process:
        second = jobs.enqueue(
            tmp_path,
            collection="other",
            document_id="snow",
            title="On snow v1.2",
            payload=b"Snow is white, rain is wet.",
            media_type="text/plain",
            as_of="2026-02-28",
        )
        lines = [{"id": f"k{n}", "text": f"Fact number {n}."} for n in range(3)]
        third = jobs.enqueue(
            tmp_path,
            collection="default",
            filename="facts.jsonl",
            payload="".join(json.dumps(line) + "\n" for line in lines).encode() + b"{bad\n",
        )
        fourth = jobs.enqueue(tmp_path, collection="default", filename="no.txt", payload=b" \n")
        found = ended(tmp_path, first, second, third, fourth)
    assert process.returncode == 0
    assert [status.state for status in found] == ["done", "done", "done", "failed"]
    assert found[0].items[0]["outcome"] == "added"
    assert found[1].items[0]["document_id"] == "snow"
    assert [item["outcome"] for item in found[2].items] == ["added"] * 3 + ["failed"]
    assert found[3].items[0]["code"] == "empty"
    assert found[2].progress == Progress(3, 3, "chunks")
    assert texts(tmp_path).keys() == {"upload:ice.md", *(f"upload:facts.jsonl#k{n}" for n in "012")}
    assert texts(tmp_path, "other") == {"upload:snow": "Snow is white, rain is wet."}
    with closing(open_collection(tmp_path, "other")) as opened, opened.read() as reading:
        document = reading.document("snow")
    assert (document.title, document.media_type) == ("On snow v1.2", "text/plain")
    assert (document.as_of, document.as_of_source) == ("2026-02-28", "given")


def test_a_given_date_goes_over_the_documents_own(tmp_path: Path) -> None:
    """And the same bytes again with another date are stored with that date."""
    text = b"---\ndate: 2020-01-01\n---\n# Ice\n\nIce is cold.\n"
    kept = []
    for as_of in (None, "2026-02-28", "2026-03-31"):
        job_id = jobs.enqueue(
            tmp_path, collection="default", filename="ice.md", payload=text, as_of=as_of
        )
        with running(tmp_path):
            (status,) = ended(tmp_path, job_id)
        assert status.state == "done"
        with closing(open_collection(tmp_path, "default")) as opened, opened.read() as reading:
            (document,) = reading.documents(10)
        kept.append((document.as_of, document.as_of_source))
    assert kept == [
        ("2020-01-01", "front_matter"),
        ("2026-02-28", "given"),
        ("2026-03-31", "given"),
    ]


def test_the_same_name_again_is_an_update(tmp_path: Path) -> None:
    """A second upload of a file takes the place of the first."""
    ids = [
        jobs.enqueue(tmp_path, collection="default", filename="a.txt", payload=text)
        for text in (b"Ice is cold.", b"Ice melts.")
    ]
    with running(tmp_path):
        found = ended(tmp_path, *ids)
    assert [status.items[0]["outcome"] for status in found] == ["added", "updated"]
    assert texts(tmp_path) == {"upload:a.txt": "Ice melts."}


def test_the_same_file_again_is_unchanged(tmp_path: Path) -> None:
    """Unless something else is said about it, or its bytes are to be kept and are not yet."""
    kept = {"AFTERWORD_KEEP_UPLOADS": "1"}
    bare = {"AFTERWORD_KEEP_UPLOADS": "0"}
    told = []
    for environ, title in ((bare, None), (bare, None), (kept, None), (kept, None), (kept, "Ice")):
        job_id = jobs.enqueue(
            tmp_path, collection="default", filename="a.txt", payload=b"Ice is cold.", title=title
        )
        with running(tmp_path, **environ):
            (status,) = ended(tmp_path, job_id)
        told.append(status.items[0]["outcome"])
    assert told == ["added", "unchanged", "updated", "unchanged", "updated"]
    with closing(open_collection(tmp_path, "default")) as opened, opened.read() as reading:
        (document,) = reading.documents(10)
        assert document.title == "Ice"
        assert reading.original(document) is not None


def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    """The job that it was at is done by the next worker."""
    text = "".join(f"Fact number {n} is told here in some words.\n" for n in range(2000))
    job_id = jobs.enqueue(
        tmp_path, collection="default", filename="long.txt", payload=text.encode()
    )
    with running(tmp_path) as process:
        until(lambda: jobs.job(tmp_path, job_id).state == "running")
        time.sleep(0.5)
        process.kill()
        process.wait()
    assert jobs.job(tmp_path, job_id).state == "running"
    with running(tmp_path):
        (status,) = ended(tmp_path, job_id)
    assert status.state == "done"
    assert texts(tmp_path) == {"upload:long.txt": text}


def test_a_worker_told_to_stop_gives_its_job_back(tmp_path: Path) -> None:
    """SIGTERM ends it soon, with the job queued again or done, and never half stored."""
    text = "".join(f"Fact number {n} is told here in some words.\n" for n in range(8000))
    job_id = jobs.enqueue(
        tmp_path, collection="default", filename="long.txt", payload=text.encode()
    )
    with running(tmp_path) as process:
        until(lambda: jobs.job(tmp_path, job_id).progress.done > 0)
        process.terminate()
        assert process.wait(30) == 0
    assert jobs.job(tmp_path, job_id).state == "queued"
    assert texts(tmp_path) == {}


def test_there_is_one_worker(tmp_path: Path) -> None:
    """A second worker of the same data folder is refused with one line."""
    with jobs.sole_worker(tmp_path), running(tmp_path) as second:
        assert second.wait(30) == jobs.ELSEWHERE_STATUS
        assert second.stderr is not None
        assert b"worker" in second.stderr.read()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that name the data folder."""
    return load_settings({"AFTERWORD_DATA": str(tmp_path), "AFTERWORD_READER_PROCESSES": "1"})


def work_off(settings: Settings) -> bool:
    """Do one job in this process; return whether it came to an end."""
    job = jobs.claim(settings.data)
    assert job is not None
    with reader_pool(settings) as pool:
        return worker._work_on(job, settings, pool)


def test_a_mistake_in_the_program_fails_the_job_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The job's item names the mistake, the log its kind and place, the worker goes on."""
    job_id = jobs.enqueue(settings.data, collection="default", filename="a.txt", payload=b"Ice.")

    def mistaken(*_: object) -> None:
        raise ZeroDivisionError("one by none")

    monkeypatch.setattr(worker, "ingest_upload", mistaken)
    with caplog.at_level(logging.INFO):
        assert work_off(settings)
    status = jobs.job(settings.data, job_id)
    assert status.state == "failed"
    assert "one by none" in str(status.items[0]["message"])
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert job_id in said.message
    assert "ZeroDivisionError" in said.message
    assert f"{__file__}:{mistaken.__code__.co_firstlineno + 1}" in said.message


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_what_was_uploaded_is_logged_at_debug_only(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    level: int,
) -> None:
    """An error's message may quote a document."""
    jobs.enqueue(settings.data, collection="default", filename="a.txt", payload=b"Ice.")

    def mistaken(*_: object) -> None:
        raise ValueError("the keeper is called Ingrid")

    monkeypatch.setattr(worker, "ingest_upload", mistaken)
    with caplog.at_level(level):
        assert work_off(settings)
    quoted = level == logging.DEBUG
    assert ("Ingrid" in caplog.text) is quoted
    assert ("Traceback" in caplog.text) is quoted


def test_a_job_waits_for_a_collection_that_is_indexed_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes back to the queue, and does not count as tried."""
    job_id = jobs.enqueue(settings.data, collection="default", filename="a.txt", payload=b"Ice.")

    def busy(*_: object) -> None:
        raise CollectionBusy("indexed anew")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "ingest_upload", busy)
        for _ in range(jobs.ATTEMPTS + 1):
            assert not work_off(settings)
    assert jobs.job(settings.data, job_id).state == "queued"
    assert work_off(settings)
    assert texts(settings.data) == {"upload:a.txt": "Ice."}


def test_a_wrong_collection_name_fails_with_its_reason(settings: Settings) -> None:
    """The reason is the error's own code and sentence."""
    job_id = jobs.enqueue(settings.data, collection="../up", filename="a.txt", payload=b"Ice.")
    assert work_off(settings)
    (item,) = jobs.job(settings.data, job_id).items
    assert item["code"] == "bad_name"


def test_a_taken_place_is_refused(settings: Settings) -> None:
    """In this process too."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGALRM)}
    try:
        with jobs.sole_worker(settings.data), pytest.raises(CollectionBusy):
            work(settings)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
