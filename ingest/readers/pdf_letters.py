"""The letters of a PDF page: where they stand, and how they are drawn; asked of pdfium itself.

There are thousands on a page. With pointers as plain numbers a call takes half the time that
pypdfium2's own functions take.
"""

import ctypes
from collections.abc import Iterable, Sequence
from functools import cached_property
from operator import sub
from struct import unpack_from
from typing import Final, NamedTuple

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

Place = tuple[int, int]  # where a word begins and ends in the page's text

_POINTER: Final = ctypes.c_void_p
_BLACK: Final = (0, 0, 0, 255)
_BOX: Final = 4 * ctypes.sizeof(ctypes.c_float)
_DOUBLE: Final = ctypes.sizeof(ctypes.c_double)


def _plain(function: object, result: type, *arguments: type) -> "ctypes._CFunctionType":
    """Return a function of pdfium that takes pointers as numbers."""
    address = ctypes.cast(function, _POINTER).value  # type: ignore[arg-type]
    return ctypes.CFUNCTYPE(result, *arguments)(address or 0)


_box_of: Final = _plain(
    pdfium_c.FPDFText_GetLooseCharBox, ctypes.c_int, _POINTER, ctypes.c_int, _POINTER
)
_origin_of: Final = _plain(
    pdfium_c.FPDFText_GetCharOrigin, ctypes.c_int, _POINTER, ctypes.c_int, _POINTER, _POINTER
)
_object_of: Final = _plain(pdfium_c.FPDFText_GetTextObject, _POINTER, _POINTER, ctypes.c_int)
_mode_of: Final = _plain(pdfium_c.FPDFTextObj_GetTextRenderMode, ctypes.c_int, _POINTER)
_fill_of: Final = _plain(pdfium_c.FPDFPageObj_GetFillColor, ctypes.c_int, _POINTER, *[_POINTER] * 4)


class Box(NamedTuple):
    """Where letters stand on a page that is not turned, in points; `bottom` < `top`."""

    left: float
    bottom: float
    right: float
    top: float


class Paint(NamedTuple):
    """How a letter is drawn: pdfium's render mode, and the fill's red, green, blue and alpha."""

    mode: int
    fill: tuple[int, ...]


class Letters:
    """The letters of a page's `text`; valid while both of pdfium's pages are open."""

    def __init__(self, words: pdfium.PdfTextPage, text: str) -> None:
        self._words = words
        self._handle = ctypes.cast(words.raw, _POINTER).value
        self._text = text
        self._paints: dict[int, Paint | None] = {}
        self._colors = (ctypes.c_uint * 4)()
        first, size = ctypes.addressof(self._colors), ctypes.sizeof(ctypes.c_uint)
        self._color_places = [first + size * place for place in range(4)]

    @cached_property
    def _is_skewed(self) -> bool:
        """Whether pdfium counts letters that are no part of the text, for want of a meaning."""
        return bool(self._words.count_chars() != len(self._text))

    def _index(self, place: int) -> int:
        if not self._is_skewed:
            return place
        return int(pdfium_c.FPDFText_GetCharIndexFromTextIndex(self._words, place))

    def corners(self, places: Sequence[Place]) -> Iterable[tuple[float, ...]]:
        """Return left, top, right, bottom of each word's first letter, and of its last."""
        if self._is_skewed:
            places = [(self._index(first), self._index(last - 1) + 1) for first, last in places]
        boxes = (ctypes.c_float * (8 * len(places)))()
        box = ctypes.addressof(boxes)
        for first, last in places:
            _box_of(self._handle, first, box)
            _box_of(self._handle, last - 1, box + _BOX)
            box += 2 * _BOX
        return zip(*[iter(boxes)] * 8, strict=True)

    def boxes(self, places: Sequence[Place]) -> list[Box]:
        """Return the box of each word, upright or not."""
        return [
            Box(
                min(corners[0::2]),
                min(corners[1::2]),
                max(corners[0::2]),
                max(corners[1::2]),
            )
            for corners in self.corners(places)
        ]

    def origins(self, places: Iterable[int]) -> list[tuple[float, float]]:
        """Return where the glyphs of single letters begin; the letters of one glyph begin alike."""
        origin = (ctypes.c_double * 2)()
        across = ctypes.addressof(origin)
        found = list[tuple[float, float]]()
        for place in places:
            _origin_of(self._handle, self._index(place), across, across + _DOUBLE)
            found.append((origin[0], origin[1]))
        return found

    def reach(self, places: Sequence[int]) -> tuple[Box, float]:
        """Return how far out single letters stand, and the longest side of the smallest one.

        The box has the farthest of their near edges: of the letter farthest to the left its right
        one, and so on.
        """
        places = [self._index(place) for place in places] if self._is_skewed else places
        corners = (ctypes.c_float * (4 * len(places)))()
        box = ctypes.addressof(corners)
        for place in places:
            _box_of(self._handle, place, box)
            box += _BOX
        numbers = corners[:]
        lefts, tops, rights, bottoms = (numbers[edge::4] for edge in range(4))
        sides = map(max, map(sub, rights, lefts), map(sub, tops, bottoms))
        return Box(min(rights), min(tops), max(lefts), max(bottoms)), min(sides)

    def paints(self, places: Sequence[int]) -> set[Paint]:
        """Return how single letters are drawn."""
        places = [self._index(place) for place in places] if self._is_skewed else places
        drawn = {_object_of(self._handle, place) for place in places} - {None}
        colors = (ctypes.c_uint * (4 * len(drawn)))(*_BLACK * len(drawn))
        color = ctypes.addressof(colors)
        for each in drawn:
            _fill_of(each, color, color + 4, color + 8, color + 12)
            color += 16
        return set(map(Paint, map(_mode_of, drawn), zip(*[iter(colors)] * 4, strict=True)))

    def paint(self, place: int) -> Paint | None:
        """Return how the letter at a place of the text is drawn, None where nobody knows."""
        drawn = _object_of(self._handle, self._index(place))
        if not drawn:
            return None
        if drawn not in self._paints:
            known = _fill_of(drawn, *self._color_places)
            fill = unpack_from("4I", self._colors) if known else _BLACK
            self._paints[drawn] = Paint(_mode_of(drawn), fill)
        return self._paints[drawn]
