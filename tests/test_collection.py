"""What a collection promises: one state a reading, nothing half, views that mend themselves."""

import errno
import fcntl
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes import catalog
from indexes import snapshot as snapshots
from indexes.catalog import SplitterSettings
from indexes.collection import (
    Collection,
    Writer,
    collection_names,
    create_collection,
    delete_collection,
    open_collection,
    sweep_deleted,
)
from indexes.documents import UPLOADS, Heading, Page, Span, Table
from indexes.encoder import Encoder, EncoderIdentity
from indexes.errors import (
    BadName,
    CollectionBusy,
    CollectionExists,
    CollectionNotFound,
    DocumentNotFound,
    EncoderMismatch,
    IndexDamaged,
    StorageRefused,
    UsageError,
    VectorsGone,
)
from indexes.lexical import open_lexical
from indexes.snapshot import restore, snapshot
from indexes.views import folder_lock
from small_encoder import encode, small_encoder
from stored_documents import chunks_of, prepared

HERE = Path(__file__).parent


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """Give an empty collection with the small encoder."""
    made = create_collection(tmp_path / "data", "c", small_encoder(), SplitterSettings(64))
    yield made
    made.close()


def fill(collection: Collection, count: int = 20) -> None:
    """Store documents d0, d1, … with three chunks each."""
    with collection.write() as writer:
        for i in range(count):
            texts = [f"document {i} alpha", f"second part beta {i}", f"third {i * 7} gamma"]
            writer.put([prepared(f"d{i}", texts)])


def answers(collection: Collection, query: str = "alpha gamma 14") -> list[tuple[str, str, float]]:
    """Return what both engines find, as (document id, text, score)."""
    with collection.read() as reading:
        hits = reading.dense(encode([query])[0], 10) + reading.lexical(query, 10)
        rows = reading.chunks([hit.chunk_id for hit in hits])
        return [
            (row.document_id, row.text, round(hit.score, 4))
            for row, hit in zip(rows, hits, strict=True)
        ]


WRITER = """
import sys
from pathlib import Path
from small_encoder import encode
from stored_documents import chunks_of, prepared
from indexes.collection import open_collection
collection = open_collection(Path(sys.argv[1]), "c")
with collection.write() as writer:
    for version in range(int(sys.argv[2])):
        names = [f"d{i}" for i in range(5)]
        writer.put([prepared(n, [f"{n} version{version}", f"more of {n}"]) for n in names])
        print(version, flush=True)
        if version % 7 == 3:
            writer.merge_views(force=True)
"""


