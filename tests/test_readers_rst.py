"""The reStructuredText reader, against docutils and documents written here."""

import time
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Extract
from ingest.readers import READERS, RST, ReadOptions
from ingest.readers.rst import Scan, plain

QUIET = {
    "doctitle_xform": False,
    "report_level": 5,
    "halt_level": 5,
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "warning_stream": "",
    "_disable_config": True,
}


def read(tmp_path: Path, text: str) -> Extract:
    """Return the document of a file with this text."""
    path = tmp_path / "a file.rst"
    path.write_text(text, encoding="utf-8")
    (extract,) = READERS[RST].load()(path, ReadOptions(path.name))
    assert isinstance(extract, Extract)
    return extract


def titles_of_docutils(text: str) -> list[tuple[int, str]]:
    """Return the level and the words of each section's title, as docutils finds them."""
    tree = publish_doctree(text, settings_overrides=QUIET)
    found = list[tuple[int, str]]()
    for title in tree.findall(nodes.title):
        level, above = 0, title.parent
        if not isinstance(above, nodes.section):
            continue
        while not isinstance(above, nodes.document):
            level += isinstance(above, nodes.section)
            above = above.parent
        found.append((level, title.astext()))
    return found


def titles(text: str) -> list[tuple[int, str]]:
    """Return the level and the words of each heading that our scan finds."""
    return [(h.level, plain(h.span.cut(text))) for h in Scan(text).headings]


