"""Rows of tables: their cells against the csv module, and how the reader is shown them."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import StoredChunk
from indexes.lexical import terms
from service.rows import table_rows
from service.shown import shown
from stored_chunks import stored_chunk

CELLS = st.text(st.sampled_from('ab1,;"\n |é'), max_size=6)
GRIDS = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=2, max_size=5)
)
OFFICES = (
    "| City | Country | People |\n|---|---|---|\n| Porto | Portugal | 31 |\n| Graz | Austria | 47 |"
)
HEADER = "| City | Country | People |"


def table(
    text: str, header: str, media_type: str = "text/markdown", start: int = 40
) -> StoredChunk:
    """Return a chunk that is cut from a table."""
    return replace(stored_chunk(text, start), header=header, media_type=media_type, title="Offices")


def said(chunk: StoredChunk) -> list[list[tuple[str, str]]]:
    """Return each row as pairs of its columns' names and its cells."""
    return [
        [(name, chunk.cut(cell)) for cell, name in zip(row.cells, row.names, strict=True)]
        for row in table_rows(chunk)
    ]


def test_rows_of_a_document() -> None:
    """Neither the header nor the rule below it is a row; a bar at both ends is no cell."""
    assert said(table(OFFICES, HEADER)) == [
        [("City", "Porto"), ("Country", "Portugal"), ("People", "31")],
        [("City", "Graz"), ("Country", "Austria"), ("People", "47")],
    ]
    assert said(table("Graz |  | 47\nLyon", "City | Country | People", "text/html")) == [
        [("City", "Graz"), ("People", "47")],
        [("City", "Lyon")],
    ]


def test_a_header_of_two_rows_names_with_both() -> None:
    """Years stand under what they are years of."""
    header = " | Sales |  | Costs\n | 2020 | 2021 | 2021"
    assert said(table("Graz | 1 | 2 | 3", header, "application/pdf"))[0][1:] == [
        ("Sales 2020", "1"),
        ("2021", "2"),
        ("Costs 2021", "3"),
    ]


def test_a_name_above_all_columns_tells_none_apart() -> None:
    """It stands above the first one, which is no more of that year than the others."""
    header = "(Millions) | Year ended December 31, 2017\n | Asia | Europe | Worldwide"
    chunk = table("Net sales | 9 | 6 | 31", header, "application/pdf")
    (row,) = table_rows(chunk)
    assert shown(chunk, {}).text.split("\n")[1:] == [
        "(Millions) Year ended December 31, 2017",
        "Net sales; Asia: 9; Europe: 6; Worldwide: 31",
    ]
    assert row.names[1:] == ("Year ended December 31, 2017 Asia", "Europe", "Worldwide")
    assert row.apart == ("", "Asia", "Europe", "Worldwide")
    header = " | Sales |  | Costs\n | 2020 | 2021 | 2021"
    (row,) = table_rows(table("Graz | 1 | 2 | 3", header, "application/pdf"))
    assert row.apart == row.names
    (row,) = table_rows(table("Weight | 1.4 kg", "Property | Value", "text/html"))
    assert row.apart == row.names == ("Property", "Value")


def test_prose_has_no_rows() -> None:
    """Only what was cut from a table has."""
    assert table_rows(stored_chunk("a | b\nc | d")) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@given(GRIDS)
def test_cells_are_those_of_the_csv_module(delimiter: str, grid: list[list[str]]) -> None:
    """Quoted cells too, with delimiters, quotes and line ends in them."""
    names = [f"n{at}" for at in range(len(grid[0]))]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(grid)
    expected = [
        [(name, cell.strip()) for name, cell in zip(names, row, strict=True) if has_word(cell)]
        for row in grid
    ]
    chunk = table(out.getvalue(), delimiter.join(names), "text/csv")
    found = [[(name, cell.replace('""', '"')) for name, cell in row] for row in said(chunk)]
    assert found == [row for row in expected if row]


def has_word(cell: str) -> bool:
    """Tell whether a cell has a letter or digit."""
    return any(letter.isalnum() for letter in cell)


def test_rows_are_shown_as_sentences() -> None:
    """Each cell has its column's name; the rows that are asked about are shown alone."""
    chunk = table(OFFICES, HEADER)
    weights = dict.fromkeys(terms("people Graz"), 1.0)
    seen = shown(chunk, weights)
    assert seen.text == "Offices\nCity: Graz; Country: Austria; People: 47"
    assert [seen.text[begin:][: span.end - span.start] for begin, span in seen.own] == [
        "Graz",
        "Austria",
        "47",
    ]
    assert [chunk.cut(span) for _, span in seen.own] == ["Graz", "Austria", "47"]
    assert "Porto" in shown(chunk, {}).text


def test_of_two_columns_the_first_names_the_second() -> None:
    """`Weight | 1.4 kg` needs no names of columns; they stand above."""
    chunk = table("Weight | 1.4 kg\nHeight | 20 cm", "Property | Value", "text/html")
    assert shown(chunk, {}).text == "Offices\nProperty | Value\nWeight: 1.4 kg\nHeight: 20 cm"


@given(GRIDS, st.sets(st.sampled_from(["a", "b", "1", "ab"])))
def test_what_is_shown_are_the_documents_own_words(grid: list[list[str]], asked: set[str]) -> None:
    """Each stretch lies in the shown text at its place, in order, and none is shown twice."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(grid)
    chunk = table(out.getvalue(), ",".join("abcd"[: len(grid[0])]), "text/csv")
    seen = shown(chunk, dict.fromkeys(asked, 1.0))
    for begin, span in seen.own:
        assert seen.text[begin : begin + span.end - span.start] == chunk.cut(span)
    spans = [span for _, span in seen.own]
    assert spans == sorted(set(spans))


def test_a_long_table_is_not_shown_whole() -> None:
    """As much as a chunk of prose has; a row that is longer alone is shown all the same."""
    rows = "\n".join(f"{n} | {'word ' * 20} | x" for n in range(50))
    assert 400 < len(shown(table(rows, "n | words | x"), {}).text) < 1200
    assert len(shown(table(f"1 | {'word ' * 400} | x", "n | words | x"), {}).text) > 2000


def test_a_header_with_other_signs_in_quotes_is_cut_where_its_cells_end() -> None:
    """What stands in quotes parts no cells, however often it is there."""
    chunk = table("Ada,36\nBo,41", '"name; also, first; second; third",age', "text/csv")
    name = "name; also, first; second; third"
    assert said(chunk) == [[(name, "Ada"), ("age", "36")], [(name, "Bo"), ("age", "41")]]
