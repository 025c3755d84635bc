"""Files of formats that a program has to make, with words in them that a reader is not shown."""

import io
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory

from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor
from fpdf import FPDF
from lxml import etree
from openpyxl import Workbook
from openpyxl.styles import Font
from pptx import Presentation
from pptx.util import Emu, Inches
from pptx.util import Pt as SlidePt

from office_files import zipped
from test_pdf_hidden import line, write

FILLER = "The pilot boat is painted orange. Its crew changes every eight hours."


def docx(words: str, how: str) -> bytes:
    """Return a Word document with words hidden in a way."""
    document = Document()
    document.add_paragraph(FILLER)
    if how == "cell":
        table = document.add_table(rows=2, cols=2)
        for row, cells in enumerate((("Day", "Note"), ("1", words))):
            for column, cell in enumerate(cells):
                table.cell(row, column).text = cell
    elif how == "author":
        document.core_properties.comments = words
    elif how == "comment":
        run = document.add_paragraph("Boats.").runs[0]
        document.add_comment(run, text=words, author="A")
    else:
        run = document.add_paragraph().add_run(words)
        if how == "vanish":
            run.font.hidden = True
        elif how == "white":
            run.font.color.rgb = RGBColor(255, 255, 255)
        elif how == "tiny":
            run.font.size = Pt(1)
        elif how == "style":
            style = document.styles.add_style("Note to programs", 2)  # of characters
            style.font.color.rgb = RGBColor(254, 254, 254)
            run.style = style
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def shaded_docx(words: str, behind: str) -> bytes:
    """Return a Word document with white words on something dark: they are seen."""
    document = Document()
    if behind == "picture":
        run = document.add_paragraph().add_run(words)
        document.paragraphs[-1]._p.append(OxmlElement("w:pict"))
    elif behind == "table":
        run = document.add_table(1, 1).cell(0, 0).paragraphs[0].add_run(words)
    else:
        paragraph = document.add_paragraph()
        run = paragraph.add_run(words)
        shade = OxmlElement("w:shd")
        shade.set(qn("w:val"), "clear")
        shade.set(qn("w:fill"), "1F3864")
        where = run._r.get_or_add_rPr() if behind == "run" else paragraph._p.get_or_add_pPr()
        where.append(shade)
    run.font.color.rgb = RGBColor(255, 255, 255)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def pptx(words: str, how: str) -> bytes:
    """Return slides with words hidden in a way."""
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[6])
    seen = slide.shapes.add_textbox(Inches(1), Inches(1), Inches(5), Inches(1))
    seen.text_frame.text = FILLER
    if how == "notes":
        slide.notes_slide.notes_text_frame.text = words
    else:
        left = Emu(show.slide_width + 100) if how == "beside" else Inches(1)
        box = slide.shapes.add_textbox(left, Inches(3), Inches(5), Inches(1))
        box.text_frame.text = words
        run = box.text_frame.paragraphs[0].runs[0]
        if how == "hidden":
            box._element.nvSpPr.cNvPr.set("hidden", "1")
        elif how == "tiny":
            run.font.size = SlidePt(1)
        elif how == "transparent":
            fill = etree.SubElement(run._r.get_or_add_rPr(), f"{_DRAWING}solidFill")
            colour = etree.SubElement(fill, f"{_DRAWING}srgbClr", {"val": "000000"})
            etree.SubElement(colour, f"{_DRAWING}alpha", {"val": "0"})
    out = io.BytesIO()
    show.save(out)
    return out.getvalue()


_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"


def xlsx(words: str, how: str) -> bytes:
    """Return a workbook with words hidden in a way."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["A2"] = FILLER, words
    if how == "white":
        sheet["A2"].font = Font(color="FFFFFFFF")
    elif how == "tiny":
        sheet["A2"].font = Font(sz=1)
    else:
        sheet["A2"].number_format = ";;;"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rtf(words: str, how: str) -> bytes:
    """Return an RTF document with words hidden in a way."""
    sign = {"vanish": r"\v", "white": r"\cf2", "tiny": r"\fs2"}[how]
    colours = r"{\colortbl;\red0\green0\blue0;\red255\green255\blue255;}"
    return rf"{{\rtf1\ansi{colours}\fs24 {FILLER}\par {{{sign} {words}}}\par}}".encode()


_NAMES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {
        "office": "office", "style": "style", "text": "text", "fo": "xsl-fo-compatible",
    }.items()
)  # fmt: skip


def odt(words: str, how: str) -> bytes:
    """Return an OpenDocument text with words hidden in a way."""
    look = {
        "vanish": 'text:display="none"',
        "white": 'fo:color="#ffffff"',
        "tiny": 'fo:font-size="1pt"',
    }[how]
    content = (
        f"<office:document-content {_NAMES}><office:automatic-styles>"
        f'<style:style style:name="T1" style:family="text"><style:text-properties {look}/>'
        "</style:style></office:automatic-styles><office:body><office:text>"
        f'<text:p>{FILLER}</text:p><text:p>Boats.<text:span text:style-name="T1">{words}'
        "</text:span></text:p></office:text></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.text"
    return zipped({"mimetype": kind, "content.xml": content})


def pdf(words: str, how: str) -> bytes:
    """Return a PDF file with words hidden in a way."""
    if how == "keywords":
        made = FPDF()
        made.add_page()
        made.set_font("Helvetica")
        made.multi_cell(0, text=FILLER)
        made.set_keywords(words)
        return bytes(made.output())
    secret = {
        "mode": line(words, 650, "3 Tr"),
        "white": line(words, 650, "1 1 1 rg"),
        "tiny": line(words, 650, size=0.5),
        "beside": line(words, 850),
    }[how]
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "a.pdf", [line(FILLER, 700), secret, line("Boats.", 600)])
        return path.read_bytes()


def eml(words: str, how: str) -> bytes:
    """Return a mail with words in a place."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@pilot.example", "b@pilot.example", "Boats"
    mail["Message-ID"], mail["Date"] = "<1@pilot.example>", "Mon, 02 Feb 2026 10:00:00 +0000"
    mail["MIME-Version"] = "1.0"
    if how == "header":
        mail["X-Instruction"] = words
    if how == "html":
        mail.set_content(f"<p>{FILLER}</p><p style='font-size:0'>{words}</p>", subtype="html")
    else:
        mail.set_content(f"{FILLER}\n\n{words if how == 'body' else 'Boats.'}\n")
    return mail.as_bytes()


def epub(words: str) -> bytes:
    """Return a book with a chapter that hides words."""
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
        '<rootfiles><rootfile full-path="book.opf" '
        'media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    book = (
        '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Boats</dc:title></metadata>'
        '<manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="c"/></spine></package>'
    )
    chapter = (
        '<html xmlns="http://www.w3.org/1999/xhtml"><body>'
        f'<p>{FILLER}</p><p style="font-size:0">{words}</p></body></html>'
    )
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "book.opf": book,
            "c.xhtml": chapter,
        }
    )
