"""SIGKILL at any moment of an ingestion: what was reported is there, and nothing is half there."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from indexes.collection import Reading, open_collection
from indexes.documents import Document
from stored_documents import chunks_of

ROOT = Path(__file__).parent.parent
ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
KILLS = 54
REAL_KILLS = 6
SEED = 20261


@dataclass
class Folder:
    """A folder that changes from run to run, and what each of its documents may hold by now.

    `allowed` has the texts that a document may have, None where it may be absent.
    """

    root: Path
    random: random.Random
    now: dict[str, str] = field(default_factory=dict)
    allowed: dict[str, set[str | None]] = field(default_factory=dict)
    version: int = 0

    def change(self) -> None:
        """Write, rewrite and delete some files and records."""
        self.version += 1
        names = [f"docs/{n:02}.txt" for n in range(24)]
        records = [f"docs/r.jsonl#k{n}" for n in range(30)]
        for uri in self.random.sample(names + records, 20):
            if uri in self.now and self.random.random() < 0.2:
                del self.now[uri]
            else:
                self.now[uri] = self.text(uri)
            self.allowed.setdefault(uri, {None}).add(self.now.get(uri))
        self.save(names)

    def text(self, uri: str) -> str:
        """Return a text of several chunks, each with a word that is nowhere else."""
        name = uri.translate({ord(c): "x" for c in "/.#"})
        return "\n".join(
            f"{name}v{self.version}part{part} is told here in words that no other place has at all."
            for part in range(self.random.randint(1, 5))
        )

    def save(self, names: list[str]) -> None:
        """Write all files anew where they changed."""
        folder = self.root / "docs"
        folder.mkdir(exist_ok=True)
        lines = [
            json.dumps({"id": uri.partition("#")[2], "text": text}) + "\n"
            for uri, text in sorted(self.now.items())
            if "#" in uri
        ]
        contents = {folder / "r.jsonl": "".join(lines)}
        contents |= {self.root / name: self.now.get(name, "") for name in names}
        for path, text in contents.items():
            if not text:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_text() != text:
                path.write_text(text)

    def settle(self, uri: str) -> None:
        """Note that a document was reported: from now on only its present state is right."""
        self.allowed[uri] = {self.now.get(uri)}


def check(folder: Folder, data: Path) -> None:
    """Compare the collection with what it may hold, and its views with brute force."""
    with closing(open_collection(data, "default")) as opened, opened.read() as reading:
        documents = {document.uri: document for document in reading.documents(10_000)}
        texts = {uri: reading.text(d.document_id) for uri, d in documents.items()}
        assert documents.keys() <= folder.allowed.keys()
        for uri, allowed in folder.allowed.items():
            assert texts.get(uri) in allowed, uri
        for document in documents.values():
            check_document(reading, document, texts[document.uri])
        check_views(reading, data)


def check_document(reading: Reading, document: Document, text: str) -> None:
    """A document's chunks cover its text, and each of its parts is found by its own word."""
    chunks = chunks_of(reading, document.document_id)
    assert len(chunks) == document.chunks
    covered = {i for chunk in chunks for i in range(chunk.span.start, chunk.span.end)}
    assert all(i in covered for i, c in enumerate(text) if not c.isspace())
    for line in text.splitlines():
        word = line.split()[0]
        hits = reading.lexical(word, 10, None)
        assert {c.document_id for c in reading.chunks([h.chunk_id for h in hits])} == {
            document.document_id
        }, word


