"""What an ODS file says beside the cells' values: percentages and money, comments and charts.

The values come from calamine; the file is looked through only if it has one of these.
"""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from lxml import etree

from indexes.documents import Finding, Metadata
from ingest.readers.odf_package import OdfPackage
from ingest.readers.odf_tables import grid
from ingest.readers.odf_words import described
from ingest.readers.parts import Element, attribute, below, child, children, name
from ingest.readers.xlsx_parts import Look, Place

_CONTENT: Final = "content.xml"
_SPECIAL: Final = re.compile(rb'value-type="(?:percentage|currency|error)"|annotation>|<draw:')
_SHOWN_TYPES: Final = frozenset(("percentage", "currency", "error"))
_MOST_REPEATED: Final = 1024


@dataclass(slots=True)
class _Sheet:
    texts: dict[Place, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)


class OdsParts:
    """The parts of an ODS file; each is read when it is asked for."""

    def __init__(self, package: OdfPackage) -> None:
        self._package = package

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
        """Return what cells of a sheet show in the place of their values."""
        found = self._sheets.get(sheet)
        return Look(texts=found.texts) if found else Look()

    def notes(self, sheet: str) -> Iterator[str]:
        """Yield what is written on a sheet beside its cells: comments, text boxes and pictures."""
        found = self._sheets.get(sheet)
        yield from found.notes if found else ()

    def charts(self, sheet: str) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
        """Yield title and rows of the charts on a sheet."""
        found = self._sheets.get(sheet)
        for target in found.objects if found else ():
            root = self._package.tree(f"{target}/content.xml")
            chart = child(root, "body", "chart", "chart")
            if chart is not None:
                title = " ".join(_words(one) for one in children(chart, "title"))
                for table in below(chart, "table"):
                    yield title, grid(table, _words)

    @cached_property
    def _sheets(self) -> dict[str, _Sheet]:
        data = self._package.data(_CONTENT) or b""
        if not _SPECIAL.search(data):
            return {}
        found, sheet, row = dict[str, _Sheet](), _Sheet(), 0
        events = etree.iterparse(
            io.BytesIO(data),
            events=("start", "end"),
            tag=("{*}table", "{*}table-row", "{*}shapes"),
            resolve_entities=False,
            no_network=True,
            recover=True,
        )
        for event, element in events:
            called = name(element)
            if event == "start":
                if called == "table":
                    sheet, row = found.setdefault(attribute(element, "name"), _Sheet()), 0
            elif called == "table-row":
                _look_at(element, row, sheet)
                row += _count(element, "number-rows-repeated")
                element.clear()
            elif called == "shapes":
                _look_at_drawings(element, sheet)
        return found


def _look_at(row: Element, number: int, sheet: _Sheet) -> None:
    column = 0
    for cell in row:
        repeated = _count(cell, "number-columns-repeated")
        kinds = {value for key, value in cell.items() if str(key).endswith("}value-type")}
        if kinds & _SHOWN_TYPES:
            shown = " ".join(_words(one) for one in children(cell, "p"))
            for place in range(column, column + min(repeated, _MOST_REPEATED)):
                if shown:
                    sheet.texts[number, place] = shown
        for comment in children(cell, "annotation"):
            by = _words(child(comment, "creator"))
            words = " ".join(_words(one) for one in below(comment, "p"))
            if words:
                sheet.notes.append(f"{_name(column, number)}{f' ({by})' if by else ''}: {words}")
        _look_at_drawings(cell, sheet)
        column += repeated


def _look_at_drawings(parent: Element, sheet: _Sheet) -> None:
    for frame in parent:
        if name(frame) not in {"frame", "custom-shape", "g", "rect", "ellipse", "caption"}:
            continue
        for one in below(frame, "object"):
            sheet.objects.append(attribute(one, "href").removeprefix("./").strip("/"))
        sheet.notes += [line for one in below(frame, "p") if (line := _words(one))]
        if words := described(frame):
            sheet.notes.append(f"Picture: {words}")


def _words(element: Element | None) -> str:
    return " ".join("".join(map(str, element.itertext())).split()) if element is not None else ""


def _count(element: Element, called: str) -> int:
    stated = attribute(element, called, "1")
    return int(stated) if stated.isdecimal() else 1


def _name(column: int, row: int) -> str:
    """Return what spreadsheets call a cell, such as B2, from its places from 0."""
    letters, column = "", column + 1
    while column:
        column, place = divmod(column - 1, 26)
        letters = chr(ord("A") + place) + letters
    return f"{letters}{row + 1}"
