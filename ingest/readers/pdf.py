"""PDF: text by pdfium page by page; pypdf is the second opinion where that gives nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

from indexes.documents import (
    Extract,
    Finding,
    Heading,
    Metadata,
    Page,
    Span,
    stored_form,
)
from indexes.errors import ReadFailure
from ingest.passwords import no_password_fits
from ingest.readers import PDF, Reading, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.paged import joined, with_tables, without_signs
from ingest.readers.pdf_hidden import Seen, seen
from ingest.readers.pdf_letters import Letters
from ingest.readers.pdf_ligatures import with_ligatures
from ingest.readers.pdf_tables import FoundTable, find
from ingest.readers.pdf_words import Word, pieces, stretches
from ingest.readers.titles import stated_title

if TYPE_CHECKING:
    from pypdf import PdfReader

_REMEDY: Final = (
    "scans or pictures, in which nothing can be found; have them recognised with `--ocr`, or by "
    "another program, for example `ocrmypdf IN.pdf OUT.pdf`, and ingest that"
)
_NO_WORDS: Final = (
    "text recognition found no words there; scan them anew with more dots to the inch, or leave "
    "them out"
)
# Above this share of lines with a single letter, pdfium took letters that were placed one by one
# for a text that runs downwards.
_SHREDDED: Final = 0.3
_LEAST_LINES: Final = 20
# A page without text shows something where an image covers this share of it, or where it has so
# many paths: letters drawn as outlines.
_IMAGE_SHARE: Final = 0.05
_OUTLINES: Final = 100
_INFO: Final = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_DATES: Final = {"CreationDate": "created", "ModDate": "changed"}
_DRAWN_ANNOTATIONS: Final = (pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_FREETEXT)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the outline; `page` counts from 0."""

    level: int
    title: str
    page: int


@dataclass(slots=True)
class _Marks:
    """Numbers of pages of which there is something to tell.

    `blind` show something but say nothing, `broken` cannot be opened, `recognised` were given to
    text recognition; `hidden` have so many words
    that nobody sees, `doubtful` some of which nobody can say.
    """

    blind: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    recognised: list[int] = field(default_factory=list)
    hidden: dict[int, int] = field(default_factory=dict)
    doubtful: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Contents:
    """What is in a file."""

    texts: Sequence[str]
    marks: _Marks
    info: Mapping[str, str]
    outline: Sequence[_Entry]


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a PDF file, with its pages and its outline's headings.

    Raises ReadFailure `encrypted`, `wrong_password`, `damaged`, `empty`, and `no_text_layer` where
    no page has text.
    """
    found = _contents(path, options)
    laid_out = joined(found.texts)
    text, pages = laid_out.text, laid_out.pages
    if not text.strip():
        raise _nothing(found.marks)
    yield Extract(
        text,
        PDF,
        stated_title(found.info.get("Title", "")) or options.stem,
        pages=pages,
        headings=tuple(_headings(text, pages, found.outline)),
        tables=laid_out.tables,
        metadata=_metadata(found.info),
        findings=_findings(found.marks),
    )


def _contents(path: Path, options: ReadOptions) -> _Contents:
    opened, password = _open(path, options.passwords)
    second = _SecondOpinion(path, password)
    texts, marks = list[str](), _Marks()
    with closing(opened) as document:
        if document.get_formtype():
            document.init_forms()  # fields that were left to the viewer are drawn
        for index in range(len(document)):
            try:
                with closing(_page(document, index)) as page:
                    text = _page_text(page, index + 1, second, marks)
                    if options.ocr and index + 1 in marks.blind:
                        text = _recognised(page, index + 1, marks)
            except pdfium.PdfiumError:  # it does not cost the other pages
                text = ""
                marks.broken.append(index + 1)
            options.tell((index + 1) / len(document))
            texts.append(stored_form(text))
        info, outline = document.get_metadata_dict(skip_empty=True), list(_outline(document))
    return _Contents(texts, marks, info, outline)


def _page_text(page: pdfium.PdfPage, number: int, second: "_SecondOpinion", marks: _Marks) -> str:
    """Return the text of a page; what is to be told of it is noted."""
    found = _words(page)
    text = found.text
    if found.hidden:
        marks.hidden[number] = found.hidden
    elif not text.strip() or _is_shredded(text):
        text = second.text(number - 1) or text
    if found.doubtful:
        marks.doubtful[number] = found.doubtful
    if not text.strip() and _shows_something(page):
        marks.blind.append(number)
    return text


def _recognised(page: pdfium.PdfPage, number: int, marks: _Marks) -> str:
    """Return the words that are recognised on a page without text."""
    from ingest.readers.ocr import LARGEST_SIDE, recognised

    scale = LARGEST_SIDE / max(1, *page.get_size())
    bitmap = page.render(scale=scale, force_bitmap_format=pdfium_c.FPDFBitmap_BGR)
    text = recognised(bitmap.to_numpy())
    marks.recognised.append(number)
    if text.strip():
        marks.blind.remove(number)
    return text


def _open(path: Path, passwords: Sequence[str]) -> tuple[pdfium.PdfDocument, str | None]:
    """Return the document and the password that opened it, None where it asks for none."""
    # pdfium asks for a file's own name, which a file inside another has none of.
    source = path if path.resolve().is_file() else path.read_bytes()
    for password in (None, *passwords):
        try:
            return pdfium.PdfDocument(source, password=password), password
        except pdfium.PdfiumError as error:
            if error.err_code == pdfium_c.FPDF_ERR_SECURITY:
                raise ReadFailure(
                    "encrypted",
                    "the file is locked in a way that is not understood; open it in the program it "
                    "comes from and save a copy without a password",
                ) from error
            if error.err_code != pdfium_c.FPDF_ERR_PASSWORD:
                raise ReadFailure(
                    "damaged",
                    f"the file cannot be opened as PDF ({str(error).rstrip('.')}); fetch it again, "
                    "or open it in a viewer and print it to a new PDF",
                ) from error
    raise no_password_fits(passwords)


def _page(document: pdfium.PdfDocument, index: int) -> pdfium.PdfPage:
    """Open a page; what form fields and text boxes show is made part of its content first."""
    page = document[index]
    if _has_drawn_annotations(page):
        pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY)
        page.close()
        page = document[index]
    return page


def _words(page: pdfium.PdfPage) -> Seen:
    """Return what is seen of a page's text; rows of its tables are lines with signs around them."""
    with closing(page.get_textpage()) as words:
        text = without_signs(str(words.get_text_range()))
        if _is_shredded(text):
            return Seen(text)
        letters = Letters(words, text)
        text = with_ligatures(text, letters)
        found = seen(page, letters, text)
        tables = list[FoundTable]()
        for start, end in stretches(found.text):
            tables += find(_boxes(page, letters, found.text, start, end))
    return replace(found, text=found.cleared(with_tables(found.text, tables)))


