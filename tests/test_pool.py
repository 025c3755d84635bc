"""The reader pool: limits that hold, children that are replaced, and one outcome a file."""

import gzip
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from indexes.errors import AfterwordError
from ingest.pool import Limits, ReaderPool, ReadJob, ReadResult
from ingest.readers import READERS

ROOT = Path(__file__).parent.parent
LIMITS = Limits(seconds=30, memory_mb=512, file_mb=64)


def read_all(
    paths: Sequence[Path], limits: Limits = LIMITS, processes: int = 2
) -> list[ReadResult]:
    """Read files through a pool of two."""
    with ReaderPool(processes, limits) as pool:
        return list(pool.results(ReadJob(str(p), p, p.name) for p in paths))


def test_every_job_ends_once(tmp_path: Path) -> None:
    """Good, empty, missing and unknown files each give exactly one last result."""
    good = tmp_path / "good.txt"
    good.write_text("some words")
    empty = tmp_path / "empty.txt"
    empty.touch()
    odd = tmp_path / "odd.bin"
    odd.write_bytes(random.Random(3).randbytes(5000))
    results = read_all([good, empty, odd, tmp_path / "missing.txt"] * 5)
    assert all(result.last for result in results)
    assert len(results) == 20
    reasons = {Path(r.job.key).name: r.failure.reason for r in results if r.failure}
    assert reasons == {"empty.txt": "empty", "odd.bin": "wrong_type", "missing.txt": "unreadable"}
    result = next(r for r in results if r.failure is None)
    assert result.extracts[0].text == "some words"
    assert result.content_sha256 == hashlib.sha256(b"some words").hexdigest()
    assert result.reader in {entry.label for entry in READERS.values()}


def test_records_come_in_batches(tmp_path: Path) -> None:
    """A long file of records comes in parts, in order, none lost, with what failed beside."""
    path = tmp_path / "records.jsonl.gz"
    lines = [json.dumps({"id": f"r{i}", "title": "", "text": f"text {i}"}) for i in range(1700)]
    lines[40] = "not json"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    results = read_all([path])
    assert [r.last for r in results] == [False] * (len(results) - 1) + [True]
    assert len(results) >= 4
    ids = [extract.record_id for result in results for extract in result.extracts]
    assert ids == [f"r{i}" for i in range(1700) if i != 40]
    failures = [f for result in results for f in result.failures]
    assert [(record, failure.reason) for record, failure in failures] == [("line 41", "bad_record")]


def test_time_limit_stops_one_file_alone(tmp_path: Path) -> None:
    """A file that takes too long is named with the setting; the others are read."""
    slow = tmp_path / "slow.txt"
    os.mkfifo(tmp_path / "pipe")
    slow.symlink_to(tmp_path / "pipe")  # opening it never returns
    good = tmp_path / "good.txt"
    good.write_text("some words")
    start = time.monotonic()
    results = read_all([slow, good, good, slow, good], Limits(1.0, 512, 64))
    assert time.monotonic() - start < 15
    reasons = sorted(r.failure.reason if r.failure else "read" for r in results)
    assert reasons == ["read", "read", "read", "time_limit", "time_limit"]
    failure = next(r.failure for r in results if r.failure)
    assert "AFTERWORD_READER_SECONDS" in failure.message


def test_memory_limit_stops_one_file_alone(tmp_path: Path) -> None:
    """A file that needs too much memory is named with the setting; the others are read."""
    bomb = tmp_path / "bomb.jsonl.gz"
    record = b'{"id": "a", "title": "", "text": "' + b"a " * 32_000_000 + b'"}\n'
    bomb.write_bytes(gzip.compress(record, compresslevel=1))
    good = tmp_path / "good.txt"
    good.write_text("some words")
    results = read_all([bomb, good, bomb, good], Limits(30.0, 96, 64), processes=1)
    reasons = [r.failure.reason if r.failure else "read" for r in results]
    assert reasons == ["memory_limit", "read", "memory_limit", "read"]
    assert results[0].failure is not None
    assert "AFTERWORD_READER_MEMORY_MB" in results[0].failure.message


@pytest.mark.parametrize("memory_mb", range(96, 160, 16))
def test_memory_limit_holds_on_the_way_to_the_parent(tmp_path: Path, memory_mb: int) -> None:
    """Wherever the memory ends, in reading or in handing over, that is what the reason says."""
    large, good = tmp_path / "large.jsonl", tmp_path / "good.txt"
    large.write_bytes(b'{"id": "a", "text": "' + b"a " * 20_000_000 + b'"}\n')
    good.write_text("some words")
    results = read_all([large, good], Limits(30.0, memory_mb, 64), processes=1)
    reasons = {r.failure.reason for r in results if r.failure}
    assert reasons <= {"memory_limit"}


def test_memory_limit_holds_inside_libraries(tmp_path: Path) -> None:
    """A PDF page that unfolds to much more than it has is stopped where no exception is raised."""
    packed = zlib.compress(b"BT /F1 12 Tf 10 700 Td (word word) Tj ET\n" * 2_500_000)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%b\nendstream" % (len(packed), packed),
    ]
    numbered = (b"%d 0 obj\n%b\nendobj\n" % pair for pair in enumerate(objects, start=1))
    bomb = tmp_path / "bomb.pdf"
    bomb.write_bytes(b"%PDF-1.4\n" + b"".join(numbered) + b"trailer<</Root 1 0 R>>\n%%EOF")
    (result,) = read_all([bomb], Limits(30.0, 64, 64))
    assert result.failure is not None
    assert result.failure.reason == "memory_limit"
    assert "AFTERWORD_READER_MEMORY_MB" in result.failure.message


