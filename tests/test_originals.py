"""The files that documents came from: noted, kept with uploads, replaced and erased with them."""

import hashlib
import os
import shutil
import sqlite3
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earlier_formats import make_earlier, meta, tables
from indexes import document_table
from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection, open_collection
from indexes.documents import Original, Prepared, document_id_for
from indexes.errors import DocumentNotFound
from indexes.originals import StoredOriginal, path_named
from indexes.schema import BLOCK_BYTES, FORMAT
from indexes.snapshot import restore, snapshot
from ingest import pipeline
from ingest.names import stored_name
from ingest.pipeline import ingest_upload, reader_pool
from ingest.plan import Given
from ingest.pool import ReaderPool
from ingest.progress import silent
from ingest.report import Report
from ingest.uploads import Upload
from made_mails import mail
from small_encoder import small_encoder
from stored_documents import prepared
from test_pipeline import House, outcomes, records

SECRET = b"the heron hides its treasure"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose pipeline loads the counting encoder."""
    made = House(tmp_path)
    made.docs.mkdir()
    monkeypatch.setattr(pipeline, "load_encoder", lambda *_, **__: made.encoder())
    return made


def upload(house: House, content: bytes, filename: str, **about: object) -> Report:
    """Ingest one uploaded file; `media_type` is that of a text, `keep` is the setting."""
    path = house.root / "payload"
    path.write_bytes(content)
    media_type, keep = about.pop("media_type", None), about.pop("keep", True)
    assert isinstance(media_type, str | None)
    asked = house.settings.model_copy(update={"keep_uploads": keep})
    facts = Given(**about)  # type: ignore[arg-type]
    given = Upload("default", filename, path, len(content), facts, media_type)
    with reader_pool(asked) as pool:
        return ingest_upload(given, asked, silent, pool)


def original(house: House, key: str) -> StoredOriginal | None:
    """Return what is known of the original of a document, by id or uri."""
    with house.collection() as opened, opened.read() as reading:
        return reading.original(reading.named(key))


def content(opened: Collection, found: StoredOriginal) -> bytes:
    """Return a kept original, put together from its blocks."""
    assert found.row is not None
    whole = b""
    while piece := opened.original_block(found.row, len(whole)):
        whole += piece
    return whole


def kept(house: House) -> dict[str, bytes]:
    """Return what is kept, by document id, once it is checked that nothing is kept for nobody."""
    with house.collection() as opened, opened.read() as reading:
        found = {d.document_id: reading.original(d) for d in reading.documents(1000)}
        whole = {key: content(opened, one) for key, one in found.items() if one and one.row}
    check_no_orphans(house.root / "data" / "default" / "catalog.db")
    return whole


def check_no_orphans(path: Path) -> None:
    """Check that each original has a document, and each block an original."""
    with closing(sqlite3.connect(path)) as raw:
        rows = {row for (row,) in raw.execute("SELECT row FROM originals")}
        used = raw.execute("SELECT original FROM documents WHERE original IS NOT NULL")
        assert rows == {row for (row,) in used}
        assert rows >= {row for (row,) in raw.execute("SELECT original FROM original_blocks")}
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


def names_in(house: House, words: bytes) -> list[str]:
    """Return the names of the files in the data folder that hold these bytes."""
    files = (path for path in (house.root / "data").rglob("*") if path.is_file())
    return [path.name for path in files if words in path.read_bytes()]


@given(st.binary(min_size=1, max_size=40).filter(lambda name: not set(name) & set(b"/\0")))
def test_a_stored_name_leads_back_to_its_file(name: bytes) -> None:
    """Whatever bytes a file is called by, with what looks like an escape in it or not."""
    assert os.fsencode(path_named(stored_name(os.fsdecode(name)))) == os.fsencode(
        Path(os.fsdecode(name))
    )


@pytest.mark.parametrize(
    "name", [rb"a\x41b", rb"\x5c", rb"\x5cx5c\x80", b"\xff\\xff", "é.txt".encode()]
)
def test_names_that_look_escaped_lead_back_too(name: bytes) -> None:
    """Those that chance would seldom make."""
    assert os.fsencode(path_named(stored_name(os.fsdecode(name)))) == name


def test_files_of_a_folder_are_found_where_they_lie(house: House) -> None:
    """With their hash, size and time; also below folders, and under a name that is no UTF-8."""
    house.write({"a.txt": "Swans are white.\n", "sub/c.txt": "Owls hoot.\n"})
    odd = Path(os.fsdecode(os.fsencode(house.docs) + b"/\xff\\x41.txt"))
    odd.write_text("Herons wade.\n")
    house.ingest()
    paths = [house.docs / "a.txt", house.docs / "sub/c.txt", odd]
    for document in house.stored().values():
        found = original(house, document.document_id)
        assert found is not None
        assert found.path in paths
        assert found.path.read_bytes() == document_bytes(house, document.document_id)
        assert (found.sha256, found.row, found.is_there) == (document.content_sha256, None, True)
        paths.remove(found.path)
    assert paths == []


def document_bytes(house: House, key: str) -> bytes:
    """Return a document's stored text in UTF-8."""
    with house.collection() as opened, opened.read() as reading:
        return reading.text(key).encode()


