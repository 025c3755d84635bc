"""Work that is killed, or given faults, at the system calls by which it writes; and what must hold.

Each scenario has a data folder as it is before, a piece of work of `crash_driver.py`, and what the
folder holds once the work was done without disturbance.
"""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from indexes import jobs
from indexes.catalog import identity
from indexes.collection import collection_names, open_collection
from indexes.errors import IndexDamaged
from indexes.snapshot import restore
from indexes.soundness import faults, views, wrong_texts, wrong_vectors

ON_CI: Final = os.environ.get("CI") == "true"
ROOT: Final = Path(__file__).parent.parent
ENVIRON: Final = {
    **{name: value for name, value in os.environ.items() if not name.startswith("AFTERWORD_")},
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    "OMP_NUM_THREADS": "1",
}
# The calls by which files are made, written, named, shortened and removed.
WRITES: Final = (
    "write,pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,link,linkat,"
    "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir"
)
_CALL: Final = re.compile(r"^(\d+) +(\w+)\(")

# A document as it is stored: text, chunks and all but numbers that no one sees.
Stored = Mapping[str, tuple[object, ...]]


@dataclass(frozen=True)
class Point:
    """The so-maniest call of one kind that a thread makes."""

    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.call} {self.number}"


@dataclass(frozen=True)
class Outcome:
    """What a run said, and its exit status (or the signal that ended it)."""

    said: tuple[str, ...]
    status: int

    def told(self, kind: str) -> list[str]:
        """Return what follows a word that begins a line."""
        return [line.removeprefix(f"{kind} ") for line in self.said if line.startswith(f"{kind} ")]

    @property
    def stored(self) -> set[str]:
        """The uris that were reported as stored or removed."""
        return {line.partition(" ")[0] for line in self.told("stored")}