def start_writer(data: Path, versions: int) -> "subprocess.Popen[str]":
    """Start another process that replaces five documents together, again and again."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(data), str(versions)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{HERE}:{HERE.parent}", "PATH": "/usr/bin:/bin"},
    )


def test_a_reader_sees_old_or_new_never_both(collection: Collection) -> None:
    """While another process updates five documents at once, all five have one version."""
    process = start_writer(collection.folder.parent, 100_000)
    seen: set[str] = set()
    readings = 0
    while len(seen) < 5 or readings < 60:
        assert process.poll() is None
        readings += 1
        with collection.read() as reading:
            versions: set[str] = set()
            for i in range(5):
                hits = reading.lexical(f"d{i}", 10)
                own = [r for r in reading.chunks([h.chunk_id for h in hits]) if "version" in r.text]
                versions.update(r.text.split("version")[1] for r in own)
                dense = reading.dense(encode([f"d{i} version3"])[0], 50)
                rows = reading.chunks([h.chunk_id for h in dense])
                assert len(rows) in (0, 10)
            assert len(versions) <= 1
            seen |= versions
    process.kill()
    process.wait()


def test_a_commit_is_seen_within_a_second(collection: Collection) -> None:
    """An open collection finds what another process has committed, without being opened anew."""
    answers(collection)
    process = start_writer(collection.folder.parent, 1)
    assert process.stdout is not None
    process.stdout.readline()
    start = time.monotonic()
    assert answers(collection, "version0")
    assert time.monotonic() - start < 1
    process.wait()


@pytest.mark.slow
def test_killed_writers_leave_whole_documents(collection: Collection) -> None:
    """After SIGKILL at random moments each reported change is there and none is half there."""
    chance = random.Random(7)
    for _ in range(15):
        process = start_writer(collection.folder.parent, 10_000)
        assert process.stdout is not None
        reported = -1
        stop = time.monotonic() + chance.uniform(0.4, 0.9)
        while time.monotonic() < stop:
            reported = int(process.stdout.readline())
        process.kill()
        process.wait()
        rest = process.stdout.read().split()
        reported = int(rest[-1]) if rest else reported
        with open_collection(collection.folder.parent, "c").read() as reading:
            texts = [reading.text(f"d{i}") for i in range(5)]
            versions = {text.split("version")[1].split("\n")[0] for text in texts}
            assert len(versions) == 1
            assert int(versions.pop()) in (reported, reported + 1)
            assert len(reading.dense(encode(["d1"])[0], 50)) == 10
            assert len(reading.lexical("version more d0 d1 d2 d3 d4", 50)) == 10


@pytest.mark.parametrize("harm", ["missing", "cut", "noise", "old stamp", "foreign stamp"])
def test_harmed_views_are_rebuilt(collection: Collection, harm: str) -> None:
    """Whatever happens to the files of a view, answers stay the same."""
    fill(collection)
    with collection.write() as writer:
        writer.merge_views(force=True)
    expected = answers(collection)
    stamp = collection.folder / "dense.json"
    old_stamp = stamp.read_text()
    with collection.write() as writer:
        writer.put([prepared("new", ["nothing alike"])])
        writer.merge_views(force=True)
    for name in ("dense.faiss", "lexical.json"):
        path = collection.folder / name
        if harm == "missing":
            path.unlink()
            shutil.rmtree(collection.folder / "lexical", ignore_errors=True)
        elif harm == "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        elif harm == "noise":
            path.write_bytes(random.Random(1).randbytes(path.stat().st_size))
    if harm == "old stamp":
        stamp.write_text(old_stamp)
    if harm == "foreign stamp":
        stamp.write_text(json.dumps({**json.loads(old_stamp), "uuid": "another"}))
    collection.close()
    again = open_collection(collection.folder.parent, "c")
    with again.write() as writer:
        writer.erase(["new"])
    assert {a[:2] for a in answers(again)} == {a[:2] for a in expected}
    with again.write() as writer:
        writer.merge_views(force=True)
    assert {a[:2] for a in answers(again)} == {a[:2] for a in expected}


def test_what_a_killed_merge_left_is_no_obstacle(collection: Collection) -> None:
    """Files that a killed writer of the lexical view left do not stop the next merge."""
    fill(collection)
    with collection.write() as writer:
        writer.merge_views(force=True)
        folder = next((collection.folder / "lexical").iterdir())
        segments = {path.name.split(".")[0] for path in folder.glob("*.idx")}
        opstamp = json.loads((folder / "meta.json").read_text())["opstamp"]
        managed = json.loads((folder / ".managed.json").read_text())
        for segment in segments:
            for later in range(1, 40):
                name = f"{segment}.{opstamp + later}.del"
                (folder / name).write_bytes(b"half of a file")
                managed.append(name)
        (folder / ".managed.json").write_text(json.dumps(managed))
        writer.erase(["d3"])
        writer.merge_views(force=True)
    with open_collection(collection.folder.parent, "c").read() as reading:
        assert reading.lexical("document 3", 100)
        rows = reading.chunks([hit.chunk_id for hit in reading.lexical("alpha beta gamma", 100)])
        assert len(rows) == 19 * 3
        assert "d3" not in {row.document_id for row in rows}


def test_erase_leaves_no_words_on_disk(collection: Collection) -> None:
    """After an erase neither the catalog nor its log has the words."""
    secret = "xylophonesecret"
    with collection.write() as writer:
        writer.put([prepared("a", [f"the {secret} word"]), prepared("b", ["other words"])])
        assert secret.encode() in b"".join(p.read_bytes() for p in catalog_files(collection))
        writer.erase(["a"])
        assert secret.encode() not in b"".join(p.read_bytes() for p in catalog_files(collection))
        with pytest.raises(DocumentNotFound):
            writer.erase(["a"])
    with collection.read() as reading:
        assert reading.lexical(secret, 5) == []
        assert reading.count().documents == 1
    with sqlite3.connect(collection.folder / "catalog.db") as raw:
        assert raw.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


@pytest.mark.parametrize("then", ["the question ends", "a change is made"])
def test_an_erase_during_a_question_is_finished_later(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    """A reading that is open keeps the words in the log, shortly waited for; then they go."""
    monkeypatch.setattr("indexes.collection._ERASE_SECONDS", 0.05)
    secret = b"xylophonesecret"
    with collection.write() as writer:
        writer.put([prepared("a", [f"the {secret.decode()} word"]), prepared("b", ["other"])])

    def erase() -> None:
        with collection.write() as writer:
            started = time.monotonic()
            writer.erase(["a"])
            assert time.monotonic() - started < 5
        assert any(secret in path.read_bytes() for path in catalog_files(collection))

    if then == "the question ends":
        with open_collection(collection.folder.parent, "c").read():
            erase()
    else:
        with closing(sqlite3.connect(collection.folder / "catalog.db")) as raw:
            raw.execute("BEGIN")
            raw.execute("SELECT * FROM documents").fetchall()
            erase()
            raw.rollback()
            with collection.write() as writer:
                writer.put([prepared("c", ["another"])])
    assert not any(secret in path.read_bytes() for path in catalog_files(collection))


def test_a_document_is_named_by_its_id_or_its_uri(collection: Collection) -> None:
    """By nothing else; where the id of one is the uri of another, the id counts."""
    places = {
        "a": ("files", "files/one/a.txt"),
        "b": (UPLOADS, "upload:b/c.pdf"),
        "c": ("files", "files/records.jsonl#7"),
        "d": ("a", "a"),
    }
    with collection.write() as writer:
        writer.put(
            [
                prepared(name, ["text"], source=source, uri=uri)
                for name, (source, uri) in places.items()
            ]
        )
    with collection.read() as reading:
        for name, expected in {
            "a": "a",
            "files/one/a.txt": "a",
            "b": "b",
            "upload:b/c.pdf": "b",
            "files/records.jsonl#7": "c",
            "d": "d",
        }.items():
            assert reading.named(name).document_id == expected
        for name in ("", "files", "one/a.txt", "files/records.jsonl", "b/c.pdf", "A"):
            with pytest.raises(DocumentNotFound, match=f"id or uri '{name}'"):
                reading.named(name)


def test_views_are_rid_of_erased_words_at_their_next_merge(collection: Collection) -> None:
    """Neither the words nor the vectors of an erased text stay in the files of a small view."""
    fill(collection)
    gone = prepared("a", ["the xylophonesecret word"])
    (vector,) = gone.vectors.values()
    dense = collection.folder / "dense.faiss"

    def frequency() -> int:
        view = open_lexical(next((collection.folder / "lexical").iterdir()))
        assert view is not None
        return view.frequency("xylophonesecret")

    with collection.write() as writer:
        writer.put([gone])
        writer.merge_views()
        assert frequency() == 1
        assert vector.astype(np.float16).tobytes() in dense.read_bytes()
        writer.erase(["a"])
        writer.merge_views()
        assert frequency() == 0
        assert vector.astype(np.float16).tobytes() not in dense.read_bytes()
        before = sorted((collection.folder / "lexical").rglob("*.idx"))
        writer.put([prepared("b", ["more words"])])
        writer.merge_views()
    assert set(before) <= set((collection.folder / "lexical").rglob("*.idx"))


def catalog_files(collection: Collection) -> list[Path]:
    """Return the catalog's file and its log."""
    return [p for p in collection.folder.glob("catalog.db*") if not p.name.endswith("-shm")]


