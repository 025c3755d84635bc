"""The PDF reader, against files that are made here and so are known word by word."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from fpdf import FPDF
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    TextStringObject,
)
from pypdfium2 import PdfDocument  # type: ignore[import-untyped]

from indexes.documents import Extract, encoded_chunk
from indexes.errors import ReadFailure
from ingest.readers import PDF, READERS, ReadOptions
from ingest.readers.paged import mended as whole_words
from ingest.split import Splitter
from small_encoder import small_encoder

PROSE = "The lighthouse keeper counted seven ships before the fog came in from the west."
Draw = Callable[[FPDF], None]


def words(*lines: str) -> Draw:
    """Return a page with these lines of text."""

    def draw(pdf: FPDF) -> None:
        for line in lines:
            pdf.cell(text=line)
            pdf.ln()

    return draw


def blank(_: FPDF) -> None:
    """Leave a page empty."""


def scan(pdf: FPDF) -> None:
    """Fill a page with a picture of which nobody knows the words."""
    pdf.image(Image.effect_noise((60, 80), 50), x=0, y=0, w=pdf.w, h=pdf.h)


def rule(pdf: FPDF) -> None:
    """Draw a single line, as under a heading that is not there."""
    pdf.line(10, 10, 100, 10)


def outlines(pdf: FPDF) -> None:
    """Draw very many strokes, as letters that were turned into paths."""
    for place in range(300):
        pdf.line(10, 10 + place / 2, 20, 11 + place / 2)


def save(path: Path, *pages: Draw, **information: str) -> Path:
    """Write a PDF with these pages and this information about it."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for name, value in information.items():
        getattr(pdf, f"set_{name}")(value)
    for draw in pages:
        pdf.add_page()
        draw(pdf)
    pdf.output(str(path))
    return path


def read(path: Path, *passwords: str) -> Extract:
    """Return the document of a PDF file."""
    (extract,) = READERS[PDF].load()(path, ReadOptions(path.name, passwords=passwords))
    assert isinstance(extract, Extract)
    return extract


def failure(path: Path, *passwords: str) -> ReadFailure:
    """Return why a file cannot be read."""
    with pytest.raises(ReadFailure) as caught:
        read(path, *passwords)
    return caught.value


def page_texts(extract: Extract) -> list[str]:
    """Return the text of each page by its span."""
    return [page.span.cut(extract.text).strip() for page in extract.pages]


def test_pages_are_spans_of_the_text(tmp_path: Path) -> None:
    """Each page has its number and exactly its own words, and nothing else is stored."""
    path = save(tmp_path / "a.pdf", *(words(f"Page {n}.", PROSE) for n in range(1, 13)))
    extract = read(path)
    assert [page.number for page in extract.pages] == list(range(1, 13))
    assert page_texts(extract) == [f"Page {n}.\n{PROSE}" for n in range(1, 13)]
    assert extract.text.split() == " ".join(f"Page {n}. {PROSE}" for n in range(1, 13)).split()
    assert extract.findings == ()


