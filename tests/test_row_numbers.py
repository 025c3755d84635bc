"""Which row of a sheet or CSV file a place of the stored text is in."""

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Page, Span
from indexes.rows import CSV, TSV, XLSX, row_at

CELLS = st.text(st.sampled_from('ab,;"\n é'), min_size=1, max_size=6)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), min_size=1, max_size=9))
def test_every_place_of_a_record_gives_its_number(rows: list[list[str]]) -> None:
    """Also where cells have quotation marks and line ends, as Python's own writer writes them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    starts = []
    for row in rows:
        starts.append(out.tell())
        writer.writerow(row)
    text = out.getvalue()
    for number, (start, end) in enumerate(
        zip(starts, [*starts[1:], len(text)], strict=True), start=1
    ):
        assert {row_at(text, CSV, (), place) for place in range(start, end - 1)} == {number}


def test_blank_lines_are_rows_of_csv_files() -> None:
    """The number is the one that a spreadsheet program shows beside the row."""
    text = "name\tage\n\nAda\t36\nBo\t41"
    assert [row_at(text, TSV, (), text.index(word)) for word in ("age", "Ada", "41")] == [1, 3, 4]


@pytest.mark.parametrize("end", ["", "\n", '\n"Cy",3\n'])
def test_lines_behind_an_open_quote_are_rows(end: str) -> None:
    """As the reader takes them: each has a number of its own."""
    text = f'name,age\n"Ada,1\nBo,2\nDee,4{end}'
    assert [row_at(text, CSV, (), text.index(word)) for word in ("Ada", "Bo", "4")] == [2, 3, 4]


@pytest.mark.parametrize(
    ("word", "row"), [("First", None), ("a1", 1), ("a3", 3), ("Second", None), ("b2", 2)]
)
def test_rows_of_sheets_are_counted_from_the_name(word: str, row: int | None) -> None:
    """A line below the name is a row, also a blank one; outside of the sheets there is none."""
    first, second = "First\na1\n\na3", "Second\n\nb2"
    text = f"{first}\n\n{second}\n\nNotes\n\nb2 (Ada): a word"
    pages = (
        Page(1, Span(0, len(first))),
        Page(3, Span(len(first) + 2, len(first) + 2 + len(second))),
    )
    assert row_at(text, XLSX, pages, text.index(word)) == row
    assert row_at(text, XLSX, pages, text.index("a word")) is None
    assert row_at(text, "text/plain", pages, text.index(word)) is None


def test_a_large_file_of_quotes_is_cut_in_no_time() -> None:
    """Each row is looked at by itself, not the whole text for each of them."""
    text = "".join(f'"n{number}","{"x" * 100}"\n' for number in range(60_000))
    started = time.process_time()
    assert row_at(text, CSV, (), len(text) - 2) == 60_000
    assert time.process_time() - started < 3.0
