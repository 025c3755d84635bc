"""Catalogs as earlier versions wrote them: they open, and are those of today afterwards.

`catalogs/` has one of each format: two files and a file of two records, ingested by the version
that wrote the format first, emptied of its log. `format-3-key` is an early one of format 3, whose
vectors lay in the tree of their keys.
"""

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from earlier_formats import meta, tables
from indexes.catalog import SplitterSettings
from indexes.chunk_table import added_since
from indexes.collection import Collection, create_collection, open_collection
from indexes.encoder import load_encoder
from indexes.encoding import Encoder
from indexes.errors import IndexDamaged
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