def letter_by_letter(path: Path, lines: Sequence[str], *, direct: bool = False) -> Path:
    """Write a PDF that places each letter of three columns on its own, as some browsers print.

    A content stream that is `direct`, not referred to, breaks the format's rules.
    """
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    names = {NameObject(key): NameObject(value) for key, value in font.items()}
    ruler = FPDF(unit="pt")
    ruler.set_font("Helvetica", size=13)
    content = b".24 0 0 -.24 0 792 cm 2.5 0 0 2.5 79 79 cm\n"
    for row, line in enumerate(lines):
        for column, cell in enumerate(line.split("|")):
            content += b"BT /F1 13 Tf 1 0 0 -1 %d %d Tm " % (10 + 300 * column, 30 + 20 * row)
            for letter in cell:
                content += f"({letter}) Tj {ruler.get_string_width(letter):.3f} 0 Td ".encode()
            content += b"ET\n"
    writer = PdfWriter()
    page = writer.add_blank_page(612, 792)
    fonts = DictionaryObject({NameObject("/F1"): DictionaryObject(names)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    stream = DecodedStreamObject()
    stream.set_data(content)
    page[NameObject("/Contents")] = stream if direct else writer._add_object(stream)
    writer.write(path)
    return path


@pytest.mark.parametrize("direct", [True, False])
def test_pypdf_is_the_second_opinion(tmp_path: Path, *, direct: bool) -> None:
    """A page that pdfium finds empty, or cuts up letter by letter, is read by pypdf."""
    lines = ["Joe Householder|Director|January 31"] * 3
    path = letter_by_letter(tmp_path / "a.pdf", lines, direct=direct)
    with closing(PdfDocument(path)) as document:
        assert "Householder" not in document[0].get_textpage().get_text_range()
    assert read(path).text.count("Joe Householder") == 3
    assert read(path).findings == ()


def test_blank_pages_keep_their_numbers(tmp_path: Path) -> None:
    """A blank page, or one with a mere line, is a page without text and nothing to warn of."""
    extract = read(save(tmp_path / "a.pdf", words("one"), blank, rule, words("four")))
    assert page_texts(extract) == ["one", "", "", "four"]
    assert extract.findings == ()


@pytest.mark.parametrize("picture", [scan, outlines])
def test_pages_without_a_text_layer_are_named(tmp_path: Path, picture: Draw) -> None:
    """Pages that show something but have no words are a finding with their numbers."""
    path = save(tmp_path / "a.pdf", picture, words("two"), blank, picture)
    extract = read(path)
    (finding,) = extract.findings
    assert (finding.code, finding.pages) == ("no_text_layer", (1, 4))
    assert "2 pages" in finding.message
    assert page_texts(extract) == ["", "two", "", ""]


def test_a_scan_is_refused(tmp_path: Path) -> None:
    """A file without any text layer fails and names its pages and the remedy."""
    refused = failure(save(tmp_path / "a.pdf", scan, blank, scan))
    assert (refused.reason, refused.pages) == ("no_text_layer", (1, 3))
    assert "ocrmypdf" in refused.message


@pytest.mark.parametrize("pages", [[blank], [blank, rule]])
def test_a_blank_file_is_empty(tmp_path: Path, pages: Sequence[Draw]) -> None:
    """A file of blank pages has nothing to recognise: it is empty."""
    assert failure(save(tmp_path / "a.pdf", *pages)).reason == "empty"


def encrypted(path: Path, user: str, algorithm: str) -> Path:
    """Write a PDF that asks for the password `user` and has an owner password."""
    writer = PdfWriter(clone_from=PdfReader(save(path, words(PROSE))))
    writer.encrypt(user, "owner", algorithm=algorithm)
    writer.write(path)
    return path


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_passwords(tmp_path: Path, algorithm: str) -> None:
    """A file that asks for one is opened by one of those given, or refused; an empty one opens."""
    locked = encrypted(tmp_path / "a.pdf", "secret", algorithm)
    refused = failure(locked)
    assert refused.reason == "encrypted"
    assert "--password-file" in refused.message
    assert failure(locked, "wrong").reason == "wrong_password"
    assert read(locked, "wrong", "secret").text.strip() == PROSE
    assert read(encrypted(tmp_path / "b.pdf", "", algorithm)).text.strip() == PROSE


def without_page(path: Path, number: int) -> Path:
    """Put something that is no page in the place of one."""
    writer = PdfWriter(clone_from=PdfReader(path))
    pages = writer.root_object["/Pages"]
    assert isinstance(pages, DictionaryObject)
    kids = pages["/Kids"]
    assert isinstance(kids, ArrayObject)
    kids[number - 1] = writer._add_object(NumberObject(5))
    writer.write(path)
    return path


def test_a_page_that_cannot_be_opened_costs_no_other(tmp_path: Path) -> None:
    """It is named as damaged with what to do; where it is the only one, the file is."""
    found = read(without_page(save(tmp_path / "a.pdf", *(words(PROSE),) * 3), 2))
    assert [page.span.cut(found.text).strip() for page in found.pages] == [PROSE, "", PROSE]
    (finding,) = found.findings
    assert (finding.code, finding.pages) == ("damaged", (2,))
    assert "print it to a new PDF" in finding.message
    refused = failure(without_page(save(tmp_path / "b.pdf", words(PROSE)), 1))
    assert (refused.reason, refused.pages) == ("damaged", (1,))


def test_what_the_library_says_of_a_damaged_file_is_told(tmp_path: Path) -> None:
    """The message has the cause and the way out."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.4\n")
    refused = failure(path)
    assert refused.reason == "damaged"
    assert "Data format error" in refused.message
    assert "print it to a new PDF" in refused.message


@pytest.mark.parametrize("part", [0.02, 0.3])
def test_a_file_that_breaks_off_is_read_or_damaged(tmp_path: Path, part: float) -> None:
    """Half a file is never taken for a whole one in silence."""
    data = save(tmp_path / "a.pdf", *(words(PROSE) for _ in range(20))).read_bytes()
    path = tmp_path / "b.pdf"
    path.write_bytes(data[: int(len(data) * part)])
    assert failure(path).reason in {"damaged", "empty"}


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Annual Report", "Annual Report"),
        ("Microsoft Word - Annual Report", "Annual Report"),
        ("Microsoft Word - draft_7.docx", "my-file"),
        ("0000104169-18-000028", "my-file"),
        ("Untitled spreadsheet", "my-file"),
        ("PowerPoint Presentation", "my-file"),
        (f"{'1' * 5000} x", f"{'1' * 5000} x"),
        ("scan0001.tif", "my-file"),
        (" ", "my-file"),
    ],
)
def test_title(tmp_path: Path, stated: str, title: str) -> None:
    """The stated title is taken unless it is a file name, a number or nothing."""
    assert read(save(tmp_path / "my-file.pdf", words("x"), title=stated)).title == title


def test_information_is_metadata_and_no_date(tmp_path: Path) -> None:
    """Who made it and when is metadata: when a file was made is not the date it speaks of."""
    path = save(tmp_path / "a.pdf", words("x"), author="Ada", subject="Engines", keywords="a, b")
    writer = PdfWriter(clone_from=path)
    writer.add_metadata({"/CreationDate": "D:20250304101112+01'00'"})
    writer.write(path)
    extract = read(path)
    assert extract.metadata == {
        "author": "Ada",
        "subject": "Engines",
        "keywords": "a, b",
        "created": "2025-03-04",
    }
    assert (extract.as_of, extract.as_of_source) == (None, None)


def test_outline_becomes_headings(tmp_path: Path) -> None:
    """Outline entries whose words stand on their page are headings there, with their levels."""
    pages = [words("1 Start", PROSE), words(PROSE, "1.1 The", "next step", PROSE), words("2 End")]
    writer = PdfWriter(clone_from=save(tmp_path / "a.pdf", *pages))
    start = writer.add_outline_item(title="1 Start", page_number=0)
    writer.add_outline_item(title="1.1 The next  step", page_number=1, parent=start)
    writer.add_outline_item(title="Not in the text", page_number=1)
    writer.add_outline_item(title="2 END", page_number=2)
    writer.write(tmp_path / "b.pdf")
    extract = read(tmp_path / "b.pdf")
    found = [(heading.level, heading.span.cut(extract.text)) for heading in extract.headings]
    assert found == [(1, "1 Start"), (2, "1.1 The\nnext step"), (1, "2 End")]


@pytest.mark.parametrize(
    ("given", "mended"),
    [
        ("the high\ufffequality and the high-quality", "the high-quality and the high-quality"),
        ("an im\ufffeportant and an important", "an important and an important"),
        ("an Im\ufffeportant and an important", "an Important and an important"),
        ("once only be\ufffecause", "once only be-cause"),
        ("ex\ufffeample example be\ufffecause", "example example because"),
        ("well\ufffeknown well-known be\ufffecause", "well-known well-known be-cause"),
        ("net debt\ufffeto-equity", "net debt-to-equity"),
        ("Schwarz\ufffeWeiß ex\ufffeample example", "Schwarz-Weiß example example"),
        ("10\ufffe20 and a\ufffe", "10-20 and a-"),
    ],
)
def test_words_cut_at_line_ends(given: str, mended: str) -> None:
    """The rest of the document decides whether a hyphen at a line's end belongs to the word."""
    assert whole_words(given) == mended


def test_hyphens_at_line_ends_in_a_file(tmp_path: Path) -> None:
    """A hyphen at the end of a drawn line is found again, with the word in one piece."""
    path = save(tmp_path / "a.pdf", words("They build a high-", "performance machine."))
    assert "high-performance machine." in " ".join(read(path).text.split())


def filled_form(path: Path, value: str, *, drawn: bool) -> None:
    """Write a PDF with a text field that holds `value` on the first of its two pages."""
    writer = PdfWriter(clone_from=save(path, words("Name:"), words("second page")))
    font = writer.pages[0]["/Resources"]["/Font"]["/F1"]  # type: ignore[index]
    field = {
        "/Type": NameObject("/Annot"),
        "/Subtype": NameObject("/Widget"),
        "/FT": NameObject("/Tx"),
        "/T": TextStringObject("name"),
        "/V": TextStringObject(value),
        "/DA": TextStringObject("/F1 12 Tf 0 g"),
        "/Rect": ArrayObject(map(NumberObject, (100, 700, 300, 720))),
    }
    kept = writer._add_object(DictionaryObject({NameObject(k): v for k, v in field.items()}))
    writer.pages[0][NameObject("/Annots")] = ArrayObject([kept])
    fonts = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})})
    form = {NameObject("/Fields"): ArrayObject([kept]), NameObject("/DR"): fonts}
    writer._root_object[NameObject("/AcroForm")] = DictionaryObject(form)
    if drawn:
        writer.update_page_form_field_values(writer.pages[0], {"name": value})
    writer.write(path)


