"""OpenDocument texts and presentations (ODT, ODP), in the order in which they are read.

lxml over content.xml: the libraries for it (odfpy, odfdo) build objects to write files with, and
neither numbers lists nor puts notes where they are referred to.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, Span, stored_form
from indexes.errors import ReadFailure
from ingest.readers import ODP, ODT, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.dates import iso_date
from ingest.readers.mathml import math_line
from ingest.readers.odf_package import OdfPackage, odf_package
from ingest.readers.odf_styles import OUTLINE, OdfStyles
from ingest.readers.odf_tables import cell_paragraphs, grid, header_count, table_cells
from ingest.readers.odf_words import FRAMES, OdfWords, OdfWordsReader, described, note_label
from ingest.readers.packages import SAVE_ANEW
from ingest.readers.parts import Element, attribute, below, child, children, name
from ingest.readers.rendered import rendered_pages
from ingest.readers.slide_shapes import Box, Placed, in_reading_order
from ingest.readers.titles import heading_title

_CONTAINERS: Final = frozenset(
    ("section", "index-body", "index-title", "table-of-content", "illustration-index",
     "table-index", "alphabetical-index", "bibliography", "user-index", "object-index",
     "numbered-paragraph", "page", "text-box")
)  # fmt: skip
_UNITS: Final = {"cm": 1000.0, "mm": 100.0, "in": 2540.0, "pt": 35.28, "pc": 423.3, "px": 26.46}
_MARGINS: Final = frozenset(
    ("header", "footer", "header-left", "footer-left", "header-first", "footer-first")
)
_LONGEST_QUOTE: Final = 200


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the one document. Raises ReadFailure `damaged`, `encrypted`, `empty`, `too_large`."""
    with odf_package(path) as package:
        try:
            yield _Document(package).extract(options)
        except RecursionError as error:
            raise ReadFailure(
                "damaged", f"its parts are nested too deeply to be read; {SAVE_ANEW}"
            ) from error