def test_a_file_that_is_gone_or_other_is_not_there(house: House) -> None:
    """A look at size and time tells; so does a folder that is gone."""
    house.write({"a.txt": "Swans are white.\n", "b.txt": "Owls hoot.\n"})
    house.ingest()
    (house.docs / "a.txt").write_text("Swans are black.\n")
    (house.docs / "b.txt").unlink()
    for name in ("docs/a.txt", "docs/b.txt"):
        found = original(house, name)
        assert found is not None
        assert not found.is_there


def test_parts_and_records_have_the_file_they_came_from(house: House) -> None:
    """A mail's attachments have the mail, records their file: as it is at the last ingest."""
    (house.docs / "m.eml").write_bytes(mail("See.", {"a.txt": b"Ice is cold.\n"}).as_bytes())
    house.write({"r.jsonl": records(x="Snow.", y="Fog.")})
    house.ingest()
    part = f"docs/m.eml#{document_id_for('docs/m.eml')}-a.txt"
    for key, name, kind in (
        (part, "m.eml", "message/rfc822"),
        ("docs/m.eml", "m.eml", "message/rfc822"),
        ("x", "r.jsonl", "application/jsonl"),
    ):
        found = original(house, key)
        assert found is not None
        assert (found.path, found.filename, found.media_type) == (house.docs / name, name, kind)
        assert found.is_there
    house.write({"r.jsonl": records(x="Snow.", y="Fog.", z="Hail.")})
    house.ingest()
    states = {original(house, key) for key in "xyz"}
    assert len(states) == 1
    (found,) = states
    assert found is not None
    assert found.is_there
    check_no_orphans(house.root / "data" / "default" / "catalog.db")


def test_records_of_a_file_that_is_never_marked_have_it_too(house: House) -> None:
    """An id that another file has keeps a file from being settled, not from being the original."""
    house.write({"a.jsonl": records(x="Ice."), "b.jsonl": records(x="Fog.", y="Snow.")})
    house.ingest()
    found = original(house, "y")
    assert found is not None
    assert found.path == house.docs / "b.jsonl"


def test_a_touched_file_of_records_is_there_after_the_next_run(house: House) -> None:
    """Nothing is read or stored anew; its time is noted."""
    house.write({"r.jsonl": records(x="Snow.", y="Fog.")})
    house.ingest()
    os.utime(house.docs / "r.jsonl", ns=(1, 10**18))
    house.ingest()
    found = original(house, "x")
    assert found is not None
    assert (found.is_there, found.modified) == (True, 10**18)


