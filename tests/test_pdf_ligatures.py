"""Arabic ligatures in PDF, in files whose glyphs are known letter by letter."""

from pathlib import Path

import pytest

from hostile_files import pdf, stream
from indexes.documents import Extract
from ingest.readers import PDF, READERS, ReadOptions

GLYPHS = {
    "a": "ا", "s": "س", "m": "م", "l": "ل", "r": "ر", "x": "لا", "y": "لإ", "z": "الله", "h": "خ",
    "w": "حَبيبي", "f": "في",
}  # fmt: skip
_MAP = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
1 begincodespacerange <00> <FF> endcodespacerange
%d beginbfchar
%b
endbfchar endcmap end end"""


def page(shown: str) -> bytes:
    """Return a PDF that shows these glyphs from left to right, as they are seen."""
    rows = [
        f"<{ord(glyph):02x}> <{letters.encode('utf-16-be').hex()}>".encode()
        for glyph, letters in GLYPHS.items()
    ]
    return pdf(
        {
            1: b"<</Type /Catalog /Pages 2 0 R>>",
            2: b"<</Type /Pages /Kids [3 0 R] /Count 1>>",
            3: b"<</Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents 4 0 R "
            b"/Resources <</Font <</F1 5 0 R>>>>>>",
            4: stream(f"BT /F1 12 Tf 50 200 Td ({shown}) Tj ET".encode()),
            5: b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R>>",
            6: stream(_MAP % (len(rows), b"\n".join(rows))),
        }
    )


@pytest.mark.parametrize(
    ("shown", "read"),
    [
        ("mxs", "سلام"),  # lam and alef are one glyph
        ("lxh", "خلال"),
        ("mya", "الإم"),  # beside letters of the article, which stand on their own
        ("slamla", "المالس"),
        ("z ms", "سم الله"),
        ("f", "في"),
        ("w m", "م حَبيبي"),  # a whole word is one glyph
    ],
)
def test_letters_of_a_ligature_are_read_in_order(tmp_path: Path, shown: str, read: str) -> None:
    """A glyph of several letters gives them in the order of reading, whatever stands beside it."""
    file = tmp_path / "a.pdf"
    file.write_bytes(page(shown))
    (extract,) = READERS[PDF].load()(file, ReadOptions(file.name))
    assert isinstance(extract, Extract)
    assert extract.text.strip() == read