@pytest.mark.parametrize("drawn", [True, False])
def test_filled_forms_show_their_values(tmp_path: Path, *, drawn: bool) -> None:
    """What a form field shows is part of its page's text, drawn already or left to the viewer."""
    filled_form(tmp_path / "a.pdf", "Grace Hopper", drawn=drawn)
    assert page_texts(read(tmp_path / "a.pdf")) == ["Name:\nGrace Hopper", "second page"]


STATEMENT = [
    ("(In millions)", "2018", "2017"),
    ("Assets", "", ""),
    ("Cash and cash equivalents", "$ 2,853", "$ 3,053"),
    ("Marketable securities", "380", "1,076"),
    ("Treasury stock", "(29,626)", "(25,887)"),
    ("Total assets", "$ 36,500", "$ 37,987"),
]


def statement(pdf: FPDF) -> None:
    """Draw a statement between two lines of prose, with values aligned on the right."""
    words(PROSE)(pdf)
    for label, *values in STATEMENT:
        pdf.cell(w=90, text=label)
        for value in values:
            sign, _, number = value.rpartition(" ")
            pdf.cell(w=10, text=sign, align="R")
            pdf.cell(w=30, text=number, align="R")
        pdf.ln()
    words(PROSE)(pdf)


def lines_of_pdfium(path: Path) -> list[str]:
    """Return the first page's lines as pdfium gives them."""
    with closing(PdfDocument(path)) as document:
        return str(document[0].get_textpage().get_text_range()).splitlines()


