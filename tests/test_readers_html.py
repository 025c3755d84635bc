"""The HTML reader, against pages written here and the words that a browser shows of them."""

from pathlib import Path

import pytest

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import HTML, READERS, ReadOptions


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Give the path of a page."""
    return tmp_path / "page one.html"


def read(page: Path, content: str | bytes) -> Extract:
    """Return the document of a page with this content."""
    page.write_bytes(content if isinstance(content, bytes) else content.encode())
    (extract,) = READERS[HTML].load()(page, ReadOptions(page.name))
    assert isinstance(extract, Extract)
    return extract


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One  two\n three</p><p>Four</p>", "One two three\n\nFour"),
        ("one<br>two<br><br>three", "one\ntwo\nthree"),
        ("<p>a <b>bold</b>, <i>i</i>talic<b> word </b>end", "a bold, italic word end"),
        ("<ul><li>one<li>two <ul><li>inner</ul></ul>after", "- one\n- two\n\n- inner\n\nafter"),
        ("<ol><li>one<li><p>two</p></ol>", "1. one\n\n2. two"),
        ("<ol start=3><li>a<ul><li>b</ul><li>c</ol><ol><li>d</ol>", "3. a\n\n- b\n\n4. c\n\n1. d"),
        ("<ol start=x><li><li>b<li><h3>c</h3>d</ol>e", "2. b\n\nc\n\nd\n\ne"),
        ("<li>alone</li>", "- alone"),
        ("<table><tr><th>a<th>b<tr><td><ul><li>c</ul><td>d</table>", "a | b\nc | d"),
        ("<div>a</div>b<div><div>c</div></div>", "a\n\nb\n\nc"),
        ("<dl><dt>term<dd>meaning</dl>", "term\nmeaning"),
        ("AT&amp;T &lt;x&gt; &eacute; &#8364; &nbsp;.", "AT&T <x> é € \xa0."),
        ("<pre><code>def f():\n    return 1\n</code></pre>x", "def f():\n    return 1\n\nx"),
        ("a<script>no()</script><style>p{}</style><template>no</template>b", "ab"),
        ("<nav><a>Home</a></nav><noscript>no</noscript><!-- no --><p>yes", "yes"),
        ("<p hidden>no</p><p style='color:red; display: none'>no</p>yes", "yes"),
        ("<p>H<sub>2</sub>O and x<sup>2</sup>", "H2O and x2"),
        ("<details><summary>More</summary>inside</details>", "More\ninside"),
        ("<p>open <div>crooked</p> html", "open\n\ncrooked\n\nhtml"),
        ("<button>Press</button> <textarea>kept\n text</textarea>", "Press kept\n text"),
        ("<math><mi>x</mi><mo>=</mo><mn>2</mn></math>", "x=2"),
    ],
)
def test_what_is_shown_is_stored(page: Path, html: str, text: str) -> None:
    """Words, their order and the breaks between blocks are those that a browser shows."""
    assert read(page, f"<title>t</title><body>{html}").text == text


def test_headings_are_spans_with_levels(page: Path) -> None:
    """Each heading is found at its place, without the words around it."""
    extract = read(page, "<h1>A <em>b</em></h1>x<h3> C\n d </h3>y<h2></h2><div><h2>E</h2></div>")
    found = [(heading.level, heading.span.cut(extract.text)) for heading in extract.headings]
    assert found == [(1, "A b"), (3, "C d"), (2, "E")]


def test_data_tables_are_rows_of_cells(page: Path) -> None:
    """A row is a line, cells are parted by bars, and the header row is known."""
    extract = read(
        page,
        "<p>Before</p><table><caption>Rates</caption>"
        "<thead><tr><th>Land</th><th></th><th>Rate</th></tr></thead>"
        "<tr><td><p>Aland</p><p>and more</p></td><td></td><td>5&nbsp;%</td></tr>"
        "<tr><td>Beland</td><td>x</td><td></td></tr></table><p>After</p>",
    )
    assert extract.text == (
        "Before\n\nRates\nLand | | Rate\nAland and more | | 5\xa0%\nBeland | x |\n\nAfter"
    )
    (table,) = extract.tables
    assert table.header.cut(extract.text) == "Land | | Rate"
    assert [row.cut(extract.text) for row in table.rows] == [
        "Aland and more | | 5\xa0%",
        "Beland | x |",
    ]


def test_header_may_be_several_rows_or_none(page: Path) -> None:
    """Rows of header cells are one header; a table without them has rows all the same."""
    two = read(
        page,
        "<table><tr><th>A<th>B</tr><tr><th>a<th>b</tr><tr><th>x<td>1</tr><tr><td>y<td>2</tr></table>",
    )
    assert two.tables[0].header.cut(two.text) == "A | B\na | b"
    assert len(two.tables[0].rows) == 2
    none = read(page, "<table><tr><td>x<td>1</tr><tr><td>y<td>2</tr></table>")
    assert none.text == "x | 1\ny | 2"
    assert none.tables == ()


def test_tables_that_arrange_a_page_are_read_cell_by_cell(page: Path) -> None:
    """A table around other tables is not data; the ones inside are."""
    extract = read(
        page,
        "<table><tr><td><h2>Left</h2><p>words</p></td><td><table>"
        "<tr><th>k<th>v</tr><tr><td>a<td>1</tr></table></td></tr></table>",
    )
    assert extract.text == "Left\n\nwords\n\nk | v\na | 1"
    assert len(extract.tables) == 1


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title> The\n title </title>", "The title"),
        ("<title></title>", "Heading"),
        ("", "Heading"),
    ],
)
def test_title(page: Path, head: str, title: str) -> None:
    """The title is the page's, else its first heading of level 1."""
    assert read(page, f"<head>{head}</head><body>x<h1>Heading</h1>").title == title