class _Document:
    """A document that is being read; `_out` grows."""

    def __init__(self, package: OdfPackage) -> None:
        self._package = package
        self._content = package.tree("content.xml")
        self._more = package.tree("styles.xml")
        self._styles = OdfStyles(self._more, self._content)
        self._words = OdfWordsReader(self._styles)
        self._out = Composed()
        self._breaks: list[tuple[int, bool]] = []
        self._in_list = False
        self._title = ""

    def extract(self, options: ReadOptions) -> Extract:
        """Read all of it."""
        body = child(self._content, "body")
        slides = child(body, "presentation")
        text_body = child(body, "text")
        if slides is not None:
            self._slides(slides)
        elif text_body is not None:
            self._blocks(text_body)
        else:
            why = self._package.damaged.get("content.xml", "it has no text")
            raise ReadFailure(
                "damaged", f"its part content.xml cannot be read ({why}); {SAVE_ANEW}"
            )
        end = self._place
        self._comments()
        if slides is None:
            self._margins()
        return self._extract(options, end, is_text=slides is None)

    def _extract(self, options: ReadOptions, end: int, *, is_text: bool) -> Extract:
        text = self._out.text
        if not text.strip():
            raise ReadFailure(
                "empty",
                "the document has no words; if it shows pictures of text, save it as PDF and run "
                "a text recogniser over that",
            )
        pages = (
            rendered_pages(text, end, self._breaks, self._package.page_count)
            if is_text
            else tuple(page for page in self._out.pages if page.span.start < page.span.end)
        )
        body_headings = [one for one in self._out.headings if one.span.end <= end]
        first = heading_title(text, body_headings) if is_text else ""
        return Extract(
            text,
            ODT if is_text else ODP,
            self._package.title or self._title or first or options.stem,
            pages=pages,
            headings=tuple(self._out.headings),
            tables=tuple(self._out.tables),
            metadata=self._package.metadata,
            findings=(*self._package.findings(), *self._hidden()),
        )

    def _hidden(self) -> Iterator[Finding]:
        if count := self._words.hidden:
            yield Finding(
                "hidden_text",
                f"{count} stretches of hidden words were left out, as nobody sees them",
            )

    @property
    def _place(self) -> int:
        """Where the text ends so far."""
        return self._out.paragraph("").end

    # --- blocks ----------------------------------------------------------------------------------

    def _blocks(self, parent: Element) -> None:
        for element in parent:
            called = name(element)
            if called == "h":
                self._heading(element)
            elif called == "p":
                self._paragraph(element)
            elif called == "list":
                self._list(element, attribute(element, "style-name"), 1)
            elif called == "table":
                self._table(element)
            elif called in FRAMES and called != "text-box":
                self._frame(element)
            elif called == "soft-page-break":
                self._breaks.append((self._place, True))
            elif called in _CONTAINERS and attribute(element, "display") != "none":
                self._blocks(element)

    def _heading(self, element: Element) -> None:
        words = self._words.read(element)
        stated = attribute(element, "outline-level", "1")
        level = int(stated) if stated.isdecimal() and int(stated) else 1
        self._begin(element, words)
        marker = (
            "" if attribute(element, "is-list-header") == "true" else self._number(element, level)
        )
        self._out.heading(level, f"{marker}{words.text}")
        self._in_list = False
        self._attached(words.attached)

    def _number(self, element: Element, level: int) -> str:
        stated = attribute(element, "start-value")
        start = int(stated) if stated.isdecimal() else None
        return self._styles.marker(OUTLINE, level, start)

    def _paragraph(self, element: Element, marker: str = "") -> None:
        style = attribute(element, "style-name")
        words = self._words.read(element)
        self._begin(element, words)
        if self._styles.is_hidden(style) or self._words.is_white(style):
            self._words.hidden += bool(words.text.strip())
            return
        text = stored_form(words.text).strip()
        if text and self._styles.is_title(style) and not marker:
            self._out.heading(1, text)
            self._title = self._title or " ".join(text.split())
        elif text:
            self._put(f"{marker}{text}", in_list=bool(marker))
        self._attached(words.attached)

    def _begin(self, element: Element, words: OdfWords) -> None:
        """Note the pages that begin with a paragraph, or in it."""
        if self._styles.begins_page(attribute(element, "style-name")):
            self._breaks.append((self._place, False))
        place = self._place
        gap = 2 if place else 0
        for within in words.breaks:
            self._breaks.append((place + gap + within if within else place, True))

    def _put(self, text: str, *, in_list: bool = False) -> Span:
        span = self._out.paragraph(text, apart=not (in_list and self._in_list))
        self._in_list = in_list
        return span

    def _list(self, element: Element, style: str, level: int) -> None:
        if level == 1:
            goes_on = attribute(element, "continue-numbering") == "true" or bool(
                attribute(element, "continue-list")
            )
            self._styles.begin_list(style, goes_on=goes_on)
        for one in element:
            if name(one) not in {"list-item", "list-header"}:
                continue
            stated = attribute(one, "start-value")
            start = int(stated) if stated.isdecimal() else None
            counted = name(one) == "list-item"
            for part in one:
                if name(part) == "list":
                    self._list(part, attribute(part, "style-name") or style, level + 1)
                elif name(part) == "p":
                    used = style or self._styles.list_style(attribute(part, "style-name"))
                    marker = self._styles.marker(used, level, start) if counted else ""
                    self._paragraph(part, marker)
                    counted = False
                elif name(part) == "h":
                    self._heading(part)

    # --- what hangs on a paragraph ---------------------------------------------------------------

    def _attached(self, attached: Iterable[Element]) -> None:
        for one in attached:
            if name(one) == "note":
                lines = self._lines(child(one, "note-body"))
                if lines:
                    self._put(f"{note_label(one)}: {lines}".removeprefix(": "))
            else:
                self._frame(one)

    def _lines(self, element: Element | None) -> str:
        """Return the paragraphs of a note or comment, a line each."""
        found = below(element, "p", "h") if element is not None else ()
        lines = (stored_form(self._words.read(one).text).strip() for one in found)
        return "\n".join(line for line in lines if line)

    def _frame(self, frame: Element) -> None:
        """Read a frame or shape: its text, table, chart or equation, and what describes it."""
        for one in frame:
            called = name(one)
            if called in {"object", "object-ole"}:
                if self._object(one):
                    break  # what follows is its picture
            elif called == "table":
                self._table(one)
            elif called in {"p", "h", "list"}:
                self._blocks(frame)
                break
            elif called in FRAMES:
                self._blocks(one) if called == "text-box" else self._frame(one)
        words = described(frame)
        if words:
            self._put(f"Picture: {words}")

    def _object(self, element: Element) -> bool:
        """Read an object inside: an equation or a chart."""
        target = attribute(element, "href").removeprefix("./").strip("/")
        root = self._package.tree(f"{target}/content.xml") if target else next(iter(element), None)
        if root is None:
            return False
        if name(root) == "math":
            self._put(math_line(root))
            return True
        chart = child(root, "body", "chart", "chart")
        if chart is None:
            return False
        for title in children(chart, "title"):
            self._put(self._lines(title))
        for table in below(chart, "table"):
            self._table(table)
        return True

    # --- tables ----------------------------------------------------------------------------------

    def _table(self, table: Element) -> None:
        cells = list(table_cells(table))
        if _arranges(table, cells):
            for cell in cells:
                self._blocks(cell)
            return
        self._in_list = False
        attached = list[Element]()
        rows = grid(table, lambda cell: self._cell(cell, attached))
        headers = header_count(table)
        self._out.table(rows, headers if 0 < headers < len(rows) else 1)
        self._attached(attached)

    def _cell(self, cell: Element, attached: list[Element]) -> str:
        lines = list[str]()
        for paragraph in cell_paragraphs(cell):
            words = self._words.read(paragraph)
            attached += words.attached
            if not self._styles.is_hidden(attribute(paragraph, "style-name")):
                lines.append(words.text.strip())
        return " ".join(line for line in lines if line)

    # --- slides ----------------------------------------------------------------------------------

    def _slides(self, presentation: Element) -> None:
        for number, slide in enumerate(children(presentation, "page"), start=1):
            self._out.page(number)
            self._in_list = False
            shapes = [one for one in slide if name(one) in FRAMES and not _is_prompt(one)]
            titles = [one for one in shapes if attribute(one, "class") == "title"][:1]
            for title in titles:
                words = self._lines(title)
                self._out.heading(1, words)
                self._title = self._title or " ".join(words.split())
            others = [Placed(one, _box(one)) for one in shapes if one not in titles]
            for placed in in_reading_order(others):
                self._in_list = False
                self._frame(placed.element)
            self._in_list = False
            notes = child(slide, "notes")
            for one in notes if notes is not None else ():
                lines = "" if _is_prompt(one) or name(one) not in FRAMES else self._lines(one)
                if lines:
                    self._put(f"Notes: {lines}")
            for one in children(slide, "annotation"):
                self._put(self._told(one, ""))

    # --- after the body --------------------------------------------------------------------------

    def _comments(self) -> None:
        if self._words.comments:
            self._out.heading(1, "Comments")
        for comment in self._words.comments:
            self._put(self._told(comment.element, " ".join("".join(comment.about).split())))

    def _told(self, comment: Element, place: str) -> str:
        who = _words_of(comment, "creator") or "Comment"
        day = iso_date(_words_of(comment, "date"))
        if len(place) > _LONGEST_QUOTE:
            place = f"{place[:_LONGEST_QUOTE].rstrip()}…"
        told = [who, *([f"({day})"] if day else []), *([f"on “{place}”"] if place else [])]
        return f"{' '.join(told)}: {self._lines(comment)}"

    def _margins(self) -> None:
        """Say once what stands above and below the pages, without mere numbers."""
        masters = child(self._more, "master-styles")
        found = dict[str, None]()
        for margin in below(masters, *_MARGINS) if masters is not None else ():
            for paragraph in below(margin, "p", "h"):
                line = " ".join(stored_form(self._words.read(paragraph).text).split())
                if any(letter.isalpha() for letter in line):
                    found.setdefault(line)
        if found:
            self._out.heading(1, "Headers and footers")
        for line in found:
            self._put(line)


