"""What is read, settled and removed: plans from listings and known documents."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import DOCUMENT_ID, Document, Finding, document_id_for, file_uri
from ingest.listing import Entry, Listed, Outside, Unlisted
from ingest.plan import (
    Asked,
    Draft,
    Given,
    Mark,
    Plan,
    record_uri,
    removes_too_many,
)
from ingest.sources import Selection, Target

ROOT = Target("docs", Path("/docs"))
READERS = frozenset({"markdown/2", "jsonl/1"})


def known(relative: str, *, record: str | None = None, reader: str = "markdown/2") -> Document:
    """Return a stored document of the source docs."""
    uri = f"docs/{relative}"
    return Document(
        document_id=record or document_id_for(uri),
        uri=uri if record is None else record_uri(uri, record),
        source="docs",
        title=relative,
        media_type="text/markdown",
        content_sha256=f"sha of {relative}",
        text_sha256="",
        size=10,
        modified=100,
        reader=reader if record is None else "jsonl/1",
        as_of=None,
        as_of_source=None,
        metadata={"team": "x"},
    )


def listed(relative: str, size: int = 10, modified: int = 100) -> Listed:
    """Return a file as the listing gives it."""
    return Listed(relative, f"/docs/{relative}", size, modified)


def no_digest(path: str) -> str:
    """Refuse to read a file."""
    raise AssertionError(path)


def plan(
    entries: Iterable[Entry],
    documents: Iterable[Document] = (),
    *,
    asked: Asked | None = None,
    target: Target = ROOT,
    marks: dict[str, str] | None = None,
) -> Plan:
    """Return the plan for one target."""
    draft = Draft("docs", asked or Asked(READERS, no_digest), documents, marks or {})
    draft.look(target, entries)
    return draft.plan()


def read(found: Plan) -> list[str]:
    """Return the uris of the files to read."""
    return [step.uri for step in found.read]


def test_new_files_are_read_and_known_ones_are_not() -> None:
    """Same size, time and reader: nothing to do, and the file is not opened."""
    old = known("old.md")
    found = plan([listed("new.md"), listed("old.md")], [old])
    assert read(found) == ["docs/new.md"]
    ((step, documents),) = found.settled
    assert step.known == documents == (old,)
    assert not found.vanished


@pytest.mark.parametrize("change", [{"size": 11}, {"size": 11, "modified": 101}])
def test_a_file_of_another_size_is_read(change: dict[str, int]) -> None:
    """Another size needs no look at the content."""
    assert read(plan([listed("a.md", **change)], [known("a.md")])) == ["docs/a.md"]


def test_a_file_that_was_only_touched_is_not_read_again() -> None:
    """Another time and the same content: only the time is stored."""
    asked = Asked(READERS, lambda path: f"sha of {path.removeprefix('/docs/')}")
    found = plan([listed("a.md", modified=500)], [known("a.md")], asked=asked)
    ((step, (document,)),) = found.settled
    assert document == replace(step.known[0], modified=500)
    changed = Asked(READERS, lambda _: "another sha")
    assert read(plan([listed("a.md", modified=500)], [known("a.md")], asked=changed))


def test_a_new_version_of_the_reader_reads_again() -> None:
    """Documents of an older reader are read again although their files did not change."""
    assert read(plan([listed("a.md")], [known("a.md", reader="markdown/1")])) == ["docs/a.md"]


def test_text_recognition_reads_again_what_has_pages_without_text() -> None:
    """Only such documents, and not those that it has seen already."""
    blind, seen = Finding("no_text_layer", "a page", (2,)), Finding("ocr", "a page", (2,))
    documents = [
        replace(known("scan.md"), findings=(blind,)),
        replace(known("seen.md"), findings=(blind, seen)),
        known("text.md"),
    ]
    entries = [listed("scan.md"), listed("seen.md"), listed("text.md")]
    asked = Asked(READERS, no_digest, ocr=True)
    assert read(plan(entries, documents, asked=asked)) == ["docs/scan.md"]
    assert read(plan(entries, documents)) == []


def test_what_is_given_reaches_documents_that_need_no_reading() -> None:
    """Metadata and date are put over those of unchanged documents, and nothing is lost."""
    asked = Asked(READERS, no_digest, given=Given({"team": "y", "n": 1}, "2026-01-02"))
    ((_, (document,)),) = plan([listed("a.md")], [known("a.md")], asked=asked).settled
    assert document.metadata == {"team": "y", "n": 1}
    assert (document.as_of, document.as_of_source) == ("2026-01-02", "given")
    same = Given({"team": "x"})
    assert same.over(known("a.md")) == known("a.md")


def test_documents_without_a_file_have_vanished() -> None:
    """A file that is gone leaves its document to be removed, all records with it."""
    records = [known("r.jsonl", record=str(n)) for n in range(3)]
    found = plan([listed("a.md")], [known("a.md"), known("b.md"), *records])
    assert {d.uri for d in found.vanished} == {"docs/b.md", *(d.uri for d in records)}
    assert found.known == 5


def test_files_that_were_left_out_have_not_vanished() -> None:
    """A narrowed run removes only what it would have found."""
    asked = Asked(READERS, no_digest, selection=Selection(("*.md",), ("drafts",)))
    documents = [known(name) for name in ("a.md", "b.md", "c.txt", "drafts/d.md")]
    found = plan([listed("a.md")], documents, asked=asked)
    assert [d.uri for d in found.vanished] == ["docs/b.md"]


def test_what_could_not_be_looked_at_has_not_vanished() -> None:
    """Documents below an unreadable folder are kept, and the folder is named."""
    closed, odd = Unlisted("closed/", "cannot be listed"), Unlisted("x.md", "is odd")
    documents = [known(name) for name in ("a.md", "b.md", "closed/c.md", "x.md")]
    found = plan([listed("a.md"), closed, odd], documents)
    assert [d.uri for d in found.vanished] == ["docs/b.md"]
    assert found.unlisted == (("docs/closed/", "cannot be listed"), ("docs/x.md", "is odd"))
    assert plan([Unlisted("", "cannot be listed")], documents).vanished == ()


def test_what_could_not_be_looked_at_keeps_its_own_documents_alone() -> None:
    """Names that merely begin alike are other files and folders."""
    documents = [known(name) for name in ("a.md", "x", "x.md", "xy/b.md", "x/c.md", "xy")]
    for unlisted, kept in (
        (Unlisted("x", "is odd"), {"x"}),
        (Unlisted("x/", "cannot be listed"), {"x/c.md"}),
    ):
        vanished = {
            d.uri.removeprefix("docs/")
            for d in plan([listed("a.md"), unlisted], documents).vanished
        }
        assert vanished == {"x", "x.md", "xy/b.md", "x/c.md", "xy"} - kept


def test_two_folders_of_one_source_that_begin_alike_are_two() -> None:
    """What is found in one of them says nothing about the other."""
    documents = [known(name) for name in ("a/b/1", "a/b/2", "a/bc/1", "a/bc/2", "a/b.md", "d")]
    draft = Draft("docs", Asked(READERS, no_digest), documents, {})
    draft.look(replace(ROOT, below="a/b"), [listed("a/b/1")])
    assert [d.uri for d in draft.plan().vanished] == ["docs/a/b/2"]
    draft.look(replace(ROOT, below="a/bc"), [])
    assert [d.uri for d in draft.plan().vanished] == ["docs/a/b/2"]
    assert draft.plan().empty == (("/docs/a/bc", 2),)


def test_an_empty_folder_removes_nothing() -> None:
    """A folder in which nothing is found may be a disk that is not mounted."""
    found = plan([], [known("a.md"), known("b.md")])
    assert found.vanished == ()
    assert found.empty == (("/docs", 2),)


def test_a_part_of_a_source_removes_only_there() -> None:
    """A folder inside a source, or one file, says nothing about the rest."""
    documents = [known(name) for name in ("a.md", "sub/b.md", "sub/c.md", "subway/d.md")]
    below = plan([listed("sub/b.md")], documents, target=replace(ROOT, below="sub"))
    assert [d.uri for d in below.vanished] == ["docs/sub/c.md"]
    single = Target("docs", Path("/docs"), "a.md", single=True)
    assert plan([listed("a.md")], documents, target=single).vanished == ()


def test_a_file_that_two_paths_lead_to_is_taken_once() -> None:
    """The same folder given twice, or a file within it, gives each file once."""
    draft = Draft("docs", Asked(READERS, no_digest), [known("a.md")], {})
    for entries in ([listed("a.md"), listed("b.md")], [listed("b.md")], [listed("a.md")]):
        draft.look(ROOT, entries)
    found = draft.plan()
    assert read(found) == ["docs/b.md"]
    assert len(found.settled) == 1


def test_links_that_lead_out_are_counted() -> None:
    """A folder that holds nothing but such links is not an empty one."""
    found = plan([Outside("x"), Outside("y")], [known("a.md")])
    assert found.outside == 2
    assert len(found.vanished) == 1


MARK = Mark(10, 100, "jsonl/1", "sha of r.jsonl", (("line 2", "bad_record", "no JSON"),))


@pytest.mark.parametrize(
    ("mark", "settled"),
    [
        (MARK, True),
        (None, False),
        (replace(MARK, modified=99), False),
        (replace(MARK, size=9), False),
        (replace(MARK, reader="jsonl/0"), False),
    ],
)
def test_a_file_of_records_is_complete_only_with_its_mark(
    *, mark: Mark | None, settled: bool
) -> None:
    """A run that was killed within such a file left records, but no mark."""
    records = [known("r.jsonl", record=str(n)) for n in range(3)]
    marks = {} if mark is None else {"docs/r.jsonl": mark.dumps()}
    asked = Asked(READERS, lambda _: "another sha")
    found = plan([listed("r.jsonl")], records, marks=marks, asked=asked)
    assert bool(found.settled) == settled
    assert bool(found.read) != settled
    if settled:
        assert found.settled[0][0].mark == mark
        assert found.settled[0][1] == tuple(records)


def test_a_touched_file_of_records_keeps_its_documents() -> None:
    """The mark alone takes the new time: thousands of records are not written for a touch."""
    records = [known("r.jsonl", record=str(n)) for n in range(3)]
    asked = Asked(READERS, lambda _: "sha of r.jsonl")
    marks = {"docs/r.jsonl": MARK.dumps()}
    found = plan([listed("r.jsonl", modified=7)], records, marks=marks, asked=asked)
    ((step, documents),) = found.settled
    assert documents == tuple(records)
    assert step.modified == 7


@given(
    st.builds(
        Mark,
        st.integers(0),
        st.integers(0),
        st.text(),
        st.text(),
        st.lists(st.tuples(st.text(), st.text(), st.text())).map(tuple),
    )
)
def test_a_mark_is_read_as_it_was_written(mark: Mark) -> None:
    """Text and back changes nothing."""
    assert Mark.loads(mark.dumps()) == mark


@given(st.text(min_size=1), st.from_regex(DOCUMENT_ID, fullmatch=True))
def test_a_record_leads_back_to_its_file(name: str, record: str) -> None:
    """A file's uri is found from a record's, and a plain document's is its own."""
    assert file_uri(known(name, record=record)) == f"docs/{name}"
    assert file_uri(known(name)) == f"docs/{name}"