def check_statement(extract: Extract) -> None:
    """Check that the statement is a table with a header and each value under its year."""
    (found,) = extract.tables
    rows = [span.cut(extract.text) for span in (found.header, *found.rows)]
    assert rows == [" | ".join(cells).rstrip(" |") for cells in STATEMENT]


def test_tables_are_rows_of_cells(tmp_path: Path) -> None:
    """Columns stay apart, header and rows are marked; all around stays as pdfium gives it."""
    path = save(tmp_path / "a.pdf", statement, words(PROSE), statement)
    given = lines_of_pdfium(path)
    extract = read(path)
    first, second = extract.tables
    for table, page in ((first, extract.pages[0]), (second, extract.pages[2])):
        assert all(page.span.holds(span) for span in (table.header, *table.rows))
    check_statement(replace(extract, tables=(first,)))
    check_statement(replace(extract, tables=(second,)))
    assert page_texts(extract)[0].replace(" |", "").split() == " ".join(given).split()
    assert page_texts(extract)[0].startswith(f"{PROSE}\n(In millions) | 2018 | 2017\n")
    assert page_texts(extract)[0].endswith(f"\nTotal assets | $ 36,500 | $ 37,987\n{PROSE}")


def test_each_part_of_a_table_has_its_header(tmp_path: Path) -> None:
    """What the encoder sees of any row has the years above it."""
    extract = read(save(tmp_path / "a.pdf", statement))
    chunks = Splitter(small_encoder(), 24).split(extract)
    seen = [encoded_chunk(extract.title, extract.text, chunk) for chunk in chunks]
    (total,) = [text for text in seen if "Total assets" in text]
    assert "(In millions) | 2018 | 2017" in total
    assert len([text for text in seen if "(In millions) | 2018 | 2017" in text]) > 1


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_tables_on_turned_pages(tmp_path: Path, turn: int) -> None:
    """A page that lies on its side in the file and is shown upright has its table all the same."""
    writer = PdfWriter(clone_from=save(tmp_path / "a.pdf", statement))
    page = writer.pages[0]
    page.rotate(-turn)
    page.transfer_rotation_to_content()
    page.rotate(turn)
    writer.write(tmp_path / "b.pdf")
    check_statement(read(tmp_path / "b.pdf"))


def test_a_table_without_a_header_keeps_its_columns_apart(tmp_path: Path) -> None:
    """It has rows of cells, but no header that could be given to each."""

    def draw(pdf: FPDF) -> None:
        for label, *values in STATEMENT[2:]:
            pdf.cell(w=90, text=label)
            for value in values:
                pdf.cell(w=40, text=value, align="R")
            pdf.ln()

    extract = read(save(tmp_path / "a.pdf", draw))
    assert extract.tables == ()
    assert extract.text.strip().split("\n")[1] == "Marketable securities | 380 | 1,076"
