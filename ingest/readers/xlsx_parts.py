"""What the parts of an XLSX file say beside the cells' values: formats, errors, comments, drawings.

The values come from calamine, which is fast and knows neither percentages nor errors. Cells that
have one of these are found with regular expressions, which cost a tenth of a parser.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from indexes.documents import Finding, Metadata
from ingest.readers.cell_formats import BUILT_IN, is_telling
from ingest.readers.cell_looks import unshown, white
from ingest.readers.drawing import alternative, body_lines, chart, diagram
from ingest.readers.ooxml import Package
from ingest.readers.parts import Element, attribute, below, child, children

_PLACE: Final = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
_STYLE: Final = re.compile(rb"""\bs=["']([0-9]+)["']""")
_ERROR: Final = re.compile(
    rb"""<(?:\w+:)?c\b([^>]*\bt=["']e["'][^>]*)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>(#[^<]*)<""",
    re.DOTALL,
)
_NEVER_COMPUTED: Final = re.compile(
    rb"(?:</(?:\w+:)?f>|<(?:\w+:)?f\b[^>]*/>)\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?"
    rb"\s*</(?:\w+:)?c>"
)
_WORKBOOK: Final = "xl/workbook.xml"
_STYLES: Final = "xl/styles.xml"
# Where cells may have a ground that does not stand in their own style.
_UNTABLED: Final = re.compile(rb"<(?:\w+:)?(?:conditionalFormatting|tablePart|picture)\b")

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Look:
    """What a sheet's part says of its cells, by row and column from 0.

    `codes` are the format codes of cells that show percentages or money, `texts` what cells show
    in the place of a value; `uncomputed` counts formulas whose value nobody has computed. `hidden`
    are cells that show nothing whatever their value is.
    """

    codes: Mapping[Place, str] = field(default_factory=dict)
    texts: Mapping[Place, str] = field(default_factory=dict)
    uncomputed: int = 0
    hidden: frozenset[Place] = frozenset()


class Beside(Protocol):
    """What a workbook says beside the values of its cells."""

    @property
    def title(self) -> str:
        """The title that somebody gave it, else ""."""

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself."""

    def look(self, sheet: str) -> Look:
        """Return what is to be known about the cells of a sheet."""

    def notes(self, sheet: str) -> Iterator[str]:
        """Yield what stands on a sheet beside its cells: comments, boxes, pictures, diagrams."""

    def charts(self, sheet: str) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
        """Yield title and rows of the charts on a sheet."""

    def findings(self) -> tuple[Finding, ...]:
        """Say which parts could not be read in full."""


class XlsxParts:
    """The parts of an XLSX file; each is read when it is asked for."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._main = package.main(_WORKBOOK)
        self._sheets = self._sheet_parts()
        self._codes = self._telling_codes()
        styles = self._package.tree(next(package.of_kind(self._main, "styles"), _STYLES))
        self._unshown = frozenset(unshown(styles))
        self._unseen = self._unshown | frozenset(white(styles))

    @property
    def title(self) -> str:
        """The title that somebody gave the workbook, else ""."""
        return self._package.title

    @property
    def metadata(self) -> Metadata:
        """What the file says of itself."""
        return self._package.metadata

    def findings(self) -> tuple[Finding, ...]:
        """Say which parts could not be read in full."""
        return self._package.findings()

    def look(self, sheet: str) -> Look:
        """Return what is to be known about the cells of a sheet."""
        data = self._package.data(self._sheets.get(sheet, "")) or b""
        errors = {
            place: words.decode("utf-8", "replace")
            for match in _ERROR.finditer(data)
            for place, words in [(_place(match[1]), match[2])]
            if place
        }
        hidden = self._unseen if _UNTABLED.search(data) is None else self._unshown
        return Look(
            dict(_styled(data, self._codes)),
            errors,
            len(_NEVER_COMPUTED.findall(data)),
            frozenset(place for place, _ in _styled(data, dict.fromkeys(hidden, ""))),
        )

    def notes(self, sheet: str) -> Iterator[str]:
        """Yield what stands on a sheet beside its cells: comments, boxes, pictures, diagrams."""
        part_name = self._sheets.get(sheet, "")
        threaded = list(self._package.of_kind(part_name, "threadedComment"))
        for one in threaded or self._package.of_kind(part_name, "comments"):
            yield from self._comments(one)
        for one in self._package.of_kind(part_name, "drawing"):
            root = self._package.tree(one)
            for shape in below(root, "sp", "pic") if root is not None else ():
                yield from _shape_lines(shape)
            for held in self._package.of_kind(one, "diagramData"):
                data = self._package.tree(held)
                if data is not None:
                    yield "\n".join(f"{'  ' * level}- {words}" for level, words in diagram(data))

    def charts(self, sheet: str) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
        """Yield title and rows of the charts on a sheet."""
        part_name = self._sheets.get(sheet, "")
        for drawing in [*self._package.of_kind(part_name, "drawing"), part_name]:
            for kind in ("chart", "chartEx"):
                for one in self._package.of_kind(drawing, kind):
                    root = self._package.tree(one)
                    if root is not None:
                        shown = chart(root)
                        yield shown.title, shown.rows

    def _sheet_parts(self) -> dict[str, str]:
        root = self._package.tree(self._main)
        related = self._package.related(self._main)
        found = dict[str, str]()
        for one in children(child(root, "sheets"), "sheet"):
            relation = related.get(attribute(one, "id"))
            if relation is not None and not relation.external:
                found[attribute(one, "name")] = relation.target
        return found

    def _telling_codes(self) -> dict[bytes, str]:
        """Return the format codes that make percentages or money, by the style of the cells."""
        styles = next(self._package.of_kind(self._main, "styles"), _STYLES)
        root = self._package.tree(styles)
        known = {str(number): code for number, code in BUILT_IN.items()}
        for one in children(child(root, "numFmts"), "numFmt"):
            known[attribute(one, "numFmtId")] = attribute(one, "formatCode")
        used = (attribute(one, "numFmtId") for one in children(child(root, "cellXfs"), "xf"))
        codes = {b"%d" % place: known.get(number, "") for place, number in enumerate(used)}
        return {style: code for style, code in codes.items() if is_telling(code)}

    def _comments(self, part_name: str) -> Iterator[str]:
        root = self._package.tree(part_name)
        if root is None:
            return
        authors = [one.text or "" for one in below(root, "author")]
        for one in below(root, "comment", "threadedComment"):
            words = " ".join("".join(text.text or "" for text in below(one, "t", "text")).split())
            number = attribute(one, "authorId")
            by = authors[int(number)] if number.isdecimal() and int(number) < len(authors) else ""
            if words:
                yield f"{attribute(one, 'ref')}{f' ({by})' if by else ''}: {words}"


def _styled(data: bytes, styles: Mapping[bytes, str]) -> Iterator[tuple[Place, str]]:
    """Yield the places of the cells that have one of these styles, with what stands for it."""
    if not styles:
        return
    cells = re.compile(rb"""<(?:\w+:)?c\b([^>]*\bs=["'](?:%s)["'][^>]*)>""" % b"|".join(styles))
    for match in cells.finditer(data):
        place, style = _place(match[1]), _STYLE.search(match[1])
        if place and style:
            yield place, styles[style[1]]


def _place(cell: bytes) -> Place | None:
    match = _PLACE.search(cell)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = 26 * column + letter - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _shape_lines(shape: Element) -> Iterator[str]:
    yield from body_lines(child(shape, "txBody"))
    words = alternative(next(below(shape, "cNvPr"), None))
    if words:
        yield f"Picture: {words}"