def _arranges(table: Element, cells: Sequence[Element]) -> bool:
    """Tell whether a table arranges the page: its cells are then read one after another."""
    one_column = all(
        sum(1 for cell in row if name(cell) == "table-cell") <= 1
        for row in below(table, "table-row")
    )
    return one_column or any(child(cell, "h") is not None or _holds_table(cell) for cell in cells)


def _holds_table(cell: Element) -> bool:
    return any(len(list(below(one, "table-row"))) > 1 for one in children(cell, "table"))


def _is_prompt(shape: Element) -> bool:
    return attribute(shape, "placeholder") == "true"


def _words_of(element: Element, called: str) -> str:
    found = child(element, called)
    return " ".join((found.text or "").split()) if found is not None else ""


def _box(shape: Element) -> Box | None:
    """Return where a shape stands, in hundredths of a millimetre times ten."""
    left, top = _length(attribute(shape, "x")), _length(attribute(shape, "y"))
    width, height = _length(attribute(shape, "width")), _length(attribute(shape, "height"))
    if left is None or top is None:
        return None
    return Box(left, top, left + (width or 0), top + (height or 0))


def _length(stated: str) -> int | None:
    unit = _UNITS.get(stated[-2:])
    try:
        return round(float(stated[:-2]) * unit) if unit else None
    except (ValueError, OverflowError):
        return None
