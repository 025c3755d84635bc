"""Catalogs as earlier versions wrote them: they open, and are those of today afterwards.

`catalogs/` has one of each format: two files and a file of two records, ingested by the version
that wrote the format first, emptied of its log. `format-3-key` is an early one of format 3, whose
vectors lay in the tree of their keys.
"""

import gzip
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earlier_formats import meta, tables
from indexes.backup import backups
from indexes.catalog import SplitterSettings
from indexes.chunk_table import added_since
from indexes.collection import Collection, create_collection, open_collection
from indexes.encoder import load_encoder
from indexes.encoding import Encoder
from indexes.errors import IndexDamaged, StorageFull
from indexes.schema import FORMAT
from indexes.settings import Settings
from indexes.snapshot import restore, snapshot
from small_encoder import small_encoder
from stored_documents import prepared

CATALOGS = Path(__file__).parent / "catalogs"
NAMES = sorted(path.name.removesuffix(".db.gz") for path in CATALOGS.iterdir())
TEXTS = {
    "docs/swans.md": "A young swan is called a cygnet.",
    "docs/ferry.txt": "The ferry to Hallig leaves at 07:40 from pier three.",
    "docs/records.jsonl#r1": "The lamp takes two batteries.",
    "docs/records.jsonl#r2": "The kettle holds 1.7 litres.",
}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """Return the encoder that made the vectors."""
    return load_encoder(Settings(_env_file=None).encoder)


@pytest.fixture(params=NAMES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the file of a catalog as an earlier version wrote it."""
    found = tmp_path / "c" / "catalog.db"
    found.parent.mkdir()
    found.write_bytes(gzip.decompress((CATALOGS / f"{request.param}.db.gz").read_bytes()))
    return found


@pytest.fixture
def collection(path: Path) -> Iterator[Collection]:
    """Give the collection of that catalog, opened today."""
    opened = open_collection(path.parent.parent, "c")
    yield opened
    opened.close()


def test_there_is_a_catalog_of_each_earlier_format() -> None:
    """So that none is forgotten."""
    assert {name.split("-")[1] for name in NAMES} == {str(n) for n in range(1, FORMAT)}


def test_it_becomes_one_of_today(path: Path, collection: Collection, tmp_path: Path) -> None:
    """Table by table, and SQLite finds nothing wrong."""
    create_collection(tmp_path, "new", small_encoder(), SplitterSettings(64)).close()
    assert tables(path) == tables(tmp_path / "new" / "catalog.db")
    assert meta(path)["format"] == str(FORMAT)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    assert collection.language == "en"


def test_texts_and_vectors_are_what_they_were(
    path: Path, collection: Collection, encoder: Encoder
) -> None:
    """Each chunk has the vector that its encoder gives to its text."""
    collection.check_encoder(encoder)
    with collection.read() as reading:
        for uri, text in TEXTS.items():
            document = reading.named(uri)
            assert text in reading.text(document.document_id)
            best = reading.dense(encoder.encode_query(text), 1)[0]
            (chunk,) = reading.chunks([best.chunk_id])
            assert chunk.uri == uri
            assert reading.lexical(text, 1)[0].chunk_id == best.chunk_id
        who = reading._live.who
    with closing(sqlite3.connect(path)) as raw:
        (group,) = added_since(raw, who, 0)
    assert len(group.ids) == 5
    cosines = np.sum(encoder.encode_documents(list(group.texts)) * group.vectors, axis=1)
    assert cosines.min() > 0.999


def test_ids_of_chunks_are_not_used_again(path: Path, encoder: Encoder) -> None:
    """Not even those of chunks that were removed before: a view may have them."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE sqlite_sequence SET seq = 70 WHERE name = 'chunks'")
        raw.commit()
    item = prepared("d", ["Geese are grey."])
    vectors = dict(zip(item.hashes, encoder.encode_documents(["Geese are grey."]), strict=True))
    with closing(open_collection(path.parent.parent, "c")) as opened:
        with opened.write() as writer:
            writer.put([replace(item, vectors=vectors)])
        with opened.read() as reading:
            assert max(hit.chunk_id for hit in reading.lexical("geese", 5)) == 71


def test_a_snapshot_is_restored(path: Path, tmp_path: Path) -> None:
    """One that an earlier version made, as a collection of today."""
    old = path.rename(tmp_path / "old.db")
    path.parent.rmdir()
    with closing(restore(tmp_path, "again", old)) as opened, opened.read() as reading:
        assert reading.count().documents == len(TEXTS)
        snapshot(opened, tmp_path / "new.db")
    assert meta(tmp_path / "new.db")["format"] == str(FORMAT)


