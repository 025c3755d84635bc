"""Workbooks, against what other libraries wrote into them."""

import datetime as dt
import io
from collections.abc import Callable, Sequence

import msoffcrypto  # type: ignore[import-untyped]
import pytest
import xlwt  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from odfdo import Cell as OdfCell
from odfdo import Document as OdfDocument
from odfdo import Table as OdfTable
from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet

from indexes.documents import stored_form
from indexes.rows import row_at
from ingest.readers import ODS, XLS, XLSX
from ingest.readers.cell_formats import shown
from locked_xls import locked_xls
from office_files import (
    extract,
    failure,
    headings,
    pages,
    strict,
    survives,
    tables,
    unzipped,
    zipped,
)

Fill = Callable[[Worksheet], None]
Value = str | int | None


def saved(*fills: Fill, **properties: str) -> bytes:
    """Return an XLSX file with a sheet for each of `fills`, named by them."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for fill in fills:
        fill(book.create_sheet(fill.__name__))
    for name, value in properties.items():
        setattr(book.properties, name, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet(*rows: Sequence[object], name: str = "Data") -> Fill:
    """Return what fills a sheet with rows from the first one on."""

    def fill(target: Worksheet) -> None:
        for row in rows:
            target.append(list(row))

    fill.__name__ = name
    return fill


HALF_PAST_TWO = dt.datetime.fromisoformat("2024-01-05T14:30")
SALES = sheet(("Region", "Units"), ("North", 3), ("South", 4.5), name="Sales")


def test_each_sheet_is_a_page_with_its_name_above_its_rows() -> None:
    """An empty sheet has no page, and the numbers are those of all sheets."""
    found = extract(saved(SALES, sheet(name="Nothing"), sheet(("x",), name="Last")), "a.xlsx")
    assert found.text == "Sales\nRegion | Units\nNorth | 3\nSouth | 4.5\n\nLast\nx"
    assert pages(found) == {1: "Sales\nRegion | Units\nNorth | 3\nSouth | 4.5", 3: "Last\nx"}
    assert headings(found) == [(1, "Sales"), (1, "Last")]
    assert tables(found) == [("Region | Units", ["North | 3", "South | 4.5"])]
    assert (found.media_type, found.title, found.findings) == (XLSX, "a", ())


def test_values_are_written_as_people_write_them() -> None:
    """Dates in ISO 8601, no `.0`, 15 digits, the names of truth and errors."""
    row = (
        dt.date(2024, 1, 5), HALF_PAST_TWO, dt.time(4, 5), dt.timedelta(hours=30),
        True, 1e15, 0.1 + 0.2, -2.50, "#N/A", " two\nlines ", "naïve “€” ≤ 東京 שלום", 10**20,
    )  # fmt: skip
    found = extract(saved(sheet(row)), "a.xlsx")
    assert found.text.splitlines()[1].split(" | ") == [
        "2024-01-05", "2024-01-05 14:30", "04:05:00", "30:00:00", "TRUE", "1000000000000000",
        "0.3", "-2.5", "#N/A", "two lines", "naïve “€” ≤ 東京 שלום", "100000000000000000000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (0.05, "0%", "5%"),
        (0.0525, "0.0%", "5.3%"),
        (-0.5, "0%", "-50%"),
        (1234.5, '"$"#,##0.00', "$1,234.50"),
        (-3, '"$"#,##0.00_);\\("$"#,##0.00\\)', "($3.00)"),
        (1234.5, "#,##0.00\\ [$€-407]", "1,234.50 €"),
        (1234567, '[$$-409]#,##0.0,,"M"', "$1.2M"),
        (-5, '_-* #,##0.00\\ "€"_-;\\-* #,##0.00\\ "€"_-', "-5.00 €"),
        (5, "[Red]£0", "£5"),
    ],
)
def test_percentages_and_money_are_shown_as_in_the_sheet(
    value: float, code: str, words: str
) -> None:
    """The cell's format decides; a plain number keeps all its digits."""

    def formatted(target: Worksheet) -> None:
        target["B2"] = value
        target["B2"].number_format = code
        target["C2"] = 0.123456
        target["C2"].number_format = "0.00"

    assert extract(saved(formatted), "a.xlsx").text == f"formatted\n\n | {words} | 0.123456"


