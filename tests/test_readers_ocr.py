"""Text recognition: what works without the extra `ocr`, and, where that is there, what is read."""

import struct
import zlib
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

from indexes.documents import Extract
from indexes.errors import ReadFailure, UsageError
from indexes.settings import Settings
from ingest.pipeline import reader_pool
from ingest.pool import ReadJob
from ingest.readers import BMP, GIF, JPEG, PDF, PICTURES, PNG, READERS, TIFF, WEBP, ReadOptions, ocr
from ingest.readers.detect import detect
from ingest.readers.ocr import Line, in_reading_order, page_text
from ingest.readers.paged import joined
from ingest.readers.picture import read as read_picture

WORDS = ["The lighthouse keeper counted seven ships", "before the fog came in from the west."]
needs_ocr = pytest.mark.skipif(
    any(find_spec(name) is None for name in ocr.PACKAGES), reason="the extra `ocr` is not installed"
)


def drawn(*lines: str) -> FPDF:
    """Return a page with these lines of large print."""
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=18)
    for line in lines:
        pdf.cell(text=line)
        pdf.ln(12)
    return pdf


def picture(*lines: str) -> Image.Image:
    """Return a picture of a page with these lines."""
    with PdfDocument(bytes(drawn(*lines).output())) as document:
        return document[0].render(scale=2).to_pil()  # type: ignore[no-any-return]


def scan(path: Path, *pages: Image.Image, text: str = "") -> Path:
    """Write a PDF of pictures, with a page of `text` after them if there is some."""
    pdf = FPDF()
    for page in pages:
        pdf.add_page()
        pdf.image(page, x=0, y=0, w=pdf.w, h=pdf.h)
    if text:
        pdf.add_page()
        pdf.set_font("Helvetica", size=12)
        pdf.cell(text=text)
    pdf.output(str(path))
    return path


def read(path: Path, media_type: str) -> Extract:
    """Return the document of a file that is read with text recognition."""
    (extract,) = READERS[media_type].load()(path, ReadOptions(path.name, ocr=True))
    assert isinstance(extract, Extract)
    return extract


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [("PNG", PNG), ("JPEG", JPEG), ("TIFF", TIFF), ("BMP", BMP), ("WEBP", WEBP), ("GIF", GIF)],
)
def test_pictures_are_documents_with_recognition_alone(
    tmp_path: Path, kind: str, media_type: str
) -> None:
    """Without it they are refused by their name, and told how to be read."""
    path = tmp_path / "a.bin"
    Image.new("RGB", (40, 20), "white").save(path, kind)
    assert detect(path, path.name, ocr=True) == media_type
    with pytest.raises(ReadFailure, match=f"a picture \\({PICTURES[media_type].name}\\)") as caught:
        detect(path, path.name)
    assert caught.value.reason == "unsupported_format"
    assert "`--ocr`" in caught.value.message


def test_what_is_missing_is_said_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that shall recognise text and cannot does not begin, and says what to install."""
    monkeypatch.setattr(ocr, "PACKAGES", ("rapidocr", "a_package_that_nobody_has"))
    with pytest.raises(UsageError, match=r"pip install '\.\[ocr\]'") as caught:
        reader_pool(Settings(data=tmp_path, ocr="rapidocr"))
    assert "a_package_that_nobody_has" in caught.value.message
    reader_pool(Settings(data=tmp_path))  # nobody asked for it


def declared(path: Path, width: int, height: int) -> Path:
    """Write a PNG of a few bytes that says it is so large."""

    def part(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = part(b"IDAT", zlib.compress(b"\x00" * 64))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + rows + part(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [11_000, 60_000])
def test_a_picture_that_says_it_is_huge_is_refused(tmp_path: Path, side: int) -> None:
    """It is judged by the size that it declares, before anything is unpacked."""
    path = declared(tmp_path / "a.png", side, side)
    with pytest.raises(ReadFailure) as caught:
        next(read_picture(path, ReadOptions(path.name, ocr=True)))
    assert caught.value.reason == "too_large"
    assert "100 million pixels" in caught.value.message


def test_a_damaged_picture(tmp_path: Path) -> None:
    """A file that only begins like a picture is damaged."""
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 50)
    with pytest.raises(ReadFailure) as caught:
        next(read_picture(path, ReadOptions(path.name, ocr=True)))
    assert caught.value.reason == "damaged"


def column(left: float, top: float, name: str, count: int) -> list[Line]:
    """Return lines of prose below each other."""
    return [
        Line(f"{name} {n} " + "x" * 30, left, top + 20 * n, left + 400, top + 20 * n + 12)
        for n in range(count)
    ]


def test_columns_are_read_one_after_another() -> None:
    """Left before right, between the title above and the figure's caption below."""
    title, caption = Line("Title", 100, 10, 900, 30), Line("Caption", 100, 300, 900, 320)
    later = [*column(50, 340, "left", 9), *column(500, 340, "right", 9)]
    lines = [*column(500, 50, "right", 9), title, *column(50, 50, "left", 9), caption, *later]
    order = [line.text.split(" x")[0] for part in in_reading_order(lines) for line in part]
    half = [f"{side} {n}" for side in ("left", "right") for n in range(9)]
    assert order == ["Title", *half, "Caption", *half]