@pytest.mark.parametrize("number", [1, 2])
def test_collections_of_earlier_formats_get_originals_without_being_read(
    house: House, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Their tables are those of a new one; files are found at once, records after one ingest."""
    (house.docs / "m.eml").write_bytes(mail("See.", {"a.txt": b"Ice is cold.\n"}).as_bytes())
    house.write({"a.txt": "Swans are white.\n", "r.jsonl": records(x="Snow.", y="Fog.")})
    before = outcomes(house.ingest())
    path = house.root / "data" / "default" / "catalog.db"
    today = tables(path)
    make_earlier(path.parent, number)
    assert (tables(path) == today, meta(path)["format"]) == (False, str(number))
    assert original(house, "docs/a.txt") is not None
    assert original(house, "x") is None
    assert (tables(path), meta(path)["format"]) == (today, str(FORMAT))
    monkeypatch.setattr(ReaderPool, "results", None)
    assert outcomes(house.ingest()) == dict.fromkeys(before, "unchanged")
    part = f"docs/m.eml#{document_id_for('docs/m.eml')}-a.txt"
    for key, name in (("x", "r.jsonl"), ("y", "r.jsonl"), (part, "m.eml")):
        found = original(house, key)
        assert found is not None
        assert (found.path, found.is_there) == (house.docs / name, True)
    changes = path.stat().st_mtime_ns
    house.ingest()
    assert path.stat().st_mtime_ns == changes  # what is noted is not noted again


@pytest.mark.parametrize("replaces", [False, True])
def test_a_snapshot_of_an_earlier_format_is_restored_as_one_of_today(
    house: House,
    replaces: bool,  # noqa: FBT001 # a parameter of the test
) -> None:
    """Also in the place of a collection that somebody reads just then."""
    house.write({"a.txt": "Swans are white.\n"})
    house.ingest()
    old = house.root / "old.db"
    path = house.root / "data" / "default" / "catalog.db"
    with house.collection() as opened:
        snapshot(opened, old)
    shutil.copy(old, house.root / "catalog.db")
    make_earlier(house.root, 2)
    name = "default" if replaces else "other"
    with house.collection() as reader, reader.read() as reading:
        assert reading.count().documents == 1
    with house.collection() as reader:
        with reader.read():
            pass
        restore(house.root / "data", name, house.root / "catalog.db", replace=replaces).close()
        with reader.read() as reading:
            assert reading.original(reading.named("docs/a.txt")) is not None
    assert meta(path.parent.parent / name / "catalog.db")["format"] == str(FORMAT)


def test_an_upload_is_kept_byte_for_byte(house: House) -> None:
    """In blocks, whatever its size, and a snapshot has it too."""
    noise = os.urandom(2 * BLOCK_BYTES).hex().encode()
    long = b"<p>Swans are white.</p><!--" + noise + b"-->"
    contents = {"a.html": b"<p>Geese are grey.</p>", "b.html": long}
    for name, bytes_ in contents.items():
        upload(house, bytes_, name, document_id=name)
    assert kept(house) == contents
    found = original(house, "b.html")
    assert found is not None
    assert (found.filename, found.media_type, found.path) == ("b.html", "text/html", None)
    assert found.size == len(long)
    assert found.is_there
    with house.collection() as opened:
        snapshot(opened, house.root / "copy.db")
    with closing(restore(house.root / "data", "copy", house.root / "copy.db")) as copy:
        with copy.read() as reading:
            found = reading.original(reading.document("b.html"))
        assert found is not None
        assert content(copy, found) == long


def test_no_upload_is_in_memory_as_a_whole(house: House) -> None:
    """Neither while it is stored nor while it is read: some blocks are, whatever its size."""
    large = house.root / "large"
    with large.open("wb") as file:
        for _ in range(64):
            file.write(os.urandom(1 << 20))
    size = large.stat().st_size
    with create_collection(
        house.root, "c", small_encoder(), SplitterSettings(64)
    ).write() as writer:
        item = prepared("a", ["swans"], source="upload:", uri="upload:a")
        file_of = Original("upload:", "upload:a", "application/pdf", "0" * 64, size, 0, large)
        tracemalloc.start()
        writer.put([replace(item, original=file_of)])
    with closing(open_collection(house.root, "c")) as opened:
        with opened.read() as reading:
            found = reading.original(reading.document("a"))
        assert found is not None
        assert found.row is not None
        place, digest = 0, hashlib.sha256()
        while piece := opened.original_block(found.row, place):
            digest.update(piece)
            place += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (place, digest.digest()) == (size, hashlib.sha256(large.read_bytes()).digest())
    assert peak < 16 * BLOCK_BYTES


def test_a_text_that_was_sent_has_no_original(house: House) -> None:
    """All of it is in the stored text; and where uploads are not to be kept, none has one."""
    upload(house, b"Swans are white.", "a", media_type="text/plain", document_id="a")
    upload(house, b"Swans are white.", "b.txt", keep=False)
    assert kept(house) == {}
    assert original(house, "a") is None
    assert original(house, "upload:b.txt") is None


def test_an_upload_takes_the_place_of_the_one_before(house: House) -> None:
    """Its bytes too: under the same name, under the same id, as a text, and where none is kept."""
    upload(house, b"Swans are white.", "a.txt")
    key = document_id_for("upload:a.txt")
    upload(house, b"Swans are black.", "a.txt")
    assert kept(house) == {key: b"Swans are black."}
    upload(house, b"Owls hoot.", "b.txt", document_id=key)
    assert kept(house) == {key: b"Owls hoot."}
    upload(house, b"Owls hoot.", "b.txt", document_id=key, as_of="2026-01-01")
    assert kept(house) == {key: b"Owls hoot."}
    upload(house, b"Owls hoot.", "b.txt", document_id=key, keep=False)
    assert kept(house) == {}
    upload(house, b"Owls hoot.", "b.txt", document_id=key)
    upload(house, b"Owls sleep.", key, document_id=key, media_type="text/plain")
    assert kept(house) == {}


def test_two_uploads_of_one_name_with_ids_keep_a_file_each(house: House) -> None:
    """Neither gets the other's, whichever of the two is kept."""
    upload(house, b"Swans are white.", "a.txt", document_id="x")
    upload(house, b"Owls hoot.", "a.txt", document_id="y")
    assert kept(house) == {"x": b"Swans are white.", "y": b"Owls hoot."}
    found = original(house, "y")
    assert found is not None
    assert found.filename == "a.txt"
    upload(house, b"Owls sleep.", "a.txt", document_id="y", keep=False)
    assert kept(house) == {"x": b"Swans are white."}


def test_a_file_with_parts_is_kept_once(house: House) -> None:
    """All its documents have it; those that did not change have the new one after an update."""
    first = records(x="Ice.", y="Snow.").encode()
    upload(house, first, "r.jsonl")
    assert kept(house) == {"x": first, "y": first}
    second = records(x="Ice.", z="Fog.").encode()
    upload(house, second, "r.jsonl")
    assert kept(house) == {"x": second, "z": second}
    third = records(x="Ice.").encode() + b"\n"
    upload(house, third, "r.jsonl")
    assert kept(house) == {"x": third}
    message = mail("See.", {"a.txt": b"Ice is cold.\n"}).as_bytes()
    upload(house, message, "m.eml")
    assert set(kept(house).values()) == {third, message}
    with closing(sqlite3.connect(house.root / "data/default/catalog.db")) as raw:
        assert raw.execute("SELECT count(*) FROM originals").fetchone() == (2,)


def test_no_bytes_stay_of_an_update_that_is_not_kept(house: House) -> None:
    """The file of before has what was taken out, so records that did not change lose it."""
    upload(house, records(x="Ice.", y=SECRET.decode()).encode(), "r.jsonl")
    upload(house, records(x="Ice.").encode(), "r.jsonl", keep=False)
    assert (kept(house), set(house.stored())) == ({}, {"upload:r.jsonl#x"})


@pytest.mark.parametrize("key", ["x", "y"])
def test_what_is_erased_is_in_no_file(house: House, key: str) -> None:
    """Neither a document's upload nor one that others came from as well."""
    upload(house, b"<p hidden>" + SECRET * 50_000 + b"</p><p>Swans are white.</p>", "a.html")
    upload(house, records(x="Ice.", y="Snow.").encode() + b"\n" * 10 + SECRET, "r.jsonl")
    assert names_in(house, SECRET)
    with house.collection() as opened, opened.write() as writer:
        writer.erase([document_id_for("upload:a.html"), key])
        writer.merge_views(force=True)
    assert names_in(house, SECRET) == []
    assert kept(house) == {}
    assert len(house.stored()) == 1


def test_what_is_not_stored_leaves_no_bytes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file and its document are one transaction: where it fails, both are as before."""
    upload(house, b"Swans are white.", "a.txt", document_id="a")

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as broken:
        broken.setattr(document_table, "drop_unused_vectors", fail)
        with pytest.raises(ZeroDivisionError):
            upload(house, b"Swans are black.", "a.txt", document_id="a")
    assert kept(house) == {"a": b"Swans are white."}
    assert document_bytes(house, "a") == b"Swans are white."
    failed = upload(house, b" \n", "a.txt", document_id="a")
    assert [item.outcome for item in failed.items] == ["failed"]
    assert kept(house) == {"a": b"Swans are white."}


def test_a_removed_file_takes_its_note_with_it(house: House) -> None:
    """Nothing is left of a file of records that vanished."""
    house.write({"r.jsonl": records(x="Snow.", y="Fog."), "a.txt": "Swans are white.\n"})
    house.ingest()
    (house.docs / "r.jsonl").unlink()
    house.ingest(allow_mass_removal=True)
    path = house.root / "data" / "default" / "catalog.db"
    check_no_orphans(path)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("SELECT count(*) FROM originals").fetchone() == (0,)


def test_a_kept_file_is_read_to_its_end_or_not_at_all(house: House) -> None:
    """Whoever reads block by block while it is replaced gets no bytes of the new one."""
    old, new = b"<p>Old.</p>" + b"o" * BLOCK_BYTES, b"<p>New.</p>" + b"n" * BLOCK_BYTES
    upload(house, old, "a.html")
    found = original(house, "upload:a.html")
    assert found is not None
    assert found.row is not None
    with house.collection() as opened:
        assert opened.original_block(found.row, 0) == old[:BLOCK_BYTES]
        assert opened.original_block(found.row, 7) == old[7:BLOCK_BYTES]
        assert opened.original_block(found.row, BLOCK_BYTES) == old[BLOCK_BYTES:]
        assert opened.original_block(found.row, len(old)) == b""
        upload(house, new, "a.html")
        assert opened.original_block(found.row, BLOCK_BYTES) == b""


@dataclass
class Model:
    """What must be stored: each document's file content, by document id.

    A document whose file was erased has none, until that document itself is read from it again.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    of: dict[str, str | None] = field(default_factory=dict)

    def forget(self, file: str) -> None:
        """Erase a file: no document has it."""
        self.files.pop(file, None)
        self.of.update((key, None) for key, one in self.of.items() if one == file)


FILES = ("upload:a", "upload:b")
KEYS = ("p", "q", "r")
Change = tuple[str, str, tuple[str, ...], bytes]
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["put", "remove", "erase", "forget"]),
        st.sampled_from(FILES),
        st.lists(st.sampled_from(KEYS), min_size=1, max_size=3, unique=True).map(tuple),
        st.binary(min_size=1, max_size=8),
    ),
    max_size=12,
)


