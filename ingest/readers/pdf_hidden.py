"""Words of a PDF page that nobody sees: invisible, white on white, tiny, or off the page.

A few letters of each line are looked at first; only where one of them is suspect, all words of the
page are, and a drawing of the page decides whether what is light or transparent can be seen.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

from ingest.readers.pdf_letters import Box, Letters, Paint

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# In the place of letters that are left out: white space to all that looks for words.
_MASK: Final = "\x1f"
_MASKED_LINE: Final = re.compile(rf"^[ \t]*{_MASK}[{_MASK} \t]*(?:\r?\n|\Z)", re.MULTILINE)
_MASKED_START: Final = re.compile(rf"^{_MASK}[{_MASK} \t]*", re.MULTILINE)
_MASKED: Final = re.compile(rf"[ \t]*{_MASK}+")
_SAMPLE: Final = re.compile(r"\S[^\n]{0,79}")
_WORD: Final = re.compile(r"\S+")
_UNDRAWN: Final = (pdfium_c.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium_c.FPDF_TEXTRENDERMODE_CLIP)
# Fills that may not be seen: nearly white, or nearly transparent.
_LIGHT: Final = 235
_FAINT: Final = 25
_TINY: Final = 1.0  # points
_OFF: Final = 1.0  # points
# Pixels of one colour differ by no more than this.
_CONTRAST: Final = 10
_SCALE: Final = 1.0
_LARGEST: Final = 2500  # pixels
# Of a scan's page pictures cover so much.
_SCAN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Seen:
    """A page's text without what nobody sees: `hidden` words left out, `doubtful` ones kept."""

    text: str
    hidden: int = 0
    doubtful: int = 0

    def cleared(self, text: str) -> str:
        """Return `text`, which was made of this text, without the places of hidden words."""
        if not self.hidden:
            return text
        return _MASKED.sub("", _MASKED_START.sub("", _MASKED_LINE.sub("", text)))


def seen(page: pdfium.PdfPage, letters: Letters, text: str) -> Seen:
    """Return the page's text with the words masked that nobody sees; offsets stay."""
    crop = Box(*page.get_bbox())
    samples = [match.start() for match in _SAMPLE.finditer(text)]
    if not samples or not _any_suspect(letters, crop, samples):
        return Seen(text)
    return _examined(_Drawing(page), letters, crop, text)


def _any_suspect(letters: Letters, crop: Box, places: Sequence[int]) -> bool:
    """Tell whether any of these letters may be hidden."""
    reach, smallest = letters.reach(places)
    off = (
        reach.left < crop.left - _OFF
        or reach.bottom < crop.bottom - _OFF
        or reach.right > crop.right + _OFF
        or reach.top > crop.top + _OFF
    )
    return smallest < _TINY or off or any(map(_is_suspect, letters.paints(places)))


def _is_suspect(paint: Paint) -> bool:
    red, green, blue, alpha = paint.fill
    light = red >= _LIGHT and green >= _LIGHT and blue >= _LIGHT
    return paint.mode in _UNDRAWN or light or alpha <= _FAINT


def _is_off(box: Box, crop: Box) -> bool:
    return (
        box.right < crop.left - _OFF
        or box.left > crop.right + _OFF
        or box.top < crop.bottom - _OFF
        or box.bottom > crop.top + _OFF
    )


def _is_tiny(box: Box, letters: int) -> bool:
    """Tell whether a word of so many letters is too small to be read; no size tells nothing."""
    short, long = sorted((box.right - box.left, box.top - box.bottom))
    return 0 < short < _TINY and long < _TINY * letters


def _examined(drawing: "_Drawing", letters: Letters, crop: Box, text: str) -> Seen:
    """Look at each word of a page; where nobody can say it is kept and counted."""
    places = [match.span() for match in _WORD.finditer(text)]
    parts, at = list[str](), 0
    hidden = doubtful = 0
    for place, box in zip(places, letters.boxes(places), strict=True):
        if _is_off(box, crop) or _is_tiny(box, place[1] - place[0]):
            visible: bool | None = False
        else:
            visible = _is_visible(drawing, letters.paint(place[0]), box)
        doubtful += visible is None
        if visible is False:
            hidden += 1
            parts += [text[at : place[0]], _MASK * (place[1] - place[0])]
            at = place[1]
    if not hidden:
        return Seen(text, 0, doubtful)
    return Seen("".join([*parts, text[at:]]), hidden, doubtful)


def _is_visible(drawing: "_Drawing", paint: Paint | None, box: Box) -> bool | None:
    """Tell whether a word of a usual size on the page can be seen; None where nobody can say."""
    if paint is None or not _is_suspect(paint):
        return True
    if paint.mode in _UNDRAWN:
        if drawing.is_scanned(box):
            return True  # what a text recogniser laid over the picture of the words
        return None if drawing.has_contrast(box) else False
    return drawing.has_contrast(box)


class _Drawing:
    """A page as it is seen, drawn when it is first asked for."""

    def __init__(self, page: pdfium.PdfPage) -> None:
        self._page = page

    @cached_property
    def _pictures(self) -> list[Box]:
        """The pictures of a page that they cover for the most part; else none."""
        pictures = [
            Box(*picture.get_bounds())
            for picture in self._page.get_objects(filter=[pdfium_c.FPDF_PAGEOBJ_IMAGE])
        ]
        crop = Box(*self._page.get_bbox())
        share = sum(_area(picture, crop) for picture in pictures) / max(1, _area(crop, crop))
        return pictures if share >= _SCAN else []

    def is_scanned(self, box: Box) -> bool:
        """Tell whether a word lies on a picture that fills the page."""
        x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
        return any(
            one.left <= x <= one.right and one.bottom <= y <= one.top for one in self._pictures
        )

    @cached_property
    def _pixels(self) -> "tuple[pdfium.PdfPosConv, npt.NDArray[np.uint8]] | None":
        scale = min(_SCALE, _LARGEST / max(1, *self._page.get_size()))
        if scale < 1:  # words may be too small to be seen there
            return None
        bitmap = self._page.render(scale=scale)
        return bitmap.get_posconv(self._page), bitmap.to_numpy()

    def has_contrast(self, box: Box) -> bool | None:
        """Tell whether the page has more than one colour where a word stands, None if unknown."""
        if self._pixels is None:
            return None
        conversion, pixels = self._pixels
        margin = (box.top - box.bottom) / 8  # the lines of a table's cell are no part of the word
        xs, ys = zip(
            conversion.to_bitmap(box.left, box.bottom + margin),
            conversion.to_bitmap(box.right, box.top - margin),
            strict=True,
        )
        cut = pixels[max(0, min(ys)) : max(ys) + 1, max(0, min(xs)) : max(xs) + 1]
        if not cut.size:
            return None
        colors = cut.reshape(-1, cut.shape[-1]) if cut.ndim > 2 else cut.reshape(-1, 1)  # noqa: PLR2004
        return int((colors.max(axis=0).astype(int) - colors.min(axis=0)).max()) > _CONTRAST


def _area(box: Box, crop: Box) -> float:
    """Return how much of a box lies on the page."""
    width = min(box.right, crop.right) - max(box.left, crop.left)
    height = min(box.top, crop.top) - max(box.bottom, crop.bottom)
    return max(0.0, width) * max(0.0, height)