def test_a_child_that_grew_is_no_fault_of_the_next_file(tmp_path: Path) -> None:
    """What is too much for a child that has read before is read by a new one, once and whole."""
    before = tmp_path / "before.txt"
    before.write_text("some words")
    large = tmp_path / "large.txt"
    large.write_text("more words\n" * 1_000_000)
    with ReaderPool(1, LIMITS) as pool:
        list(pool.results([ReadJob("before", before, before.name)]))
        (child,) = pool._children
        tight = (40 * 1024 * 1024, resource.RLIM_INFINITY)
        resource.prlimit(child.process.pid, resource.RLIMIT_DATA, tight)
        results = list(pool.results([ReadJob("large", large, large.name)]))
        assert pool._children != [child]
    assert [result.failure for result in results if result.failure] == []
    assert sum(len(result.extracts) for result in results) == 1


def test_a_child_reads_on_while_a_result_is_worked_on(tmp_path: Path) -> None:
    """When a result is handed out, the child that gave it has its next file already."""
    paths = [tmp_path / f"{number}.txt" for number in range(4)]
    for path in paths:
        path.write_text("some words")
    handed = list[str]()

    def jobs() -> Iterator[ReadJob]:
        for path in paths:
            handed.append(path.name)
            yield ReadJob(path.name, path, path.name)

    with ReaderPool(1, LIMITS) as pool:
        seen = [(result.job.key, len(handed)) for result in pool.results(jobs())]
    assert seen == [("0.txt", 2), ("1.txt", 3), ("2.txt", 4), ("3.txt", 4)]


def test_a_program_without_a_file_has_children_too(tmp_path: Path) -> None:
    """The caller's main module is not run again in the child, nor are files of its folder."""
    (tmp_path / "csv.py").write_text("raise RuntimeError('shadowed')")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    script = (
        "from pathlib import Path\nfrom ingest.pool import *\n"
        "with ReaderPool(1, Limits(30, 512, 64)) as pool:\n"
        "    (result,) = pool.results([ReadJob('a', Path('a.csv'), 'a.csv')])\n"
        "print(result.failure, len(result.extracts))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-"],
        input=script,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=True,
    )
    assert ran.stdout == "None 1\n"
    assert ran.stderr == ""


def test_a_child_that_cannot_start_is_no_fault_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no child can run, the run ends with an error instead of blaming every file."""
    good = tmp_path / "good.txt"
    good.write_text("some words")
    monkeypatch.setattr("ingest.pool._CHILD", "import sys; sys.exit(7)")
    with pytest.raises(AfterwordError, match=r"could not start \(exit 7\)"):
        read_all([good])


def test_too_large_is_not_read(tmp_path: Path) -> None:
    """A file over the limit is refused by its size, with the setting."""
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(3 * 1024 * 1024)
    (result,) = read_all([large], Limits(30.0, 512, 2))
    assert result.failure is not None
    assert result.failure.reason == "too_large"
    assert "AFTERWORD_MAX_FILE_MB" in result.failure.message


def test_a_crash_costs_one_document(tmp_path: Path) -> None:
    """A child that crashes is replaced, in the middle of a document or with nothing to do."""
    good = tmp_path / "good.txt"
    good.write_text("some words")
    os.mkfifo(tmp_path / "pipe")
    with ReaderPool(1, LIMITS) as pool:

        def crash() -> None:
            os.kill(pool._children[0].process.pid, signal.SIGSEGV)

        def outcomes(*paths: Path) -> list[str]:
            results = pool.results(ReadJob(str(p), p, p.name) for p in paths)
            return [r.failure.reason if r.failure else "read" for r in results]

        assert outcomes(good) == ["read"]
        threading.Timer(1.0, crash).start()
        assert outcomes(tmp_path / "pipe", good) == ["damaged", "read"]
        crash()
        pool._children[0].process.wait()
        assert outcomes(good, good) == ["read", "read"]


WAITER = """
import sys, time
from pathlib import Path
import ingest.pool as pool
if __name__ == "__main__":
    with pool.ReaderPool(1, pool.Limits(600.0, 512, 64)) as readers:
        jobs = (pool.ReadJob(path, Path(path), path) for path in sys.argv[1:])
        for result in readers.results(jobs):
            print(readers._children[0].process.pid, flush=True)
"""


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    """When the parent is killed, a child in the middle of a document ends too."""
    good = tmp_path / "good.txt"
    good.write_text("some words")
    os.mkfifo(tmp_path / "pipe")
    script = tmp_path / "waiter.py"
    script.write_text(WAITER)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(good), str(tmp_path / "pipe")],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the child is still there ten seconds after its parent")


def test_a_file_that_grows_while_read_is_named(tmp_path: Path) -> None:
    """Size and time before and after are compared; a change is `changed_while_read`."""
    path = tmp_path / "growing.jsonl"
    record = json.dumps({"id": "r{}", "title": "", "text": "word " * 400})
    path.write_text("\n".join(record.replace("{}", str(i)) for i in range(2000)) + "\n")
    results = []
    with ReaderPool(1, LIMITS) as pool:
        for result in pool.results([ReadJob("a", path, path.name)]):
            results.append(result)
            with path.open("a") as file:
                file.write("\n")
    assert results[-1].failure is not None
    assert results[-1].failure.reason == "changed_while_read"