def test_chunk_ids_are_never_reused(collection: Collection) -> None:
    """Ids given after a removal are greater than all before, also when the last ones went."""
    with collection.write() as writer:
        writer.put([prepared("a", ["one", "two"])])
    with collection.read() as reading:
        before = [chunk.chunk_id for chunk in chunks_of(reading, "a")]
    with collection.write() as writer:
        writer.remove(["a"])
        writer.put([prepared("b", ["one", "two"])])
    with collection.read() as reading:
        after = [chunk.chunk_id for chunk in chunks_of(reading, "b")]
    assert min(after) > max(before)


def test_vectors_are_kept_once_and_only_while_used(collection: Collection) -> None:
    """Equal texts share one vector; it goes with the last chunk that needs it."""
    with collection.write() as writer:
        writer.put([prepared("a", ["same words"]), prepared("b", ["same words", "others"])])
        item = prepared("c", ["same words"])
        assert writer.stored_vectors(item.hashes) == set(item.hashes)
        writer.remove(["b"])
        assert writer.stored_vectors(prepared("x", ["others"]).hashes) == set()
        assert writer.stored_vectors(item.hashes) == set(item.hashes)
        writer.remove(["a"])
        assert writer.stored_vectors(item.hashes) == set()


def test_a_document_without_a_vector_is_refused_whole(collection: Collection) -> None:
    """A chunk whose vector is nowhere stops the transaction; nothing of it is stored."""
    good, bad = prepared("a", ["fine"]), prepared("b", ["no vector"])
    bad = replace(bad, vectors={})
    with collection.write() as writer, pytest.raises(VectorsGone, match="no vector"):
        writer.put([good, bad])
    with collection.read() as reading:
        assert reading.count().documents == 0


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1),
    repeat=st.integers(1, 9000),
    data=st.data(),
)
def test_text_is_read_back_by_code_points(
    tmp_path_factory: pytest.TempPathFactory, text: str, repeat: int, data: st.DataObject
) -> None:
    """Any slice of any stored text equals the slice of the original."""
    whole = (text * repeat)[:60_000]
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(0, len(whole) + 10))
    folder = tmp_path_factory.mktemp("text")
    collection = create_collection(folder, "c", small_encoder(), SplitterSettings(64))
    with collection.write() as writer:
        item = prepared("a", ["x"])
        writer.put([replace(item, text=whole, chunks=[], hashes=[], vectors={})])
    with collection.read() as reading:
        assert reading.text("a", start, end) == whole[start:end]
        assert reading.text("a") == whole
    collection.close()


