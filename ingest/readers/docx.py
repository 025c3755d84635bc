"""Word documents (DOCX, DOCM, DOTX): what a reader of the document sees, in its order.

lxml over the parts: python-docx knows neither notes, boxes, equations nor the strict namespaces.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from indexes.documents import Extract, Finding, Span, stored_form
from indexes.errors import ReadFailure
from ingest.readers import DOCX, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.dates import iso_date
from ingest.readers.docx_looks import has_behind
from ingest.readers.docx_numbers import Numbers
from ingest.readers.docx_styles import Styles, is_on, numbered_at
from ingest.readers.docx_words import Attached, Words, WordsReader
from ingest.readers.drawing import chart, diagram, shown_choice
from ingest.readers.equations import linear
from ingest.readers.inside import read_inside
from ingest.readers.ooxml import Package, package
from ingest.readers.packages import SAVE_ANEW
from ingest.readers.parts import Element, attribute, below, child, children, name
from ingest.readers.rendered import rendered_pages
from ingest.readers.titles import heading_title

_MAIN: Final = "word/document.xml"
_WRAPPERS: Final = frozenset(("sdtContent", "ins", "moveTo", "customXml", "smartTag", "sdt"))
_UNSEEN: Final = frozenset(("del", "moveFrom", "sdtPr", "sdtEndPr", "customXmlPr"))
# A label that is merged over rows stands in each of them, a longer text only once.
_LONGEST_LABEL: Final = 100
# A single row with so many paragraphs in a cell arranges the page.
_FEW_PARAGRAPHS: Final = 3
_LONGEST_QUOTE: Final = 200


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the one document. Raises ReadFailure `damaged`, `encrypted`, `empty`, `too_large`."""
    with package(path) as opened:
        try:
            yield _Document(opened, options).extract()
        except RecursionError as error:
            raise ReadFailure(
                "damaged", f"its parts are nested too deeply to be read; {SAVE_ANEW}"
            ) from error


