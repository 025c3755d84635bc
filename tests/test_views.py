"""Views on disk: what a question sees while they change under it, and what harms them."""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from indexes import catalog, collection, soundness, views
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Writer, create_collection, open_collection
from indexes.errors import StorageFull
from indexes.lexical import damaged_files
from indexes.snapshot import restore, snapshot
from small_encoder import encode, small_encoder
from stored_documents import prepared


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[Collection]:
    """Give a collection of two documents, both in the views on disk."""
    made = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        writer.put([prepared("a", ["zebra old"]), prepared("b", ["giraffe"])])
        writer.merge_views(force=True)
    yield made
    made.close()


def once(action: Callable[[], None]) -> Callable[[], None]:
    """Return what does `action` at its first call and nothing later."""
    left = [action]

    def act() -> None:
        if left:
            left.pop()()

    return act


def interleave(patch: pytest.MonkeyPatch, moment: str, action: Callable[[], None]) -> None:
    """Do `action` at one moment of the next reading: around its loading or around its BEGIN."""
    act = once(action)
    load, begin, advance = views.load_views, catalog.reading, views.advance

    def loading(
        folder: Path, connection: sqlite3.Connection, before: views.LiveViews | None
    ) -> views.LiveViews:
        if moment == "before loading":
            act()
        live = load(folder, connection, before)
        if moment == "after loading":
            act()
        return live

    @contextmanager
    def beginning(connection: sqlite3.Connection) -> Iterator[int]:
        if moment == "before BEGIN":
            act()
        with begin(connection) as number:
            if moment == "after BEGIN":
                act()
            yield number

    def advancing(
        connection: sqlite3.Connection, number: int, live: views.LiveViews
    ) -> views.LiveViews:
        if moment == "before the delta":
            act()
        return advance(connection, number, live)

    patch.setattr(collection, "load_views", loading)
    patch.setattr(catalog, "reading", beginning)
    patch.setattr(collection, "advance", advancing)


# A reader that has the views in memory already loads none.
MOMENTS = [
    *(("before loading", False), ("after loading", False)),
    *((m, warm) for m in ("before BEGIN", "after BEGIN", "before the delta") for warm in (0, 1)),
]


def found(reader: Collection, query: str) -> list[list[str]]:
    """Return the texts that each engine finds best; every hit has a row."""
    with reader.read() as reading:
        texts = []
        for hits in (reading.lexical(query, 1), reading.dense(encode([query])[0], 1)):
            rows = reading.chunks([hit.chunk_id for hit in hits])
            assert len(rows) == len(hits)
            texts.append([row.text for row in rows])
        return texts


def found_while(
    change: Callable[[Writer], None],
    stored: Collection,
    patch: pytest.MonkeyPatch,
    moment: str,
    *,
    warm: bool,
) -> tuple[list[list[str]], list[list[str]]]:
    """Return what is found while a change with a merge comes in at a moment, and afterwards."""
    reader = open_collection(stored.folder.parent, "c")
    if warm:
        found(reader, "zebra")

    def change_and_merge() -> None:
        with stored.write() as writer:
            change(writer)
            writer.merge_views(force=True)

    interleave(patch, moment, change_and_merge)
    return found(reader, "zebra"), found(reader, "zebra")


@pytest.mark.parametrize(("moment", "warm"), MOMENTS)
def test_a_change_and_a_merge_at_any_moment_are_seen_whole(
    stored: Collection, monkeypatch: pytest.MonkeyPatch, moment: str, *, warm: bool
) -> None:
    """Both engines find the document's old or its new text, the same one, never neither."""

    def change(writer: Writer) -> None:
        writer.put([prepared("a", ["zebra new"])])

    meanwhile, later = found_while(change, stored, monkeypatch, moment, warm=warm)
    assert meanwhile in ([["zebra old"]] * 2, [["zebra new"]] * 2)
    assert later == [["zebra new"]] * 2


@pytest.mark.parametrize(("moment", "warm"), MOMENTS)
def test_a_removal_and_a_purge_at_any_moment_leave_no_hit_without_a_row(
    stored: Collection, monkeypatch: pytest.MonkeyPatch, moment: str, *, warm: bool
) -> None:
    """A document whose removal was merged and purged meanwhile is found whole or not at all."""

    def change(writer: Writer) -> None:
        writer.remove(["a"])

    meanwhile, later = found_while(change, stored, monkeypatch, moment, warm=warm)
    assert meanwhile in ([["zebra old"]] * 2, [[], ["giraffe"]])
    assert later == [[], ["giraffe"]]