def test_title_of_a_part_of_a_page(page: Path) -> None:
    """A heading of any level with which a page begins is its title; a later one is of a part."""
    assert read(page, "<h3>Heading</h3><p>words").title == "Heading"
    assert read(page, "<p>words<h3>Heading</h3>").title == "page one"


def test_title_of_a_bare_page_is_the_name(page: Path) -> None:
    """Without title and heading the file's name stands in."""
    assert read(page, "<p>words").title == "page one"


@pytest.mark.parametrize(
    ("head", "as_of"),
    [
        ('<meta property="article:published_time" content="2025-03-04T05:06:07Z">', "2025-03-04"),
        ('<meta name="DC.date" content="2025-03-04">', "2025-03-04"),
        ('<meta name="date" content="04 March 2025">', "2025-03-04"),
        (
            '<script type="application/ld+json">{"datePublished": "2025-03-04"}</script>',
            "2025-03-04",
        ),
        ('<time datetime="2025-03-04">4 March</time>', "2025-03-04"),
        ('<time datetime="2025-03-04">a</time><time datetime="2025-03-05">b</time>', None),
        ('<meta name="date" content="soon">', None),
        ("", None),
    ],
)
def test_date(page: Path, head: str, as_of: str | None) -> None:
    """The page's own date is taken where it states one."""
    extract = read(page, f"{head}<p>words")
    assert extract.as_of == as_of
    assert extract.as_of_source == (None if as_of is None else "content")


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        ('<meta charset="iso-8859-8">', "iso-8859-8"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=windows-1255">', "cp1255"),
        ('<?xml version="1.0" encoding="iso-8859-8"?><html>', "iso-8859-8"),
        ('<meta charset="iso-8859-8">', "utf-8"),
        ("", "utf-16"),
    ],
)
def test_declared_encoding(page: Path, mark: str, encoding: str) -> None:
    """A declared encoding is honoured, a byte order mark and valid UTF-8 before it."""
    words = "שלום עולם"
    assert read(page, f"{mark}<p>{words}".encode(encoding)).text == words


def test_deep_nesting_and_size_are_no_trouble(page: Path) -> None:
    """Ten thousand nested elements are read, in time that grows with the page."""
    extract = read(page, "<div>" * 10_000 + "deep" + "</div>" * 10_000 + "<p>after</p>" * 2000)
    assert extract.text.startswith("deep\n\nafter")


@pytest.mark.parametrize("content", ["<p> </p>", "<script>x</script>", "<p hidden>x</p>"])
def test_a_page_that_shows_nothing_is_empty(page: Path, content: str) -> None:
    """Pages without visible words are refused."""
    with pytest.raises(ReadFailure) as caught:
        read(page, content)
    assert caught.value.reason == "empty"
    assert "print the page to PDF" in caught.value.message


def test_white_space_at_the_end_is_in_no_row(page: Path) -> None:
    """What a page ends with may be kept as it is written, and is still no text."""
    extract = read(page, "<table><tr><th>a<th>b<tr><td>1<td><pre>2  \n </pre></table>")
    assert extract.text == "a | b\n1 | 2"
    assert [row.cut(extract.text) for row in extract.tables[0].rows] == ["1 | 2"]
    assert extract.tables[0].rows[-1].end == len(extract.text)
