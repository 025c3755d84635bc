"""The job queue: durable, each job once, and clean after a crash at any step."""

import errno
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path

import pytest

from indexes import jobs
from indexes.documents import Metadata, document_id_for
from indexes.errors import (
    CollectionBusy,
    IndexDamaged,
    JobNotFound,
    StorageFull,
    StorageRefused,
)

# Enqueues in a process of its own that kills itself right before (or after) the N-th step that
# touches the disk; what enqueue returned is printed first, so the parent knows what was promised.
KILLED = """
import os, signal, sys
from pathlib import Path
from indexes import jobs

left = [int(sys.argv[2])]

def deadly(function):
    def step(*args, **kwargs):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return step

os.fsync = deadly(os.fsync)
Path.replace = deadly(Path.replace)
Path.open = deadly(Path.open)
Path.mkdir = deadly(Path.mkdir)
jobs.secrets.token_hex = deadly(jobs.secrets.token_hex)
jobs.time.time = deadly(jobs.time.time)
jobs._spool = deadly(jobs._spool)
job_id = jobs.enqueue(Path(sys.argv[1]), payload=b"x" * 100_000, collection="c", filename="a.txt")
print(job_id, flush=True)
"""


def spool_files(data: Path) -> set[str]:
    """Return the names of all files in the spool."""
    return {path.name for path in (data / ".jobs" / "spool").iterdir()}


def finished(uri: str = "upload:a.txt") -> Mapping[str, object]:
    """Return one item as a worker reports it."""
    return {"uri": uri, "outcome": "added", "code": None, "message": "", "pages": []}


def test_a_job_comes_back_as_it_was_put_in(tmp_path: Path) -> None:
    """Every field and every byte given to enqueue is what claim hands out."""
    payload = random.Random(1).randbytes(3_000_000)
    metadata: Metadata = {
        "author": "Zoë",
        "pages": 3,
        "tags": ["a", "b"],
        "draft": False,
        "score": 0.5,
    }
    job_id = jobs.enqueue(
        tmp_path,
        payload=BytesIO(payload),
        collection="reports",
        filename="ä.pdf",
        document_id="doc-1",
        title="A title",
        metadata=metadata,
        media_type="application/pdf",
    )
    assert jobs.job(tmp_path, job_id).state == "queued"
    job = jobs.claim(tmp_path)
    assert job is not None
    assert job.payload.read_bytes() == payload
    assert (job.job_id, job.size, job.attempts) == (job_id, len(payload), 1)
    assert (job.collection, job.filename, job.uri) == ("reports", "ä.pdf", "upload:ä.pdf")
    assert (job.document_id, job.title, job.metadata) == ("doc-1", "A title", metadata)
    assert job.media_type == "application/pdf"
    assert jobs.job(tmp_path, job_id).state == "running"
    assert jobs.claim(tmp_path) is None


def test_jobs_are_claimed_in_the_order_they_came(tmp_path: Path) -> None:
    """First in, first out, whatever the ids are."""
    ids = [jobs.enqueue(tmp_path, payload=b"x", collection="c", title=str(n)) for n in range(20)]
    claimed = [jobs.claim(tmp_path) for _ in range(20)]
    assert [job.job_id for job in claimed if job is not None] == ids


def test_progress_and_the_end_are_told(tmp_path: Path) -> None:
    """The status follows the worker; the payload is gone once the job has ended."""
    job_id = jobs.enqueue(tmp_path, payload=b"x", collection="c", filename="a.txt")
    assert jobs.claim(tmp_path) is not None
    jobs.progress(tmp_path, job_id, 3, 7, "pages")
    assert jobs.job(tmp_path, job_id).progress == jobs.Progress(3, 7, "pages")
    jobs.finish(tmp_path, job_id, "done", [finished()])
    status = jobs.job(tmp_path, job_id)
    assert (status.state, status.items) == ("done", (finished(),))
    assert status.created <= (status.started or "") <= (status.finished or "")
    assert spool_files(tmp_path) == set()


