"""Bytes of a collection's files that are not what was written: found, mended, or named.

A view is built anew; a catalog is named, and mended by `afterword restore`. Nothing answers wrong.
"""

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from indexes import dense_parts, jobs
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection, open_collection
from indexes.errors import AfterwordError, IndexDamaged
from indexes.snapshot import restore, snapshot
from crashing import ENVIRON, sound
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
            prepared(f"d{n}", [f"animal {kinds[n % 3]} unique{n}", f"line{n}"]) for n in range(COUNT)
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
        try:
            answers(tmp_path)
        except IndexDamaged as error:
            named += 1
            assert "afterword restore" in error.message, what
        except AfterwordError as error:
            assert "check " in error.message, what
        with closing(restore(tmp_path, "c", tmp_path / "s", replace=True)):
            pass
        assert answers(tmp_path) == before, what
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    assert named > 6
