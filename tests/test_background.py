"""Merges that go on beside the writer: what is written meanwhile, and how their errors are told."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from indexes import collection as collections
from indexes import views
from indexes.background import BackgroundMerge
from indexes.catalog import SplitterSettings, connect, identity
from indexes.collection import Collection, create_collection, open_collection
from indexes.errors import StorageFull
from indexes.soundness import views as soundness
from small_encoder import small_encoder
from stored_documents import prepared


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Collection]:
    """Give an empty collection."""
    new = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    yield new
    new.close()


class Gate:
    """Stands in the way of merges until it is opened; counts them."""

    def __init__(self, error: Exception | None = None) -> None:
        self.opened, self.reached = threading.Event(), threading.Event()
        self.count = 0
        self.error = error

    def merge(self, *given: object) -> bool:
        """Merge as always, once the gate is open."""
        self.count += 1
        self.reached.set()
        assert self.opened.wait(60)
        if self.error is not None:
            raise self.error
        return views.merge_views(*given)  # type: ignore[arg-type]


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Return a gate that all merges of collections go through."""
    new = Gate()
    monkeypatch.setattr(collections, "merge_views", new.merge)
    return new


def words(number: int, count: int = 400) -> list[str]:
    """Return texts with a word of their own each."""
    return [f"word{number}x{place} stands here" for place in range(count)]


def found(made: Collection, word: str) -> int:
    """Return how many chunks have a word, as another process would find."""
    reader = open_collection(made.folder.parent, "c")
    with closing(reader), reader.read() as reading:
        return len(reading.lexical(word, 10))


def again_and_again(merge: Callable[[], None]) -> None:
    """Try for some seconds: the merge before may still go on."""
    for _ in range(1_000):
        merge()
        time.sleep(0.01)


def test_writing_goes_on_while_views_are_merged(made: Collection, gate: Gate) -> None:
    """And what was written meanwhile is stored and found; the merge is not begun twice."""
    with made.write() as writer:
        for number in range(5):
            writer.put([prepared(f"d{number}", words(number))])
            writer.merge_large_delta()
        assert gate.reached.wait(60)
        assert gate.count == 1
        with closing(connect(made.folder / "catalog.db")) as connection:
            assert connection.execute("SELECT count(*) FROM chunks").fetchone() == (2_000,)
        assert not (made.folder / "dense.json").exists()
        gate.opened.set()
    assert (made.folder / "dense.json").exists()
    assert [found(made, f"word{number}x7") for number in range(5)] == [1] * 5


def test_the_last_merge_takes_up_what_came_beside_the_one_before(made: Collection) -> None:
    """Whatever the two did, the views are sound and whole."""
    with made.write() as writer:
        for number in range(9):
            writer.put([prepared(f"d{number}", words(number))])
            writer.merge_large_delta()
            if number % 3 == 2:
                writer.remove([f"d{number - 1}"])
        writer.merge_views(force=True)
    with closing(connect(made.folder / "catalog.db")) as connection:
        states = soundness(made.folder, connection, identity(connection), full=True)
    assert [(one.state, one.chunks) for one in states] == [("sound", 0)] * 2
    there = [found(made, f"word{number}x7") for number in range(9)]
    assert there == [1, 0, 1, 1, 0, 1, 1, 0, 1]


def test_a_writer_waits_for_views_that_fall_far_behind(
    made: Collection, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else those who read meanwhile would hold ever more in memory."""
    monkeypatch.setattr(views, "_FARTHEST", 1_500)
    ended = threading.Event()

    def write() -> None:
        with made.write() as writer:
            for number in range(5):
                writer.put([prepared(f"d{number}", words(number))])
                writer.merge_large_delta()
        ended.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert gate.reached.wait(60)
    assert not ended.wait(0.5)
    with closing(connect(made.folder / "catalog.db")) as connection:
        assert connection.execute("SELECT count(*) FROM chunks").fetchone()[0] <= 2_000
    gate.opened.set()
    thread.join(60)
    assert ended.is_set()


def test_an_error_of_a_merge_is_told_at_the_next_one(made: Collection, gate: Gate) -> None:
    """Once; a merge by force does the work again instead of telling what went wrong before."""
    gate.error = StorageFull("no space is left")
    gate.opened.set()
    with made.write() as writer:
        writer.put([prepared("a", words(1, 1_100))])
        writer.merge_large_delta()
        with pytest.raises(StorageFull):
            again_and_again(writer.merge_large_delta)
        writer.merge_large_delta()
        gate.error = None
        writer.merge_views(force=True)
    assert (made.folder / "dense.json").exists()


def test_leaving_waits_for_the_end() -> None:
    """What a later merge can do again is no error then; anything else is."""
    done = list[int]()
    pause = threading.Event()

    def slow() -> None:
        pause.wait(0.2)
        done.append(1)

    with BackgroundMerge(slow) as background:
        background.start()
        assert background.goes_on
    assert done == [1]
    full = Gate(StorageFull("no space is left"))
    full.opened.set()
    with BackgroundMerge(full.merge) as background:
        background.start()
    assert full.count == 1
    with pytest.raises(ZeroDivisionError), BackgroundMerge(lambda: 1 // 0) as background:
        background.start()
