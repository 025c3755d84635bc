"""Write the PDF documents of the examples from the texts in `pdf/`: `python examples/make_pdf.py`.

A text begins with the lines `title:`, `date:` and `source:`, then an empty line. A line that starts
with `# ` is a heading, `---` begins a new page, an empty line ends a paragraph. The bytes depend on
the text alone: core fonts, no compression, and the document's own date as creation date.
"""

from datetime import UTC, datetime
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import XPos, YPos

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "pdf"
TARGETS = HERE / "documents"


def render(text: str) -> bytes:
    """Return the PDF of `text`; raises ValueError if a header line is missing."""
    head, _, body = text.partition("\n\n")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    missing = {"title", "date", "source"} - fields.keys()
    if missing:
        raise ValueError(f"header lines are missing: {', '.join(sorted(missing))}")
    pdf = FPDF(format="A4")
    pdf.set_compression(compress=False)
    pdf.set_creation_date(datetime.fromisoformat(fields["date"]).replace(tzinfo=UTC))
    pdf.set_title(fields["title"])
    pdf.set_subject("Source: " + fields["source"])
    pdf.set_producer("examples/make_pdf.py")
    pdf.set_margin(25)
    for page in body.split("\n---\n"):
        _write_page(pdf, page)
    return bytes(pdf.output())


def _write_page(pdf: FPDF, page: str) -> None:
    pdf.add_page()
    for paragraph in page.strip().split("\n\n"):
        heading = paragraph.startswith("# ")
        pdf.set_font("Helvetica", style="B" if heading else "", size=15 if heading else 11)
        pdf.multi_cell(
            0,
            h=8 if heading else 6,
            text=paragraph.removeprefix("# "),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )
        pdf.ln(2 if heading else 4)


def main() -> None:
    """Write every text in `pdf/` as `documents/NAME.pdf`."""
    for source in sorted(SOURCES.glob("*.txt")):
        target = TARGETS / f"{source.stem}.pdf"
        target.write_bytes(render(source.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
