"""HTML: what a reader of the page sees, block by block, with headings and tables marked.

Parsed by lexbor (through selectolax), an implementation of the WHATWG's HTML standard.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexes.documents import Extract, Heading, Span, Table, stored_form
from indexes.errors import ReadFailure
from ingest.readers import HTML, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode

_CHARSET: Final = re.compile(
    rb"(?i)(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?\s*([\w.:-]+)"
)
_HEAD: Final = 4096
_UNSEEN: Final = frozenset(
    ("script", "style", "noscript", "template", "head", "title", "meta", "link", "svg", "nav",
     "object", "iframe", "canvas", "audio", "video", "select", "datalist")
)  # fmt: skip
_HIDDEN: Final = re.compile(r"(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)")
_PARAGRAPHS: Final = frozenset(
    ("address", "article", "aside", "blockquote", "body", "center", "details", "dialog", "div",
     "dl", "fieldset", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
     "hgroup", "hr", "main", "menu", "ol", "p", "pre", "section", "table", "ul")
)  # fmt: skip
_LINES: Final = frozenset(
    ("br", "caption", "dd", "dt", "figcaption", "legend", "li", "option", "summary", "tr")
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_LISTS: Final = frozenset(("ol", "ul", "menu"))
_DIGITS: Final = 7
_CELLS: Final = frozenset(("td", "th"))
_VERBATIM: Final = frozenset(("pre", "textarea", "listing"))
# A table with one of these inside arranges the page; its cells are read one after another.
_ARRANGED: Final = "h1, h2, h3, h4, form, article, section"
_DATE_NAMES: Final = (
    "article:modified_time", "article:published_time", "dcterms.modified", "dcterms.date",
    "dc.date", "datemodified", "datepublished", "citation_publication_date", "last-modified",
    "date",
)  # fmt: skip
_JSON_DATE: Final = re.compile(r'"(dateModified|datePublished)"\s*:\s*"([^"]{8,40})"')
_SPACE: Final = re.compile(r"[ \t\n\f\r]+")


@dataclass(slots=True)
class _OpenTable:
    """A table that is being read; `headers` of its `rows` are above the others."""

    is_data: bool
    rows: list[Span] = field(default_factory=list)
    headers: int = 0
    cells: int = 0


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the page. Raises ReadFailure `empty`, `wrong_type`."""
    data = path.read_bytes()
    declared = _CHARSET.search(data[:_HEAD])
    decoded = decode(data, declared[1].decode("ascii", "ignore") if declared else None)
    parser = LexborHTMLParser(decoded.text)
    layout = _Layout()
    if parser.body is not None:
        layout.visit(parser.body)
    text = "".join(layout.pieces).rstrip()
    if not text:
        raise ReadFailure(
            "empty",
            "the page has no text of its own; if a browser shows some, a program puts it there: "
            "print the page to PDF, or save what the browser shows",
        )
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
    found = dict[str, str | None]()
    for node in parser.css("meta[content]"):
        attributes = node.attributes
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
        found.setdefault((name or "").lower(), attributes.get("content"))
    for node in parser.css('script[type="application/ld+json"]'):
        for match in _JSON_DATE.finditer(node.text()):
            found.setdefault(match[1].lower(), match[2])
    given = [found.get(name) for name in _DATE_NAMES]
    times = parser.css("time[pubdate], time[itemprop]") or parser.css("time[datetime]")
    days = {node.attributes.get("datetime") for node in times}
    given += days if len(days) == 1 else ()
    return next((day for value in given if (day := iso_date(value))), None)


