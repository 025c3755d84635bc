"""Text put together from parts: each part is where it is said to be, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Heading, Page, Span
from ingest.readers.composed import Composed, row_text

WORDS = st.text(st.sampled_from("ab \n\t\x00\ud800é"), max_size=12)
PARTS = st.lists(
    st.one_of(
        st.tuples(st.just("paragraph"), WORDS),
        st.tuples(st.just("heading"), WORDS),
        st.tuples(st.just("row"), WORDS),
        st.tuples(st.just("page"), st.just("")),
    )
)


def test_the_parts_of_a_small_document() -> None:
    """Two slides, one with a table under a heading."""
    made = Composed()
    made.page(1)
    made.heading(1, "Sales\n2026")
    made.table([["Region", "Sum"], [], ["North", " 5\n€ "], ["", "7"]])
    made.page(2)
    made.paragraph("The end.")
    made.paragraph("Or not.", apart=False)
    text = made.text
    assert text == "Sales 2026\n\nRegion | Sum\nNorth | 5 €\n | 7\n\nThe end.\nOr not."
    assert made.headings == [Heading(1, Span(0, 10))]
    (table,) = made.tables
    assert table.header.cut(text) == "Region | Sum"
    assert [row.cut(text) for row in table.rows] == ["North | 5 €", " | 7"]
    assert [(page.number, page.span.cut(text)) for page in made.pages] == [
        (1, "Sales 2026\n\nRegion | Sum\nNorth | 5 €\n | 7"),
        (2, "The end.\nOr not."),
    ]


def test_a_row_keeps_the_places_of_empty_cells() -> None:
    """A cell is found under its header; a row without words is none."""
    assert row_text(["a", "", "c"]) == "a |  | c"
    assert row_text(["", "  ", "\n"]) == ""


@given(PARTS)
def test_nothing_is_lost_and_every_span_lies_in_the_text(parts: list[tuple[str, str]]) -> None:
    """All words come out in their order; pages follow each other and cover them."""
    made = Composed()
    made.page(1)
    for kind, words in parts:
        if kind == "paragraph":
            made.paragraph(words)
        elif kind == "heading":
            made.heading(2, words)
        elif kind == "row":
            made.table([[words, words]])
        else:
            made.page(len(made.pages) + 1)
    text = made.text
    expected = "".join(words * (1 + (kind == "row")) for kind, words in parts)
    letters = {"\x00": "\ufffd", "\ud800": "\ufffd"}
    assert [c for c in text if not c.isspace() and c != "|"] == [
        letters.get(c, c) for c in expected if not c.isspace()
    ]
    assert text == text.strip("\n")
    _check_pages(made.pages, text)
    assert all(heading.span.cut(text).strip() for heading in made.headings)


def _check_pages(pages: tuple[Page, ...], text: str) -> None:
    covered = set[int]()
    last = 0
    for page in pages:
        assert last <= page.span.start <= page.span.end <= len(text)
        last = page.span.end
        covered |= set(range(page.span.start, page.span.end))
    assert all(at in covered for at, c in enumerate(text) if not c.isspace())
