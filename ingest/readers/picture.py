"""Pictures: their text is what is recognised in them, a page for each page of a TIFF."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from indexes.documents import Extract, Finding
from indexes.errors import ReadFailure
from ingest.readers import PICTURES, ReadOptions
from ingest.readers.ocr import LARGEST_SIDE, recognised
from ingest.readers.paged import joined

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

_MOST_PIXELS: Final = 100_000_000
_MEDIA_TYPES: Final = {kind.name: media_type for media_type, kind in PICTURES.items()}
_WHITE: Final = (255, 255, 255)


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the document of a picture file.

    Raises ReadFailure `damaged`, `too_large` by the size that it declares, `no_text_layer` where no
    words are recognised.
    """
    from PIL import Image, UnidentifiedImageError

    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    try:
        with Image.open(path) as picture:
            kind = picture.format or ""
            texts = [recognised(_pixels(page)) for page in _pages(picture)]
    except Image.DecompressionBombError as error:
        raise _too_large(str(error)) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise ReadFailure(
            "damaged",
            f"the picture cannot be opened ({error}); copy it anew, or save it again in the "
            "program it comes from",
        ) from error
    laid_out = joined(texts)
    numbers = tuple(page.number for page in laid_out.pages)
    if not laid_out.text.strip():
        raise ReadFailure(
            "no_text_layer",
            "no words were recognised in the picture; leave it out, or scan it anew with more dots "
            "to the inch",
            numbers,
        )
    yield Extract(
        laid_out.text,
        _MEDIA_TYPES.get(kind, ""),
        options.stem,
        pages=laid_out.pages,
        tables=laid_out.tables,
        findings=(recognised_finding(numbers),),
    )


def recognised_finding(pages: tuple[int, ...]) -> Finding:
    """Return what is told of pages whose words were recognised."""
    count = "1 page was" if len(pages) == 1 else f"{len(pages)} pages were"
    message = f"{count} read by text recognition, which can mistake letters and figures"
    return Finding("ocr", message, pages)


def _pages(picture: "Image") -> "Iterator[Image]":
    """Give the pages of a TIFF; of what moves only the first picture is one."""
    frames = getattr(picture, "n_frames", 1) if picture.format == "TIFF" else 1
    for number in range(frames):
        picture.seek(number)
        width, height = picture.size
        if width * height > _MOST_PIXELS:
            raise _too_large(f"{width} x {height} pixels")
        yield picture


def _too_large(size: str) -> ReadFailure:
    return ReadFailure(
        "too_large",
        f"the picture says that it has more than {_MOST_PIXELS / 1e6:.0f} million pixels ({size}); "
        "make it smaller, or cut it in parts",
    )


def _pixels(page: "Image") -> "npt.NDArray[np.uint8]":
    """Return a page as it is seen on white paper, upright, shape (height, width, 3), blue first."""
    import numpy as np
    from PIL import Image, ImageOps

    page.draft("RGB", (LARGEST_SIDE, LARGEST_SIDE))  # a JPEG need not be read in full
    seen = ImageOps.exif_transpose(page)
    if seen.mode in {"RGBA", "LA", "PA"} or "transparency" in seen.info:
        over = seen.convert("RGBA")
        seen = Image.new("RGB", over.size, _WHITE)
        seen.paste(over, mask=over.getchannel("A"))
    seen = seen.convert("RGB")
    seen.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return np.ascontiguousarray(np.asarray(seen)[:, :, ::-1])
