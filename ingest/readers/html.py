"""HTML: what a reader of the page sees, block by block, with headings and tables marked.

Parsed by lexbor (through selectolax), an implementation of the WHATWG's HTML standard.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexes.documents import Extract, Heading, Span, Table, stored_form
from indexes.errors import ReadFailure
from ingest.readers import HTML, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode

_CHARSET: Final = re.compile(rb"(?i)<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]+)")
_HEAD: Final = 4096
_UNSEEN: Final = frozenset(
    ("script", "style", "noscript", "template", "head", "title", "meta", "link", "svg", "math",
     "object", "iframe", "canvas", "audio", "video", "select", "datalist")
)  # fmt: skip
_BLOCKS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog",
     "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3",
     "h4", "h5", "h6", "header", "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "p",
     "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul")
)  # fmt: skip
_LINES: Final = frozenset(("li", "tr", "dt", "dd", "br", "option", "caption"))
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_DATE_NAMES: Final = (
    "article:modified_time", "article:published_time", "dcterms.modified", "dcterms.date",
    "dc.date", "last-modified", "date",
)  # fmt: skip
_SPACE: Final = re.compile(r"[ \t\n\f\r]+")


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the page. Raises ReadFailure `empty`, `wrong_type`."""
    data = path.read_bytes()
    declared = _CHARSET.search(data[:_HEAD])
    decoded = decode(data, declared[1].decode("ascii") if declared else None)
    parser = LexborHTMLParser(decoded.text)
    layout = _Layout()
    if parser.body is not None:
        layout.visit(parser.body)
    text = "".join(layout.pieces).rstrip()
    if not text:
        raise ReadFailure("empty", "the page shows no text; there is nothing to find in it")
    as_of = _date(parser)
    first = next((h.span.cut(text) for h in layout.headings if h.level == 1), None)
    yield Extract(
        text,
        HTML,
        _title(parser) or first or options.stem,
        headings=tuple(layout.headings),
        tables=tuple(layout.tables),
        as_of=as_of,
        as_of_source="content" if as_of else None,
        findings=decoded.findings,
    )


def _title(parser: LexborHTMLParser) -> str:
    node = parser.css_first("title")
    return " ".join(stored_form(node.text()).split()) if node else ""


def _date(parser: LexborHTMLParser) -> str | None:
    found = {}
    for node in parser.css("meta[content]"):
        attributes = node.attributes
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
        found[(name or "").lower()] = attributes.get("content")
    given = [found.get(name) for name in _DATE_NAMES]
    given += [node.attributes.get("datetime") for node in parser.css("time[pubdate]")]
    return next((date for value in given if (date := iso_date(value))), None)


class _Layout:
    """Collects the text of a page; `pieces` joined are the stored text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.headings: list[Heading] = []
        self.tables: list[Table] = []
        self._length = 0
        self._gap = 0  # line ends that are due before the next word
        self._space = False

    def visit(self, root: LexborNode) -> None:
        """Walk the tree without recursion: pages may nest deeper than Python's stack."""
        stack: list[tuple[LexborNode, int | None]] = [(root, None)]
        rows: dict[int, list[Span]] = {}
        while stack:
            node, entered = stack.pop()
            if entered is not None:
                self._leave(node, entered, rows)
                continue
            tag = node.tag or ""
            if node.is_text_node:
                self._text(node)
            elif tag in _UNSEEN or node.is_comment_node or "hidden" in node.attributes:
                continue
            else:
                self._break(tag)
                stack.append((node, self._start_of_next()))
                children = list(node.iter(include_text=True))
                stack += [(child, None) for child in reversed(children)]

    def _start_of_next(self) -> int:
        return self._length + (min(self._gap, 2) if self._length else 0)

    def _break(self, tag: str) -> None:
        if tag in _LINES:
            self._gap = max(self._gap, 1)
        elif tag in _BLOCKS:
            self._gap = max(self._gap, 2)

    def _text(self, node: LexborNode) -> None:
        raw = stored_form(node.text_content or "")
        if node.parent is not None and node.parent.tag in ("pre", "textarea"):
            self._add(raw.strip("\n"))
            return
        words = _SPACE.sub(" ", raw)
        if words.startswith(" "):
            self._space = True
        if words.strip(" "):
            self._add(words.strip(" "))
            self._space = words.endswith(" ")

    def _add(self, words: str) -> None:
        if not words:
            return
        before = ""
        if self.pieces:
            before = "\n" * min(self._gap, 2) or (" " if self._space else "")
        self._gap, self._space = 0, False
        self.pieces += [before, words]
        self._length += len(before) + len(words)

    def _leave(self, node: LexborNode, start: int, rows: dict[int, list[Span]]) -> None:
        tag = node.tag or ""
        if self._length > start:
            if tag in _HEADINGS:
                self.headings.append(Heading(_HEADINGS[tag], Span(start, self._length)))
            elif tag == "tr":
                rows.setdefault(_table_of(node), []).append(Span(start, self._length))
        if tag == "table":
            spans = rows.pop(node.mem_id, [])
            if len(spans) > 1 and node.css_first("th") is not None:
                self.tables.append(Table(spans[0], tuple(spans[1:])))
        if tag in ("td", "th") and self._length > start:
            self._add_separator()
        self._break(tag)

    def _add_separator(self) -> None:
        self.pieces.append(" |")
        self._length += 2
        self._space = True


def _table_of(row: LexborNode) -> int:
    node = row.parent
    while node is not None and node.tag != "table":
        node = node.parent
    return node.mem_id if node is not None else 0