def test_structure_comes_back_as_it_was_given(collection: Collection) -> None:
    """Pages, headings, tables, dates and metadata of a document survive storage."""
    item = prepared(
        "a",
        ["Heading", "a,b", "1,2"],
        pages=(Page(1, Span(0, 8)), Page(2, Span(8, 15))),
        metadata={"n": 1.5, "list": ["x", "y"], "flag": True, "none": None, "ü": "é"},
        as_of="2026-01-02",
        as_of_source="content",
    )
    headings, tables = (Heading(1, Span(0, 7)),), (Table(Span(8, 11), (Span(12, 15),)),)
    with collection.write() as writer:
        writer.put(
            [
                type(item)(
                    item.document,
                    item.text,
                    item.chunks,
                    item.hashes,
                    item.vectors,
                    headings,
                    tables,
                )
            ]
        )
        assert writer.known("source") == {"source/a": writer.find("a")}
    with collection.read() as reading:
        extract = reading.extract("a")
        document = reading.document("a")
        last = chunks_of(reading, "a")[-1]
    assert (extract.headings, extract.tables, extract.pages) == (
        headings,
        tables,
        item.document.pages,
    )
    assert document.metadata == item.document.metadata
    assert (document.as_of, document.as_of_source) == ("2026-01-02", "content")
    assert (last.page, last.text) == (2, "1,2")


def test_snapshot_of_a_collection_in_use(collection: Collection, tmp_path: Path) -> None:
    """A snapshot taken while another process writes holds one state, and restores elsewhere."""
    fill(collection)
    process = start_writer(collection.folder.parent, 40)
    assert process.stdout is not None
    process.stdout.readline()
    snapshot(collection, tmp_path / "copy.db")
    process.wait()
    copy = restore(tmp_path / "data", "copy", tmp_path / "copy.db")
    with copy.read() as reading:
        versions = {reading.text(f"d{i}").split("version")[1].split("\n")[0] for i in range(5)}
        assert len(versions) == 1
        assert reading.count().documents == 20
    with pytest.raises(UsageError, match="exists"):
        snapshot(collection, tmp_path / "copy.db")


