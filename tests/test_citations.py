"""Citations: a quote is the stored text's own words at its offsets, or it is not shown."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, Reading, create_collection
from indexes.documents import Finding, Page, Span, StoredChunk, sha256_text
from indexes.errors import IndexDamaged
from indexes.rows import XLSX
from service import citations
from service.citations import Citer, cells_in, page_at
from service.evidence import Candidate, Evidence, Quoted
from service.reply import Cell
from small_encoder import small_encoder
from stored_documents import chunks_of, prepared

FIRST = "Swans are white \N{BIRD}. Owls"
SECOND = "hoot all night. Storks clatter."
TEXT = f"{FIRST}\n{SECOND}"
PAGES = (Page(1, Span(0, len(FIRST))), Page(2, Span(len(FIRST) + 1, len(TEXT))))


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """One chunk over two pages, in a document of its own, and a document after it."""
    made = create_collection(tmp_path, "birds", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        writer.put([prepared("book", [TEXT], pages=PAGES, as_of="2026-01-02")])
        writer.put([prepared("more", ["Ravens are black.", "Kites soar."])])
    yield made
    made.close()


def quoted(chunk: StoredChunk, words: str, short: str | None = None) -> Quoted:
    """Return a quote of these words of a chunk."""
    start = chunk.span.start + chunk.text.index(words)
    inside = start + words.index(short or words)
    evidence = Evidence(Candidate(chunk, 1.0, 1.0, 1.0), 0.75)
    shortest = Span(inside, inside + len(short or words))
    return Quoted(evidence, Span(start, start + len(words)), shortest)


def only_chunk(reading: Reading, document_id: str = "book") -> StoredChunk:
    """Return the last chunk of a document."""
    return chunks_of(reading, document_id)[-1]


def test_a_citation_is_the_stored_text_at_its_offsets(collection: Collection) -> None:
    """Offsets count code points of the document, and the facts are those of the document."""
    with collection.read() as reading:
        citer = Citer(reading)
        citation, short = citer.cite(quoted(only_chunk(reading), "Storks clatter.", "Storks"))
        stored = reading.text("book")
        document = reading.document("book")
    assert citation.quote == stored[citation.start : citation.end] == "Storks clatter."
    assert short == "Storks"
    assert citation.start == TEXT.index("Storks")
    assert (citation.document_id, citation.uri) == ("book", document.uri)
    assert (citation.as_of, citation.text_sha256) == ("2026-01-02", document.text_sha256)
    assert (citation.score, citation.section) == (0.75, "")


def test_a_citation_says_that_its_words_were_recognised(tmp_path: Path) -> None:
    """Which of a document's pages were read by text recognition is a finding of it."""
    made = create_collection(tmp_path, "scans", small_encoder(), SplitterSettings(64))
    scan = prepared("scan", [FIRST, SECOND], pages=PAGES)
    findings = (Finding("no_text_layer", "one page", (1,)), Finding("ocr", "one page", (2,)))
    with made.write() as writer:
        writer.put([replace(scan, document=replace(scan.document, findings=findings))])
    with made.read() as reading:
        citer = Citer(reading)
        first, second = chunks_of(reading, "scan")
        cited = [citer.cite(quoted(first, "Owls")), citer.cite(quoted(second, "Storks"))]
    made.close()
    assert [(citation.page, citation.recognised) for citation, _ in cited] == [
        (1, False),
        (2, True),
    ]


def test_offsets_count_from_the_document_not_the_chunk(collection: Collection) -> None:
    """The second chunk's words are found behind the first one's."""
    with collection.read() as reading:
        citation, _ = Citer(reading).cite(quoted(only_chunk(reading, "more"), "soar"))
        assert reading.text("more", citation.start, citation.end) == "soar"
    assert citation.start == len("Ravens are black.\nKites ")
    assert citation.page is None


@pytest.mark.parametrize(("media_type", "row"), [("text/csv", 2), ("text/plain", None)])
def test_a_row_is_told_where_the_format_has_rows(
    collection: Collection, media_type: str, row: int | None
) -> None:
    """The second record of a CSV file is in its second row."""
    with collection.write() as writer:
        writer.put([prepared("list", ["bird,eggs", "owl,4"], media_type=media_type)])
    with collection.read() as reading:
        citation, _ = Citer(reading).cite(quoted(only_chunk(reading, "list"), "owl,4"))
    assert citation.row == row


