"""Text recognition in pictures, by RapidOCR (the extra `ocr`), imported when it is first used.

Its models come with the package: nothing is fetched. One thread is used, since several readers run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from indexes.documents import stored_form
from indexes.errors import UsageError
from ingest.readers.paged import with_tables, without_signs
from ingest.readers.pdf_tables import find
from ingest.readers.pdf_words import Word

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

PACKAGES: Final = ("rapidocr", "onnxruntime")
# Pixels of the longer side of a page that is drawn, or of a picture that is larger; and of what
# RapidOCR makes of it. Fewer words are found where pages are drawn no larger than that.
LARGEST_SIDE: Final = 3300
_WORKING_SIDE: Final = 2000
# Two columns of prose: so many lines in each, which are so many heights wide. Of all lines few
# cross the space between them, and it lies in the middle.
_COLUMN_LINES: Final = 8
_COLUMN_WIDTH: Final = 12
_CROSSING: Final = 0.25
_MIDDLE: Final = (0.3, 0.7)
_TALL: Final = 4  # heights of a line


@dataclass(frozen=True, slots=True)
class Line:
    """Words that were recognised beside each other, with their box in pixels from the top left."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """The height in pixels."""
        return self.bottom - self.top


def check_installed() -> None:
    """Raise UsageError that says what to install where text cannot be recognised."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"text recognition (--ocr, AFTERWORD_OCR) needs {' and '.join(missing)}: install it "
            "with `pip install '.[ocr]'` in a clone, or `pip install './afterword-….whl[ocr]'` "
            "beside the wheel, or leave recognition off"
        )


def recognised(pixels: "Pixels") -> str:
    """Return the text of a picture, (height, width, 3) in blue, green, red; "" where it has none.

    Lines are in reading order, and rows of tables have signs around them as in other pages.
    """
    lines = list(_lines(pixels))
    tall = _TALL * median([line.height for line in lines] or [0])
    upright = [line for line in lines if line.height <= tall]
    beside = [[line] for line in lines if line.height > tall]  # what runs up the page's margin
    return "\n".join(page_text(part) for part in (*in_reading_order(upright), *beside))


def _lines(pixels: "Pixels") -> Iterator[Line]:
    try:
        found = _engine()(pixels)
    except Exception as error:
        if "bad_alloc" in str(error) or "allocate memory" in str(error):
            raise MemoryError from error
        raise
    if found.boxes is None:
        return
    for box, words in zip(found.boxes, found.txts, strict=True):
        xs, ys = [float(x) for x, _ in box], [float(y) for _, y in box]
        text = " ".join(without_signs(stored_form(words)).split())
        if text:
            yield Line(text, min(xs), min(ys), max(xs), max(ys))


@cache
def _engine() -> Any:
    import cv2
    from rapidocr import RapidOCR

    cv2.setNumThreads(1)
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.max_side_len": _WORKING_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def in_reading_order(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Yield the parts of a page one after another: left and right columns, and what spans both."""
    gap = _column_gap(lines)
    if not lines:
        return
    if gap is None:
        yield sorted(lines, key=lambda line: line.top)
        return
    band = list[Line]()
    for line in sorted(lines, key=lambda line: line.top):
        if line.left < gap < line.right:
            yield from _columns(band, gap)
            yield [line]
            band = []
        else:
            band.append(line)
    yield from _columns(band, gap)


def _columns(band: Sequence[Line], gap: float) -> Iterator[list[Line]]:
    for column in ([x for x in band if x.right <= gap], [x for x in band if x.right > gap]):
        if column:
            yield column


def _column_gap(lines: Sequence[Line]) -> float | None:
    """Return where the space between two columns of prose is, if a page has two."""
    if len(lines) < 2 * _COLUMN_LINES:
        return None
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    low, high = (left + share * (right - left) for share in _MIDDLE)
    places = [line.right + 1 for line in lines if low < line.right < high]

    def crossing(place: float) -> int:
        return sum(line.left < place < line.right for line in lines)

    gap = min(places, key=crossing, default=None)
    if gap is None or crossing(gap) > _CROSSING * len(lines):
        return None
    sides = ([x for x in lines if x.right <= gap], [x for x in lines if x.left >= gap])
    return gap if all(map(_is_prose, sides)) else None


def _is_prose(lines: Sequence[Line]) -> bool:
    wide = [line for line in lines if line.right - line.left > _COLUMN_WIDTH * line.height]
    return len(wide) >= _COLUMN_LINES and len(wide) > len(lines) / 2


def page_text(lines: Sequence[Line]) -> str:
    """Return lines as text: those at one height are one line, and tables have their signs."""
    rows = list[list[Line]]()
    for line in sorted(lines, key=lambda line: line.top + line.bottom):
        middle = (line.top + line.bottom) / 2
        if rows and rows[-1][0].top < middle < rows[-1][0].bottom:
            rows[-1].append(line)
        else:
            rows.append([line])
    height = median([line.height for line in lines]) if lines else 0.0
    words, start, text = list[Word](), 0, list[str]()
    for row in rows:
        row.sort(key=lambda line: line.left)
        # letters of one row stand at one height, which boxes around them do only nearly
        bottom = -max(line.bottom for line in row)
        for line in row:
            end = start + len(line.text)
            words.append(
                Word(line.text, start, end, line.left, line.right, bottom, bottom + height)
            )
            start = end + 1
        text.append(" ".join(line.text for line in row))
    return with_tables("\n".join(text), find(words))