def item_of(key: str, file: str, payload: Path) -> Prepared:
    """Return a document that came from an uploaded file, as a record of it."""
    data = payload.read_bytes()
    made = prepared(key, [f"{key} zebra"], source="upload:", uri=f"{file}#{key}")
    kept_file = Original("upload:", file, "application/jsonl", data.hex(), len(data), 0, payload)
    return replace(made, original=kept_file)


def apply(model: Model, change: Change, collection: Collection, payload: Path) -> None:
    """Make a change to a collection and to the model of what must be in it."""
    kind, file, keys, data = change
    there = [key for key in keys if key in model.of]
    with collection.write() as writer:
        if kind == "put":
            payload.write_bytes(data)
            writer.put([item_of(key, file, payload) for key in keys])
            model.of.update(dict.fromkeys(keys, file))
            model.files[file] = data
        elif kind == "remove":
            writer.remove(keys)
        elif kind == "forget":
            writer.forget_original("upload:", file)
            model.forget(file)
        elif len(there) < len(keys):
            with pytest.raises(DocumentNotFound):
                writer.erase(keys)
            return
        else:
            writer.erase(keys)
            for key in there:
                if (its := model.of[key]) is not None:
                    model.forget(its)
    if kind in {"remove", "erase"}:
        for key in there:
            del model.of[key]
    for gone in set(FILES) - set(model.of.values()):
        model.files.pop(gone, None)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty collection, to be copied."""
    folder = tmp_path_factory.mktemp("empty")
    create_collection(folder, "c", small_encoder(), SplitterSettings(64)).close()
    return folder


@settings(max_examples=60, deadline=None)
@given(CHANGES)
@example(
    [
        ("put", "upload:a", ("p", "q"), b"1"),
        ("erase", "upload:a", ("p",), b""),
        ("put", "upload:a", ("p",), b"2"),
    ]
)
def test_whatever_happens_files_go_with_their_documents(
    empty: Path, tmp_path_factory: pytest.TempPathFactory, changes: Sequence[Change]
) -> None:
    """Each document has its file's last state, or none where it was erased; no more is kept."""
    data = tmp_path_factory.mktemp("law")
    shutil.copytree(empty, data, dirs_exist_ok=True)
    model = Model()
    with closing(open_collection(data, "c")) as collection:
        for change in changes:
            apply(model, change, collection, data / "payload")
        with collection.read() as reading:
            found = {d.document_id: reading.original(d) for d in reading.documents(100)}
        whole: Mapping[str, bytes | None] = {
            key: content(collection, one) if one else None for key, one in found.items()
        }
    assert whole == {key: file and model.files[file] for key, file in model.of.items()}
    check_no_orphans(data / "c" / "catalog.db")
