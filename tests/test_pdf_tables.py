"""Tables found by layout, drawn here as text: a letter is 5 wide, a line is 10 high."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.readers.composed import CELL_END
from ingest.readers.pdf_tables import FoundTable, find
from ingest.readers.pdf_words import Word, pieces, stretches

WIDTH, HEIGHT, LEADING = 5.0, 10.0, 12.0


def words(drawing: str) -> Iterator[Word]:
    """Yield the words of a drawing with the boxes that they have in it."""
    start = 0
    for number, line in enumerate(drawing.split("\n")):
        bottom = 800 - LEADING * number
        for match in re.finditer(r"\S+", line):
            left, right = WIDTH * match.start(), WIDTH * match.end()
            place = start + match.start()
            yield Word(match[0], place, place + len(match[0]), left, right, bottom, bottom + HEIGHT)
        start += len(line) + 1


def tables(drawing: str) -> list[FoundTable]:
    """Return the tables of a drawing."""
    return find(list(words(drawing.strip("\n"))))


def table(drawing: str) -> tuple[str, str]:
    """Return header and rows of the one table of a drawing."""
    (found,) = tables(drawing)
    return "\n".join(found.header), "\n".join(found.rows)


STATEMENT = """
                 Consolidated Balance Sheets of a Company and its Subsidiaries
                                                     December 31,      December 31,
(In millions)                                            2018              2017
Assets
Current assets:
  Cash and cash equivalents                          $    2,853        $    3,053
  Securities, less $95 and $103                             380             1,076
  Deferred taxes                                              —               248
  Inventories (Note 5)                                   (1,292)             (218)
Total assets                                         $  236,500        $  237,987
The accompanying notes are an integral part of these consolidated financial statements.
"""


def test_a_statement() -> None:
    """Signs go with their values, headers of two lines with each other, sections stay rows."""
    assert table(STATEMENT) == (
        "(In millions) | December 31, 2018 | December 31, 2017",
        """Assets
Current assets:
Cash and cash equivalents | $ 2,853 | $ 3,053
Securities, less $95 and $103 | 380 | 1,076
Deferred taxes | — | 248
Inventories (Note 5) | (1,292) | (218)
Total assets | $ 236,500 | $ 237,987""",
    )


def test_only_the_table_is_taken() -> None:
    """Title and note around a table are not part of it."""
    (found,) = tables(STATEMENT)
    text = STATEMENT.strip("\n")
    assert text[: found.start].strip() == text.split("\n")[0].strip()
    assert text[found.end :].strip() == text.split("\n")[-1]


def test_empty_cells_keep_their_place() -> None:
    """A value stands under its header also where cells before it are empty."""
    drawing = """
                      Total       Capital      Earnings      Interest
Balance 2015       $ 11,468       $ 4,800      $ 36,296        $   39
Net income            5,058                       5,050             8
Dividends            (2,678)                     (2,678)
Compensation            270           270
Balance 2016       $ 10,343       $ 5,070      $ 37,907        $   45
"""
    header, rows = table(drawing)
    assert header == " | Total | Capital | Earnings | Interest"
    assert rows.split("\n")[1:4] == [
        "Net income | 5,058 |  | 5,050 | 8",
        "Dividends | (2,678) |  | (2,678)",
        "Compensation | 270 | 270",
    ]


def test_headers_that_span_columns() -> None:
    """They are lines of their own, above the first of their columns."""
    drawing = """
                        Three Months Ended           Six Months Ended
                       2023           2022          2023           2022
Net sales           $ 16,693       $ 15,446      $ 31,819       $ 30,410
Gross profit           2,090          1,963         4,136          3,865
Effective rate         16.2%           6.4%         15.8%          14.6%
"""
    header, rows = table(drawing)
    assert header == (" | Three Months Ended |  | Six Months Ended\n | 2023 | 2022 | 2023 | 2022")
    assert rows.split("\n")[2] == "Effective rate | 16.2% | 6.4% | 15.8% | 14.6%"


def test_one_header_over_an_odd_number_of_columns() -> None:
    """It is not mixed with the year that it happens to stand above."""
    drawing = """
                          Years Ended June 30,
                  2023           2022           2021
