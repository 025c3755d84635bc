"""A real disk that is full: what is stored stays, views stay sound, questions are answered."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.catalog import SplitterSettings
from indexes.collection import (
    Collection,
    collection_names,
    create_collection,
    open_collection,
)
from indexes.documents import UPLOADS, Original, Prepared
from indexes.errors import StorageFull, StorageRefused
from indexes.views import NOT_MERGED
from small_encoder import encode, small_encoder
from stored_documents import prepared


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 4 MB, where this user may mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if done.returncode:
        pytest.skip("this user may not mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.fixture
def collection(disk: Path) -> Iterator[Collection]:
    """Give a collection of 100 documents on the small disk, all of them in the views."""
    made = create_collection(disk / "data", "c", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        writer.put([prepared(f"d{i}", [f"document {i} zebra"]) for i in range(100)])
        writer.merge_views(force=True)
    yield made
    made.close()


def fill(disk: Path, left: int) -> Path:
    """Fill the disk up to `left` bytes and return the file that does."""
    path = disk / "fill"
    with path.open("wb", 0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    with path.open("r+b") as file:
        file.truncate(max(0, path.stat().st_size - left))
    return path


def test_an_upload_that_does_not_fit_is_not_stored_at_all(
    collection: Collection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither its document nor a part of its bytes; smaller ones are stored as before."""
    payload = tmp_path_factory.mktemp("payload") / "file"

    def item(key: str, size: int) -> Prepared:
        payload.write_bytes(bytes(size))
        made = prepared(key, [key], source=UPLOADS, uri=f"{UPLOADS}{key}")
        file = Original(UPLOADS, made.document.uri, "application/pdf", key, size, 0, payload)
        return replace(made, original=file)

    with collection.write() as writer:
        with pytest.raises(StorageFull):
            writer.put([item("large", 8 << 20)])
        writer.put([item("small", 100_000)])
    with collection.read() as reading:
        assert reading.count().documents == 101
        small = reading.original(reading.document("small"))
    assert small is not None
    assert small.row is not None
    assert collection.original_block(small.row, 0) == bytes(100_000)


def put_more(collection: Collection, count: int) -> None:
    """Store documents that the views on disk lack."""
    with collection.write() as writer:
        texts = [f"late {i} yak" for i in range(count)]
        writer.put([prepared(f"late{i}", [text]) for i, text in enumerate(texts)])


def found(collection: Collection, query: str) -> set[str]:
    """Return the texts that both engines find for a query, of all that they may find."""
    with open_collection(collection.folder.parent, "c").read() as reading:
        lexical = {
            row.text for row in reading.chunks([h.chunk_id for h in reading.lexical(query, 5000)])
        }
        dense = reading.dense(encode([query])[0], 5000)
        assert len(reading.chunks([h.chunk_id for h in dense])) == reading.count().chunks
        return lexical


@pytest.mark.parametrize("left", [0, 4096, 65_536])
def test_a_merge_on_a_full_disk_leaves_the_views_as_they_were(
    disk: Path, collection: Collection, left: int
) -> None:
    """The error is named, both old views stay, nothing half is left, and later all is well."""
    put_more(collection, 1500)
    filler = fill(disk, left)
    with collection.write() as writer, pytest.raises(StorageFull, match="no space"):
        writer.merge_views(force=True)
    assert (collection.folder / "dense.json").exists()
    assert (collection.folder / "lexical.json").exists()
    assert not list(collection.folder.rglob("*.new"))
    assert len(found(collection, "zebra")) == 100
    assert len(found(collection, "yak")) == 1500
    filler.unlink()
    with collection.write() as writer:
        writer.merge_views(force=True)
    assert len(found(collection, "zebra yak")) == 1600


@pytest.mark.parametrize("left", [0, 4096, 16_384])
def test_a_lexical_view_that_cannot_grow_is_not_wiped(
    disk: Path, collection: Collection, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """Where the dense view had room and the lexical one has none, the old one is kept."""
    monkeypatch.setattr("indexes.views._merge_dense", lambda *_: None)
    before = sorted((collection.folder / "lexical").rglob("*.idx"))
    put_more(collection, 1500)
    fill(disk, left)
    with collection.write() as writer, pytest.raises(NOT_MERGED):
        writer.merge_views(force=True)
    assert before
    assert set(before) <= set((collection.folder / "lexical").rglob("*.idx"))
    assert (collection.folder / "lexical.json").exists()
    assert len(found(collection, "zebra")) == 100
    assert len(found(collection, "yak")) == 1500


@pytest.mark.parametrize("left", range(0, 240_000, 12_288))
def test_a_collection_is_made_whole_or_can_be_made_later(disk: Path, left: int) -> None:
    """With any little room: either it is there and sound, or there is nothing in its way."""
    filler = fill(disk, left)
    try:
        create_collection(disk / "data", "c", small_encoder(), SplitterSettings(64)).close()
    except (StorageFull, StorageRefused):
        filler.unlink()
        if "c" not in collection_names(disk / "data"):
            create_collection(disk / "data", "c", small_encoder(), SplitterSettings(64)).close()
    else:
        filler.unlink()
    with open_collection(disk / "data", "c").write() as writer:
        writer.put([prepared("a", ["zebra"])])