class _Document:
    """A document that is being read; `_out` grows."""

    def __init__(self, opened: Package, options: ReadOptions) -> None:
        self._package = opened
        self._options = options
        self._part = opened.main(_MAIN)
        self._styles = Styles(self._related_tree("styles"))
        self._numbers = Numbers(self._related_tree("numbering"))
        parts = (self._part, *opened.of_kind(self._part, "header"))
        behind = any(has_behind(opened.tree(part)) for part in parts)
        self._words = WordsReader(self._styles, behind=behind)
        self._notes = {kind: self._note_texts(kind) for kind in ("footnote", "endnote")}
        self._out = Composed()
        self._breaks: list[tuple[int, bool]] = []
        self._in_list = False
        self._title = ""

    def extract(self) -> Extract:
        """Read all of it."""
        root = self._package.tree(self._part)
        body = child(root, "body")
        if body is None:
            raise self._without_body()
        self._blocks(body)
        end = self._place
        self._comments()
        self._headers_and_footers()
        text = self._out.text
        if not text.strip() and self._part in self._package.damaged:
            raise self._without_body()
        if not text.strip():
            raise ReadFailure(
                "empty", "the document has no words; if it shows pictures of text, save it as PDF "
                "and run a text recogniser over that"
            )  # fmt: skip
        body_headings = [one for one in self._out.headings if one.span.end <= end]
        first = heading_title(text, body_headings)
        return Extract(
            text,
            DOCX,
            self._package.title or self._title or first or self._options.stem,
            pages=rendered_pages(text, end, self._breaks, self._stated_pages()),
            headings=tuple(self._out.headings),
            tables=tuple(self._out.tables),
            metadata=self._package.metadata,
            findings=(*self._package.findings(), *self._hidden()),
        )

    def _without_body(self) -> ReadFailure:
        why = self._package.damaged.get(self._part, "it is missing")
        return ReadFailure("damaged", f"its part {self._part} cannot be read ({why}); {SAVE_ANEW}")

    def _hidden(self) -> Iterator[Finding]:
        if count := self._words.hidden:
            stretches = (
                "stretches of hidden words were" if count > 1 else "stretch of hidden words was"
            )
            yield Finding("hidden_text", f"{count} {stretches} left out, as nobody sees them")
        if count := self._words.doubtful:
            stretches = "stretches of white words were" if count > 1 else "white words were"
            yield Finding(
                "hidden_text",
                f"{stretches} kept, for pictures of the document may lie behind them; look whether "
                "they can be seen",
            )

    @property
    def _place(self) -> int:
        """Where the text ends so far."""
        return self._out.paragraph("").end

    # --- blocks ----------------------------------------------------------------------------------

    def _blocks(self, parent: Element) -> None:
        for element in parent:
            called = name(element)
            if called == "p":
                self._paragraph(element)
            elif called == "tbl":
                self._table(element)
            elif called in _WRAPPERS:
                self._blocks(element)
            elif called == "altChunk":
                self._foreign(attribute(element, "id"))
            elif called in {"oMathPara", "oMath"}:
                self._put(linear(element))
            elif called == "AlternateContent":
                chosen = shown_choice(element)
                if chosen is not None:
                    self._blocks(chosen)

    def _paragraph(self, element: Element) -> None:
        properties = child(element, "pPr")
        words = self._words.read(element)
        if _is_on(properties, "pageBreakBefore"):
            self._breaks.append((self._place, False))
        if self._is_hidden(properties):
            return
        text = words.text
        is_title = self._styles.is_title(properties)
        level = 1 if is_title else self._styles.level(properties)
        marker = self._marker(properties) if text.strip() or level is None else ""
        if level is not None and text.strip():
            self._heading(level, f"{marker.strip()} {text}", words)
            if is_title and not self._title:
                self._title = " ".join(stored_form(text).split())
        elif text.strip():
            self._put_words(marker, words)
        else:
            self._breaks += [(self._place, rendered) for _, rendered in words.breaks]
        self._attached(words.attached)
        self._section(child(properties, "sectPr"))

    def _is_hidden(self, properties: Element | None) -> bool:
        return self._styles.hides(self._styles.style_of(properties))

    def _marker(self, properties: Element | None) -> str:
        stated, by_style = numbered_at(properties), self._styles.numbered(properties)
        if stated is None and by_style is None:
            return ""
        mark = child(properties, "rPr")
        if child(mark, "del") is not None:  # the paragraph's end was deleted
            return ""
        list_id = (stated or ("", None))[0] or (by_style or ("", None))[0]
        level = stated[1] if stated and stated[1] is not None else (by_style or ("", None))[1]
        style_id = self._styles.style_of(properties)
        return self._numbers.marker(list_id, level, style_id) or ""

    def _heading(self, level: int, text: str, words: Words) -> None:
        for _, rendered in words.breaks:
            self._breaks.append((self._place, rendered))
        self._out.heading(level, text)
        self._in_list = False

    def _put_words(self, marker: str, words: Words) -> None:
        text = stored_form(words.text)
        span = self._put(marker + text, in_list=bool(marker))
        skipped = len(text) - len(text.lstrip("\n")) if not marker else 0
        for place, rendered in words.breaks:
            self._breaks.append((span.start + max(0, len(marker) + place - skipped), rendered))

    def _put(self, text: str, *, in_list: bool = False) -> Span:
        span = self._out.paragraph(text, apart=not (in_list and self._in_list))
        self._in_list = in_list
        return span

    def _section(self, properties: Element | None) -> None:
        if properties is not None:
            kind = child(properties, "type")
            if kind is None or attribute(kind, "val") != "continuous":
                self._breaks.append((self._place, False))

    def _foreign(self, key: str) -> None:
        """Read a document in another format that lies in this one."""
        relation = self._package.related(self._part).get(key)
        data = self._package.data(relation.target) if relation else None
        if not relation or not data:
            return
        called = PurePosixPath(relation.target).name
        options = replace(self._options, name=called, depth=self._options.depth + 1)
        try:
            for item in read_inside(data, options):
                if isinstance(item, Extract):
                    self._put(item.text)
        except ReadFailure as failure:
            self._package.damaged[relation.target] = failure.message.partition(";")[0]

    # --- what hangs on a paragraph ---------------------------------------------------------------

    def _attached(self, attached: Iterable[Attached]) -> None:
        for one in attached:
            if one.kind == "picture":
                self._put(f"Picture: {one.key}")
            elif one.kind == "box" and one.element is not None:
                self._blocks(one.element)
            elif one.kind in self._notes:
                note = self._notes[one.kind].get(one.key)
                if note is not None:
                    self._put(f"{one.label}: {self._lines(note)}".removeprefix(": "))
            else:
                self._drawn(one)

    def _drawn(self, one: Attached) -> None:
        relation = self._package.related(self._part).get(one.key)
        root = self._package.tree(relation.target) if relation else None
        if root is None:
            return
        if one.kind == "chart":
            shown = chart(root)
            self._put(shown.title)
            self._out.table(shown.rows)
        else:
            for level, words in diagram(root):
                self._put(f"{'  ' * level}- {words}", in_list=True)

    def _note_texts(self, kind: str) -> dict[str, Element]:
        root = self._related_tree(f"{kind}s")
        return {attribute(one, "id"): one for one in children(root, kind)}

    def _lines(self, element: Element) -> str:
        """Return the paragraphs of a note or comment, a line each."""
        found = (self._words.read(one).text.strip() for one in below(element, "p"))
        return "\n".join(line for line in found if line)

    # --- tables ----------------------------------------------------------------------------------

    def _table(self, table: Element) -> None:
        rows = [list(_inside(row, "tc")) for row in _inside(table, "tr") if not _is_deleted(row)]
        if self._arranges(rows):
            for cell in (cell for row in rows for cell in row):
                self._blocks(cell)
            return
        self._in_list = False
        attached, cells = list[Attached](), list[list[str]]()
        merged = dict[int, str]()
        for element, row in zip(
            (row for row in _inside(table, "tr") if not _is_deleted(row)), rows, strict=True
        ):
            cells.append(self._row(_skipped(element), row, merged, attached))
        headers = 0
        for element in _inside(table, "tr"):
            if not _is_on(child(element, "trPr"), "tblHeader"):
                break
            headers += 1
        self._out.table(cells, headers if 0 < headers < len(cells) else 1)
        self._attached(attached)

    def _row(
        self, skipped: int, row: Sequence[Element], merged: dict[int, str], attached: list[Attached]
    ) -> list[str]:
        """Return the texts of a row's cells, each in the columns of the table's grid."""
        cells = [""] * skipped
        open_labels = dict[int, str]()
        for cell in row:
            properties = child(cell, "tcPr")
            column, merge = len(cells), child(properties, "vMerge")
            text = self._cell(cell, attached)
            if merge is None:
                merged.pop(column, None)
            elif attribute(merge, "val") == "restart":
                merged[column] = text if len(text) <= _LONGEST_LABEL else ""
            elif not text and column in merged:
                open_labels[column] = merged[column]
            cells += [text, *[""] * (_spanned(properties) - 1)]
        if any(cells):
            for column, text in open_labels.items():
                cells[column] = text
        return cells

    def _cell(self, cell: Element, attached: list[Attached]) -> str:
        lines = list[str]()
        for paragraph in _paragraphs(cell):
            properties = child(paragraph, "pPr")
            words = self._words.read(paragraph)
            self._breaks += [(self._place, rendered) for _, rendered in words.breaks]
            if words.text.strip() and not self._is_hidden(properties):
                lines.append(f"{self._marker(properties).strip()} {words.text}".strip())
            attached += words.attached
        return " ".join(lines)

    def _arranges(self, rows: Sequence[Sequence[Element]]) -> bool:
        """Tell whether a table arranges the page: its cells are then read one after another."""
        if max(map(len, rows), default=0) <= 1:
            return True
        cells = [cell for row in rows for cell in row]
        if any(_is_grid(table) for cell in cells for table in _tables_in(cell)):
            return True
        if any(self._has_heading(cell) for cell in cells):
            return True
        return len(rows) == 1 and any(
            sum(1 for _ in children(cell, "p")) > _FEW_PARAGRAPHS for cell in cells
        )

    def _has_heading(self, cell: Element) -> bool:
        return any(
            self._styles.level(child(one, "pPr")) is not None and any(_texts(one))
            for one in children(cell, "p")
        )

    # --- after the body --------------------------------------------------------------------------

    def _comments(self) -> None:
        comments = list(children(self._related_tree("comments"), "comment"))
        if not comments:
            return
        self._out.heading(1, "Comments")
        for one in comments:
            who = " ".join(attribute(one, "author").split())
            day = iso_date(attribute(one, "date"))
            place = " ".join("".join(self._words.commented.get(attribute(one, "id"), ())).split())
            if len(place) > _LONGEST_QUOTE:
                place = f"{place[:_LONGEST_QUOTE].rstrip()}…"
            told = " ".join(
                [who or "Comment", *([f"({day})"] if day else []),
                 *([f"on “{place}”"] if place else [])]
            )  # fmt: skip
            self._put(f"{told}: {self._lines(one)}")

    def _headers_and_footers(self) -> None:
        """Say once what stands above and below the pages, without mere numbers."""
        found = dict[str, None]()
        main = self._part
        for kind in ("header", "footer"):
            for part_name in self._package.of_kind(main, kind):
                root = self._package.tree(part_name)
                if root is None:
                    continue
                self._part = part_name
                for line in self._marginal(root):
                    found.setdefault(line)
        self._part = main
        if found:
            self._out.heading(1, "Headers and footers")
            for line in found:
                self._put(line)

    def _marginal(self, root: Element) -> Iterator[str]:
        for paragraph in below(root, "p"):
            words = self._words.read(paragraph)
            lines = [words.text, *(one.key for one in words.attached if one.kind == "picture")]
            for line in lines:
                kept = " ".join(stored_form(line).split())
                if any(letter.isalpha() for letter in kept):
                    yield kept

    # --- parts -----------------------------------------------------------------------------------

    def _related_tree(self, kind: str) -> Element | None:
        part_name = next(self._package.of_kind(self._part, kind), "")
        return self._package.tree(part_name)

    def _stated_pages(self) -> int | None:
        part_name = next(self._package.of_kind("", "extended-properties"), "docProps/app.xml")
        stated = child(self._package.tree(part_name), "Pages")
        words = (stated.text or "") if stated is not None else ""
        return int(words) if words.isdecimal() else None