BODIES = (
    "Some words.\nMore of them.",
    "- an item\n- another\n\n  with words\n  =====",
    "Code::\n\n    Not a title\n    ===========",
    "Quoted::\n\n> a\n> b\n> =",
    ".. note::\n\n   Not a title\n   -----------",
    ".. a comment\n   ====\n   Not a title\n   ====",
    "+---+---+\n| a | b |\n+===+===+\n| 1 | 2 |\n+---+---+",
    "===  ===\na    b\n===  ===\n1    2\n===  ===",
    "term\n    meaning\n\nother\n    meaning",
    "| a line\n| another",
    ">>> 1 + 1\n2",
    "1. one\n2. two",
    ":field: value\n:other: value",
    "__ https://example.org",
    "   a quote\n\n   of two",
    "-a  an option\n--long  another",
)
STYLES = ("=", "-", "~", "==", "^", "--", '"')
TITLES = (
    "Words", "1. Numbered", "A *marked* word", "A", "日本語の題", "Naïve café", "x = y",
    "Ends with:", "(brackets)", "C++", "What?", "e\u0301t\u00e9", "2.1 Sub",
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Draw a document of sections in right order, with bodies that hold what looks like titles."""
    parts, level = list[str](), 0
    for _ in range(draw(st.integers(1, 8))):
        level = draw(st.integers(1, min(level + 1, len(STYLES))))
        style, title = STYLES[level - 1], draw(st.sampled_from(TITLES))
        rule = style[0] * (2 * len(title) + draw(st.integers(2, 5)))
        over = f"{rule}\n" if len(style) > 1 else ""
        indent = draw(st.sampled_from(["", " "])) if over else ""
        parts.append(f"{over}{indent}{title}\n{rule}")
        parts += draw(st.lists(st.sampled_from(BODIES), max_size=2))
    return "\n\n".join(parts) + draw(st.sampled_from(["", "\n", "\n\n"]))


@settings(max_examples=150, deadline=None)
@given(documents())
def test_titles_are_those_of_docutils(text: str) -> None:
    """The same titles at the same levels, whatever stands between them."""
    assert titles(text) == titles_of_docutils(text)


LINES = (
    "Words",
    "Other words",
    "===",
    "=====",
    "----------",
    "",
    "",
    "  indented",
    "- item",
    "..",
    "a::",
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=12))
def test_odd_documents_lose_no_title(lines: list[str]) -> None:
    """What docutils takes for a title in a muddle of lines is one to us too."""
    text = "\n".join(lines)
    ours = [words for _, words in titles(text)]
    for _, words in titles_of_docutils(text):
        assert words in ours or not words.strip("=-")


def test_a_document_with_all_of_it(tmp_path: Path) -> None:
    """Fields at the head give date and facts; the text is stored as it is written."""
    text = (
        ":Date: $Date: 2024/05/01 10:00:00 $\n:Author: Ann\n   and Bob\n:orphan:\n\n"
        "=====\nThe *Title*\n=====\n\nWords € “x”.\n\nSub\n---\n\nMore.\n"
    )
    text = text.replace("=====\nThe", "===========\nThe").replace("*\n=====", "*\n===========")
    extract = read(tmp_path, text)
    assert extract.text == text
    assert (extract.title, extract.as_of, extract.as_of_source) == (
        "The Title", "2024-05-01", "front_matter",
    )  # fmt: skip
    assert extract.metadata == {"date": "2024/05/01 10:00:00", "author": "Ann and Bob"}
    found = [(h.level, h.span.cut(text)) for h in extract.headings]
    assert found == [(1, "The *Title*"), (2, "Sub")]


def test_a_field_below_the_head_is_text(tmp_path: Path) -> None:
    """Only what stands before the first words is about the document."""
    extract = read(tmp_path, "Words.\n\n:date: 2024-05-01\n")
    assert (extract.as_of, dict(extract.metadata), extract.title) == (None, {}, "a file")


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        (BODIES[6], "| a | b |", ["| 1 | 2 |"]),
        (BODIES[7], "a    b", ["1    2"]),
        (
            "+---+\n| a |\n+===+\n| 1 |\n| x |\n+---+\n| 2 |\n+---+",
            "| a |",
            ["| 1 |\n| x |", "| 2 |"],
        ),
        (
            "==  ==\n a   b\n==  ==\n 1   2\n     c\n\n 3   4\n==  ==",
            "a   b",
            ["1   2\n     c", "3   4"],
        ),
        (
            '.. csv-table:: T\n   :widths: 1, 2\n   :header: "a", b\n\n   1, "2\n   3"\n   4, 5\n',
            '"a", b',
            ['1, "2\n   3"', "4, 5"],
        ),
        (".. csv-table::\n   :header-rows: 1\n\n   a, b\n   1, 2", "a, b", ["1, 2"]),
        (
            ".. list-table::\n   :header-rows: 1\n\n   * - a\n   * - 1\n     - * x\n       * y\n",
            "* - a",
            ["* - 1\n     - * x\n       * y"],
        ),
    ],
)
def test_tables_have_header_and_rows(
    tmp_path: Path, text: str, header: str, rows: list[str]
) -> None:
    """Drawn tables and those of directives are spans of the text."""
    text = f"Before.\n\n{text}\n\nAfter.\n"
    extract = read(tmp_path, text)
    (table,) = extract.tables
    assert table.header.cut(text) == header
    assert [row.cut(text) for row in table.rows] == rows


@pytest.mark.parametrize(
    "text",
    [
        "+---+\n| a |\n+---+",
        "==  ==\na   b\n==  ==",
        "==  ==\na   b",
        ".. csv-table::\n\n   a, b\n   1, 2",
        ".. csv-table::\n   :header-rows: ²\n\n   a, b",
        ".. list-table::\n   :header-rows: 1\n",
        "+===+\n+---+",
    ],
)
def test_tables_without_header_are_text(tmp_path: Path, text: str) -> None:
    """Without a header, or without rows, there is no table to mark."""
    assert read(tmp_path, text).tables == ()


@pytest.mark.parametrize(
    "line",
    ["===\n", "a\n", "=====\na\n", ".. csv-table::\n", "+---+\n", "==  ==\n", ":a: b\n", "a::\n\n"],
)
def test_time_grows_with_length(line: str) -> None:
    """No text is slow: forty times as much takes not much more than forty times as long."""
    Scan(line * 1000)
    started = time.process_time()
    Scan(line * 1000)
    short = time.process_time() - started
    started = time.process_time()
    Scan(line * 40_000)
    assert time.process_time() - started < 400 * short + 0.5


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("=-+| :.\n\ta*\u3000\x0b\x85\u2028"), max_size=120))
def test_any_text_is_read(text: str) -> None:
    """Every span lies in the text and is in order, whatever the text is."""
    scan = Scan(text)
    last = 0
    for heading in scan.headings:
        assert last <= heading.span.start < heading.span.end <= len(text)
        assert heading.span.cut(text).strip()
        last = heading.span.end
    for table in scan.tables:
        assert 0 <= table.header.start < table.header.end <= len(text)
