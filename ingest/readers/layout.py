"""The text of a page of HTML as a reader of it sees it: for pages, mails and chapters of books."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexes.documents import Finding, Heading, Span, Table, stored_form
from ingest.readers.unseen import PAGE, Look, has_stylesheet, hidden_finding, is_folded, look_of

_UNSEEN: Final = frozenset(
    ("script", "style", "noscript", "template", "head", "title", "meta", "link", "svg", "nav",
     "object", "iframe", "canvas", "audio", "video", "select", "datalist")
)  # fmt: skip
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
_SPACE: Final = re.compile(r"[ \t\n\f\r]+")


@dataclass(frozen=True, slots=True)
class Laid:
    """A page's text in stored form with what is where, and what was left out as hidden."""

    text: str
    headings: tuple[Heading, ...] = ()
    tables: tuple[Table, ...] = ()
    findings: tuple[Finding, ...] = ()


def lay_out(html: str) -> Laid:
    """Return the text of a page, or of a piece of one."""
    return laid(LexborHTMLParser(html))


def laid(page: LexborHTMLParser) -> Laid:
    """Return the text of a parsed page."""
    layout = _Layout(has_stylesheet=has_stylesheet(page))
    if page.body is not None:
        layout.visit(page.body)
    text = "".join(layout.pieces).rstrip()
    findings = (hidden_finding(layout.hidden_words),) if layout.hidden_words else ()
    end = len(text)
    headings = (Heading(one.level, span) for one in layout.headings for span in _cut(one.span, end))
    return Laid(text, tuple(headings), tuple(_cut_tables(layout.tables, end)), findings)


def _cut(span: Span, end: int) -> Iterator[Span]:
    """Yield the part of a span that is ahead of `end`: white space behind it is no text."""
    if span.start < end:
        yield Span(span.start, min(span.end, end))


def _cut_tables(tables: Sequence[Table], end: int) -> Iterator[Table]:
    for table in tables:
        rows = tuple(part for row in table.rows for part in _cut(row, end))
        if rows:
            yield Table(table.header, rows)


@dataclass(slots=True)
class _OpenTable:
    """A table that is being read; `headers` of its `rows` are above the others."""

    is_data: bool
    rows: list[Span] = field(default_factory=list)
    headers: int = 0
    cells: int = 0


class _Layout:
    """Collects the text of a page; `pieces` joined are the stored text."""

    def __init__(self, *, has_stylesheet: bool) -> None:
        self.pieces: list[str] = []
        self.hidden_words = 0
        self._has_stylesheet = has_stylesheet
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
        stack: list[tuple[LexborNode, Look, int | None]] = [(root, PAGE, None)]
        while stack:
            node, around, entered = stack.pop()
            if entered is not None:
                self._leave(node, node.tag or "", entered)
            elif node.is_text_node:
                self._words(stored_form(node.text_content or ""), around)
            elif not _is_unseen(node):
                look = look_of(node, around, has_stylesheet=self._has_stylesheet)
                stack.append((node, look, self._enter(node, node.tag or "")))
                inside = reversed(list(node.iter(include_text=True)))
                stack += [(child, look, None) for child in inside]

    def _words(self, raw: str, look: Look) -> None:
        """Add words, or count them where the page hides them."""
        if look.hides:
            self.hidden_words += len(raw.split())
        else:
            self._text(raw)

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
    return "hidden" in attributes or is_folded(attributes.get("style") or "")


def _is_data(table: LexborNode) -> bool:
    """Tell whether a table holds rows of cells, rather than arranging a page."""
    if table.attributes.get("role") in {"presentation", "none"} or len(table.css("table")) > 1:
        return False
    if table.css_first("th, thead, caption") is not None:
        return True
    wide = sum(len(row.css("td")) > 1 for row in table.css("tr"))
    return wide > 1 and table.css_first(_ARRANGED) is None