@given(st.floats(-1e9, 1e9), st.integers(0, 8))
def test_a_percentage_is_the_rounded_value(value: float, decimals: int) -> None:
    """Python's own formatting agrees within half a unit of the last place."""
    code = f"0.{'0' * decimals}%" if decimals else "0%"
    words = shown(value, code)
    assert words is not None
    assert abs(float(words.removesuffix("%")) - value * 100) <= 0.51 * 10**-decimals + 1e-3
    assert len(words.removesuffix("%").partition(".")[2]) == decimals


def test_blank_rows_keep_the_number_of_each_row() -> None:
    """Row n of a sheet is the nth line below its name, and so a citation can tell it."""

    def sparse(target: Worksheet) -> None:
        target["B3"], target["A7"], target["C1000"] = "three", "seven", "thousand"

    found = extract(saved(SALES, sparse), "a.xlsx")
    for words, row in (("three", 3), ("seven", 7), ("thousand", 1000), ("South", 3)):
        place = found.text.index(words)
        assert row_at(found.text, XLSX, found.pages, place) == row
    name = found.text.index("sparse")
    assert row_at(found.text, XLSX, found.pages, name) is None


GRIDS = st.lists(
    st.lists(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(10**14), 10**14),
            st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=9),
        ),
        max_size=5,
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(GRIDS)
def test_every_cell_is_on_its_row_and_in_its_column(
    grid: list[list[Value]],
) -> None:
    """Whatever is put into cells comes out of the line and place where it was put."""
    put = [[_as_text(cell) for cell in row] for row in grid]
    data = saved(sheet(*[[_no_formula(cell) for cell in row] for row in grid]))
    if not any(cell for row in put for cell in row):
        assert failure(data, "a.xlsx").reason == "empty"
        return
    lines = extract(data, "a.xlsx").text.split("\n")[1:]
    for row, cells in enumerate(put):
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            assert lines[row] == " | ".join(cells)


def _as_text(cell: Value) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    return " ".join(stored_form(str(_no_formula(cell))).split())


def _no_formula(cell: Value) -> Value:
    """Return a value that openpyxl writes as it is: no formula, no name of an error."""
    return cell.lstrip("=#") if isinstance(cell, str) else cell


def test_titles_and_notes_are_no_header() -> None:
    """The header is the row that is as wide as those below it; blank rows part tables."""
    rows: list[Sequence[object]] = [
        ("Sales of the year",), ("as of May",), ("Region", "Q1", "Q2"), ("North", 1, 2),
        ("South", 3, 4), (), ("East", 5, 6), (), ("Name", "City"), ("Ada", "Rome"), (),
        ("A note that stands alone",),
    ]  # fmt: skip
    found = extract(saved(sheet(*rows)), "a.xlsx")
    assert tables(found) == [
        ("Region | Q1 | Q2", ["North | 1 | 2", "South | 3 | 4", "East | 5 | 6"]),
        ("Name | City", ["Ada | Rome"]),
    ]


def test_a_header_in_two_lines_is_one_header() -> None:
    """The years stand once above their quarters, which are header too."""

    def two(target: Worksheet) -> None:
        for row in (
            ("", 2024, "", 2025), ("Region", "Q1", "Q2", "Q1", "Q2"),
            ("North", 1, 2, 3, 4), ("South", 5, 6, 7, 8),
        ):  # fmt: skip
            target.append(row)
        target.merge_cells("B1:C1")
        target.merge_cells("D1:E1")

    (found,) = tables(extract(saved(two), "a.xlsx"))
    assert found[0] == " | 2024 |  | 2025\nRegion | Q1 | Q2 | Q1 | Q2"
    assert found[1] == ["North | 1 | 2 | 3 | 4", "South | 5 | 6 | 7 | 8"]


