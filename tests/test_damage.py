"""Bytes of a collection's files that are not what was written: found, mended, or named.

A view is built anew; a catalog is named, and mended by `afterword restore`. Nothing answers wrong.
"""

import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from crashing import driver, sound
from indexes import dense_parts, jobs
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection, open_collection
from indexes.errors import AfterwordError, IndexDamaged
from indexes.snapshot import restore, snapshot
from small_encoder import encode, small_encoder
from stored_documents import prepared

COUNT: Final = 90


def flip(content: bytearray, place: int) -> None:
    """Turn one bit."""
    content[place] ^= 1 << place % 8


def zero(content: bytearray, place: int) -> None:
    """Empty a block."""
    content[place : place + 512] = bytes(len(content[place : place + 512]))


def cut(content: bytearray, place: int) -> None:
    """End there."""
    del content[place:]


HARMS: Final[tuple[Callable[[bytearray, int], None], ...]] = (flip, zero, cut)


def places(size: int, many: int) -> list[int]:
    """Return some places of a file: at its beginning, its end and between."""
    chance = random.Random(size)
    inner = [chance.randrange(size) for _ in range(many)]
    return sorted({0, size - 1, *inner} if many > 1 else {*inner})


def answers(data: Path) -> list[list[str]]:
    """Return what is found by words and by vectors, best first."""
    found = []
    with closing(open_collection(data, "c")) as opened, opened.read() as reading:
        for query in ("unique7", "unique13 line60", "belated line44"):
            vector = encode([query])[0].astype(np.float32)
            for hits in (reading.lexical(query, 8), reading.dense(vector, 8)):
                rows = reading.chunks([hit.chunk_id for hit in hits])
                assert len(rows) == len(hits)
                found.append([row.uri for row in rows])
    return found


@pytest.fixture(params=["flat", "lists"])
def collection(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Collection]:
    """Give a collection whose views are on disk, the dense one of either kind."""
    if request.param == "lists":
        monkeypatch.setattr(dense_parts, "FLAT_MOST", 50)
    made = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        kinds = ("zebra", "otter", "heron")
        items = [
            prepared(f"d{n}", [f"animal {kinds[n % 3]} unique{n}", f"line{n}"])
            for n in range(COUNT)
        ]
        writer.put(items)
        writer.merge_views(force=True)
        writer.remove(["d3"])
        writer.put([prepared("late", ["animal otter belated"])])
        writer.merge_views(force=True)
    yield made
    made.close()


def harmed(path: Path, whole: bytes, many: int) -> Iterator[str]:
    """Harm a file in each way at some places in turn; give what was done."""
    for harm in HARMS:
        for place in places(len(whole), many):
            content = bytearray(whole)
            harm(content, place)
            if content != whole:
                path.write_bytes(content)
                yield f"{harm.__name__} {path.name} at {place}"


@pytest.mark.slow
def test_a_harmed_view_is_built_anew(collection: Collection, tmp_path: Path) -> None:
    """Each of its files: answers are as before at once, and a merge leaves sound views."""
    folder = tmp_path / "c"
    before = answers(tmp_path)
    collection.close()
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    views = [
        name for name in files if not name.name.startswith("catalog") and "lock" not in name.name
    ]
    assert len(views) > 8
    for name in views:
        for what in harmed(folder / name, (kept / name).read_bytes(), 1):
            assert answers(tmp_path) == before, what
            with closing(open_collection(tmp_path, "c")) as opened, opened.write() as writer:
                writer.merge_views(force=True)
            sound(tmp_path)
            shutil.rmtree(folder)
            shutil.copytree(kept, folder)


def test_a_harmed_catalog_is_named_and_restored(collection: Collection, tmp_path: Path) -> None:
    """Nothing but an error that says so comes of it, or what was there; a snapshot mends it."""
    before = answers(tmp_path)
    snapshot(collection, tmp_path / "s")
    collection.close()
    folder = tmp_path / "c"
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    whole = (folder / "catalog.db").read_bytes()
    named = 0
    for what in harmed(folder / "catalog.db", whole, 9):
        error = refusal(lambda: answers(tmp_path))
        if isinstance(error, IndexDamaged):
            named += 1
            assert "afterword restore" in error.message, what
        elif error is not None:
            assert "check " in error.message, what
        with closing(restore(tmp_path, "c", tmp_path / "s", replace=True)):
            pass
        assert answers(tmp_path) == before, what
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    assert named > 6


def refusal(work: Callable[[], object]) -> AfterwordError | None:
    """Return the error that a piece of work ends in, if it does."""
    try:
        work()
    except AfterwordError as error:
        return error
    return None


def test_a_harmed_queue_is_named(tmp_path: Path) -> None:
    """By its folder, with what to do; without that folder all goes on."""
    for number in range(5):
        payload = BytesIO(f"upload {number}".encode())
        jobs.enqueue(tmp_path, payload=payload, collection="c", filename=f"{number}.txt")
    path = jobs.database_path(tmp_path)
    with closing(sqlite3.connect(path)) as queue:
        queue.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = path.read_bytes()
    named = 0
    for what in harmed(path, whole, 9):
        for work in (jobs.counts, jobs.claim, jobs.recover):
            error = refusal(lambda work=work: work(tmp_path))  # type: ignore[misc]
            if error is not None:
                named += 1
                assert str(tmp_path / jobs.FOLDER) in error.message, what
                assert "delete that folder" in error.message, what
        for left in ("-wal", "-shm"):
            path.with_name(path.name + left).unlink(missing_ok=True)
        path.write_bytes(whole)
    assert named > 6
    shutil.rmtree(tmp_path / jobs.FOLDER)
    jobs.enqueue(tmp_path, payload=b"again", collection="c", filename="again.txt")
    assert jobs.counts(tmp_path)["queued"] == 1


def test_a_payload_that_is_gone_fails_its_job_alone(tmp_path: Path) -> None:
    """The job says that the file cannot be read; those behind it are ingested."""
    for number in range(3):
        payload = f"upload{number}".encode()
        jobs.enqueue(tmp_path, payload=payload, collection="default", filename=f"{number}.txt")
    first = jobs.claim(tmp_path)
    assert first is not None
    jobs.release(tmp_path)
    first.payload.unlink()
    with driver() as program:
        outcome = program.run({"work": "uploads", "data": str(tmp_path)})
    assert outcome.status == 0, outcome
    status = jobs.job(tmp_path, first.job_id)
    assert status.state == "failed"
    assert status.items[0]["code"] == "unreadable"
    assert jobs.counts(tmp_path)["done"] == 2