def check_views(reading: Reading, data: Path) -> None:
    """Dense search gives what the catalog's own vectors give."""
    with closing(sqlite3.connect(data / "default/catalog.db")) as catalog:
        rows = catalog.execute(
            "SELECT chunks.id, vectors.vector FROM chunks "
            "JOIN vectors ON vectors.id = chunks.vector"
        ).fetchall()
        (chunks,) = catalog.execute("SELECT count(*) FROM chunks").fetchone()
        (unused,) = catalog.execute(
            "SELECT count(*) FROM vectors WHERE id NOT IN (SELECT vector FROM chunks)"
        ).fetchone()
    assert len(rows) == chunks == reading.count().chunks
    assert unused == 0
    if not rows:  # killed before the first transaction
        return
    ids = np.array([row[0] for row in rows])
    vectors = np.array([np.frombuffer(row[1], np.float16) for row in rows], np.float32)
    query = vectors[0]
    expected = dict(zip(ids.tolist(), (vectors @ query).tolist(), strict=True))
    found = {hit.chunk_id: hit.score for hit in reading.dense(query, chunks + 10, None)}
    assert found == pytest.approx(expected, abs=2e-3)


@pytest.fixture
def again(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The program that ingests tmp_path/docs in a fork of its own whenever it is told to."""
    program = [sys.executable, str(ROOT / "tests/ingest_again.py")]
    with subprocess.Popen(
        [*program, str(tmp_path / "docs"), str(tmp_path / "data")],
        env=ENVIRON,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


def run(process: subprocess.Popen[str], kill_after: float | None) -> tuple[list[str], int]:
    """Let it ingest once, killed after some seconds; return what was reported, and the status."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    pid = int(process.stdout.readline().removeprefix("pid "))
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    lines = []
    while not (line := process.stdout.readline()).startswith("end "):
        assert line
        lines.append(line.rstrip("\n"))
    process.stdin.write("reap\n")
    process.stdin.flush()
    return lines, int(line.removeprefix("end "))


def settle(folder: Folder, lines: list[str], *, whole: bool = False) -> None:
    """Take note of what a run reported; a whole run has reported all there is."""
    told = {uri: outcome for outcome, _, uri in (line.partition(" ") for line in lines)}
    assert "failed" not in told.values()
    for uri in told:
        folder.settle(uri)
    if whole:
        assert folder.now.keys() <= told.keys()
        for uri in folder.allowed:
            folder.settle(uri)


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path, again: subprocess.Popen[str]) -> None:
    """After each kill all that was reported answers, whole; a run to the end leaves it complete."""
    folder = Folder(tmp_path, random.Random(SEED))
    folder.change()
    started = time.monotonic()
    lines, status = run(again, None)
    longest = time.monotonic() - started
    assert status == 0
    settle(folder, lines, whole=True)
    check(folder, tmp_path / "data")
    killed = 0
    for turn in range(KILLS):
        folder.change()
        lines, status = run(again, folder.random.uniform(0, longest))
        killed += status == signal.SIGKILL
        # The machine's pace changes: four kills in five come in time where the bound follows it.
        longest *= 1.05 if status == signal.SIGKILL else 0.8
        settle(folder, lines)
        check(folder, tmp_path / "data")
        if turn % 9 == 8:
            lines, status = run(again, None)
            assert status == 0
            settle(folder, lines, whole=True)
            check(folder, tmp_path / "data")
    assert killed > KILLS / 2


def test_the_command_killed_at_any_moment(tmp_path: Path) -> None:
    """The same with the real command and the real encoder, from the first run on."""
    folder = Folder(tmp_path, random.Random(SEED))
    program = [sys.executable, "-m", "afterword", "ingest", str(tmp_path / "docs"), "--verbose"]
    environ = {**ENVIRON, "AFTERWORD_DATA": str(tmp_path / "data")}
    longest = 3.0
    for turn in range(REAL_KILLS + 1):
        folder.change()
        started = time.monotonic()
        with subprocess.Popen(
            [*program, "--allow-mass-removal"],
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr is not None
            if turn < REAL_KILLS:
                time.sleep(folder.random.uniform(0.2 * longest, longest))
                process.kill()
            lines = [line for line in process.stderr.read().splitlines() if " docs/" in line]
        longest = min(longest, time.monotonic() - started)
        settle(folder, lines, whole=turn == REAL_KILLS)
        if (tmp_path / "data/default/catalog.db").exists():
            check(folder, tmp_path / "data")
    assert process.returncode == 0