def test_lines_of_one_height_are_one_line_and_tables_are_found() -> None:
    """Boxes that differ by some pixels stand beside each other."""
    rows = [("", "2018", "2017"), ("Sales", "1,200", "1,100"), ("Cost", "(800)", "(700)")]
    lines = [
        Line(cell, 50 + 300 * place, 20 * n + place, 120 + 300 * place, 20 * n + place + 12)
        for n, row in enumerate([*rows, ("Profit", "400", "400")])
        for place, cell in enumerate(row)
        if cell
    ]
    laid_out = joined([page_text(lines)])
    assert laid_out.text.split("\n") == [
        " | 2018 | 2017",
        "Sales | 1,200 | 1,100",
        "Cost | (800) | (700)",
        "Profit | 400 | 400",
    ]
    assert len(laid_out.tables) == 1


@needs_ocr
def test_a_scanned_page_is_read(tmp_path: Path) -> None:
    """The words of its picture are the page's text, and that is told with its number."""
    path = scan(tmp_path / "a.pdf", picture(*WORDS), text="What is text stays.")
    extract = read(path, PDF)
    first, second = (page.span.cut(extract.text).strip() for page in extract.pages)
    assert first.split("\n") == WORDS
    assert second == "What is text stays."
    (finding,) = extract.findings
    assert (finding.code, finding.pages) == ("ocr", (1,))


@needs_ocr
def test_a_scan_without_words_stays_without_text(tmp_path: Path) -> None:
    """Recognition that finds nothing says so, and does not invent any."""
    path = scan(tmp_path / "a.pdf", Image.new("RGB", (400, 600), "gray"), text="Words.")
    assert {finding.code for finding in read(path, PDF).findings} == {"ocr", "no_text_layer"}


@needs_ocr
def test_the_pages_of_a_tiff(tmp_path: Path) -> None:
    """Each is a page with its words."""
    pages = [picture(line) for line in WORDS]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    extract = read(tmp_path / "a.tif", TIFF)
    assert [page.span.cut(extract.text).strip() for page in extract.pages] == WORDS
    assert extract.title == "a"


@needs_ocr
def test_pictures_are_seen_on_white_paper(tmp_path: Path) -> None:
    """Black words on nothing at all are black on white."""
    black = picture(WORDS[0]).convert("L")
    clear = Image.merge("LA", (Image.new("L", black.size, 0), black.point(lambda x: 255 - x)))
    clear.save(tmp_path / "a.png")
    assert read(tmp_path / "a.png", PNG).text.strip() == WORDS[0]


@needs_ocr
def test_recognition_in_a_reader_process(tmp_path: Path) -> None:
    """It does with the memory that a reader process has, and without a connection."""
    data = BytesIO()
    picture(*WORDS).save(data, "PNG")
    path = tmp_path / "a.png"
    path.write_bytes(data.getvalue())
    settings = Settings(data=tmp_path, ocr="rapidocr", reader_processes=1)
    with reader_pool(settings) as pool:
        (result,) = pool.results([ReadJob("docs/a.png", path, "a.png")])
    assert result.failure is None
    assert result.extracts[0].text.strip().split("\n") == WORDS