def test_a_chunk_without_a_vector_is_told(path: Path) -> None:
    """Nothing is lost then: the file stays as it was."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DELETE FROM vectors WHERE hash = (SELECT hash FROM chunks LIMIT 1)")
        raw.commit()
    before = tables(path), meta(path)
    with pytest.raises(IndexDamaged, match="chunks without a vector"):
        open_collection(path.parent.parent, "c")
    assert (tables(path), meta(path)) == before


def test_it_is_kept_as_it_was(path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In one file beside it, row by row; the log names it, and a restore of it gives the same."""
    found = meta(path)["format"]
    before = everything(path)
    open_collection(tmp_path, "c").close()
    (kept,) = backups(path.parent)
    assert kept.name == f"catalog.db.format-{found}.bak"
    assert everything(kept) == before
    assert [name.name for name in path.parent.glob("catalog.db.format*")] == [kept.name]
    assert f"from format {found} to {FORMAT}" in caplog.text
    assert str(kept) in caplog.text
    with closing(restore(tmp_path, "again", kept)) as opened, opened.read() as reading:
        assert {document.uri for document in reading.documents(10)} == TEXTS.keys()
    assert not backups(tmp_path / "again")


def test_what_another_process_wrote_last_is_kept_too(path: Path, tmp_path: Path) -> None:
    """A change that is in the log alone, as a killed process left it."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA wal_autocheckpoint = 0")
        raw.execute("UPDATE documents SET title = 'last' WHERE uri = 'docs/ferry.txt'")
        raw.commit()
        crashed = tmp_path / "d" / "catalog.db"
        shutil.copytree(path.parent, crashed.parent)
    open_collection(tmp_path, "d").close()
    (kept,) = backups(crashed.parent)
    with closing(sqlite3.connect(kept)) as raw:
        titles = raw.execute("SELECT title FROM documents WHERE uri = 'docs/ferry.txt'").fetchall()
    assert titles == [("last",)]


def test_without_room_for_a_backup_nothing_is_changed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says how much must be free, and where."""
    before = everything(path)
    size = path.stat().st_size
    usage = shutil.disk_usage(tmp_path)._replace(free=2 * size - 1)
    monkeypatch.setattr("indexes.backup.shutil.disk_usage", lambda _: usage)
    with pytest.raises(StorageFull, match=r"MB must be free in /.*Free some and run the same"):
        open_collection(tmp_path, "c")
    assert everything(path) == before
    assert not backups(path.parent)


def test_an_erasure_takes_the_backup_along(path: Path, collection: Collection) -> None:
    """What was erased is in no file of the collection any more."""
    assert backups(path.parent)
    with collection.read() as reading:
        key = reading.named("docs/ferry.txt").document_id
    with collection.write() as writer:
        writer.remove([key])
        assert backups(path.parent)  # it vanished from its folder; nobody asked for its erasure
        writer.erase([document.document_id for document in writer.known("docs").values()][:1])
    assert not backups(path.parent)


def test_an_earlier_backup_gives_way(path: Path, tmp_path: Path) -> None:
    """There is one at a time, and it is the newest."""
    old = path.with_name("catalog.db.format-0.bak")
    old.write_bytes(b"of long ago")
    same = path.with_name(f"catalog.db.format-{meta(path)['format']}.bak")
    same.write_bytes(b"of a run that was killed")
    open_collection(tmp_path, "c").close()
    assert backups(path.parent) == [same]
    assert same.stat().st_size > 10_000


def test_a_restore_over_it_needs_no_backup(path: Path, tmp_path: Path) -> None:
    """What is given up is not brought to the format of today first."""
    create_collection(tmp_path, "new", small_encoder(), SplitterSettings(64)).close()
    with closing(open_collection(tmp_path, "new")) as opened:
        snapshot(opened, tmp_path / "new.snapshot")
    restore(tmp_path, "c", tmp_path / "new.snapshot", replace=True).close()
    assert not backups(path.parent)
    assert meta(path)["format"] == str(FORMAT)


def everything(path: Path) -> list[str]:
    """Return all that a catalog holds, as statements."""
    with closing(sqlite3.connect(path)) as raw:
        return list(raw.iterdump())


def test_what_a_killed_upgrade_left_does_no_harm(path: Path, tmp_path: Path) -> None:
    """Half a copy and its logs are removed, and never read into the next copy."""
    before = everything(path)
    beside = path.with_name(f"catalog.db.format-{meta(path)['format']}.bak.new")
    for suffix in ("", "-wal", "-shm"):
        beside.with_name(beside.name + suffix).write_bytes(b"half of something else")
    open_collection(tmp_path, "c").close()
    (kept,) = backups(path.parent)
    assert everything(kept) == before
    assert not list(path.parent.glob("*.new*"))