def test_the_cells_of_a_row_have_the_names_of_their_columns(collection: Collection) -> None:
    """The quote stays as it is written; cells are its values, blank ones left out."""
    header, rows = "bird,nest,eggs", 'owl,"in a ""box""\nor barn",4\nswan,,6'
    with collection.write() as writer:
        made = prepared("list", [header, rows], media_type="text/csv")
        chunks = [made.chunks[0], replace(made.chunks[1], header=made.chunks[0].span)]
        writer.put([replace(made, chunks=chunks)])
    with collection.read() as reading:
        citer, chunk = Citer(reading), only_chunk(reading, "list")
        owl, _ = citer.cite(quoted(chunk, rows.rpartition("\n")[0], "4"))
        both, _ = citer.cite(quoted(chunk, rows))
        part, _ = citer.cite(quoted(chunk, "owl"))
        stored = reading.text("list")
    assert owl.quote == stored[owl.start : owl.end] == rows.rpartition("\n")[0]
    mine = [Cell("bird", "owl"), Cell("nest", 'in a "box" or barn'), Cell("eggs", "4")]
    assert list(owl.cells) == mine
    assert list(both.cells) == [*mine, Cell("bird", "swan"), Cell("eggs", "6")]
    assert part.cells == ()


def test_prose_and_columns_without_names_have_no_cells() -> None:
    """There is nothing to tell that the quote does not."""
    prose = StoredChunk(1, "d", "u", "", "text/plain", None, "", Span(5, 10), "a | b")
    assert cells_in(prose, prose.span) == ()
    assert cells_in(replace(prose, header=" | "), prose.span) == ()
    assert cells_in(replace(prose, header="x | "), prose.span) == (Cell("x", "a"), Cell("", "b"))


@pytest.mark.parametrize(
    ("words", "page"), [("Swans", 1), ("Owls\nhoot all night.", 1), ("Storks clatter.", 2)]
)
def test_the_page_is_the_one_where_the_quote_starts(
    collection: Collection, words: str, page: int
) -> None:
    """Not the first one that the chunk touches."""
    with collection.read() as reading:
        assert only_chunk(reading).page == 1
        assert Citer(reading).cite(quoted(only_chunk(reading), words))[0].page == page


def test_pages_are_found_by_their_spans() -> None:
    """Every code point of a page gives its number."""
    for page in PAGES:
        numbers = {page_at(PAGES, place) for place in range(page.span.start, page.span.end)}
        assert numbers == {page.number}
    assert page_at((), 3) is None


def test_markers_count_the_citations(collection: Collection) -> None:
    """From 1, over documents."""
    with collection.read() as reading:
        citer = Citer(reading)
        for document_id, words in (("book", "Swans"), ("more", "Kites"), ("book", "Owls")):
            citer.cite(quoted(only_chunk(reading, document_id), words))
    assert [one.marker for one in citer.citations] == ["[1]", "[2]", "[3]"]
    assert [one.quote for one in citer.citations] == ["Swans", "Kites", "Owls"]


ROWS = ("bird,eggs", '"owl, ""barn""",4', "swift,2", "kite,3")


