"""The e-book reader, against books put together here."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ingest.readers import EPUB
from read_one import check_damaged, headings, read_one, refused

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" version="{version}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<dc:title>The Book</dc:title><dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator>
<dc:language>en</dc:language>{date}</metadata>
<manifest><item id="one" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="two" href="text/tw%20o.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="img" href="a.png" media-type="image/png"/></manifest>
<spine><itemref idref="nav"/><itemref idref="two"/><itemref idref="one"/><itemref idref="img"/>
</spine></package>"""
ONE = """<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>
<title/><script src="x"/></head><body><h1>One</h1><p>Schöne Worte.<a id="x"/></p>
<h2>Part</h2><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></body></html>"""
TWO = "<html><body><p>Words of two.</p></body></html>"
NCX = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap><navPoint><navLabel><text>Second
</text></navLabel><content src="text/tw%20o.xhtml#here"/></navPoint></navMap></ncx>"""
LOCK = """<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData>
<enc:EncryptionMethod Algorithm="{}"/><enc:CipherData><enc:CipherReference URI="{}"/>
</enc:CipherData></enc:EncryptedData></encryption>"""
FONTS = "http://www.idpf.org/2008/embedding"
AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"


def book(
    parts: Mapping[str, str | None] | None = None, version: str = "3.0", date: str = ""
) -> bytes:
    """Return a book of two chapters, with parts changed or (None) left out."""
    held: dict[str, str | None] = {
        "mimetype": EPUB,
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE.format(version=version, date=date),
        "OEBPS/text/one.xhtml": ONE,
        "OEBPS/text/tw o.xhtml": TWO,
        "OEBPS/toc.ncx": NCX,
        "OEBPS/nav.xhtml": "<html><body><nav><a href='text/one.xhtml'>x</a></nav></body></html>",
        **(parts or {}),
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            if content is not None:
                archive.writestr(name, content)
    return target.getvalue()


def test_a_book(tmp_path: Path) -> None:
    """Chapters come in reading order, below their headings or their names in the contents."""
    extract = read_one(tmp_path / "a.epub", EPUB, book())
    assert extract.text == (
        "Second\n\nWords of two.\n\nOne\n\nSchöne Worte.\n\nPart\n\na | b\n1 | 2"
    )
    assert headings(extract) == [(1, "Second"), (1, "One"), (2, "Part")]
    assert (extract.title, extract.findings) == ("The Book", ())
    assert extract.metadata == {"author": ["Ann", "Bob"], "language": "en"}
    assert extract.tables[0].rows[0].cut(extract.text) == "1 | 2"


@pytest.mark.parametrize(
    ("version", "date", "as_of"),
    [
        ("3.0", "<dc:date>2020-03-04T00:00:00Z</dc:date>", "2020-03-04"),
        ("3.0", "<dc:date>2020</dc:date>", None),
        ("2.0", '<dc:date opf:event="publication">2020-03-04</dc:date>', "2020-03-04"),
        ("2.0", '<dc:date opf:event="creation">2020-03-04</dc:date>', None),
        ("2.0", "<dc:date>2020-03-04</dc:date>", None),
    ],
)
def test_a_date_counts_where_it_is_of_publication(
    tmp_path: Path, version: str, date: str, as_of: str | None
) -> None:
    """Other dates are metadata alone."""
    extract = read_one(tmp_path / "a.epub", EPUB, book(version=version, date=date))
    assert extract.as_of == as_of
    assert str(extract.metadata["date"]).startswith("2020")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"META-INF/container.xml": None}, "damaged"),
        ({"META-INF/container.xml": "<c/>"}, "damaged"),
        ({"OEBPS/book.opf": None}, "damaged"),
        ({"OEBPS/book.opf": "<package/>"}, "damaged"),
        ({"META-INF/encryption.xml": LOCK.format(AES, "OEBPS/text/one.xhtml")}, "encrypted"),
        (
            {"OEBPS/text/one.xhtml": "<p/>", "OEBPS/text/tw o.xhtml": "", "OEBPS/toc.ncx": ""},
            "empty",
        ),
    ],
)
def test_what_cannot_be_read_is_said(
    tmp_path: Path, parts: Mapping[str, str | None], reason: str
) -> None:
    """Books that are torn, locked or empty are told apart."""
    assert refused(tmp_path / "a.epub", EPUB, book(parts)).reason == reason


def test_scrambled_fonts_lock_nothing(tmp_path: Path) -> None:
    """Many a book that anyone may read has them."""
    parts = {"META-INF/encryption.xml": LOCK.format(FONTS, "OEBPS/a.otf")}
    assert "Words of two." in read_one(tmp_path / "a.epub", EPUB, book(parts)).text


def test_a_missing_chapter_is_told(tmp_path: Path) -> None:
    """The others are read."""
    extract = read_one(tmp_path / "a.epub", EPUB, book({"OEBPS/text/one.xhtml": None}))
    assert [(f.code, "one.xhtml" in f.message) for f in extract.findings] == [("damaged", True)]
    assert extract.text == "Second\n\nWords of two."


def test_damaged_files(tmp_path: Path) -> None:
    """Cut or turned bytes are read or refused."""
    check_damaged(tmp_path / "a.epub", EPUB, book())