class Driver:
    """The program that does the work, forked anew for each run; close it at the end."""

    def __init__(self, *under: str) -> None:
        self._process = subprocess.Popen(
            [*under, sys.executable, str(ROOT / "tests/crash_driver.py")],
            env=ENVIRON,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(
        self,
        given: Mapping[str, str],
        *tracing: str,
        meanwhile: Callable[[int], None] = lambda _: None,
    ) -> Outcome:
        """Do a piece of work under strace with these arguments, or none where there are none.

        `meanwhile` is told the process's number once it works.
        """
        self._write(json.dumps(dict(given)))
        pid = int(self._read().removeprefix("pid "))
        tracer = _attach(pid, tracing) if tracing else None
        self._write("go")
        assert self._read() == "begun"
        meanwhile(pid)
        said = []
        while not (line := self._read()).startswith("end "):
            said.append(line)
        self._write("reap")
        if tracer is not None:
            tracer.wait(20)
        return Outcome(tuple(said), int(line.removeprefix("end ")))

    def close(self) -> None:
        """End the program."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.wait(20) == 0

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the driver has ended"
        return line.rstrip("\n")


def _attach(pid: int, arguments: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """Begin to trace a process and wait until it is traced."""
    tracer = subprocess.Popen(
        ["strace", "-f", "-qqq", *arguments, "-p", str(pid)], stderr=subprocess.DEVNULL
    )
    status = Path(f"/proc/{pid}/status")
    while f"TracerPid:\t{tracer.pid}\n" not in status.read_text():
        assert tracer.poll() is None, "strace could not attach"
        time.sleep(0.002)
    return tracer


@contextmanager
def driver(*under: str) -> Iterator[Driver]:
    """Give a driver, started by these words, such as those of faketime; closed at the end."""
    made = Driver(*under)
    yield made
    made.close()


def can_trace() -> str:
    """Return why no process can be traced here, or nothing."""
    if shutil.which("strace") is None:
        return "strace is not installed (Debian: apt-get install strace)"
    sleeping = subprocess.Popen(["sleep", "30"])
    try:
        tracer = subprocess.Popen(
            ["strace", "-qqq", "-o", "/dev/null", "-p", str(sleeping.pid)],
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.2)
        refused = tracer.poll() is not None
        tracer.terminate()
        tracer.wait()
    finally:
        sleeping.kill()
        sleeping.wait()
    return "this system lets no process be traced" if refused else ""


@contextmanager
def traced_driver() -> Iterator[Driver]:
    """Start the program that does the work; skip where nothing can be traced, but not on CI."""
    reason = can_trace()
    if reason and not ON_CI:
        pytest.skip(reason)
    assert not reason, reason
    with driver() as made:
        yield made


@dataclass
class Scenario:
    """A piece of work on a folder; `whole` where all of it is one change or none.

    `damaged` where the catalog cannot be opened before it.
    """

    name: str
    folder: Path
    given: Mapping[str, str]
    whole: bool = False
    damaged: bool = False
    before: Stored = field(default_factory=dict)
    after: Stored = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def fresh(self) -> dict[str, str]:
        """Put the data folder back as it was before; return what the driver is told."""
        data = self.folder / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(self.folder / "before", data)
        for left in self.folder.glob("target*"):
            left.unlink()
        return {**self.given, "data": str(data)}

    def learn(self, driver: Driver) -> None:
        """Do the work undisturbed, and count the calls by which it writes."""
        log = self.folder / "calls"
        given = self.fresh()
        self.before = stored(self.folder / "data")
        outcome = driver.run(given, "-e", f"trace={WRITES},openat", "-o", str(log))
        assert outcome.status == 0, outcome
        assert not outcome.told("failed"), outcome
        self.after = stored(self.folder / "data")
        threads: Counter[tuple[str, str]] = Counter()
        for line in log.read_text().splitlines():
            if found := _CALL.match(line):
                threads[found[1], found[2]] += 1
        for (_, call), count in threads.items():
            self.calls[call] = max(self.calls[call], count)

    def points(self, chance: random.Random, count: int) -> list[Point]:
        """Return so many points at which it writes, of each kind of call, or all there are."""
        every = {call: list(range(1, most + 1)) for call, most in sorted(self.calls.items())}
        del every["openat"]  # what it opens is as before, whether it is killed before or after
        chosen: list[Point] = []
        while len(chosen) < count and any(every.values()):
            for call, numbers in every.items():
                if numbers:
                    number = numbers.pop(chance.randrange(len(numbers)))
                    chosen.append(Point(call, number))
        return chosen[:count]

    def check(self, outcome: Outcome, *, may_fail: bool = False) -> None:
        """What was told is there, all else is as it was or as it will be, and nothing is half.

        An upload may have failed only where something was in its way.
        """
        data = self.folder / "data"
        now = stored(data)
        for uri in outcome.stored:
            assert now.get(uri) == self.after.get(uri), uri
        if self.whole:
            assert now in (self.before, self.after)
        for uri in self.before.keys() | self.after.keys() | now.keys():
            assert now.get(uri) in (self.before.get(uri), self.after.get(uri)), uri
        if now != self.before or not self.damaged:
            sound(data)
        promised(data, may_fail=may_fail)
        target = Path(self.given.get("target", ""))
        if target.is_file():  # it is all there, or not at all
            held = self.folder / "held"
            with closing(restore(held, "default", target)):
                assert stored(held) == self.after
            shutil.rmtree(held)
            target.unlink()

    def finish(self, driver: Driver) -> None:
        """Do the work again, to its end: all is as without disturbance then, nothing is left."""
        data = self.folder / "data"
        outcome = driver.run({**self.given, "data": str(data)})
        assert outcome.status == 0, outcome
        if failed_jobs(data):  # and said so: the sender sends it again
            return
        assert stored(data) == self.after
        for name in collection_names(data):
            with closing(open_collection(data, name)) as opened, opened.write() as writer:
                writer.merge_views(force=True)
        sound(data)
        assert not leftovers(data), leftovers(data)


def failed_jobs(data: Path) -> int:
    """Return how many uploads were given up."""
    return jobs.counts(data)["failed"] if jobs.database_path(data).exists() else 0


def note(what: str) -> None:
    """Say what is tried, for who reads why a test failed."""
    sys.stdout.write(what + "\n")


def leftovers(data: Path) -> list[str]:
    """Return files that are of use to nobody once all work has ended."""
    spool = data / jobs.FOLDER / "spool"
    waiting = sorted(spool.iterdir()) if spool.is_dir() else []
    queued = sum(jobs.counts(data)[state] for state in ("queued", "running")) if waiting else 0
    left = [
        *data.rglob("*.new"),
        *data.rglob("*.new-*"),
        *data.rglob("*.old"),
        *data.rglob("*.part"),
    ]
    left += [*data.glob(".deleted-*"), *data.rglob(".tmp*")]
    return [str(path.relative_to(data)) for path in [*left, *waiting[queued:]]]


def stored(data: Path, name: str = "default") -> Stored:
    """Return what a collection holds, by uri, as the catalog's own tables say."""
    path = data / name / "catalog.db"
    if not path.exists():
        return {}
    try:
        open_collection(data, name).close()
    except IndexDamaged:
        return {"": ("damaged",)}
    with closing(sqlite3.connect(path)) as catalog:
        rows = catalog.execute(
            "SELECT row, uri, document_id, title, content_sha256, text_sha256, metadata, as_of, "
            "characters, chunk_count FROM documents"
        ).fetchall()
        return {uri: (*facts, *_content(catalog, row)) for row, uri, *facts in rows}


def _content(catalog: sqlite3.Connection, row: int) -> tuple[object, ...]:
    text = catalog.execute("SELECT text FROM blocks WHERE document = ? ORDER BY start", (row,))
    chunks = catalog.execute(
        "SELECT start, end, context, vectors.hash, vectors.vector FROM chunks "
        "JOIN vectors ON vectors.id = chunks.vector WHERE document = ? ORDER BY chunks.id",
        (row,),
    )
    return "".join(part for (part,) in text), tuple(chunks)


def sound(data: Path) -> None:
    """The catalog is whole in itself, and no view disagrees with it, as `doctor --full` looks."""
    for name in collection_names(data):
        with closing(sqlite3.connect(data / name / "catalog.db")) as catalog:
            catalog.execute("BEGIN")
            who = identity(catalog)
            assert faults(catalog, full=True) == []
            assert wrong_texts(catalog) == []
            assert wrong_vectors(catalog, who) == 0
            for view in views(data / name, catalog, who, full=True):
                assert view.state in {"sound", "behind", "missing"}, view
        answers(data, name)


def answers(data: Path, name: str) -> None:
    """Each document is found by the words of each of its chunks, and each chunk has its vector."""
    with closing(open_collection(data, name)) as opened, opened.read() as reading:
        count = reading.count().chunks
        found = 0
        for document in reading.documents(10_000):
            word = max(reading.text(document.document_id).split(), key=len)
            hits = reading.lexical(word, 10)
            ids = {chunk.document_id for chunk in reading.chunks([hit.chunk_id for hit in hits])}
            assert document.document_id in ids, document.uri
            found += document.chunks
        assert found == count
        if count:
            (first,) = reading.chunks([reading.lexical(word, 1)[0].chunk_id])
            vector = reading._vectors([first.chunk_id])[first.chunk_id].astype("float32")
            near = reading.dense(vector, count + 10)
            assert len({hit.chunk_id for hit in near}) == count


def promised(data: Path, *, may_fail: bool = False) -> None:
    """An upload that was taken waits, or is ingested; no job is lost."""
    if not jobs.database_path(data).exists():
        return
    with closing(sqlite3.connect(jobs.database_path(data))) as queue:
        rows = queue.execute("SELECT job_id, state, filename FROM jobs").fetchall()
    there = stored(data)
    for job_id, state, filename in rows:
        if state == "done":
            assert f"upload:{filename}" in there, job_id
        elif state == "failed" and may_fail:
            (item,) = jobs.job(data, job_id).items
            assert item["code"] in {"disk_full", "storage_refused", "error", "unreadable"}, item
            assert "internal" not in str(item["message"]), item
        else:
            assert state in {"queued", "running"}, jobs.job(data, job_id)
            assert jobs.payload_path(data, job_id).exists()