class _Layout:
    """Collects the text of a page; `pieces` joined are the stored text."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.headings: list[Heading] = []
        self.tables: list[Table] = []
        self._length = 0
        self._gap = 0  # line ends that are due before the next word
        self._space = False
        self._verbatim = 0
        self._open: list[_OpenTable] = []
        self._lists: list[int | None] = []  # the number of each open list's last item, if it counts
        self._marker = ""  # what is due before the first words of a list item

    def visit(self, root: LexborNode) -> None:
        """Walk the tree without recursion: pages may nest deeper than Python's stack."""
        stack: list[tuple[LexborNode, int | None]] = [(root, None)]
        while stack:
            node, entered = stack.pop()
            if entered is not None:
                self._leave(node, node.tag or "", entered)
            elif node.is_text_node:
                self._text(stored_form(node.text_content or ""))
            elif not _is_unseen(node):
                stack.append((node, self._enter(node, node.tag or "")))
                stack += [(child, None) for child in reversed(list(node.iter(include_text=True)))]

    def _enter(self, node: LexborNode, tag: str) -> int:
        """Open an element; return where its text will begin."""
        self._break(tag)
        self._verbatim += tag in _VERBATIM
        if tag == "table":
            self._open.append(_OpenTable(_is_data(node)))
        elif tag == "tr" and self._open:
            self._open[-1].cells = 0
        elif tag in _CELLS and self._open:
            self._separate(self._open[-1])
        elif tag in _LISTS:
            self._lists.append(_first_number(node) - 1 if tag == "ol" else None)
        elif tag in {"li", *_HEADINGS}:
            self._marker = self._next_marker() if tag == "li" else ""
        return self._length + (min(self._gap, 2) if self._length else 0)

    def _leave(self, node: LexborNode, tag: str, start: int) -> None:
        self._verbatim -= tag in _VERBATIM
        if tag in _HEADINGS and self._length > start:
            self.headings.append(Heading(_HEADINGS[tag], Span(start, self._length)))
        elif tag == "tr" and self._open and self._length > start:
            self._end_row(node, self._open[-1], Span(start, self._length))
        elif tag == "table":
            self._end_table(self._open.pop())
        elif tag in _LISTS:
            self._lists.pop()
        elif tag == "li":
            self._marker = ""
        self._break(tag)

    def _separate(self, table: _OpenTable) -> None:
        table.cells += 1
        if not table.is_data:
            self._gap = max(self._gap, 1)
        elif table.cells > 1:
            self._space = True
            self._add("|")
            self._space = True

    def _next_marker(self) -> str:
        if self._in_row():
            return ""
        if not self._lists or self._lists[-1] is None:
            return "- "
        self._lists[-1] += 1
        return f"{self._lists[-1]}. "

    def _in_row(self) -> bool:
        return bool(self._open) and self._open[-1].is_data

    def _end_row(self, row: LexborNode, table: _OpenTable, span: Span) -> None:
        in_head = row.parent is not None and row.parent.tag == "thead"
        if len(table.rows) == table.headers and (in_head or row.css_first("td") is None):
            table.headers += 1
        table.rows.append(span)

    def _end_table(self, table: _OpenTable) -> None:
        if table.is_data and 0 < table.headers < len(table.rows):
            header = Span(table.rows[0].start, table.rows[table.headers - 1].end)
            self.tables.append(Table(header, tuple(table.rows[table.headers :])))

    def _break(self, tag: str) -> None:
        due = 2 if tag in _PARAGRAPHS else int(tag in _LINES)
        if due and tag not in {"table", "tr"} and self._in_row():
            self._space = True  # a row of data stays one line
        else:
            self._gap = max(self._gap, due)

    def _text(self, raw: str) -> None:
        if self._verbatim:
            self._add(raw.strip("\n") if self._gap else raw)
            return
        words = _SPACE.sub(" ", raw)
        self._space |= words.startswith(" ")
        if words.strip(" "):
            self._add(words.strip(" "))
            self._space = words.endswith(" ")

    def _add(self, words: str) -> None:
        if not words:
            return
        before = ""
        if self.pieces:
            before = "\n" * min(self._gap, 2) or " " * self._space
        before += self._marker
        self._gap, self._space, self._marker = 0, False, ""
        self.pieces += [before, words]
        self._length += len(before) + len(words)


def _first_number(ordered: LexborNode) -> int:
    given = (ordered.attributes.get("start") or "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < _DIGITS else 1


def _is_unseen(node: LexborNode) -> bool:
    if node.tag in _UNSEEN or node.is_comment_node:
        return True
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _is_data(table: LexborNode) -> bool:
    """Tell whether a table holds rows of cells, rather than arranging a page."""
    if table.attributes.get("role") in {"presentation", "none"} or len(table.css("table")) > 1:
        return False
    if table.css_first("th, thead, caption") is not None:
        return True
    wide = sum(len(row.css("td")) > 1 for row in table.css("tr"))
    return wide > 1 and table.css_first(_ARRANGED) is None