Income          $ 1,048        $   805        $   939
Tax                (193)          (300)          (261)
Net income      $   855        $   505        $   678
"""
    assert table(drawing)[0] == " | Years Ended June 30,\n | 2023 | 2022 | 2021"


def test_labels_of_several_lines() -> None:
    """The parts of a label come together, whether its values stand beside the first or the last."""
    drawing = """
                                              2017        2016
Common stock, 1,500 shares authorized; shares
outstanding: 967 shares on December 30, and
935 shares on May 31                             9           9
Depreciation of property and equipment       1,460       1,364
and amortization
Accumulated deficit                         (7,760)     (7,803)
"""
    stock = " ".join(" ".join(drawing.split("\n")[2:5]).split()[:-2])
    assert table(drawing)[1].split("\n") == [
        f"{stock} | 9 | 9",
        "Depreciation of property and equipment and amortization | 1,460 | 1,364",
        "Accumulated deficit | (7,760) | (7,803)",
    ]


def test_a_table_ends_where_another_has_other_columns() -> None:
    """Each of two tables below each other has its own header."""
    drawing = """
                        2018        2017
Sales                $ 1,000       $ 900
Cost                    (600)       (500)
Profit               $   400       $ 400
Supplemental information       2018           2017           2016
Beginning balance        49,148,819     47,306,778     34,702,932
Ending balance           67,457,888     49,148,819     47,306,778
"""
    first, second = tables(drawing)
    assert first.header == (" | 2018 | 2017",)
    assert second.header == ("Supplemental information | 2018 | 2017 | 2016",)
    assert second.rows[1] == "Ending balance | 67,457,888 | 49,148,819 | 47,306,778"


def test_columns_of_words() -> None:
    """Words beside values have columns of their own."""
    drawing = """
Director              Role            Shares        Since
Virginia Drosos       Chair          659,810         2014
Alan Feldman          Member       4,760,830         2015
Dona Young            Member       3,876,257         2001
"""
    header, rows = table(drawing)
    assert header == "Director | Role | Shares | Since"
    assert rows.split("\n")[1] == "Alan Feldman | Member | 4,760,830 | 2015"


def test_dots_go_with_the_label() -> None:
    """Dots that lead to a value do not tear it from its column."""
    drawing = """
                                    2024          2023
Revenue . . . . . . . . . . .     $ 5,120       $ 4,980
Cost of goods. . . . . . . . .     (3,010)       (2,900)
Margin . . . . . . . . . . . .      41.2%         41.8%
"""
    rows = [row.split(CELL_END) for row in table(drawing)[1].split("\n")]
    assert [row[1:] for row in rows] == [
        ["$ 5,120", "$ 4,980"],
        ["(3,010)", "(2,900)"],
        ["41.2%", "41.8%"],
    ]
    assert rows[0][0].startswith("Revenue . .")


def test_marks_of_footnotes_stay_with_their_value() -> None:
    """A mark in brackets after a value is no value of its own."""
    drawing = """
                       2024             2023
Units sold            1,200 (a)        1,100
Returns                  35 (b)           41 (b)
Net units             1,165            1,059
"""
    assert table(drawing)[1].split("\n")[:2] == [
        "Units sold | 1,200 (a) | 1,100",
        "Returns | 35 (b) | 41 (b)",
    ]


TWO_COLUMNS = """
We sold the plant in 2017 for $ 12.5     million less than in 2015, which is
million, and in 2018 we closed three     why the 4,000 people that we employed
others with 1,200 people in total. A     in 2014 have become 2,350 by now. The
charge of $ 95 was taken in 2016, and    rest is discussed below, in Item 7A.
"""
CONTENTS = """
Item 1.     Business                                               4
Item 1A.    Risk Factors                                          10
Item 2.     Properties                                            10
Item 3.     Legal Proceedings                                     21
Item 5.     Market for the Registrant's Common Equity             23
"""
NUMBERED_CONTENTS = """
1          Introduction                                            1
1.1        What came before                                        2
1.2        What is new                                             9
2          Methods                                                14
3          Results                                                22
"""
LIST = """
(1)    Amounts reflect the adoption of the new standard in 2016.
(2)    See Note 12, which was amended on May 3, 2017.
(3)    Includes $ 12 million in 2018 and $ 14 million in 2017.
(4)    None.
"""
ADDRESS = """
Afterword Corporation
12 Harbour Street, Suite 400
Springfield 62701
Telephone: 217 555 0134
"""
EXHIBITS = """
10.6    Form of the 2013 incentive plan, incorporated by reference to Exhibit 10.2 to
        Amendment No. 4 of the statement on Form S-4