def test_restore_replaces_a_collection_in_use(collection: Collection, tmp_path: Path) -> None:
    """Readers that were open see the restored state; views of the later state do not return."""
    fill(collection)
    expected = answers(collection)
    snapshot(collection, tmp_path / "copy.db")
    with collection.write() as writer:
        writer.remove([f"d{i}" for i in range(10)])
        writer.put([prepared("late", ["alpha gamma 14"])])
        writer.merge_views(force=True)
    assert answers(collection) != expected
    with pytest.raises(CollectionExists):
        restore(collection.folder.parent, "c", tmp_path / "copy.db")
    restore(collection.folder.parent, "c", tmp_path / "copy.db", replace=True)
    assert answers(collection) == expected
    with collection.write() as writer:
        writer.merge_views(force=True)
    assert {a[:2] for a in answers(collection)} == {a[:2] for a in expected}


def test_restore_does_not_overwrite_what_was_made_meanwhile(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection that another process makes while the snapshot is looked at is kept."""
    data = collection.folder.parent
    snapshot(collection, tmp_path / "copy.db")
    check = snapshots.check_whole

    def then_made(path: Path) -> None:
        check(path)
        fill(create_collection(data, "other", small_encoder(), SplitterSettings(64)), 3)

    monkeypatch.setattr(snapshots, "check_whole", then_made)
    with pytest.raises(CollectionExists, match="--replace"):
        restore(data, "other", tmp_path / "copy.db")
    with open_collection(data, "other").read() as reading:
        assert reading.count().documents == 3


def test_making_and_restoring_take_turns_and_share_no_file(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one process makes a collection, another that restores it waits, and then sees it."""
    data = collection.folder.parent
    snapshot(collection, tmp_path / "copy.db")
    (data / "other").mkdir()
    left = data / "other" / "catalog.0123.new-wal"
    left.touch()
    make = catalog.create_catalog
    restoring = threading.Thread(target=lambda: refused.append(restored()))
    refused: list[bool] = []
    places: list[Path] = []

    def restored() -> bool:
        with pytest.raises(CollectionExists):
            restore(data, "other", tmp_path / "copy.db")
        return True

    def slowly(path: Path, *args: object) -> None:
        restoring.start()
        restoring.join(0.3)
        assert restoring.is_alive()
        places.append(path)
        make(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(catalog, "create_catalog", slowly)
    create_collection(data, "other", small_encoder(), SplitterSettings(64))
    restoring.join()
    assert refused == [True]
    assert places[0].name != "catalog.db.new"
    assert not list((data / "other").glob("*.new*"))


def test_a_new_collection_is_on_disk_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name and its file's name are flushed after the file was put in place."""
    seen: list[Path] = []

    def noted(path: Path) -> None:
        assert (tmp_path / "data" / "c" / "catalog.db").exists()
        seen.append(path)

    monkeypatch.setattr("indexes.collection.flush", noted)
    create_collection(tmp_path / "data", "c", small_encoder(), SplitterSettings(64))
    assert seen == [tmp_path / "data" / "c", tmp_path / "data"]


def test_a_damaged_catalog_is_named_and_can_be_restored(
    collection: Collection, tmp_path: Path
) -> None:
    """Noise in the catalog is IndexDamaged with the remedy; restore mends it."""
    fill(collection)
    expected = answers(collection)
    snapshot(collection, tmp_path / "copy.db")
    collection.close()
    path = collection.folder / "catalog.db"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(IndexDamaged, match="afterword restore"):
        open_collection(collection.folder.parent, "c")
    with pytest.raises(IndexDamaged):
        restore(collection.folder.parent, "c", path, replace=True)
    mended = restore(collection.folder.parent, "c", tmp_path / "copy.db", replace=True)
    assert answers(mended) == expected


def test_a_catalog_without_a_table_is_damaged_and_named(collection: Collection) -> None:
    """A table that is gone is damage of that file, not a fault nobody foresaw."""
    fill(collection)
    path = collection.folder / "catalog.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("DROP TABLE documents")
    with (
        pytest.raises(IndexDamaged, match=r"catalog\.db is damaged .*afterword restore"),
        collection.read() as reading,
    ):
        reading.documents(10)


def not_a_snapshot(kind: str, whole: bytes, path: Path) -> None:
    """Write a file that somebody may take for a snapshot."""
    if kind == "foreign":
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("CREATE TABLE meta (key TEXT, value TEXT)")
            raw.commit()
        return
    contents = {
        "text": b"a letter to a friend\n" * 100,
        "empty": b"",
        "short": whole[:50],
        "cut": whole[: len(whole) // 2],
        "noise": whole[:8192] + random.Random(1).randbytes(len(whole) - 8192),
    }
    path.write_bytes(contents[kind])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text", "no Afterword snapshot: it is no SQLite database; name a file that"),
        ("empty", "no Afterword snapshot: it is an empty file; name a file that"),
        ("foreign", "no Afterword snapshot: it is an SQLite database without the tables"),
        ("short", r"is cut off: it has 50 bytes of at least [\d,]+; copy it again"),
        ("cut", r"is cut off: it has [\d,]+ bytes of at least [\d,]+; copy it again"),
        ("noise", "is damaged.*copy it again"),
    ],
)
def test_what_is_no_snapshot_is_said_to_be_none(
    collection: Collection, tmp_path: Path, kind: str, said: str
) -> None:
    """The message says what the file looks like and what to do; nothing is made of it."""
    fill(collection)
    snapshot(collection, tmp_path / "copy.db")
    not_a_snapshot(kind, (tmp_path / "copy.db").read_bytes(), tmp_path / "given.db")
    with pytest.raises(IndexDamaged, match=said) as raised:
        restore(collection.folder.parent, "new", tmp_path / "given.db")
    assert "afterword restore" not in raised.value.message
    assert collection_names(collection.folder.parent) == ["c"]


def test_a_later_format_is_refused(collection: Collection) -> None:
    """A catalog of another format is named, not guessed at."""
    with sqlite3.connect(collection.folder / "catalog.db") as raw:
        raw.execute("UPDATE meta SET value = '99' WHERE key = 'format'")
    collection.close()
    with pytest.raises(IndexDamaged, match="format 99"):
        open_collection(collection.folder.parent, "c")


def test_another_encoder_is_refused(collection: Collection) -> None:
    """The same vectors under another name pass; other vectors or dimensions do not."""
    collection.check_encoder(small_encoder("renamed"))
    turned = Encoder(
        identity=small_encoder().identity,
        encode_documents=lambda texts: np.roll(encode(texts), 1, axis=1),
        encode_query=lambda text: encode([text])[0],
        count_tokens=len,
        tokenizer_json="",
    )
    with pytest.raises(EncoderMismatch, match="reindex"):
        collection.check_encoder(turned)
    wide = Encoder(
        identity=EncoderIdentity("wide", "0" * 64, 64, 64),
        encode_documents=lambda texts: np.tile(encode(texts), 2),
        encode_query=lambda text: np.tile(encode([text])[0], 2),
        count_tokens=len,
        tokenizer_json="",
    )
    with pytest.raises(EncoderMismatch, match="64"):
        collection.check_encoder(wide)


def test_names_and_life_of_collections(tmp_path: Path) -> None:
    """Collections are made once, listed, deleted, and made anew under an open reader."""
    for bad in ("", ".hidden", "a/b", "..", "ü", "x" * 65):
        with pytest.raises(BadName):
            create_collection(tmp_path, bad, small_encoder(), SplitterSettings(64))
    with pytest.raises(CollectionNotFound, match="afterword ingest"):
        open_collection(tmp_path, "c")
    first = create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    fill(first, 2)
    with pytest.raises(CollectionExists):
        create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    assert collection_names(tmp_path) == ["c"]
    assert answers(first)
    delete_collection(tmp_path, "c")
    assert collection_names(tmp_path) == []
    with pytest.raises(CollectionNotFound), first.read():
        pass
    create_collection(tmp_path, "c", small_encoder(), SplitterSettings(64))
    assert answers(first) == []


def test_a_deleted_collection_takes_nothing_in(collection: Collection) -> None:
    """A writer that was open when the collection went is told so, even if there is a new one."""
    data = collection.folder.parent
    with collection.write() as writer:
        with collection.run_lock(), pytest.raises(CollectionBusy, match="wait"):
            delete_collection(data, "c")
        writer.put([prepared("a", ["one"])])
        delete_collection(data, "c")
        with pytest.raises(CollectionNotFound, match="deleted meanwhile"):
            writer.put([prepared("b", ["two"])])
        create_collection(data, "c", small_encoder(), SplitterSettings(64))
        with pytest.raises(CollectionNotFound, match="deleted meanwhile"):
            writer.put([prepared("c", ["three"])])
    with open_collection(data, "c").read() as reading:
        assert reading.count().documents == 0


def killed_deletion(collection: Collection, patch: pytest.MonkeyPatch) -> Path:
    """Delete a collection but for its files, as a kill does; return the folder that is left."""
    data = collection.folder.parent

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with patch.context() as killing:
        killing.setattr(shutil, "rmtree", kill)
        with pytest.raises(KeyboardInterrupt):
            delete_collection(data, "c")
    assert "c" not in collection_names(data)
    (left,) = data.glob(".deleted-*")
    return left


@pytest.mark.parametrize("later", ["create", "delete", "worker"])
def test_what_a_killed_deletion_left_is_swept(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, later: str
) -> None:
    """The files go when a collection is made or deleted next, or a worker starts."""
    data = collection.folder.parent
    other = create_collection(data, "other", small_encoder(), SplitterSettings(64))
    left = killed_deletion(collection, monkeypatch)
    if later == "create":
        create_collection(data, "new", small_encoder(), SplitterSettings(64))
    elif later == "delete":
        delete_collection(data, other.name)
    else:
        worker = subprocess.run(
            [sys.executable, HERE.parent / "afterword.py", "ingest", "--worker"],
            stdin=subprocess.DEVNULL,
            env={
                "PYTHONPATH": str(HERE.parent),
                "PATH": "/usr/bin:/bin",
                "AFTERWORD_DATA": str(data),
            },
            check=False,
        )
        assert worker.returncode == 0
    assert not left.exists()


def test_one_folder_that_stays_does_not_keep_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier deletion could not remove is not the later one's, which removes its own."""
    data = tmp_path / "data"
    for name in ("a", "b"):
        create_collection(data, name, small_encoder(), SplitterSettings(64)).close()
    remove = shutil.rmtree

    def stuck(path: Path) -> None:
        if path.name.startswith(".deleted-a"):
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        remove(path)

    monkeypatch.setattr("indexes.collection.shutil.rmtree", stuck)
    with pytest.raises(StorageRefused, match=r"\.deleted-a.*remove that folder by hand"):
        delete_collection(data, "a")
    delete_collection(data, "b")
    assert [path.name[:10] for path in data.glob(".deleted-*")] == [".deleted-a"]


def test_where_no_folder_can_be_looked_at_the_sweep_is_left_for_later(tmp_path: Path) -> None:
    """Where no file can be opened any more it raises nothing; the next one does the work."""
    (tmp_path / ".deleted-a-1").mkdir()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        sweep_deleted(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == [".deleted-a-1"]
    sweep_deleted(tmp_path)
    assert not (tmp_path / ".deleted-a-1").exists()


def test_of_two_deletions_at_once_one_finds_nothing(tmp_path: Path) -> None:
    """Whoever comes second is told that there is no such collection, whatever it waited for."""
    data = tmp_path / "data"
    create_collection(data, "c", small_encoder(), SplitterSettings(64)).close()
    results = list[str]()

    def delete() -> None:
        try:
            delete_collection(data, "c")
            results.append("deleted")
        except (CollectionNotFound, CollectionBusy) as error:
            results.append(error.code)

    with folder_lock(data / "c"):
        threads = [threading.Thread(target=delete) for _ in range(2)]
        for thread in threads:
            thread.start()
        while len(results) < 1:  # the run lock of the first keeps the second out
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert sorted(results) == ["collection_busy", "deleted"]
    with pytest.raises(CollectionNotFound):
        delete_collection(data, "c")
    assert not list(data.glob(".deleted-*"))


def test_nothing_is_noted_in_a_collection_that_came_back(
    collection: Collection, tmp_path: Path
) -> None:
    """After a restore no earlier writer goes on: what it knows of the files is not so any more."""
    with collection.write() as writer:
        writer.put([prepared("a", ["zebra"])])
    snapshot(collection, tmp_path / "copy.db")
    with collection.write() as writer:
        document = prepared("a", ["zebra"]).document
        restore(collection.folder.parent, "c", tmp_path / "copy.db", replace=True)
        for change in (
            lambda: writer.set_mark("s", "u", "stored to its end"),
            lambda: writer.refresh(document),
            lambda: writer.remove(["a"]),
            lambda: writer.put([prepared("b", ["yak"])]),
        ):
            with pytest.raises(CollectionBusy, match="restored or indexed anew meanwhile"):
                change()
        assert writer.marks("s") == {}


def test_a_catalog_is_put_in_place_or_nothing_is(tmp_path: Path) -> None:
    """Where the folder of a restore goes away, no empty file takes the catalog's name."""
    (tmp_path / "c").mkdir()
    with pytest.raises(sqlite3.OperationalError):
        snapshots._replace_file(tmp_path / "c" / "gone.new", tmp_path / "c" / "catalog.db")
    assert list((tmp_path / "c").iterdir()) == []


def test_a_sweep_leaves_alone_what_another_process_is_removing(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the lock is held a new collection is made at once, and the next one sweeps."""
    data = collection.folder.parent
    left = killed_deletion(collection, monkeypatch)
    with (data / ".deleted.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        create_collection(data, "first", small_encoder(), SplitterSettings(64))
        assert left.exists()
    create_collection(data, "second", small_encoder(), SplitterSettings(64))
    assert not left.exists()


def test_files_that_cannot_be_removed_are_named(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion that leaves files says so and where; making a collection goes on all the same."""
    data = collection.folder.parent

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(StorageRefused, match=r"is deleted.*\.deleted-c-.*by hand"):
        delete_collection(data, "c")
    assert collection_names(data) == []
    create_collection(data, "c", small_encoder(), SplitterSettings(64))


def test_storage_that_refuses_is_named(collection: Collection, tmp_path: Path) -> None:
    """A folder that cannot be made or written is an error with the path and what to check."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageRefused, match=r"file.*AFTERWORD_DATA"):
        create_collection(tmp_path / "file", "c", small_encoder(), SplitterSettings(64))
    with pytest.raises(StorageRefused, match="nowhere"):
        snapshot(collection, tmp_path / "nowhere" / "copy.db")


def test_one_folder_plan_at_a_time(collection: Collection) -> None:
    """A second run lock is refused at once with what to do."""
    with collection.run_lock():
        other = open_collection(collection.folder.parent, "c")
        with pytest.raises(CollectionBusy, match="wait"), other.run_lock():
            pass
    with collection.run_lock():
        pass


def test_a_locked_catalog_is_named(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call that must wait too long for another writer says so, and what to do."""
    monkeypatch.setattr("indexes.catalog._BUSY_SECONDS", 0.01)
    again = open_collection(collection.folder.parent, "c")
    with closing(sqlite3.connect(collection.folder / "catalog.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        calls: list[Callable[[Writer], object]] = [
            lambda writer: writer.set_source_root("s", "/s"),
            lambda writer: writer.set_mark("s", "u", "m"),
            lambda writer: writer.put([prepared("a", ["one"])]),
            lambda writer: writer.erase([]),
        ]
        for call in calls:
            with pytest.raises(CollectionBusy, match="was held by"), again.write() as writer:
                call(writer)


def test_errors_of_other_files_are_not_the_catalogs(collection: Collection) -> None:
    """What goes wrong with another file, while a collection is open, keeps its own name."""
    with pytest.raises(FileNotFoundError, match="elsewhere"), collection.read():
        Path("/elsewhere").read_text()
    with pytest.raises(FileNotFoundError, match="elsewhere"), collection.write():
        Path("/elsewhere").read_text()


def test_a_collection_that_goes_while_it_is_opened_is_not_found(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking for the file and opening it, or in a commit, a deletion may come."""
    data = collection.folder.parent
    is_file = Path.is_file

    def then_deleted(path: Path) -> bool:
        found = is_file(path)
        if path.name == "catalog.db":
            monkeypatch.undo()
            delete_collection(data, "c")
        return found

    with collection.write() as writer:
        monkeypatch.setattr(Path, "is_file", then_deleted)
        with pytest.raises(CollectionNotFound, match="afterword ingest"):
            open_collection(data, "c")
        with pytest.raises(CollectionNotFound, match="deleted meanwhile"):
            writer.put([prepared("a", ["one"])])