def test_an_unknown_job_is_not_found(tmp_path: Path) -> None:
    """Asking for, or finishing, what is not there says so, before and after the first use."""
    with pytest.raises(JobNotFound, match="forgotten 7 days"):
        jobs.job(tmp_path, "nope")
    assert not (tmp_path / ".jobs").exists()
    jobs.enqueue(tmp_path, payload=b"x", collection="c")
    with pytest.raises(JobNotFound):
        jobs.job(tmp_path, "nope")
    with pytest.raises(JobNotFound):
        jobs.finish(tmp_path, "nope", "done", [])


def test_a_dead_workers_jobs_are_queued_again_in_their_place(tmp_path: Path) -> None:
    """Recover puts a running job back before the later ones."""
    first = jobs.enqueue(tmp_path, payload=b"1", collection="c", title="1")
    jobs.enqueue(tmp_path, payload=b"2", collection="c", title="2")
    assert jobs.claim(tmp_path) is not None
    jobs.progress(tmp_path, first, 1, 2, "pages")
    assert jobs.recover(tmp_path) == 1
    assert jobs.job(tmp_path, first).progress.done == 0
    again = jobs.claim(tmp_path)
    assert again is not None
    assert (again.job_id, again.attempts, again.payload.read_bytes()) == (first, 2, b"1")


def test_what_kills_the_worker_each_time_is_given_up(tmp_path: Path) -> None:
    """After three deaths the job fails, with an item that says so; the rest goes on."""
    poison = jobs.enqueue(tmp_path, payload=b"!", collection="c", filename="bomb.pdf")
    good = jobs.enqueue(tmp_path, payload=b"ok", collection="c", filename="good.txt")
    for _ in range(jobs.ATTEMPTS):
        job = jobs.claim(tmp_path)
        assert job is not None
        assert job.job_id == poison
        jobs.recover(tmp_path)
    status = jobs.job(tmp_path, poison)
    assert status.state == "failed"
    assert (status.items[0]["outcome"], status.items[0]["code"]) == ("failed", "unreadable")
    assert "ended 3 times" in str(status.items[0]["message"])
    following = jobs.claim(tmp_path)
    assert following is not None
    assert following.job_id == good
    assert spool_files(tmp_path) == {good}


def test_a_job_given_back_counts_as_no_attempt(tmp_path: Path) -> None:
    """A worker that is asked to stop may do so any number of times."""
    job_id = jobs.enqueue(tmp_path, payload=b"x", collection="c")
    for _ in range(5):
        job = jobs.claim(tmp_path)
        assert job is not None
        assert (job.job_id, job.attempts) == (job_id, 1)
        jobs.release(tmp_path, job_id)


def test_orphans_are_removed_and_jobs_keep_theirs(tmp_path: Path) -> None:
    """Recover drops payloads that no queued job owns, half-written ones too."""
    kept = jobs.enqueue(tmp_path, payload=b"x", collection="c")
    spool = tmp_path / ".jobs" / "spool"
    (spool / "deadbeef.part").write_bytes(b"half")
    (spool / "cafe").write_bytes(b"whole, no row")
    jobs.recover(tmp_path)
    assert spool_files(tmp_path) == {kept}