10.7    Compensation plan for directors, incorporated by reference to Exhibit 4.3 to
        the statement filed on September 12, 2012
10.8    Form of agreement, incorporated by reference to Exhibit 10.1 to the report on
        Form 8-K
"""
JUSTIFIED = """
The   net   sales   of   2018   were   higher   than   those   of   2017   by   3%.
In  the  first  quarter  of  2018,  40,  and  in  the  second,  55  stores  opened.
Of  these  stores,  12  are  in  Canada  and  7  are  in  Mexico,  as  in  2017.  A
further  14  stores  are  planned  for  2019,  of  which  9  will  be  in  Canada.
"""


@pytest.mark.parametrize(
    "drawing", [TWO_COLUMNS, CONTENTS, NUMBERED_CONTENTS, LIST, ADDRESS, EXHIBITS, JUSTIFIED]
)
def test_what_is_no_table(drawing: str) -> None:
    """Prose, contents, lists and addresses stay as they are, though they have numbers."""
    assert tables(drawing) == []


@pytest.mark.parametrize("drawing", [TWO_COLUMNS, "word " * 40 + "\n" + "word " * 40])
def test_pages_without_rows_are_not_looked_at(drawing: str) -> None:
    """Their words need no boxes, which is what takes time."""
    lines = [line[:90] for line in drawing.split("\n")]
    assert stretches("\r\n".join(lines)) == []


def test_a_page_in_one_line_is_looked_at() -> None:
    """Some files leave no line ends; there boxes alone tell the rows."""
    text = " ".join(STATEMENT.split())
    assert stretches(text) == [(0, len(text))]


cells = st.text(alphabet="abcXYZ.,$()%—0123456789|*", min_size=1, max_size=8)
drawings = st.lists(
    st.lists(st.tuples(cells, st.integers(1, 20)), min_size=1, max_size=6), min_size=1, max_size=12
).map(lambda rows: "\n".join("".join(word + " " * gap for word, gap in row) for row in rows))


@given(drawings)
def test_no_letter_is_lost(drawing: str) -> None:
    """Whatever the words: tables follow each other, and each has the letters of its span."""
    found = find(list(words(drawing)))
    for one, other in pairwise(found):
        assert one.end <= other.start
    for each in found:
        shown = Counter("".join([*each.header, *each.rows]).replace(" ", ""))
        given_letters = Counter(re.sub(r"\s", "", drawing[each.start : each.end]))
        del shown["|"], given_letters["|"]
        assert shown == given_letters


numbers = st.integers(-99_999, 99_999).map(lambda n: f"({-n:,})" if n < 0 else f"{n:,}")


@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=3, max_size=9))
def test_every_value_is_found_in_its_column(values: list[list[str]]) -> None:
    """A table of right-aligned values is found whole, with each value under its year."""
    lines = [" " * 20 + "".join(f"{year:>16}" for year in (2024, 2023, 2022))]
    for number, row in enumerate(values):
        lines.append(f"{f'Line item {chr(65 + number)}':20}" + "".join(f"{v:>16}" for v in row))
    header, rows = table("\n".join(lines))
    assert header.split(CELL_END) == ["", "2024", "2023", "2022"]
    assert [row.split(CELL_END)[1:] for row in rows.split("\n")] == values


def test_words_with_leading_dots_are_parted() -> None:
    """A label that dots tie to its number is a word of its own, and nothing else is parted."""
    text = "Cash........12,5 a...b \ufffe non\ufffetaxable\nx"
    found = [text[start:end] for start, end in pieces(text, 0, len(text))]
    assert found == ["Cash........", "12,5", "a...b", "\ufffe", "non\ufffe", "taxable", "x"]