@pytest.mark.parametrize(
    ("media_type", "words"),
    [("text/plain", "Swans Storks"), ("text/csv", "owl swift"), (XLSX, "swift kite")],
)
def test_what_was_kept_is_cited_as_from_the_reading(
    collection: Collection, media_type: str, words: str
) -> None:
    """After the reading has ended and the document is gone: page, row, and what was recognised."""
    texts = [FIRST, SECOND] if media_type == "text/plain" else list(ROWS)
    whole = "\n".join(texts)
    pages = PAGES if media_type == "text/plain" else (Page(1, Span(0, len(whole))),)
    made = prepared("kept", texts, pages=pages, media_type=media_type)
    findings = (Finding("ocr", "one page", (2,)),)
    with collection.write() as writer:
        writer.put([replace(made, document=replace(made.document, findings=findings))])
    with collection.read() as reading:
        chunks = chunks_of(reading, "kept")
        quotes = [
            quoted(next(one for one in chunks if word in one.text), word) for word in words.split()
        ]
        held, kept = Citer(reading), Citer(reading)
        cited = [held.cite(one) for one in quotes]
        kept.keep([Evidence(Candidate(one, 1.0, 1.0, 1.0), 0.5) for one in chunks])
    with collection.write() as writer:
        writer.erase(["kept"])
    assert [kept.cite(one) for one in quotes] == cited
    assert [one.recognised for one, _ in cited] == [False, media_type == "text/plain"]
    assert all((one.row is None) == (media_type == "text/plain") for one, _ in cited)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the texts that were hashed so far, in order."""
    texts: list[str] = []

    def noted(text: str) -> str:
        texts.append(text)
        return sha256_text(text)

    monkeypatch.setattr(citations, "sha256_text", noted)
    return texts


def test_one_text_at_a_time_is_kept_whole(collection: Collection, hashed: list[str]) -> None:
    """Each is read and hashed once, in whatever order its chunks come."""
    with collection.read() as reading:
        first, last = chunks_of(reading, "more")
        citer = Citer(reading)
        mixed = (first, only_chunk(reading), last)
        citer.keep([Evidence(Candidate(one, 1.0, 1.0, 1.0), 0.5) for one in mixed])
    assert sorted(hashed) == sorted([TEXT, "Ravens are black.\nKites soar."])
    assert citer._texts == {}


def test_what_is_wrong_with_a_kept_document_is_told_where_it_is_cited(
    collection: Collection,
) -> None:
    """And hinders no citation of others."""
    with sqlite3.connect(collection.folder / "catalog.db") as catalog:
        catalog.execute("UPDATE blocks SET text = replace(text, 'Storks', 'Cranes')")
    catalog.close()
    with collection.read() as reading:
        book, more = only_chunk(reading), only_chunk(reading, "more")
        citer = Citer(reading)
        citer.keep([Evidence(Candidate(one, 1.0, 1.0, 1.0), 0.5) for one in (book, more)])
    assert citer.cite(quoted(more, "Kites"))[0].marker == "[1]"
    for words in ("Swans", "clatter"):
        with pytest.raises(IndexDamaged, match="stored text"):
            citer.cite(quoted(book, words))
    with pytest.raises(IndexDamaged, match="reindex"):
        citer.cite(Quoted(quoted(more, "Kites").evidence, Span(0, 5), Span(0, 5)))


def test_a_document_is_read_and_hashed_once_a_reply(
    collection: Collection, hashed: list[str]
) -> None:
    """However many places in it are cited, for it may be long; the next reply checks it anew."""
    with collection.read() as reading:
        for _ in range(2):
            citer = Citer(reading)
            for words in ("Swans", "Owls", "Storks", "hoot all night."):
                citer.cite(quoted(only_chunk(reading), words))
    assert hashed == [TEXT, TEXT]


@pytest.mark.parametrize(("old", "new"), [("Storks", "Cranes"), ("Swans", "Geese")])
def test_a_tampered_text_is_never_quoted(collection: Collection, old: str, new: str) -> None:
    """A change of as many characters, in the quote or elsewhere, is an error that names it."""
    change = "UPDATE blocks SET text = replace(text, ?, ?)"
    with sqlite3.connect(collection.folder / "catalog.db") as catalog:
        assert catalog.execute(change, (old, new)).rowcount > 0
    catalog.close()
    with collection.read() as reading:
        citer = Citer(reading)
        chunk = only_chunk(reading)
        assert new in chunk.text
        with pytest.raises(IndexDamaged, match="stored text") as raised:
            citer.cite(quoted(chunk, "clatter"))
    assert "book" in raised.value.message
    assert citer.citations == ()


@pytest.mark.parametrize("span", [Span(0, 5), Span(20, 40), Span(18, 18), Span(25, 22)])
def test_a_quote_outside_its_chunk_is_never_shown(collection: Collection, span: Span) -> None:
    """Nor is one that is empty or back to front."""
    with collection.read() as reading:
        citer = Citer(reading)
        evidence = quoted(only_chunk(reading, "more"), "Kites").evidence
        with pytest.raises(IndexDamaged, match="reindex"):
            citer.cite(Quoted(evidence, span, span))
    assert citer.citations == ()


def test_a_chunk_with_other_words_than_its_document_is_never_quoted(
    collection: Collection,
) -> None:
    """The words that were read are compared with those that are stored."""
    with collection.read() as reading:
        real = only_chunk(reading, "more")
        chunk = replace(real, text="Kites dive.")
        citer = Citer(reading)
        with pytest.raises(IndexDamaged, match=f"chunk {real.chunk_id}"):
            citer.cite(quoted(chunk, "dive."))
    assert citer.citations == ()
