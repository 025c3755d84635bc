"""From folders and uploads to the catalog: what is stored is what the files say."""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes import catalog
from indexes.collection import Collection, Writer, open_collection
from indexes.documents import Document, document_id_for
from indexes.encoder import FOLDER, PROBES, Encoder
from indexes.errors import CollectionBusy, CollectionNotFound, StorageFull, UsageError
from indexes.settings import Settings, load_settings
from ingest import pipeline
from ingest.ignore import IGNORE_FILE
from ingest.pipeline import ingest, ingest_upload, reader_pool
from ingest.plan import Given
from ingest.progress import Advanced, Event, Merging, Pace, Planned, silent
from ingest.report import Item, Outcome, Report
from ingest.sources import Selection
from ingest.survey import Order
from ingest.uploads import Upload
from small_encoder import small_encoder
from stored_documents import chunks_of

Contents = Mapping[str, str]


@dataclass
class House:
    """A data folder, a folder of documents named docs, and an encoder that counts its work."""

    root: Path
    encoded: list[str] = field(default_factory=list)
    chunk_tokens: int = 200

    @property
    def docs(self) -> Path:
        """The folder that is ingested."""
        return self.root / "docs"

    @property
    def settings(self) -> Settings:
        """Settings that name the data folder."""
        return load_settings(
            {
                "AFTERWORD_DATA": str(self.root / "data"),
                "AFTERWORD_READER_PROCESSES": "1",
                "AFTERWORD_CHUNK_TOKENS": str(self.chunk_tokens),
            }
        )

    def encoder(self) -> Encoder:
        """Return the small encoder with the tokenizer of the bundled one."""
        small = small_encoder()

        def encode(texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
            self.encoded += texts
            return small.encode_documents(texts)

        tokenizer = (FOLDER / "tokenizer.json").read_text(encoding="utf-8")
        return replace(small, encode_documents=encode, tokenizer_json=tokenizer)

    def write(self, contents: Contents) -> None:
        """Write files into the folder."""
        for name, text in contents.items():
            path = self.docs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def ingest(
        self, *paths: Path, observe: Callable[[Event], None] = silent, **order: object
    ) -> Report:
        """Ingest the folder, or other paths, and check what any run must keep."""
        asked = Order(tuple(map(str, paths or (self.docs,))), **order)  # type: ignore[arg-type]
        report = ingest(asked, self.settings, observe)
        uris = [item.uri for item in report.items if item.outcome != "failed"]
        assert len(uris) == len(set(uris))
        return report

    def upload(
        self,
        text: str,
        filename: str,
        collection: str = "default",
        observe: Callable[[Event], None] = silent,
        **given: object,
    ) -> Report:
        """Ingest one upload."""
        path = self.root / "payload"
        path.write_text(text, encoding="utf-8")
        facts = Given(**given)  # type: ignore[arg-type]
        upload = Upload(collection, filename, path, len(text.encode()), facts)
        with reader_pool(self.settings) as pool:
            return ingest_upload(upload, self.settings, observe, pool)

    @contextmanager
    def collection(self, name: str = "default") -> Iterator[Collection]:
        """Open a collection."""
        opened = open_collection(self.root / "data", name)
        try:
            yield opened
        finally:
            opened.close()

    def stored(self) -> dict[str, Document]:
        """Return all documents of the collection by uri."""
        with self.collection() as opened, opened.read() as reading:
            return {document.uri: document for document in reading.documents(100_000)}

    def texts(self) -> dict[str, str]:
        """Return all stored texts by uri, once it is checked that each is whole and found."""
        encode = small_encoder().encode_query
        texts = {}
        with self.collection() as opened, opened.read() as reading:
            for document in reading.documents(100_000):
                text = reading.text(document.document_id)
                chunks = chunks_of(reading, document.document_id)
                assert len(chunks) == document.chunks > 0
                assert document.characters == len(text)
                covered = {i for c in chunks for i in range(c.span.start, c.span.end)}
                assert all(i in covered for i, c in enumerate(text) if not c.isspace())
                for chunk in chunks:
                    found = {
                        h.chunk_id: h.score for h in reading.dense(encode(chunk.encoded), 1000)
                    }
                    assert found[chunk.chunk_id] == pytest.approx(1.0, abs=2e-3)
                texts[document.uri] = text
        return texts


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house whose pipeline loads the counting encoder."""
    made = House(tmp_path)
    made.docs.mkdir()
    monkeypatch.setattr(pipeline, "load_encoder", lambda *_, **__: made.encoder())
    return made


def outcomes(report: Report) -> dict[str, Outcome]:
    """Return each item's outcome by uri."""
    return {item.uri: item.outcome for item in report.items}


def only(report: Report, uri: str) -> Item:
    """Return the one item with this uri."""
    (item,) = (item for item in report.items if item.uri == uri)
    return item


def records(**texts: str) -> str:
    """Return the lines of a file of records."""
    return "".join(json.dumps({"id": key, "text": text}) + "\n" for key, text in texts.items())


SWANS = {"a.txt": "Swans are white.\n", "b.txt": "Ravens are black.\n", "sub/c.txt": "Owls hoot.\n"}


def test_files_are_stored_as_they_are(house: House) -> None:
    """Each file becomes a document with its text, its size, its time and an id from its uri."""
    house.write(SWANS)
    report = house.ingest()
    assert outcomes(report) == {f"docs/{name}": "added" for name in SWANS}
    assert report.chunks == 3
    assert report.exit_status() == 0
    assert house.texts() == {f"docs/{name}": text for name, text in SWANS.items()}
    for uri, document in house.stored().items():
        status = (house.root / uri).stat()
        assert (document.size, document.modified) == (status.st_size, status.st_mtime_ns)
        assert document.document_id == document_id_for(uri)
        assert document.source == "docs"


def test_an_unchanged_folder_needs_neither_readers_nor_encoder(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run opens no file and loads nothing."""
    house.write({**SWANS, "r.jsonl": records(x="Ice.", y="Snow.")})
    house.ingest()
    before = house.stored()

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(pipeline, "load_encoder", refuse)
    monkeypatch.setattr(pipeline, "ReaderPool", refuse)
    report = house.ingest()
    assert set(outcomes(report).values()) == {"unchanged"}
    assert len(report.items) == 5
    assert report.chunks == 0
    assert house.stored() == before


def test_a_changed_file_is_updated_in_place(house: House) -> None:
    """The new text takes the place of the old; what was not changed is not encoded again."""
    house.write(SWANS)
    house.ingest()
    house.encoded.clear()
    house.write({"a.txt": "Some swans are black after all.\n"})
    report = house.ingest()
    assert report.counts() == {**dict.fromkeys(report.counts(), 0), "updated": 1, "unchanged": 2}
    assert house.texts()["docs/a.txt"] == "Some swans are black after all.\n"
    assert len([text for text in house.encoded if "wans" in text]) == 1
    with house.collection() as opened, opened.read() as reading:
        assert not reading.lexical("white", 5, None)


def test_a_touched_file_is_unchanged(house: House) -> None:
    """Another time and the same content: only the time is stored."""
    house.write(SWANS)
    house.ingest()
    os.utime(house.docs / "a.txt", ns=(7, 7))
    assert outcomes(house.ingest())["docs/a.txt"] == "unchanged"
    assert house.stored()["docs/a.txt"].modified == 7


def test_a_vanished_file_is_removed(house: House) -> None:
    """Its document cannot be found any more."""
    house.write(SWANS)
    house.ingest()
    (house.docs / "a.txt").unlink()
    assert outcomes(house.ingest())["docs/a.txt"] == "removed"
    assert set(house.texts()) == {"docs/b.txt", "docs/sub/c.txt"}
    assert "docs/a.txt" not in outcomes(house.ingest())


def test_a_renamed_file_moves_and_is_not_encoded_again(house: House) -> None:
    """The new name is added, the old removed, the vectors are used again."""
    house.write({f"{n}/page.txt": f"Fact number {n}.\n" for n in range(6)})
    house.ingest()
    house.encoded.clear()
    for n in range(6):
        (house.docs / str(n)).rename(house.docs / f"new{n}")
    report = house.ingest()
    assert report.counts()["added"] == report.counts()["removed"] == 6
    assert report.exit_status() == 0
    assert not [text for text in house.encoded if "Fact" in text]
    assert set(house.texts()) == {f"docs/new{n}/page.txt" for n in range(6)}


def test_removing_over_half_is_held_back(house: House) -> None:
    """The documents stay, the run says so and exits with 1, until it is asked for."""
    house.write({f"{n}.txt": f"Fact number {n}.\n" for n in range(9)})
    house.ingest()
    for n in range(5):
        (house.docs / f"{n}.txt").unlink()
    report = house.ingest()
    assert report.counts()["removed"] == 0
    assert report.exit_status() == 1
    (note,) = report.notes
    assert (note.code, note.held) == ("mass_removal", 5)
    assert "--allow-mass-removal" in note.message
    assert len(house.texts()) == 9
    assert house.ingest(allow_mass_removal=True).counts()["removed"] == 5
    assert len(house.texts()) == 4


def test_an_empty_folder_removes_nothing(house: House) -> None:
    """A disk that is not mounted looks like an empty folder."""
    house.write(SWANS)
    house.ingest()
    shutil.rmtree(house.docs)
    house.docs.mkdir()
    report = house.ingest(allow_mass_removal=True)
    assert report.exit_status() == 1
    assert [(note.code, note.held) for note in report.notes] == [("empty_folder", 3)]
    assert len(house.texts()) == 3


def test_nothing_to_ingest_makes_no_collection(house: House) -> None:
    """An empty folder is told and leaves nothing behind."""
    report = house.ingest()
    assert report.exit_status() == 1
    assert report.notes[0].code == "empty_folder"
    with pytest.raises(CollectionNotFound), house.collection():
        pass


def test_a_pattern_that_fits_nothing_is_named_and_removes_nothing(house: House) -> None:
    """A mistake in a pattern is told, whatever the folder holds, and no document is lost."""
    house.write(SWANS)
    patterns = Selection(("*.pfd", "it's"), ("sub",))
    for is_new in (True, False):
        report = house.ingest(selection=patterns, allow_mass_removal=True)
        assert (report.items, report.exit_status()) == ((), 1)
        note, *others = report.notes
        assert [one.code for one in others] == ["not_made"] * is_new
        assert note.code == "nothing_fits"
        assert """--include '*.pfd' --include 'it'"'"'s' --exclude sub""" in note.message
        assert str(house.docs) in note.message
        house.ingest()
    (house.docs / IGNORE_FILE).write_text("left-out.txt\n")
    (house.docs / "left-out.txt").write_text("Drafts are not read.")
    report = house.ingest(selection=Selection(("*.pfd",)), allow_mass_removal=True)
    assert report.exit_status() == 1
    assert [note.code for note in report.notes] == ["nothing_fits", "ignored"]
    (house.docs / "a.txt").unlink()
    (house.docs / IGNORE_FILE).unlink()
    report = house.ingest(selection=Selection(("a.*",)), allow_mass_removal=True)
    assert [(note.code, note.held) for note in report.notes] == [("nothing_fits", 1)]
    assert len(house.texts()) == 3


def test_a_failed_update_keeps_the_earlier_version(house: House) -> None:
    """The old text stays, and the message says so."""
    house.write(SWANS)
    house.ingest()
    house.write({"a.txt": " \n"})
    item = only(house.ingest(), "docs/a.txt")
    assert (item.outcome, item.code) == ("failed", "empty")
    assert item.message is not None
    assert "earlier is kept" in item.message
    assert item.document_id == document_id_for("docs/a.txt")
    assert house.texts()["docs/a.txt"] == SWANS["a.txt"]


def test_one_bad_file_does_not_stop_the_others(house: House) -> None:
    """What cannot be read is told with a reason; the rest is stored."""
    house.write(SWANS)
    (house.docs / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64))
    (house.docs / "empty.txt").touch()
    report = house.ingest()
    assert report.exit_status() == 1
    assert only(report, "docs/x.png").code == "unsupported_format"
    assert only(report, "docs/empty.txt").code == "empty"
    assert all(item.message for item in report.items if item.outcome == "failed")
    assert len(house.texts()) == 3


def test_a_dry_run_changes_nothing(house: House) -> None:
    """The plan is told; there is no collection afterwards, or the same one."""
    house.write(SWANS)
    report = house.ingest(dry_run=True)
    assert set(outcomes(report).values()) == {"added"}
    assert not (house.root / "data").exists()
    house.ingest()
    before = house.stored()
    house.write({"a.txt": "Other words.\n", "new.txt": "New.\n"})
    (house.docs / "b.txt").unlink()
    report = house.ingest(dry_run=True)
    assert outcomes(report) == {
        "docs/a.txt": "updated",
        "docs/b.txt": "removed",
        "docs/new.txt": "added",
        "docs/sub/c.txt": "unchanged",
    }
    assert house.stored() == before


def test_a_dry_run_foresees_what_first_bytes_and_size_tell(house: House) -> None:
    """It fails the files that the run itself fails by their looks; damage shows in reading."""
    house.write({**SWANS, "empty.txt": " \n", "a.pdf": "no PDF", "old.txt": "Old.\n"})
    (house.docs / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64))
    with (house.docs / "large.txt").open("wb") as file:
        file.truncate(513 * 1024 * 1024)
    report = house.ingest(dry_run=True)
    assert (report.exit_status(), report.as_json()["contents_read"]) == (1, False)
    done = house.ingest()
    assert done.as_json()["contents_read"] is True
    told = [(i.uri, i.outcome, i.code, i.message) for i in report.items]
    assert told == [(i.uri, i.outcome, i.code, i.message) for i in done.items]
    codes = {item.code for item in report.items if item.outcome == "failed"}
    assert codes == {"empty", "wrong_type", "unsupported_format", "too_large"}
    house.write({"old.txt": "", "damaged.pdf": "%PDF-1.4\n"})
    report = house.ingest(dry_run=True)
    assert only(report, "docs/damaged.pdf").outcome == "added"
    assert "stored earlier is kept" in (only(report, "docs/old.txt").message or "")
    assert only(report, "docs/old.txt").document_id == document_id_for("docs/old.txt")


def test_a_first_run_that_can_look_at_nothing_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No collection is made, and what was given still ends in the report."""

    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = house.ingest()
    assert [(item.outcome, item.code) for item in report.items] == [("failed", "unreadable")]
    assert report.exit_status() == 1
    assert not (house.root / "data").exists()


def test_a_dry_run_tells_of_a_removal_that_would_be_held_back(house: House) -> None:
    """The note is the one that the run itself would give."""
    house.write({f"{n}.txt": f"Fact number {n}.\n" for n in range(6)})
    house.ingest()
    for n in range(5):
        (house.docs / f"{n}.txt").unlink()
    assert house.ingest(dry_run=True).notes == house.ingest().notes


def test_what_is_given_is_stored_with_new_and_old_documents(house: House) -> None:
    """Metadata and date are given to unchanged documents too, which are then updated."""
    house.write({"a.txt": "One.\n"})
    house.ingest()
    house.write({"b.txt": "Two.\n"})
    report = house.ingest(given=Given({"team": "north", "year": 2026}, "2026-03-01"))
    assert outcomes(report) == {"docs/a.txt": "updated", "docs/b.txt": "added"}
    for document in house.stored().values():
        assert document.metadata == {"team": "north", "year": 2026}
        assert (document.as_of, document.as_of_source) == ("2026-03-01", "given")
    again = house.ingest(given=Given({"team": "north"}, "2026-03-01"))
    assert set(outcomes(again).values()) == {"unchanged"}


def test_one_file_of_a_folder_updates_its_document(house: House) -> None:
    """A file alone is the same document as in its folder, and removes no other."""
    house.write(SWANS)
    house.ingest()
    (house.docs / "b.txt").unlink()
    house.write({"sub/c.txt": "Owls are silent.\n"})
    report = house.ingest(house.docs / "sub/c.txt")
    assert outcomes(report) == {"docs/sub/c.txt": "updated"}
    assert len(house.texts()) == 3


def test_a_file_and_its_folder_in_one_run_are_one(house: House) -> None:
    """Paths that overlap give each document once."""
    house.write(SWANS)
    report = house.ingest(house.docs / "a.txt", house.docs)
    assert len(report.items) == 3


def test_a_second_folder_of_the_same_name_is_refused(house: House) -> None:
    """Its documents would take the places of the first one's."""
    house.write(SWANS)
    house.ingest()
    other = house.root / "elsewhere/docs"
    other.mkdir(parents=True)
    (other / "a.txt").write_text("Not a swan.")
    with pytest.raises(UsageError, match="--source NAME"):
        house.ingest(other)
    report = house.ingest(other, source="others")
    assert outcomes(report) == {"others/a.txt": "added"}
    assert len(house.texts()) == 4


def test_a_moved_folder_takes_over(house: House) -> None:
    """Moved as a whole, nothing is stored twice and nothing encoded again."""
    house.write(SWANS)
    house.ingest()
    moved = house.root / "archive/docs"
    moved.parent.mkdir()
    house.docs.rename(moved)
    assert set(outcomes(house.ingest(moved)).values()) == {"unchanged"}


def test_a_folder_above_an_ingested_one_is_told(house: House) -> None:
    """Its documents would be there twice."""
    house.write(SWANS)
    house.ingest(house.docs / "sub")
    assert [note.code for note in house.ingest().notes] == ["overlap"]


def test_two_runs_at_once_are_refused(house: House) -> None:
    """The second run says that another is at work."""
    house.write(SWANS)
    house.ingest()
    with house.collection() as opened, opened.run_lock():
        with pytest.raises(CollectionBusy, match="another"):
            house.ingest()
        assert house.ingest(dry_run=True).exit_status() == 0


# --- files of records ----------------------------------------------------------------------------


def test_records_are_documents_with_their_ids(house: House) -> None:
    """Each line is a document; only what changed is stored anew, what is gone is removed."""
    house.write({"r.jsonl": records(x="Ice is cold.", y="Snow is white.", z="Fog is wet.")})
    assert set(outcomes(house.ingest())) == {f"docs/r.jsonl#{key}" for key in "xyz"}
    assert {d.document_id for d in house.stored().values()} == {"x", "y", "z"}
    house.write({"r.jsonl": records(x="Ice is cold.", y="Snow is grey.", w="Hail is hard.")})
    assert outcomes(house.ingest()) == {
        "docs/r.jsonl#w": "added",
        "docs/r.jsonl#x": "unchanged",
        "docs/r.jsonl#y": "updated",
        "docs/r.jsonl#z": "removed",
    }
    assert house.texts() == {
        "docs/r.jsonl#w": "Hail is hard.",
        "docs/r.jsonl#x": "Ice is cold.",
        "docs/r.jsonl#y": "Snow is grey.",
    }


def test_an_interrupted_file_of_records_is_resumed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that ended within a file does not make the file look complete."""
    many = {f"k{n}": f"Fact number {n}." for n in range(1200)}
    house.write({"r.jsonl": records(**many)})
    put = Writer.put
    calls = []

    def interrupted(writer: Writer, *args: object) -> int:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return put(writer, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Writer, "put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        house.ingest()
    part = len(house.stored())
    assert 0 < part < 1200
    report = house.ingest()
    assert report.counts()["unchanged"] == part
    assert report.counts()["added"] == 1200 - part
    assert {d.document_id for d in house.stored().values()} == set(many)


def test_failed_records_are_told_at_every_run(house: House) -> None:
    """A bad line fails alone; an unchanged file does not make it forgotten."""
    house.write({"r.jsonl": records(x="Ice.") + "{bad\n" + records(y="Snow.")})
    first = house.ingest()
    assert first.counts() == {**dict.fromkeys(first.counts(), 0), "added": 2, "failed": 1}
    again = house.ingest()
    assert again.counts()["unchanged"] == 2
    assert [i for i in again.items if i.outcome == "failed"] == [
        i for i in first.items if i.outcome == "failed"
    ]
    assert again.exit_status() == 1


def test_a_bad_line_does_not_remove_the_record_that_it_was(house: House) -> None:
    """What a broken line held may be what seems to be gone: it is kept, and that is told."""
    house.write({"r.jsonl": records(x="Ice.", y="Snow.")})
    house.ingest()
    house.write({"r.jsonl": records(x="Ice.") + '{"id": "y", "te\n'})
    report = house.ingest()
    assert report.counts()["removed"] == 0
    assert [note.code for note in report.notes] == ["records_kept"]
    assert house.texts()["docs/r.jsonl#y"] == "Snow."
    house.write({"r.jsonl": records(x="Ice.")})
    assert outcomes(house.ingest())["docs/r.jsonl#y"] == "removed"


def test_an_id_belongs_to_one_record(house: House) -> None:
    """A second record with the same id fails, within a file and across files."""
    house.write({"a.jsonl": records(x="Ice.") + records(x="Snow."), "b.jsonl": records(x="Fog.")})
    report = house.ingest()
    failed = [item for item in report.items if item.outcome == "failed"]
    assert [(item.uri, item.code) for item in failed] == [
        ("docs/a.jsonl#x", "bad_id"),
        ("docs/b.jsonl#x", "bad_id"),
    ]
    assert house.texts() == {"docs/a.jsonl#x": "Ice."}
    assert [item for item in house.ingest().items if item.outcome == "failed"] == failed
    # Once the first file lets go of the id, the second has it.
    house.write({"a.jsonl": records(z="Hail.")})
    assert outcomes(house.ingest()) == {"docs/a.jsonl#z": "added", "docs/b.jsonl#x": "updated"}
    assert house.texts() == {"docs/a.jsonl#z": "Hail.", "docs/b.jsonl#x": "Fog."}


def test_a_renamed_file_of_records_keeps_its_documents(house: House) -> None:
    """Ids stay, uris follow the file, and nothing counts as removed."""
    house.write({"a.jsonl": records(**{f"k{n}": f"Fact {n}." for n in range(8)})})
    house.ingest()
    house.encoded.clear()
    (house.docs / "a.jsonl").rename(house.docs / "b.jsonl")
    report = house.ingest()
    assert report.counts() == {**dict.fromkeys(report.counts(), 0), "updated": 8}
    assert not [text for text in house.encoded if "Fact" in text]
    assert set(house.texts()) == {f"docs/b.jsonl#k{n}" for n in range(8)}


def test_a_file_that_lost_most_records_is_held_back(house: House) -> None:
    """A half-written file does not erase the rest; asked for, it does."""
    house.write({"a.jsonl": records(**{f"k{n}": f"Fact {n}." for n in range(9)})})
    house.ingest()
    house.write({"a.jsonl": records(k0="Fact 0.")})
    for _ in range(2):
        report = house.ingest()
        assert [(note.code, note.held) for note in report.notes] == [("mass_removal", 8)]
        assert len(house.texts()) == 9
    assert house.ingest(allow_mass_removal=True).counts()["removed"] == 8
    assert set(outcomes(house.ingest()).values()) == {"unchanged"}


def test_progress_counts_files_as_they_are_read(house: House) -> None:
    """Chunks never come from no file at all, and the bytes are told when all is stored."""
    house.write({f"{n}.txt": f"Fact number {n}.\n" for n in range(9)} | {"empty.txt": ""})
    pace, lines = Pace(0.0), list[str]()

    def observe(event: Event) -> None:
        pace.take(event, 1.0)
        lines.append(pace.line(1.0))
        assert pace.files > 0 or pace.chunks == 0
        assert pace.size == 0 or pace.chunks == 9

    house.ingest(observe=observe)
    assert (pace.files, pace.size) == (pace.planned.files, pace.planned.size) == (10, 9 * 15)
    assert any(line.startswith("10/10 files read") and " 0 chunks" in line for line in lines)


def test_a_long_title_leaves_room_for_the_words(house: House) -> None:
    """What is encoded is never more than the encoder reads, and the title is kept whole."""
    title = " ".join("abcdefghij" * 10)
    line = json.dumps({"id": "k", "title": title, "text": "Swans are white. " * 30})
    house.write({"a.jsonl": f"{line}\n"})
    house.ingest()
    assert house.stored()["docs/a.jsonl#k"].title == title
    seen = [text for text in house.encoded if "Swans" in text]
    assert seen
    for text in seen:
        assert text.startswith("a b c")
        assert len(text.split()) <= house.encoder().identity.max_tokens


# --- ignore files, files that are being written, files that failed before ------------------------


def test_what_becomes_ignored_is_removed_like_what_vanished(house: House) -> None:
    """And comes back with the ignore file's line gone; how many files are left out is a note."""
    house.write({f"{n}.txt": f"Fact {n}.\n" for n in range(5)} | {"old/x.md": "Old.\n"})
    house.ingest()
    house.write({".afterwordignore": "# what is out of date\nold/\n3.txt\n"})
    report = house.ingest()
    removed = {uri for uri, outcome in outcomes(report).items() if outcome == "removed"}
    assert removed == {"docs/3.txt", "docs/old/x.md"}
    (note,) = report.notes
    assert note.message == (
        "1 file and 1 folder with all in them left out of 'docs' by .afterwordignore"
    )
    assert report.exit_status() == 0
    house.write({".afterwordignore": "*\n"})
    report = house.ingest()
    assert [note.code for note in report.notes] == ["ignored", "mass_removal"]
    assert len(house.texts()) == 4
    (house.docs / ".afterwordignore").unlink()
    assert house.ingest().counts()["added"] == 2


def test_a_broken_ignore_file_removes_nothing(house: House) -> None:
    """Its folder counts as one that could not be looked at."""
    house.write({"a.txt": "Ice.\n", "sub/b.txt": "Snow.\n"})
    house.ingest()
    house.write({"sub/.afterwordignore": "[b\n", "sub/c.txt": "Secret.\n"})
    report = house.ingest()
    assert report.exit_status() == 1
    assert outcomes(report) == {"docs/a.txt": "unchanged", "docs/sub/": "failed"}
    assert set(house.texts()) == {"docs/a.txt", "docs/sub/b.txt"}


def test_an_ignored_path_that_is_given_is_told(house: House) -> None:
    """As git does: the ignore file wins, and exit status 1 says that nothing was done."""
    house.write({"a.txt": "Ice.\n", "b.txt": "Snow.\n"})
    house.ingest()
    house.write({".afterwordignore": "b.txt\n", "b.txt": "Sleet.\n"})
    report = house.ingest(house.docs / "b.txt")
    assert (report.items, report.exit_status()) == ((), 1)
    assert f"{house.docs}/b.txt is left out by .afterwordignore" in report.notes[0].message
    assert house.texts()["docs/b.txt"] == "Snow.\n"


def test_files_that_are_being_written_are_left_for_later(house: House) -> None:
    """Neither read nor removed; a time in the future keeps no file waiting for ever."""
    house.write({"a.txt": "Ice.\n", "b.txt": "Snow.\n", "c.txt": "Fog.\n"})
    house.ingest()
    past, future = time.time_ns() - 10**15, time.time_ns() + 10**15
    house.write({"b.txt": "Snow and ice.\n", "c.txt": "Fog and ice.\n", "d.txt": "New.\n"})
    os.utime(house.docs / "a.txt", ns=(past, past))
    os.utime(house.docs / "c.txt", ns=(future, future))
    report = house.ingest(quiet_seconds=60.0)
    assert outcomes(report) == {"docs/a.txt": "unchanged", "docs/c.txt": "updated"}
    assert [(note.code, note.message.split(" of ")[0]) for note in report.notes] == [
        ("unquiet", "2 files")
    ]
    assert house.texts()["docs/b.txt"] == "Snow.\n"
    assert set(outcomes(house.ingest())) == {f"docs/{name}.txt" for name in "abcd"}


def test_a_file_that_failed_before_is_not_read_again_until_it_changes(house: House) -> None:
    """What is told of it is the same; what may pass is tried again."""
    house.write({"a.txt": "Ice.\n", "bad.pdf": "no PDF"})
    first = house.ingest()
    assert set(first.broken) == {"docs/bad.pdf"}
    events: list[Event] = []
    again = house.ingest(failed=first.broken, observe=events.append)
    assert [e.files for e in events if isinstance(e, Planned)] == [0]
    assert again.broken == {}
    assert again.items[1] == first.items[1]
    house.write({"bad.pdf": "still no PDF"})
    assert house.ingest(failed=first.broken).broken["docs/bad.pdf"].size == 12
    (house.docs / "bad.pdf").rename(house.docs / "good.txt")
    assert outcomes(house.ingest(failed=first.broken))["docs/good.txt"] == "added"


# --- large documents -----------------------------------------------------------------------------


def test_a_killed_run_goes_on_within_a_large_document(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors are stored as they are made; those of a document that never came are erased."""
    monkeypatch.setattr("ingest.encode._HELD", 100)
    house.chunk_tokens = 16
    fact = "A fact of some length about number {}, one of very many.\n"
    house.write({"a.txt": "".join(fact.format(i) for i in range(1200))})

    def stop(event: Event) -> None:
        if isinstance(event, Advanced) and event.encoded and len(house.encoded) > 400:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.ingest(observe=stop)
    done = set(house.encoded) - set(PROBES)
    assert house.stored() == {}
    house.encoded.clear()
    report = house.ingest()
    again = set(house.encoded) - set(PROBES)
    assert not done & again
    assert len(done) > 100 < len(again)
    assert (len(house.texts()), report.chunks) == (1, len(done | again))
    house.write({"a.txt": "".join(fact.format(-i) for i in range(1, 1200))})
    house.encoded.clear()
    with pytest.raises(KeyboardInterrupt):
        house.ingest(observe=stop)
    house.write({"a.txt": "Short now.\n"})
    house.ingest()
    with closing(catalog.connect(house.root / "data/default/catalog.db")) as connection:
        assert connection.execute("SELECT count(*) FROM vectors").fetchone() == (1,)


def test_an_upload_takes_no_vectors_of_a_run_that_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those stored ahead are not erased beside it; were they, they are made again and kept."""
    monkeypatch.setattr("ingest.encode._HELD", 100)
    house.chunk_tokens = 16
    fact = "A fact of some length about number {}, one of very many.\n"
    house.write({"a.txt": "".join(fact.format(i) for i in range(300))})
    erased = 0

    def beside(event: Event) -> None:
        nonlocal erased
        if not (isinstance(event, Advanced) and event.encoded):
            return
        if len(house.encoded) < 200:
            house.upload("Beside it.", "b.txt")
        elif erased < 5:  # as another run of a folder does at its end
            erased += 1
            with house.collection() as opened, opened.write() as writer:
                writer.drop_loose()

    report = house.ingest(observe=beside)
    assert (report.stopped, report.exit_status()) == (None, 0)
    assert set(house.texts()) == {"docs/a.txt", "upload:b.txt"}
    made = [text for text in house.encoded if text.startswith(("A fact", "a\n"))]
    assert len(made) == 2 * len(set(made))


def test_a_large_text_is_cut_and_encoded_in_steps_that_are_told(house: House) -> None:
    """Bytes done rise while one document is encoded, and those of a file of records as it goes."""
    house.chunk_tokens = 16
    fact = "A fact of some length about number {}, one of very many.\n"
    record = '{{"id": "r{}", "title": "", "text": "Record number {} of many."}}\n'
    house.write(
        {
            "a.txt": "".join(fact.format(i) for i in range(3000)),
            "r.jsonl": "".join(record.format(i, i) for i in range(1500)),
        }
    )
    events: list[Event] = []
    house.ingest(observe=events.append)
    told = [event for event in events if isinstance(event, Advanced)]
    (plan,) = (event for event in events if isinstance(event, Planned))
    sizes = {name: (house.docs / name).stat().st_size for name in ("a.txt", "r.jsonl")}
    assert plan.kinds == {".txt": sizes["a.txt"], ".jsonl": sizes["r.jsonl"]}
    for kind, size in plan.kinds.items():
        assert sum(event.read for event in told if event.kind == kind) == size
    assert len([event for event in told if event.kind == ".jsonl" and event.read]) >= 3
    assert sum(event.size for event in told) == plan.size
    assert max(event.size for event in told) < 0.15 * plan.size
    assert sum(event.cut for event in told) == sum(event.encoded for event in told)
    assert max(event.cut for event in told) == 1000


# --- trouble -------------------------------------------------------------------------------------


def test_a_full_disk_stops_the_run_and_keeps_what_was_stored(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each input is accounted for, the message says what to do, and the rerun completes."""
    house.chunk_tokens = 16
    house.write({"a.txt": "Small.\n"})
    house.ingest()
    fact = "A fact of some length about number {}, one of many that fill the disk.\n"
    house.write({f"b{n}.txt": "".join(fact.format((n, i)) for i in range(120)) for n in range(6)})
    made = Writer.__init__

    def small_disk(writer: Writer, folder: Path, *args: object) -> None:
        made(writer, folder, *args)  # type: ignore[arg-type]
        (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
        writer._connection.execute(f"PRAGMA max_page_count = {pages + 25}")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "__init__", small_disk)
        report = house.ingest()
    assert report.exit_status() == 3
    assert report.stopped is not None
    assert "free some" in report.stopped
    told = outcomes(report)
    assert set(told) == {"docs/a.txt", *(f"docs/b{n}.txt" for n in range(6))}
    full = {item.uri for item in report.items if item.code == "disk_full"}
    assert 0 < len(full) <= 6
    assert set(house.texts()) == set(told) - full
    assert house.ingest().counts()["added"] == len(full)
    assert len(house.texts()) == 7


def test_views_are_merged_while_a_long_run_goes_on(house: House) -> None:
    """A service that is open meanwhile need not hold all that a run stores in memory."""
    house.chunk_tokens = 16
    fact = "A fact of some length about number {}, one of very many that are all stored.\n"
    house.write({f"b{n}.txt": "".join(fact.format((n, i)) for i in range(120)) for n in range(12)})
    before_the_end = []

    def observe(event: Event) -> None:
        if isinstance(event, Merging):
            stamp = house.root / "data" / "default" / "dense.json"
            before_the_end.append(stamp.exists())

    assert house.ingest(observe=observe).chunks > 1_300
    assert before_the_end == [True]


def test_a_merge_that_fails_is_a_note_and_the_run_is_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored is reported as stored and can be found; the note says why and what next."""
    house.write({"a.txt": "Small.\n"})

    def fail(*_: object) -> None:
        raise StorageFull("no space is left for the views")

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "merge_views", fail)
        report = house.ingest()
    assert outcomes(report) == {"docs/a.txt": "added"}
    assert (report.stopped, report.exit_status()) == (None, 0)
    (note,) = report.notes
    assert note.code == "views_lag"
    assert "no space is left for the views; the next run or question" in note.message
    assert len(house.texts()) == 1


def test_whatever_stops_a_run_leaves_its_report(house: House) -> None:
    """Where the collection is restored meanwhile, what was stored before is still told."""
    house.chunk_tokens = 16
    fact = "A fact of some length about number {}, one of many that fill a group.\n"
    files = {f"b{n}.txt": "".join(fact.format((n, i)) for i in range(120)) for n in range(4)}
    house.write(files)
    stored = list[str]()

    def restore(event: Event) -> None:
        if isinstance(event, Advanced) and event.stored and not stored:
            stored.extend(item.uri for item in event.items)
            with closing(catalog.connect(house.root / "data/default/catalog.db")) as connection:
                catalog.renew_epoch(connection)

    report = house.ingest(observe=restore)
    assert report.exit_status() == 3
    assert "run the same command again" in (report.stopped or "")
    told = {item.uri: item.code for item in report.items}
    assert set(told) == {f"docs/{name}" for name in files}
    assert {uri for uri, code in told.items() if code is None} == set(stored)
    assert {code for code in told.values() if code} == {"collection_busy"}
    assert house.ingest().counts()["added"] == 4 - len(stored) > 0


def test_what_need_not_be_read_has_an_outcome_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where new facts of unchanged files cannot be stored, each file is told as failed."""
    house.write({"a.txt": "Ice.\n", "b.txt": "Snow.\n"})
    house.ingest()

    def full(*_: object) -> None:
        raise StorageFull("no space is left")

    monkeypatch.setattr(Writer, "refresh", full)
    report = house.ingest(given=Given({"year": 2026}))
    assert report.stopped == "no space is left"
    assert {item.uri: item.code for item in report.items} == {
        "docs/a.txt": "disk_full",
        "docs/b.txt": "disk_full",
    }


def test_what_stops_an_upload_is_for_its_worker(house: House) -> None:
    """A collection that is busy is no failure of the upload: it is tried again."""
    house.upload("Ice.", "ice.txt")

    def restore(event: Event) -> None:
        if isinstance(event, Advanced) and event.cut:
            with closing(catalog.connect(house.root / "data/default/catalog.db")) as connection:
                catalog.renew_epoch(connection)

    with pytest.raises(CollectionBusy):
        house.upload("Snow.", "snow.txt", observe=restore)


def test_text_that_moves_between_documents_keeps_its_vector(house: House) -> None:
    """Two documents that swap their texts in one run are both whole afterwards."""
    house.write({"one/x.txt": "Ice is cold.\n", "two/x.txt": "Fire is hot.\n"})
    house.ingest()
    house.write({"one/x.txt": "Fire is hot.\n", "two/x.txt": "Ice is cold!\n"})
    house.ingest()
    assert house.texts() == {"docs/one/x.txt": "Fire is hot.\n", "docs/two/x.txt": "Ice is cold!\n"}


def test_vectors_that_another_process_erased_are_made_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the put another process deletes the only use of a vector."""
    house.write({"a/x.txt": "Ice is cold.\n"})
    house.ingest()
    house.write({"b/x.txt": "Ice is cold.\n"})
    looked = Writer.stored_vectors

    def look_and_lose(writer: Writer, hashes: Sequence[bytes]) -> set[bytes]:
        found = looked(writer, hashes)
        with house.collection() as opened, opened.write() as other:
            other.erase([document_id_for("docs/a/x.txt")])
        monkeypatch.setattr(Writer, "stored_vectors", looked)
        return found

    monkeypatch.setattr(Writer, "stored_vectors", look_and_lose)
    assert outcomes(house.ingest())["docs/b/x.txt"] == "added"
    assert house.texts() == {"docs/b/x.txt": "Ice is cold.\n"}


# --- uploads -------------------------------------------------------------------------------------


def test_an_upload_is_a_document_of_its_name(house: House) -> None:
    """The same name again updates it; a folder's run never touches it."""
    report = house.upload("Ice is cold.", "ice.txt", title="On ice", metadata={"n": 1})
    assert outcomes(report) == {"upload:ice.txt": "added"}
    document = house.stored()["upload:ice.txt"]
    assert document.document_id == document_id_for("upload:ice.txt")
    assert (document.title, document.metadata["n"], document.source) == ("On ice", 1, "upload:")
    assert outcomes(house.upload("Ice melts.", "ice.txt")) == {"upload:ice.txt": "updated"}
    house.write(SWANS)
    house.ingest()
    assert house.texts()["upload:ice.txt"] == "Ice melts."


def test_uploads_of_one_name_are_told_apart_by_their_ids(house: House) -> None:
    """Two reports of the same file name with ids of their own are two documents."""
    house.upload("Ice.", "report.txt", document_id="north")
    house.upload("Sand.", "report.txt", document_id="south")
    assert {d.document_id for d in house.stored().values()} == {"north", "south"}
    house.upload("Snow.", "other.txt", document_id="north")
    assert sorted(house.texts().values()) == ["Sand.", "Snow."]


def test_an_upload_of_records_takes_the_place_of_the_last(house: House) -> None:
    """Records that are not in the new file are removed."""
    house.upload(records(**{f"k{n}": f"Fact {n}." for n in range(9)}), "r.jsonl")
    report = house.upload(records(k1="Fact 1.", k2="Fact two."), "r.jsonl")
    assert report.counts() == {
        **dict.fromkeys(report.counts(), 0),
        "unchanged": 1,
        "updated": 1,
        "removed": 7,
    }
    assert sorted(house.texts().values()) == ["Fact 1.", "Fact two."]


def test_an_upload_cannot_take_the_id_of_a_file(house: House) -> None:
    """The file would claim it back at the next run."""
    house.write({"r.jsonl": records(x="Ice.")})
    house.ingest()
    report = house.upload("Snow.", "snow.txt", document_id="x")
    assert only(report, "upload:snow.txt").code == "bad_id"
    assert house.texts() == {"docs/r.jsonl#x": "Ice."}


def test_an_upload_makes_its_collection(house: House) -> None:
    """The first upload into a new collection creates it."""
    house.upload("Ice.", "ice.txt", collection="fresh")
    with house.collection("fresh") as opened, opened.read() as reading:
        assert reading.count().documents == 1


# --- law -----------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a.txt", "b.txt", "sub/a.txt", "sub/c.md", "d.txt"])
WORDS = st.sampled_from(["Ice is cold.", "Snow is white.", "Fog is wet.", "Hail is hard."])
FOLDERS = st.lists(st.dictionaries(NAMES, WORDS, min_size=1), min_size=2, max_size=4)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(states=FOLDERS)
def test_the_collection_is_what_the_folder_is(house: House, states: list[dict[str, str]]) -> None:
    """After each run, whatever came before, the stored texts are the files'."""
    for state in states:
        shutil.rmtree(house.docs)
        house.docs.mkdir()
        house.write(state)
        report = house.ingest(allow_mass_removal=True)
        assert report.counts()["failed"] == 0
        texts = {uri: text.strip() for uri, text in house.texts().items()}
        assert texts == {f"docs/{name}": text for name, text in state.items()}


def test_narrowing_removes_nothing_else(house: House) -> None:
    """A run with --include or --exclude leaves alone what it does not look at."""
    house.write({**SWANS, "d.md": "Herons wade.\n"})
    house.ingest()
    (house.docs / "a.txt").unlink()
    (house.docs / "d.md").unlink()
    report = house.ingest(selection=Selection(("*.txt",)))
    assert outcomes(report)["docs/a.txt"] == "removed"
    assert set(house.texts()) == {"docs/b.txt", "docs/sub/c.txt", "docs/d.md"}