def test_a_label_over_several_rows_stands_in_each() -> None:
    """Who reads a row of a sheet sees the label beside it; one over columns stands once."""

    def merged(target: Worksheet) -> None:
        for row in (
            ("Region", "Month", "Units"),
            ("North", "May", 1),
            ("", "June", 2),
            ("S", 7, 8),
        ):
            target.append(row)
        target.merge_cells("A2:A3")
        target["A6"] = "All in all"
        target.merge_cells("A6:C7")

    lines = extract(saved(merged), "a.xlsx").text.split("\n")
    assert lines[2:] == ["North | May | 1", "North | June | 2", "S | 7 | 8", "", "All in all"]


def with_chart(target: Worksheet) -> None:
    """Give a sheet some sales and a chart of them."""
    SALES(target)
    chart = BarChart()
    chart.title = "Units sold"
    chart.add_data(Reference(target, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    target.add_chart(chart, "E1")


def test_hidden_sheets_comments_and_charts_are_kept() -> None:
    """What stands beside the cells comes after all sheets, outside of their rows."""

    def hidden(target: Worksheet) -> None:
        with_chart(target)
        target.sheet_state = "veryHidden"
        target["B2"].comment = Comment("checked twice", "Ada")

    found = extract(saved(SALES, hidden, title="Figures of May", creator="Ada"), "a.xlsx")
    assert found.title == "Figures of May"
    assert found.metadata["author"] == "Ada"
    assert "hidden\nRegion | Units" in found.text
    assert "B2 (Ada): " in found.text
    assert "checked twice" in found.text
    assert "Units sold" in found.text
    note = found.text.index("checked twice")
    assert row_at(found.text, XLSX, (), note) is None
    assert all(note >= page.span.end for page in found.pages)


def test_formulas_that_nobody_computed_are_told() -> None:
    """A program that only writes formulas leaves no values; nothing is computed here."""
    found = extract(saved(sheet(("sum", "=1+1"))), "a.xlsx")
    assert found.text == "Data\nsum"
    (finding,) = found.findings
    assert (finding.code, finding.pages) == ("damaged", (1,))
    assert "1 formula has no value" in finding.message


def test_strict_and_macro_workbooks_are_read() -> None:
    """ISO 29500 strict has other namespaces; a macro is a part that nobody looks at."""
    data = saved(SALES)
    assert extract(strict(data), "a.xlsx").text == extract(data, "a.xlsx").text
    with_macro = zipped(unzipped(data) | {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 macros"})
    assert extract(with_macro, "a.xlsm").text == extract(data, "a.xlsx").text


def old_workbook() -> bytes:
    """Return an XLS file."""
    book = xlwt.Workbook()
    target = book.add_sheet("Öld")
    for row, cells in enumerate((("Name", "Größe", "Am"), ("Ada", 5, dt.date(2024, 5, 1)))):
        for column, cell in enumerate(cells):
            style = xlwt.easyxf(num_format_str="YYYY-MM-DD" if column == 2 else "General")
            target.write(row + 2, column, cell, style)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_old_workbooks_are_read() -> None:
    """The values of Excel 97's format are those of any other."""
    found = extract(old_workbook(), "a.xls")
    assert found.media_type == XLS
    assert found.text == "Öld\n\n\nName | Größe | Am\nAda | 5 | 2024-05-01"
    assert tables(found) == [("Name | Größe | Am", ["Ada | 5 | 2024-05-01"])]


def open_document(*rows: Sequence[str | float | dt.date]) -> bytes:
    """Return an ODS file."""
    book = OdfDocument("spreadsheet")
    book.body.clear()
    table = OdfTable("Tabelle 1")
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            table.set_cell((column, row), OdfCell(cell))
    book.body.append(table)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_open_document_sheets_are_read() -> None:
    """Rows and values are those that were put in."""
    data = open_document(("Name", "When"), ("Ada", dt.date(2024, 5, 1)), (), ("Bo", 2.5))
    found = extract(data, "a.ods")
    assert found.media_type == ODS
    assert found.text == "Tabelle 1\nName | When\nAda | 2024-05-01\n\nBo | 2.5"


def locked(data: bytes, password: str) -> bytes:
    """Return a document locked with a password."""
    out = io.BytesIO()
    msoffcrypto.OfficeFile(io.BytesIO(data)).encrypt(password, out)
    return out.getvalue()


def test_a_locked_workbook_is_opened_with_its_password() -> None:
    """The second of the passwords fits; none and wrong ones are told apart."""
    data = locked(saved(SALES), "open sesame")
    found = extract(data, "a.xlsx", "wrong", "open sesame")
    assert (found.media_type, found.reader) == (XLSX, "sheets/2")
    assert found.text == extract(saved(SALES), "a.xlsx").text
    assert failure(data, "a.xlsx").reason == "encrypted"
    wrong = failure(data, "a.xlsx", "wrong", "also wrong")
    assert wrong.reason == "wrong_password"
    assert "none of the 2 given" in wrong.message


def test_a_locked_old_workbook_is_opened_with_its_password() -> None:
    """Excel 97's lock is told from damage, and opened."""
    data = locked_xls(old_workbook(), "open sesame")
    assert (
        extract(data, "a.xls", "wrong", "open sesame").text == extract(old_workbook(), "a.xls").text
    )
    assert failure(data, "a.xls").reason == "encrypted"
    assert failure(data, "a.xls", "wrong").reason == "wrong_password"


def test_what_office_locks_by_itself_asks_nobody() -> None:
    """A workbook that is only guarded against changes is locked with a password that all know."""
    assert extract(locked(saved(SALES), "VelvetSweatshop"), "a.xlsx").text.startswith("Sales")


def test_a_diagram_on_a_sheet_is_read() -> None:
    """SmartArt stands in a part of its own, which the sheet's drawing refers to."""
    parts = unzipped(saved(with_chart))
    links = "xl/drawings/_rels/drawing1.xml.rels"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/diagramData"
    link = f'<Relationship Id="d" Type="{kind}" Target="../diagrams/data1.xml"/></Relationships>'
    parts[links] = parts[links].replace(b"</Relationships>", link.encode())
    parts["xl/diagrams/data1.xml"] = (
        b'<dataModel><ptLst><pt modelId="1"><t><p><r><t>Oil</t></r></p></t></pt>'
        b'<pt modelId="2"><t><p><r><t>burn</t></r></p></t></pt></ptLst>'
        b'<cxnLst><cxn srcId="1" destId="2" srcOrd="0"/></cxnLst></dataModel>'
    )
    assert "drawings\n\n- Oil\n  - burn" in extract(zipped(parts), "a.xlsx").text


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.ods", "locked.xlsx", "locked.xls"])
def test_damage_is_told(name: str) -> None:
    """A truncated or altered file gives what is left of it, or a reason."""
    made = {
        "a.xlsx": saved(SALES),
        "a.xls": old_workbook(),
        "a.ods": open_document(("a", "b"), ("c", 1.0)),
        "locked.xlsx": locked(saved(SALES), "VelvetSweatshop"),
        "locked.xls": locked_xls(old_workbook(), "VelvetSweatshop"),
    }
    survives(made[name], name, tries=12 if name == "locked.xlsx" else 60)


def test_open_document_cells_show_what_people_see() -> None:
    """Percentages and money as written in the file, comments beside the cells."""
    data = unzipped(open_document(("Share", "Price"), (0.05, 3.0), ("x", "y")))
    content = data["content.xml"]
    share = content.index(b"<table:table-cell", content.index(b"Price"))
    end = content.index(b"</table:table-row>", share)
    cells = (
        b'<table:table-cell office:value-type="percentage" office:value="0.05"><text:p>5%</text:p>'
        b"<office:annotation><dc:creator>Ada</dc:creator><text:p>checked</text:p>"
        b"</office:annotation></table:table-cell>"
        b'<table:table-cell office:value-type="currency" office:value="3"><text:p>3.00 \xe2\x82\xac'
        b"</text:p></table:table-cell>"
    )
    data["content.xml"] = content[:share] + cells + content[end:]
    found = extract(zipped(data), "a.ods")
    assert found.text == (
        "Tabelle 1\nShare | Price\n5% | 3.00 €\nx | y\n\n"
        "Tabelle 1: comments, charts and drawings\n\nA2 (Ada): checked"
    )