def _boxes(page: pdfium.PdfPage, letters: Letters, text: str, start: int, end: int) -> list[Word]:
    """Return the words in `[start, end)` of a page's text with their boxes, as they are seen."""
    places = pieces(text, start, end)
    corners = letters.corners(places)
    if turn := pdfium_c.FPDFPage_GetRotation(page):
        corners = (_turned(corner, turn) for corner in corners)
    return [
        Word(text[first:last], first, last, left, right, bottom, top)
        for (first, last), (left, top, _, bottom, _, _, right, _) in zip(
            places, corners, strict=True
        )
    ]


def _turned(corners: tuple[float, ...], turn: int) -> tuple[float, ...]:
    """Return the boxes of two letters as one where it is seen, on a page turned `turn` times."""
    left, right = min(corners[0::2]), max(corners[0::2])
    bottom, top = min(corners[1::2]), max(corners[1::2])
    for _ in range(turn):  # each time by a right angle
        left, right, bottom, top = bottom, top, -right, -left
    return (left, top, right, bottom) * 2


def _has_drawn_annotations(page: pdfium.PdfPage) -> bool:
    for index in range(pdfium_c.FPDFPage_GetAnnotCount(page)):
        annotation = pdfium_c.FPDFPage_GetAnnot(page, index)
        kind = pdfium_c.FPDFAnnot_GetSubtype(annotation)
        pdfium_c.FPDFPage_CloseAnnot(annotation)
        if kind in _DRAWN_ANNOTATIONS:
            return True
    return False


def _is_shredded(text: str) -> bool:
    lines = [line.strip() for line in text.splitlines()]
    letters = sum(len(line) == 1 and line.isalpha() for line in lines)
    return len(lines) >= _LEAST_LINES and letters >= _SHREDDED * len(lines)


def _shows_something(page: pdfium.PdfPage) -> bool:
    """Tell whether a page without text is a scan or a drawing rather than blank."""
    width, height = page.get_size()
    covered, paths = 0.0, 0
    for shown in page.get_objects():
        if shown.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = shown.get_bounds()
            covered += (right - left) * (top - bottom)
        paths += shown.type in (pdfium_c.FPDF_PAGEOBJ_PATH, pdfium_c.FPDF_PAGEOBJ_TEXT)
    return covered > _IMAGE_SHARE * width * height or paths >= _OUTLINES


