"""The Markdown reader, against sources written here."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import MARKDOWN, READERS, ReadOptions


def read(folder: Path, source: str) -> Extract:
    """Return the document of a Markdown file with this source."""
    path = folder / "the-notes.md"
    path.write_text(source, newline="")
    (extract,) = READERS[MARKDOWN].load()(path, ReadOptions(path.name))
    assert isinstance(extract, Extract)
    return extract


def headings(extract: Extract) -> list[tuple[int, str]]:
    """Return levels and words of a document's headings."""
    return [(heading.level, heading.span.cut(extract.text)) for heading in extract.headings]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("# One\n\n## Two ##\ntext\n###### Six", [(1, "One"), (2, "Two"), (6, "Six")]),
        ("Long\ntitle\n===\n\nSub\n---\n", [(1, "Long\ntitle"), (2, "Sub")]),
        ("#not\n\n```\n# not\n```\n\n    # not\n\n# yes", [(1, "yes")]),
        ("> ## Quoted\n\n- item\n  ### In a list\n", [(2, "Quoted"), (3, "In a list")]),
        ("# A **b** `c` [d](e)", [(1, "A **b** `c` [d](e)")]),
        ("#\n\n# #\n\ntext", []),
        ("# Same\n\nSame\n\n# Same\n", [(1, "Same"), (1, "Same")]),
        ("# é漢😀\r\n\r\ntext", [(1, "é漢😀")]),
    ],
)
def test_headings(tmp_path: Path, source: str, found: list[tuple[int, str]]) -> None:
    """Headings of both kinds are found at their places, and nothing in code is one."""
    extract = read(tmp_path, source)
    assert headings(extract) == found
    starts = [heading.span.start for heading in extract.headings]
    assert starts == sorted(set(starts))


def test_the_source_is_the_text(tmp_path: Path) -> None:
    """Without front matter the stored text is the file's text."""
    source = "# Title\n\nSome *marked* text\n\n---\n\n[link]: http://example.org\n"
    assert read(tmp_path, source).text == source


@pytest.mark.parametrize(
    "front",
    [
        '---\ntitle: "A: b"\ndate: 2025-03-04\ntags: [x, y]\ndraft: true\nn: {a: 1}\n---\n',
        '+++\ntitle = "A: b"\ndate = 2025-03-04\ntags = ["x", "y"]\ndraft = true\n[n]\n+++\n',
    ],
)
def test_front_matter(tmp_path: Path, front: str) -> None:
    """Front matter gives title, date and metadata and is no part of the text."""
    extract = read(tmp_path, front + "# H\n\nwords")
    assert extract.text == "# H\n\nwords"
    assert (extract.title, extract.as_of, extract.as_of_source) == (
        "A: b",
        "2025-03-04",
        "front_matter",
    )
    assert extract.metadata == {"date": "2025-03-04", "tags": ["x", "y"], "draft": True}
    assert headings(extract) == [(1, "H")]


@pytest.mark.parametrize(
    "front",
    [
        f"---\nrating: .nan\nall: [1, -.inf]\nbig: 0x{'f' * 5000}\ndraft: true\n---\n",
        f"+++\nrating = nan\nall = [1, -inf]\nbig = 0x{'f' * 5000}\ndraft = true\n+++\n",
    ],
)
def test_front_matter_that_cannot_be_stored_is_left_out(tmp_path: Path, front: str) -> None:
    """Numbers that JSON cannot write cost their own field and nothing else."""
    extract = read(tmp_path, front + "words")
    assert (extract.text, extract.metadata) == ("words", {"draft": True})


@pytest.mark.parametrize(
    "source",
    [
        "---\n\nA rule, not front matter\n",
        "---\nnot: [closed\n---\ntext",
        "---\njust words\n---\ntext",
        "---\na: 1\n",
        "+++\nno toml\n+++\ntext",
        f"---\na: {'[' * 5000}\n---\ntext",
        f"+++\na = {'[' * 5000}\n+++\ntext",
    ],
)
def test_what_only_looks_like_front_matter_is_text(tmp_path: Path, source: str) -> None:
    """Anything but a closed block of fields stays in the text."""
    extract = read(tmp_path, source)
    assert extract.text == source
    assert extract.metadata == {}


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("## Two\n\n# One *is* `it`\n\n# Other", "One is it"),
        ("## Two\n\ntext", "the-notes"),
        ("text", "the-notes"),
    ],
)
def test_title(tmp_path: Path, source: str, title: str) -> None:
    """The title is the first heading of level 1 without its marks, else the file's name."""
    assert read(tmp_path, source).title == title


def test_tables(tmp_path: Path) -> None:
    """A pipe table has a header row and rows, each a line of the source."""
    source = "x\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\ny\n\nc | d\n--|--\n5 | 6\n"
    extract = read(tmp_path, source)
    rows = [[s.cut(source) for s in (table.header, *table.rows)] for table in extract.tables]
    assert rows == [["| a | b |", "| 1 | 2 |", "| 3 | 4 |"], ["c | d", "5 | 6"]]


@pytest.mark.parametrize("source", ["", "\n \n", "---\ntitle: x\n---\n"])
def test_no_text_is_empty(tmp_path: Path, source: str) -> None:
    """A file with nothing but front matter has no text."""
    with pytest.raises(ReadFailure) as caught:
        read(tmp_path, source)
    assert caught.value.reason == "empty"


lines = st.sampled_from(
    ["# h", "## h *x*", "h", "===", "---", "```", "- h", "  # h", "> # h", "| a | b |", "|-|-|",
     "", "\t", "    # h", "<!-- # h", "-->", "# \u2028 h", "\x0b# h", "1. # h", "#\th\t#"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(source=st.lists(lines, min_size=1, max_size=30).map("\n".join).map(lambda s: s + "\nend"))
def test_spans_are_always_true(tmp_path_factory: pytest.TempPathFactory, source: str) -> None:
    """Whatever the source, a heading is words of one block, and table rows are whole lines."""
    extract = read(tmp_path_factory.getbasetemp(), source)
    for heading in extract.headings:
        words = heading.span.cut(extract.text)
        assert words == words.strip(" \t\n")
        assert words
    lines_of = set(extract.text.split("\n"))
    for table in extract.tables:
        assert {span.cut(extract.text) for span in (table.header, *table.rows)} <= lines_of