def test_a_reader_takes_no_stamp_from_a_merge(
    stored: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view that a reader finds unusable and a writer then builds keeps the writer's stamp."""
    (stored.folder / "lexical.json").unlink()
    read_stamp = views.read_stamp

    def merge() -> None:
        with stored.write() as writer:
            writer.merge_views(force=True)

    act = once(merge)

    def reading_stamp(
        path: Path, connection: sqlite3.Connection, who: catalog.Identity
    ) -> views.Stamp | None:
        stamp = read_stamp(path, connection, who)
        if stamp is None:
            act()
        return stamp

    monkeypatch.setattr(views, "read_stamp", reading_stamp)
    with closing(catalog.connect(stored.folder / "catalog.db")) as connection:
        views.load_views(stored.folder, connection)
    assert (stored.folder / "lexical.json").exists()


def test_a_stamp_that_leads_the_catalog_does_not_count(stored: Collection) -> None:
    """Where an older catalog.db was put back by hand, views of the lost changes are not used."""
    older = {path.name: path.read_bytes() for path in stored.folder.glob("catalog.db*")}
    with stored.write() as writer:
        writer.put([prepared("a", ["zebra new"])])
        writer.merge_views(force=True)
    stored.close()
    for name, content in older.items():
        (stored.folder / name).write_bytes(content)
    again = open_collection(stored.folder.parent, "c")
    assert found(again, "zebra") == [["zebra old"]] * 2
    with again.write() as writer:
        writer.merge_views(force=True)
    assert found(again, "zebra") == [["zebra old"]] * 2


def put_many(collection: Collection, group: str, count: int) -> None:
    """Store one document of many chunks, and merge nothing."""
    with collection.write() as writer:
        writer.put([prepared(group, [f"{group} number {i}" for i in range(count)])])


def test_an_open_reader_merges_a_delta_that_outgrew_its_memory(stored: Collection) -> None:
    """What another process stores does not pile up in a reader's memory without bound."""
    reader = open_collection(stored.folder.parent, "c")
    deltas = []
    for i in range(6):
        put_many(stored, f"group{i}", 400)
        with reader.read() as reading:
            assert reading.lexical(f"group{i}", 1000)
            assert reader._live is not None
            deltas.append(len(reader._live.delta.ids))
    assert deltas == [400, 800, 1200, 0, 400, 800]


def test_a_disk_that_refuses_a_merge_is_not_asked_at_every_question(
    stored: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions are answered from memory, and for a while no merge is tried again."""
    put_many(stored, "yak", 1200)
    reader = open_collection(stored.folder.parent, "c")
    tried = []

    def refuse(*_: object) -> bool:
        tried.append(1)
        raise StorageFull("no space is left")

    monkeypatch.setattr("indexes.collection.merge_views", refuse)
    for _ in range(3):
        with reader.read() as reading:
            assert len(reading.lexical("yak", 2000)) == 1200
    assert len(tried) == 1


def test_a_delta_that_is_small_costs_a_writer_no_merge(stored: Collection) -> None:
    """Between its transactions a writer merges only what is too large for memory."""
    stamp = (stored.folder / "dense.json").read_text()
    with stored.write() as writer:
        writer.put([prepared("few", [f"few {i}" for i in range(900)])])
        writer.merge_large_delta()
        assert (stored.folder / "dense.json").read_text() == stamp
        writer.put([prepared("more", [f"more {i}" for i in range(200)])])
        writer.merge_large_delta()
    assert (stored.folder / "dense.json").read_text() != stamp


def delta_of(reader: Collection) -> int:
    """Return how many chunks a reading finds outside of the views on disk."""
    with reader.read():
        pass
    assert reader._live is not None
    return len(reader._live.delta.ids)


def put(made: Collection, name: str, count: int) -> None:
    """Store documents of one chunk each."""
    with made.write() as writer:
        writer.put([prepared(f"{name}{i}", [f"{name} number {i}"]) for i in range(count)])


def test_the_first_question_after_a_restore_merges_first(
    stored: Collection, tmp_path: Path
) -> None:
    """A catalog that came back is not read into memory whole: its views are built before."""
    put(stored, "late", 1_200)
    snapshot(stored, tmp_path / "copy.db")
    assert delta_of(stored) == 0
    restore(tmp_path, "c", tmp_path / "copy.db", replace=True)
    assert delta_of(stored) == 0


def test_a_view_that_could_not_be_loaded_for_once_is_loaded_again(
    stored: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system lacked something for a moment, memory is free again after the next try."""
    put(stored, "late", 1_200)
    with stored.write() as writer:
        writer.merge_views(force=True)
    reader = open_collection(stored.folder.parent, "c")
    with monkeypatch.context() as patch:
        patch.setattr(views, "open_lexical", lambda _folder: None)
        assert delta_of(reader) > 1_000
    monkeypatch.setattr(reader, "_merge_after", 0.0)
    assert delta_of(reader) == 0


def test_no_question_waits_for_a_writer_to_purge(stored: Collection) -> None:
    """Rows that are gone are purged after writing; a merge before reading takes no write lock."""
    with stored.write() as writer:
        writer.remove(["a"])
    put(stored, "late", 1_200)
    with closing(catalog.connect(stored.folder / "catalog.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert delta_of(open_collection(stored.folder.parent, "c")) == 0
        assert time.monotonic() - began < catalog._BUSY_SECONDS / 2
        other.execute("ROLLBACK")


def test_while_the_lexical_view_is_built_anew_the_old_one_serves(
    stored: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no step of the swap but the renaming itself is there no view with its stamp."""
    with stored.write() as writer:
        writer.erase(["b"])
    states = list[object]()
    remove = shutil.rmtree

    def watched(path: Path, *, ignore_errors: bool = False) -> None:
        reader = open_collection(stored.folder.parent, "c")
        states.append(found(reader, "zebra"))
        assert reader._live is not None
        states.append(reader._live.views.number > 0)
        remove(path, ignore_errors=ignore_errors)

    with monkeypatch.context() as patch:
        patch.setattr("indexes.views.shutil.rmtree", watched)
        with stored.write() as writer:
            writer.merge_views(force=True)
    assert len(states) > 4
    assert states == [[["zebra old"]] * 2, True] * (len(states) // 2)


def test_what_a_run_leaves_outside_of_the_views_is_little(stored: Collection) -> None:
    """Though merged on the way, at the end too few chunks for a question to notice are left."""
    for part in range(13):
        put(stored, f"p{part}-", 500)
        with stored.write() as writer:
            writer.merge_large_delta()
    with stored.write() as writer:
        writer.merge_views()
    assert delta_of(open_collection(stored.folder.parent, "c")) <= 250


@pytest.mark.parametrize("name", ["dense", "lexical"])
def test_a_view_that_is_ahead_of_its_stamp_is_sound(stored: Collection, name: str) -> None:
    """As a writer leaves it that is killed between the two; answers are right, and stay so."""
    stamp = stored.folder / f"{name}.json"
    before = stamp.read_text()
    with stored.write() as writer:
        writer.put([prepared("c", ["lion"]), prepared("d", ["tiger"])])
        writer.remove(["a"])
        writer.merge_views(force=True)
    stamp.write_text(before)
    with closing(catalog.connect(stored.folder / "catalog.db")) as connection:
        connection.execute("BEGIN")
        who = catalog.identity(connection)
        seen = soundness.views(stored.folder, connection, who, full=True)
        states = {str(view.name): view.state for view in seen}
    assert states[name] == "behind"
    assert found(open_collection(stored.folder.parent, "c"), "lion") == [["lion"]] * 2
    with stored.write() as writer:
        writer.merge_views(force=True)
    assert found(open_collection(stored.folder.parent, "c"), "tiger") == [["tiger"]] * 2


def test_what_a_killed_merge_left_is_no_damage_and_goes(stored: Collection) -> None:
    """Files of no segment, and those that have no name yet."""
    folder = next((stored.folder / "lexical").iterdir())
    (folder / f"{'0' * 32}.term").touch()
    (folder / ".tmpAbCdEf").write_bytes(b"half")
    assert damaged_files(folder) == []
    with stored.write() as writer:
        writer.put([prepared("c", ["lion"])])
        writer.merge_views(force=True)
    assert not (folder / ".tmpAbCdEf").exists()