def _outline(document: pdfium.PdfDocument) -> Iterator[_Entry]:
    for bookmark in document.get_toc():
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        if page is not None:
            yield _Entry(bookmark.level + 1, bookmark.get_title(), page)


class _SecondOpinion:
    """The same file seen by pypdf, opened when a page is first asked for."""

    def __init__(self, path: Path, password: str | None) -> None:
        self._path = path
        self._password = password

    @cached_property
    def _reader(self) -> "PdfReader | None":
        from pypdf import PdfReader

        try:
            reader = PdfReader(self._path, password=self._password)
            return reader if len(reader.pages) else None
        except _pypdf_faults():
            return None

    def text(self, index: int) -> str:
        """Return the text of a page, or nothing where pypdf cannot read it either."""
        if self._reader is None:
            return ""
        try:
            return self._reader.pages[index].extract_text()
        except _pypdf_faults():
            return ""


def _pypdf_faults() -> tuple[type[Exception], ...]:
    """What pypdf is known to raise on files that break the format's rules."""
    from pypdf.errors import PyPdfError

    python = (AttributeError, LookupError, NotImplementedError, RecursionError, TypeError)
    return (PyPdfError, ArithmeticError, ValueError, *python)


def _headings(text: str, pages: Sequence[Page], outline: Sequence[_Entry]) -> Iterator[Heading]:
    """Find the outline's titles on their pages; one that is not there in words is left out."""
    last = 0
    for entry in outline:
        words = entry.title.split()
        if not words or entry.page >= len(pages):
            continue
        pattern = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE)
        page = pages[entry.page].span
        if match := pattern.search(text, max(last, page.start), page.end):
            last = match.end()
            yield Heading(entry.level, Span(match.start(), last))


def _metadata(info: Mapping[str, str]) -> Metadata:
    """Return what the file says of itself.

    Its dates are metadata and not `as_of`: they say when the file was made, which for a report that
    was printed or converted later is years after the date it speaks of.
    """
    words = {name: " ".join(stored_form(info.get(key, "")).split()) for key, name in _INFO.items()}
    dates = {name: iso_date(info.get(key)) for key, name in _DATES.items()}
    return {name: value for name, value in {**words, **dates}.items() if value}


def _findings(marks: _Marks) -> tuple[Finding, ...]:
    findings = list[Finding]()
    if marks.broken:
        findings.append(Finding("damaged", _broken(marks.broken), tuple(marks.broken)))
    if marks.blind:
        message = f"{_count(marks.blind, 'page')} without a text layer: {_remedy(marks)}"
        findings.append(Finding("no_text_layer", message, tuple(marks.blind)))
    if marks.recognised:
        from ingest.readers.picture import recognised_finding

        findings.append(recognised_finding(tuple(marks.recognised)))
    if marks.hidden:
        findings.append(Finding("hidden_text", _hidden(marks.hidden), tuple(marks.hidden)))
    if marks.doubtful:
        message = (
            f"{_words_on(marks.doubtful)} may not be seen by a person (drawn invisibly, or in the "
            "colour of paper); they were kept, so look at the page before you rely on them"
        )
        findings.append(Finding("hidden_text", message, tuple(marks.doubtful)))
    return tuple(findings)


def _nothing(marks: _Marks) -> ReadFailure:
    if marks.blind:
        message = f"none of its pages has a text layer: {_remedy(marks)}"
        return ReadFailure("no_text_layer", message, tuple(marks.blind))
    if marks.broken:
        return ReadFailure("damaged", _broken(marks.broken), tuple(marks.broken))
    if marks.hidden:
        return ReadFailure("hidden_text", _hidden(marks.hidden), tuple(marks.hidden))
    return ReadFailure("empty", "all pages are blank; fetch the file again, or leave it out")


def _remedy(marks: _Marks) -> str:
    return _NO_WORDS if marks.recognised else _REMEDY


def _hidden(words: Mapping[int, int]) -> str:
    return (
        f"{_words_on(words)} cannot be seen by a person (invisible, in the colour of paper, tiny, "
        "or off the page) and were left out; ask whoever made the file why they are there"
    )


def _words_on(words: Mapping[int, int]) -> str:
    return f"{_count(range(sum(words.values())), 'word')} on {_count(words, 'page')}"


def _broken(pages: Sequence[int]) -> str:
    return (
        f"{_count(pages, 'page')} cannot be opened; fetch the file again, or open it in a viewer "
        "and print it to a new PDF"
    )


def _count(things: Sized, name: str) -> str:
    return f"1 {name}" if len(things) == 1 else f"{len(things)} {name}s"
