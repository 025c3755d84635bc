"""PowerPoint presentations (PPTX, PPTM, PPSX, POTX): each slide a page, in the order of the show.

lxml over the parts: python-pptx opens all parts at once, so that a damaged one costs the file.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from indexes.documents import Extract, Finding, stored_form
from indexes.errors import ReadFailure
from ingest.readers import PPTX, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.drawing import alternative, body_lines, chart, diagram
from ingest.readers.ooxml import Package, package
from ingest.readers.packages import SAVE_ANEW
from ingest.readers.parts import Element, attribute, below, child, children, name
from ingest.readers.slide_hidden import take_out
from ingest.readers.slide_shapes import (
    TITLES,
    Box,
    Placed,
    Placeholder,
    box,
    in_reading_order,
    placeholder,
    same_placeholder,
    shapes,
)
from ingest.readers.slide_text import body_text

_MAIN: Final = "ppt/presentation.xml"
# Placeholders that say the same on every slide: they are read once.
_EVERYWHERE: Final = frozenset(("ftr", "dt", "hdr"))
_NUMBER: Final = "sldNum"
# A label that is merged over rows stands in each of them, a longer text only once.
_LONGEST_LABEL: Final = 100


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the one document. Raises ReadFailure `damaged`, `encrypted`, `empty`, `too_large`."""
    with package(path) as opened:
        try:
            yield _Presentation(opened).extract(options)
        except RecursionError as error:
            raise ReadFailure(
                "damaged", f"its parts are nested too deeply to be read; {SAVE_ANEW}"
            ) from error


class _Presentation:
    """A presentation that is being read; `_out` grows by slides."""

    def __init__(self, opened: Package) -> None:
        self._package = opened
        self._main = opened.main(_MAIN)
        self._out = Composed()
        self._title = ""
        self._said = set[str]()
        self._trees: dict[str, Element | None] = {}
        self._authors = dict(self._author_names())
        self._of_slides: dict[str, int] = {}
        self._hidden: dict[int, int] = {}  # stretches that were left out, by slide
        self._size = self._slide_size()

    def extract(self, options: ReadOptions) -> Extract:
        """Read all slides."""
        slides = list(self._slides())
        if not slides:
            why = self._package.damaged.get(self._main, "it names none")
            raise ReadFailure(
                "damaged", f"no slide can be found by its part {self._main} ({why}); {SAVE_ANEW}"
            )
        for number, part_name in enumerate(slides, start=1):
            before = set(self._package.damaged)
            self._slide(number, part_name)
            for damaged in set(self._package.damaged) - before:
                self._of_slides[damaged] = number
        text = self._out.text
        if not text.strip():
            raise self._nothing()
        return Extract(
            text,
            PPTX,
            self._package.title or self._title or options.stem,
            pages=tuple(page for page in self._out.pages if page.span.start < page.span.end),
            headings=tuple(self._out.headings),
            tables=tuple(self._out.tables),
            metadata=self._package.metadata,
            findings=tuple(self._findings()),
        )

    def _slides(self) -> Iterator[str]:
        """Yield the slides' parts in the order of the show, also of those that are missing."""
        root = self._package.tree(self._main)
        related = self._package.related(self._main)
        for one in children(child(root, "sldIdLst"), "sldId"):
            ids = [value for key, value in one.items() if str(key).endswith("}id")]
            relation = related.get(str(ids[0])) if ids else None
            yield relation.target if relation else ""

    def _nothing(self) -> ReadFailure:
        if self._package.damaged:
            (finding,) = self._package.findings()
            return ReadFailure("damaged", finding.message)
        return ReadFailure(
            "empty",
            "no slide has words; if they show pictures of text, save the file as PDF and run a "
            "text recogniser over that",
        )

    def _findings(self) -> Iterator[Finding]:
        for finding in self._package.findings():
            slides = sorted({*self._of_slides.values()})
            yield Finding(finding.code, finding.message, tuple(slides))
        if count := sum(self._hidden.values()):
            stretches = "stretches of words" if count > 1 else "stretch of words"
            yield Finding(
                "hidden_text",
                f"{count} {stretches} that no slide shows (hidden, beside the slide, transparent "
                "or without size) left out; look at the selection pane",
                tuple(self._hidden),
            )

    def _tree(self, part_name: str) -> Element | None:
        """Return a part that many slides share."""
        if part_name not in self._trees:
            self._trees[part_name] = self._package.tree(part_name) if part_name else None
        return self._trees[part_name]

    # --- a slide ---------------------------------------------------------------------------------

    def _slide(self, number: int, part_name: str) -> None:
        self._out.page(number)
        root = self._package.tree(part_name)
        tree = child(root, "cSld", "spTree")
        if tree is None:
            self._package.damaged.setdefault(part_name or f"slide {number}", "it is missing")
            return
        self._take_out(number, tree)
        layout = next(self._package.of_kind(part_name, "slideLayout"), "")
        master = next(self._package.of_kind(layout, "slideMaster"), "") if layout else ""
        above = [self._tree(layout), self._tree(master)]
        title, others = None, list[Element]()
        for one in shapes(tree):
            held = placeholder(one)
            if title is None and held and held.kind in TITLES:
                title = one
            else:
                others.append(one)
        if title is not None:
            self._heading(title)
        self._shapes(others, part_name, above)
        self._notes(part_name)
        self._comments(part_name)

    def _take_out(self, number: int, tree: Element) -> None:
        if count := take_out(tree, self._size):
            self._hidden[number] = count

    def _slide_size(self) -> Box | None:
        size = child(self._package.tree(self._main), "sldSz")
        width, height = (attribute(size, one) if size is not None else "" for one in ("cx", "cy"))
        if not (width.isdecimal() and height.isdecimal()):
            return None
        return Box(0, 0, int(width), int(height))

    def _heading(self, shape: Element) -> None:
        words = " ".join(" ".join(body_lines(child(shape, "txBody"))).split())
        self._out.heading(1, words)
        self._title = self._title or stored_form(words)

    def _shapes(
        self, found: Sequence[Element], part_name: str, above: Sequence[Element | None]
    ) -> None:
        placed = [Placed(one, _box(one, above)) for one in found]
        for one in in_reading_order(placed):
            self._shape(one.element, part_name, above)

    def _shape(self, shape: Element, part_name: str, above: Sequence[Element | None]) -> None:
        kind = name(shape)
        if kind == "grpSp":
            self._shapes(list(shapes(shape)), part_name, above)
        elif kind == "graphicFrame":
            self._frame(shape, part_name)
        else:
            self._text(shape, above)
        words = alternative(next(below(shape, "cNvPr"), None))
        if words and kind != "grpSp":
            self._out.paragraph(f"Picture: {words}")

    def _text(self, shape: Element, above: Sequence[Element | None]) -> None:
        held = placeholder(shape)
        if held and held.kind == _NUMBER:
            return
        lines = body_text(child(shape, "txBody"), _list_styles(held, above))
        for place, line in enumerate(lines):
            if held and held.kind in _EVERYWHERE:
                if line in self._said:
                    continue
                self._said.add(line)
            self._out.paragraph(line, apart=not place)

    def _frame(self, frame: Element, part_name: str) -> None:
        data = child(frame, "graphic", "graphicData")
        for one in data if data is not None else ():
            kind = name(one)
            if kind == "tbl":
                self._out.table(*_table(one))
            elif kind in {"chart", "relIds"}:
                self._drawn(kind, attribute(one, "dm") or attribute(one, "id"), part_name)

    def _drawn(self, kind: str, key: str, part_name: str) -> None:
        relation = self._package.related(part_name).get(key)
        root = self._package.tree(relation.target) if relation else None
        if root is None:
            return
        if kind == "chart":
            shown = chart(root)
            self._out.paragraph(shown.title)
            self._out.table(shown.rows)
        else:
            for place, (level, words) in enumerate(diagram(root)):
                self._out.paragraph(f"{'  ' * level}- {words}", apart=not place)

    def _notes(self, part_name: str) -> None:
        for notes in self._package.of_kind(part_name, "notesSlide"):
            tree = child(self._package.tree(notes), "cSld", "spTree")
            for shape in shapes(tree) if tree is not None else ():
                held = placeholder(shape)
                if held is None or held.kind in {"body", ""}:
                    lines = list(body_text(child(shape, "txBody"), ()))
                    for place, line in enumerate(lines):
                        self._out.paragraph(
                            f"Notes: {line}" if not place else line, apart=not place
                        )

    def _comments(self, part_name: str) -> None:
        for comments in self._package.of_kind(part_name, "comments"):
            root = self._package.tree(comments)
            for one in below(root, "cm") if root is not None else ():
                plain = child(one, "text")
                lines = [plain.text or ""] if plain is not None else []
                lines += [line for body in below(one, "txBody") for line in body_lines(body)]
                by = self._authors.get(attribute(one, "authorId"), "")
                words = " ".join(" ".join(lines).split())
                if words:
                    self._out.paragraph(f"Comment{f' ({by})' if by else ''}: {words}")

    def _author_names(self) -> Iterator[tuple[str, str]]:
        for kind in ("commentAuthors", "authors"):
            for part_name in self._package.of_kind(self._main, kind):
                root = self._package.tree(part_name)
                for one in below(root, "cmAuthor", "author") if root is not None else ():
                    yield attribute(one, "id"), attribute(one, "name")