def test_a_payload_being_written_is_no_orphan(tmp_path: Path) -> None:
    """Recover in another thread leaves an upload alone that has no row yet."""
    jobs.enqueue(tmp_path, payload=b"x", collection="c")
    written, swept = threading.Event(), threading.Event()

    class Slow(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            written.set()
            assert swept.wait(10)
            return piece

    ids: list[str] = []
    thread = threading.Thread(
        target=lambda: ids.append(jobs.enqueue(tmp_path, payload=Slow(b"slow"), collection="c"))
    )
    thread.start()
    assert written.wait(10)
    jobs.recover(tmp_path)
    swept.set()
    thread.join(10)
    claimed = [jobs.claim(tmp_path), jobs.claim(tmp_path)]
    assert claimed[1] is not None
    assert (claimed[1].job_id, claimed[1].payload.read_bytes()) == (ids[0], b"slow")


def test_two_workers_never_claim_the_same_job(tmp_path: Path) -> None:
    """Four processes share out 80 jobs: every job once, none left."""
    ids = {jobs.enqueue(tmp_path, payload=b"x", collection="c", title=str(n)) for n in range(80)}
    script = (
        "import sys; from pathlib import Path; from indexes import jobs\n"
        "while (job := jobs.claim(Path(sys.argv[1]))) is not None:\n"
        "    print(job.job_id)\n"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    claimed = [line for worker in workers for line in worker.communicate(timeout=60)[0].split()]
    assert len(claimed) == 80
    assert set(claimed) == ids


def check_after_kill(data: Path, run: subprocess.CompletedProcess[str], before: str) -> None:
    """Compare what is in the queue with what the killed process was promised."""
    jobs.recover(data)
    found = {}
    while (job := jobs.claim(data)) is not None:
        found[job.job_id] = job.payload.read_bytes()
    assert spool_files(data) == set(found)
    assert found.pop(before) == b"before"
    assert set(run.stdout.split()) <= set(found)
    assert list(found.values()) in ([], [b"x" * 100_000])


def test_a_kill_between_any_two_steps_leaves_all_or_nothing(tmp_path: Path) -> None:
    """What enqueue returned is there whole; what it did not return, whole or not at all."""
    for steps in range(1, 100):
        data = tmp_path / str(steps)
        before = jobs.enqueue(data, payload=b"before", collection="c")
        run = subprocess.run(
            [sys.executable, "-c", KILLED, str(data), str(steps)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode in {0, -signal.SIGKILL}, run.stderr
        check_after_kill(data, run, before)
        if run.returncode == 0:
            break
    assert run.returncode == 0
    assert steps > 10


def test_the_payload_is_synced_before_its_name_and_its_name_before_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order on disk is: bytes, name, folder, row."""
    jobs.enqueue(tmp_path, payload=b"x", collection="c")
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        seen.append(f"sync {'part' if name.endswith('.part') else name}")
        fsync(descriptor)

    def noted_replace(self: Path, target: Path) -> Path:
        rows = sum(jobs.counts(tmp_path).values())
        seen.append(f"rename, {rows} rows")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    jobs.enqueue(tmp_path, payload=b"y", collection="c")
    assert seen == ["sync part", "rename, 1 rows", "sync spool"]
    assert jobs.counts(tmp_path)["queued"] == 2


def test_deleting_a_document_ends_its_queued_uploads(tmp_path: Path) -> None:
    """Cancel meets uploads by their id, given or made from the name, and no others."""
    by_name = jobs.enqueue(tmp_path, payload=b"1", collection="c", filename="a.txt")
    by_id = jobs.enqueue(tmp_path, payload=b"2", collection="c", document_id="d", title="t")
    other = jobs.enqueue(tmp_path, payload=b"3", collection="other", filename="a.txt")
    assert jobs.cancel(tmp_path, "c", document_id_for("upload:a.txt")) == 1
    assert jobs.cancel(tmp_path, "c", "d") == 1
    assert [jobs.job(tmp_path, job_id).state for job_id in (by_name, by_id, other)] == [
        "failed",
        "failed",
        "queued",
    ]
    assert jobs.job(tmp_path, by_id).items[0]["outcome"] == "removed"
    assert spool_files(tmp_path) == {other}
    assert jobs.cancel(tmp_path, "other") == 1


def test_a_document_being_ingested_cannot_be_cancelled(tmp_path: Path) -> None:
    """While its upload runs, cancel names the job and changes nothing."""
    running = jobs.enqueue(tmp_path, payload=b"1", collection="c", filename="a.txt")
    queued = jobs.enqueue(tmp_path, payload=b"2", collection="c", filename="a.txt")
    assert jobs.claim(tmp_path) is not None
    with pytest.raises(CollectionBusy, match=running):
        jobs.cancel(tmp_path, "c")
    assert jobs.job(tmp_path, queued).state == "queued"


def test_old_jobs_are_forgotten(tmp_path: Path) -> None:
    """Prune drops what ended long ago, and nothing that waits."""
    ended = jobs.enqueue(tmp_path, payload=b"1", collection="c")
    waiting = jobs.enqueue(tmp_path, payload=b"2", collection="c")
    assert jobs.claim(tmp_path) is not None
    jobs.finish(tmp_path, ended, "failed", [])
    assert jobs.prune(tmp_path) == 0
    time.sleep(0.01)
    assert jobs.prune(tmp_path, 0) == 1
    assert jobs.counts(tmp_path) == {"queued": 1, "running": 0, "done": 0, "failed": 0}
    assert jobs.job(tmp_path, waiting).state == "queued"


def test_there_is_one_worker_a_data_folder(tmp_path: Path) -> None:
    """The place is refused to a second process, and free again when the first one dies."""
    script = (
        "import sys; from pathlib import Path; from indexes import jobs\n"
        "with jobs.sole_worker(Path(sys.argv[1])):\n"
        "    print('in', flush=True); sys.stdin.read()\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == b"in\n"
    with pytest.raises(CollectionBusy, match="Another process"), jobs.sole_worker(tmp_path):
        pass
    first.kill()
    first.communicate()
    with jobs.sole_worker(tmp_path):
        pass


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """A write that finds no space raises StorageFull; neither row nor payload stays."""
    jobs.enqueue(tmp_path, payload=b"x", collection="c")
    before = spool_files(tmp_path)

    class Full(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StorageFull, match="free some"):
        jobs.enqueue(tmp_path, payload=Full(), collection="c")
    assert spool_files(tmp_path) == before
    assert jobs.counts(tmp_path)["queued"] == 1


def test_a_newer_queue_is_refused_by_name(tmp_path: Path) -> None:
    """A database of a later format is not guessed at."""
    jobs.enqueue(tmp_path, payload=b"x", collection="c")
    with sqlite3.connect(tmp_path / ".jobs" / "jobs.db") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(IndexDamaged, match="format 99"):
        jobs.claim(tmp_path)


def test_storage_errors_of_the_queue_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that is locked, damaged or may not be made is an error that says what to do."""
    job_id = jobs.enqueue(tmp_path, payload=b"x", collection="c")
    database = tmp_path / ".jobs" / "jobs.db"
    monkeypatch.setattr(jobs, "_BUSY_SECONDS", 0.01)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        calls: list[Callable[[], object]] = [
            lambda: jobs.enqueue(tmp_path, payload=b"y", collection="c"),
            lambda: jobs.claim(tmp_path),
            lambda: jobs.progress(tmp_path, job_id, 1, 2, "chunks"),
            lambda: jobs.recover(tmp_path),
            lambda: jobs.cancel(tmp_path, "c"),
        ]
        for call in calls:
            with pytest.raises(CollectionBusy, match=r"\.jobs was held.*again"):
                call()
    assert spool_files(tmp_path) == {job_id}
    database.write_bytes(b"no database" * 1000)
    with pytest.raises(IndexDamaged, match=r"delete that folder.*send again"):
        jobs.claim(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StorageRefused, match="AFTERWORD_DATA"), jobs.sole_worker(tmp_path / "file"):
        pass


def test_a_queue_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    """What waits in it is kept, and new uploads may have a date."""
    old = jobs.enqueue(tmp_path, payload=b"x", collection="c", title="old")
    with closing(sqlite3.connect(tmp_path / ".jobs" / "jobs.db")) as database:
        database.executescript("ALTER TABLE jobs DROP COLUMN as_of; PRAGMA user_version = 1;")
    new = jobs.enqueue(tmp_path, payload=b"y", collection="c", as_of="2026-02-28")
    claimed = [jobs.claim(tmp_path), jobs.claim(tmp_path)]
    assert [(job.job_id, job.as_of) for job in claimed if job] == [(old, None), (new, "2026-02-28")]


def test_a_payload_that_cannot_be_removed_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job has ended as it did; the payload goes when the next worker begins."""
    job_id = jobs.enqueue(tmp_path, payload=b"text", collection="c", filename="a.txt")
    jobs.claim(tmp_path)

    def refuse(_path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        jobs.finish(tmp_path, job_id, "done", [])
    assert jobs.job(tmp_path, job_id).state == "done"
    assert jobs.payload_path(tmp_path, job_id).exists()
    jobs.recover(tmp_path)
    assert not jobs.payload_path(tmp_path, job_id).exists()