@pytest.mark.parametrize(
    ("removed", "documents", "too_many"),
    [(3, 3, False), (4, 4, True), (4, 8, False), (5, 8, True), (500, 1000, False), (0, 0, False)],
)
def test_removing_over_half_must_be_asked_for(
    *, removed: int, documents: int, too_many: bool
) -> None:
    """A few documents may always go; of more, half."""
    assert removes_too_many(removed, documents) == too_many


@pytest.mark.parametrize(
    ("failed", "asked"),
    [
        (("a", "encrypted", "it asks for a password"), {"unlocks": True}),
        (("a", "wrong_password", "none fits"), {"unlocks": True}),
        (("a", "no_text_layer", "no page has text"), {"ocr": True}),
        (("a", "unsupported_format", "a picture; use `--ocr`"), {"ocr": True}),
    ],
)
def test_parts_that_failed_are_read_once_what_they_lacked_is_there(
    failed: tuple[str, str, str], asked: dict[str, bool]
) -> None:
    """What the message asked for was given: a file of passwords, or text recognition."""
    whole = known("m.md")
    marks = {whole.uri: Mark(10, 100, "markdown/2", "", (failed,)).dumps()}
    asks = Asked(READERS, no_digest, **asked)  # type: ignore[arg-type]
    other = Asked(READERS, no_digest, ocr=not asks.ocr, unlocks=not asks.unlocks)
    assert read(plan([listed("m.md")], [whole], marks=marks)) == []
    assert read(plan([listed("m.md")], [whole], marks=marks, asked=other)) == []
    assert read(plan([listed("m.md")], [whole], marks=marks, asked=asks)) == ["docs/m.md"]