def _box(shape: Element, above: Sequence[Element | None]) -> Box | None:
    """Return where a shape stands; a placeholder may stand where the layout or master puts it."""
    stated = box(shape)
    held = placeholder(shape)
    if stated is None and held is not None:
        for tree in above:
            source = same_placeholder(tree, held)
            if source is not None and (stated := box(source)) is not None:
                break
    return stated


def _list_styles(held: Placeholder | None, above: Sequence[Element | None]) -> list[Element]:
    """Return the list styles that a placeholder inherits, nearest first; other shapes none."""
    if held is None:
        return []
    found = list[Element | None]()
    for tree in above:
        found.append(child(same_placeholder(tree, held), "txBody", "lstStyle"))
    master = above[-1] if above else None
    style = "bodyStyle" if held.is_body and held.kind != "subTitle" else "otherStyle"
    found.append(child(master, "txStyles", style))
    return [one for one in found if one is not None]


def _table(table: Element) -> tuple[list[list[str]], int]:
    """Return a table's rows and how many of them are header."""
    rows = list[list[str]]()
    labels: Mapping[int, str] = {}
    for row in children(table, "tr"):
        cells, open_labels = list[str](), dict[int, str]()
        merged = dict[int, str]()
        for column, cell in enumerate(children(row, "tc")):
            text = " ".join(body_lines(child(cell, "txBody")))
            if attribute(cell, "rowSpan", "1") != "1" and len(text) <= _LONGEST_LABEL:
                merged[column] = text
            elif attribute(cell, "vMerge", "0") in {"1", "true"} and column in labels:
                merged[column] = open_labels[column] = labels[column]
            cells.append(text)
        if any(cells):
            for column, text in open_labels.items():
                cells[column] = text
        labels = merged
        rows.append(cells)
    return rows, 1
