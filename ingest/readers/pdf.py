"""PDF: text by pdfium page by page; pypdf is the second opinion where that gives nothing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pypdfium2 as pdfium  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium_c  # type: ignore[import-untyped]

from indexes.documents import Extract, Finding, Heading, Metadata, Page, Span, stored_form
from indexes.errors import ReadFailure
from ingest.passwords import no_password_fits
from ingest.readers import PDF, Reading, ReadOptions
from ingest.readers.dates import iso_date

if TYPE_CHECKING:
    from pypdf import PdfReader

_PAGE_BREAK: Final = "\n\n"
_PAGE_SIGN: Final = "\x1c"  # between pages while words are mended: no page's text has it
_REMEDY: Final = (
    "scans or pictures, in which nothing can be found; run a text recogniser over the file, for "
    "example `ocrmypdf IN.pdf OUT.pdf`, and ingest that"
)
# pdfium's sign for a hyphen at a line's end, which it joins with the next line.
_LINE_END_HYPHEN: Final = "\ufffe"
_HYPHENATED: Final = re.compile(rf"([^\W\d_]+){_LINE_END_HYPHEN}([^\W\d_]+)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
# Above this share of lines with a single letter, pdfium took letters that were placed one by one
# for a text that runs downwards.
_SHREDDED: Final = 0.3
_LEAST_LINES: Final = 20
# A page without text shows something where an image covers this share of it, or where it has so
# many paths: letters drawn as outlines.
_IMAGE_SHARE: Final = 0.05
_OUTLINES: Final = 100
_NAMELESS: Final = re.compile(r"(?i)untitled.*|unknown|[\W\d_]*|\S+\.[a-z]{2,4}|\S*\d{4,}\S*")
_INFO: Final = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_DATES: Final = {"CreationDate": "created", "ModDate": "changed"}
_DRAWN_ANNOTATIONS: Final = (pdfium_c.FPDF_ANNOT_WIDGET, pdfium_c.FPDF_ANNOT_FREETEXT)


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the outline; `page` counts from 0."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class _Contents:
    """What is in a file; `blind` are the numbers of pages that show something but say nothing.

    `broken` are those of pages that cannot be opened.
    """

    texts: Sequence[str]
    blind: tuple[int, ...]
    broken: tuple[int, ...]
    info: Mapping[str, str]
    outline: Sequence[_Entry]


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a PDF file, with its pages and its outline's headings.

    Raises ReadFailure `encrypted`, `wrong_password`, `damaged`, `empty`, and `no_text_layer` where
    no page has text.
    """
    found = _contents(path, options)
    text, pages = _joined(found.texts)
    if not text.strip():
        raise _nothing(found)
    yield Extract(
        text,
        PDF,
        _title(found.info) or options.stem,
        pages=pages,
        headings=tuple(_headings(text, pages, found.outline)),
        metadata=_metadata(found.info),
        findings=_findings(found),
    )


def _contents(path: Path, options: ReadOptions) -> _Contents:
    texts, blind, broken = list[str](), list[int](), list[int]()
    opened, password = _open(path, options.passwords)
    second = _SecondOpinion(path, password)
    with closing(opened) as document:
        if document.get_formtype():
            document.init_forms()  # fields that were left to the viewer are drawn
        for index in range(len(document)):
            try:
                with closing(_page(document, index)) as page:
                    text = _words(page)
                    if not text.strip() or _is_shredded(text):
                        text = second.text(index) or text
                    if not text.strip() and _shows_something(page):
                        blind.append(index + 1)
            except pdfium.PdfiumError:  # it does not cost the other pages
                text = ""
                broken.append(index + 1)
            options.tell((index + 1) / len(document))
            texts.append(stored_form(text).replace(_PAGE_SIGN, "\ufffd"))
        info, outline = document.get_metadata_dict(skip_empty=True), list(_outline(document))
    return _Contents(texts, tuple(blind), tuple(broken), info, outline)


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


def _words(page: pdfium.PdfPage) -> str:
    with closing(page.get_textpage()) as words:
        return str(words.get_text_range())


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


def _joined(texts: Sequence[str]) -> tuple[str, tuple[Page, ...]]:
    """Join the pages, and the words that a line's end had cut."""
    whole = _mended(_PAGE_SIGN.join(texts))
    pages, start = list[Page](), 0
    for number, text in enumerate(whole.split(_PAGE_SIGN), start=1):
        pages.append(Page(number, Span(start, start + len(text))))
        start += len(text) + len(_PAGE_BREAK)
    return whole.replace(_PAGE_SIGN, _PAGE_BREAK), tuple(pages)


def _mended(text: str) -> str:
    """Put the hyphen back where pdfium left its sign, or the word together where none belongs.

    The rest of the document decides which: whether it writes the word in one or with a hyphen.
    Where it has neither, the way of most of the others is taken.
    """
    cut = _HYPHENATED.findall(text)
    if cut:
        words = Counter(word.lower() for word in _WORD.findall(text))
        joined = {pair: words[(pair[0] + pair[1]).lower()] for pair in cut}
        spelt = {pair: words["-".join(pair).lower()] for pair in cut}
        soft = sum(joined[pair] > spelt[pair] for pair in cut)
        hard = sum(joined[pair] < spelt[pair] for pair in cut)

        def mend(match: re.Match[str]) -> str:
            pair = (match[1], match[2])
            surplus = joined[pair] - spelt[pair] or soft - hard
            return match[1] + match[2] if surplus > 0 and match[2][0].islower() else "-".join(pair)

        text = _HYPHENATED.sub(mend, text)
    return text.replace(_LINE_END_HYPHEN, "-")


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


def _title(info: Mapping[str, str]) -> str:
    """Return the title that the file states, unless it is a mere file name or number."""
    title = " ".join(stored_form(info.get("Title", "")).split())
    title = title.removeprefix("Microsoft Word - ").removeprefix("Microsoft PowerPoint - ")
    return "" if _NAMELESS.fullmatch(title) else title


def _metadata(info: Mapping[str, str]) -> Metadata:
    """Return what the file says of itself.

    Its dates are metadata and not `as_of`: they say when the file was made, which for a report that
    was printed or converted later is years after the date it speaks of.
    """
    words = {name: " ".join(stored_form(info.get(key, "")).split()) for key, name in _INFO.items()}
    dates = {name: iso_date(info.get(key)) for key, name in _DATES.items()}
    return {name: value for name, value in {**words, **dates}.items() if value}


def _findings(found: _Contents) -> tuple[Finding, ...]:
    findings = list[Finding]()
    if found.broken:
        findings.append(Finding("damaged", _broken(found.broken), found.broken))
    if found.blind:
        message = f"{_count(found.blind)} without a text layer: {_REMEDY}"
        findings.append(Finding("no_text_layer", message, found.blind))
    return tuple(findings)


def _nothing(found: _Contents) -> ReadFailure:
    if found.blind:
        message = f"none of its pages has a text layer: {_REMEDY}"
        return ReadFailure("no_text_layer", message, found.blind)
    if found.broken:
        return ReadFailure("damaged", _broken(found.broken), found.broken)
    return ReadFailure("empty", "all pages are blank; fetch the file again, or leave it out")


def _broken(pages: tuple[int, ...]) -> str:
    return (
        f"{_count(pages)} cannot be opened; fetch the file again, or open it in a viewer and print "
        "it to a new PDF"
    )


def _count(pages: tuple[int, ...]) -> str:
    return "1 page" if len(pages) == 1 else f"{len(pages)} pages"
