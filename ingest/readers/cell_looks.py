"""Styles of a workbook's cells in which nobody sees what the cells hold."""

from collections.abc import Callable, Iterator
from typing import Final

from ingest.readers.docx_looks import is_white
from ingest.readers.parts import Element, attribute, child, children

# A number format of empty parts shows nothing.
_NOTHING: Final = frozenset((";;;", ';;;""', ";;;;"))
_TINY: Final = 1.0
_THEME_WHITE: Final = "0"
_NO_FILL: Final = "0"


def unshown(styles: Element | None) -> Iterator[bytes]:
    """Yield the numbers of styles that show nothing, or letters too small to be read."""
    formats = {
        attribute(one, "numFmtId")
        for one in children(child(styles, "numFmts"), "numFmt")
        if attribute(one, "formatCode") in _NOTHING
    }
    tiny = _fonts(styles, "sz", lambda one: _number(attribute(one, "val", "11")) <= _TINY)
    for number, one in _used(styles):
        if attribute(one, "numFmtId") in formats or attribute(one, "fontId") in tiny:
            yield number


def white(styles: Element | None) -> Iterator[bytes]:
    """Yield the numbers of styles with white letters and no fill."""
    fonts = _fonts(styles, "color", _is_white)
    for number, one in _used(styles):
        if attribute(one, "fontId") in fonts and attribute(one, "fillId", _NO_FILL) == _NO_FILL:
            yield number


def _used(styles: Element | None) -> Iterator[tuple[bytes, Element]]:
    for place, one in enumerate(children(child(styles, "cellXfs"), "xf")):
        yield b"%d" % place, one


def _fonts(styles: Element | None, part: str, fits: Callable[[Element], bool]) -> set[str]:
    return {
        str(place)
        for place, font in enumerate(children(child(styles, "fonts"), "font"))
        if (found := child(font, part)) is not None and fits(found)
    }


def _is_white(colour: Element) -> bool:
    if is_white(attribute(colour, "rgb")[-6:]):
        return True
    return attribute(colour, "theme") == _THEME_WHITE and not attribute(colour, "tint")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 11.0