def _is_on(properties: Element | None, called: str) -> bool:
    switch = child(properties, called)
    return switch is not None and is_on(attribute(switch, "val", "1"))


def _inside(parent: Element, called: str) -> Iterator[Element]:
    """Yield the rows of a table or the cells of a row, also those in content controls."""
    for one in parent:
        if name(one) == called:
            yield one
        elif name(one) in _WRAPPERS:
            yield from _inside(one, called)


def _paragraphs(cell: Element) -> Iterator[Element]:
    """Yield the paragraphs of a cell in order, with those of tables in it."""
    for one in cell:
        called = name(one)
        if called == "p":
            yield one
        elif called not in _UNSEEN:
            yield from _paragraphs(one)


def _tables_in(cell: Element) -> Iterator[Element]:
    return _inside(cell, "tbl")


def _is_grid(table: Element) -> bool:
    rows = list(_inside(table, "tr"))
    return len(rows) > 1 and max(sum(1 for _ in _inside(row, "tc")) for row in rows) > 1


def _texts(element: Element) -> Iterator[str]:
    return (one.text for one in below(element, "t") if one.text and one.text.strip())


def _is_deleted(row: Element) -> bool:
    return child(row, "trPr", "del") is not None


def _skipped(row: Element) -> int:
    return _number(child(row, "trPr", "gridBefore"), 0)


def _spanned(properties: Element | None) -> int:
    return max(1, _number(child(properties, "gridSpan"), 1))


def _number(element: Element | None, otherwise: int) -> int:
    stated = attribute(element, "val") if element is not None else ""
    return min(int(stated), 1000) if stated.isdecimal() else otherwise
