"""What a file is, by what is in it: against files made here, one of each kind."""

import gzip
import io
import struct
import time
import zipfile
from pathlib import Path

import pytest

from indexes.errors import ReadFailure
from ingest.readers import (
    CSV,
    DOCX,
    EPUB,
    HTML,
    JSON,
    JSONL,
    LOCKED_OFFICE,
    MAIL,
    MARKDOWN,
    NDJSON,
    NOTEBOOK,
    OUTLOOK,
    PDF,
    PLAIN,
    PPTX,
    READERS,
    RST,
    RTF,
    TEX,
    TSV,
    XLS,
    XLSB,
    XLSX,
    XML,
)
from ingest.readers.detect import detect
from made_msgs import Folder, ole

RECORD = b'{"id": "a", "title": "T", "text": "Words."}\n'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)


def zipped(*names: str) -> bytes:
    """Return a zip archive with files of these names."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x")  # at a fixed time
    return target.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a path whose own name says nothing: only the name that is passed may be looked at."""
    return tmp_path / "content"


@pytest.mark.parametrize(
    ("content", "name", "media_type"),
    [
        (b"%PDF-1.7\n%...", "a.pdf", PDF),
        (b"%PDF-1.7\n%...", "a.txt", PDF),
        (b"junk before\n%PDF-1.4\n", "a", PDF),
        (b"<!DOCTYPE html><title>x</title>", "a.html", HTML),
        (b"\xef\xbb\xbf  <!-- c --><HTML lang=en>", "a.txt", HTML),
        (b"<?xml version='1.0'?>\n<html xmlns='x'>", "a", HTML),
        (b"<p>a fragment", "a.htm", HTML),
        (b"<p>a fragment", "a.txt", PLAIN),
        (b"# Title\n\nwords", "a.md", MARKDOWN),
        (b"# Title\n\nwords", "notes", PLAIN),
        (b"a,b\n1,2\n", "A.CSV", CSV),
        (b"a\tb\n1\t2\n", "a.tsv", TSV),
        (b"a,b\n1,2\n", "a.txt", PLAIN),
        (RECORD, "a.jsonl", JSONL),
        (RECORD, "a.txt", JSONL),
        (b"not a record\n" + RECORD, "a.jsonl", JSONL),
        (b'{"level": "info"}\n', "a.log", PLAIN),
        (b'{"element": 1, "text": "x"}\n', "a.ndjson", NDJSON),
        (b'{"question": "x"}\n{"question": "y"}\n', "a.jsonl", NDJSON),
        (b'{"id": "a"}\n' + RECORD, "a.jsonl", JSONL),
        (b'{"a": 1}', "a.json", JSON),
        ('{"a": 1}'.encode("utf-16"), "a.geojson", JSON),
        (b'{"cells": []}', "a.ipynb", NOTEBOOK),
        (b"<?xml version='1.0'?><r/>", "a.xml", XML),
        (b"<?xml version='1.0'?><r/>", "a.txt", XML),
        ("<?xml version='1.0'?><r/>".encode("utf-16"), "a", XML),
        (b"<rss/>", "news.rss", XML),
        (b"\\section{x}", "a.tex", TEX),
        (b"From: a@example.org\nSubject: x\n\nwords", "a.eml", MAIL),
        (b"Received: from x\n by y\nFrom: a@example.org\nTo: b\n\nwords", "a.txt", MAIL),
        (b"From: Ann\nTo: Bob\nSubject: what mails look like\n\nwords", "a.txt", PLAIN),
        (OLE + "__substg1.0_0037001F".encode("utf-16-le"), "a", OUTLOOK),
        (zipped("mimetype", "application/epub+zip", "word/x"), "a", EPUB),
        (b'{"id": "a", "text": "' + b"x" * 100_000 + b'"}\n', "a", JSONL),
        (gzip.compress(RECORD, mtime=0), "a.jsonl.gz", JSONL),
        (gzip.compress(b"broken\n", mtime=0), "a.jsonl.gz", JSONL),
        (gzip.compress(RECORD, mtime=0), "a.gz", JSONL),
        (b"Title\n=====\n\nwords", "a.rst", RST),
        ("Größe".encode("latin-1"), "a.txt", PLAIN),
        ("a,b\n1,2\n".encode("utf-16"), "a.csv", CSV),
        ("a,b\n1,2\n".encode("utf-16-le"), "a.csv", CSV),
        ("<html><p>Seven lamps".encode("utf-16-be"), "a.txt", HTML),
        (b"\n" * 200_000 + b"words", "a.txt", PLAIN),
        (b"the end of a DOS file\r\n\x1a" + b"." * 100, "a.txt", PLAIN),
        (b"BM and MZ may begin a text", "a.txt", PLAIN),
        (b"ID3 tags, GIF89a and RIFF may, too", "a.txt", PLAIN),
        (zipped("[Content_Types].xml", "word/document.xml"), "a.docx", DOCX),
        (zipped("[Content_Types].xml", "word/document.xml"), "a.txt", DOCX),
        (zipped("ppt/presentation.xml"), "a.pptx", PPTX),
        (zipped("xl/workbook.xml"), "a.xlsx", XLSX),
        (zipped("xl/workbook.bin"), "a.xlsb", XLSB),
        (OLE + "Workbook".encode("utf-16-le"), "a.xls", XLS),
        (b"{\\rtf1\\ansi words}", "a.txt", RTF),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a.xlsx", LOCKED_OFFICE),
    ],
)
def test_content_decides(file: Path, content: bytes, name: str, media_type: str) -> None:
    """The kind follows from the content, and from the name where the content allows several."""
    file.write_bytes(content)
    assert detect(file, name) == media_type
    assert media_type in READERS


@pytest.mark.parametrize(
    ("held", "media_type"),
    [
        ({"WORKBOOK": b"x"}, XLS),
        ({"Book": b"x"}, XLS),
        ({"MBD1": {"WordDocument": b"x"}, "Workbook": b"x"}, XLS),
        ({"__properties_version1.0": b"x", "__attach": {"Workbook": b"x"}}, OUTLOOK),
    ],
)
def test_what_lies_in_a_workbook_is_not_its_kind(file: Path, held: Folder, media_type: str) -> None:
    """Only names at the root tell, in any case."""
    file.write_bytes(ole(held))
    assert detect(file, "a") == media_type


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (zipped("readme.md"), "a.zip", "ZIP"),
        (OLE + "WordDocument".encode("utf-16-le"), "a.doc", "DOC"),
        (OLE + "PowerPoint Document".encode("utf-16-le"), "a.ppt", "PPT"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a.pdf", "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "a.jpg", "JPEG"),
        (b"BM" + bytes(range(50)), "a.bmp", "BMP"),
        (b"<?xml version='1.0'?><!-- c --><svg xmlns='x'/>", "a.xml", "SVG"),
        (b"<svg:svg xmlns:svg='x'/>", "a.svg", "SVG"),
        (b"From a@example.org\nFrom: b\n\nwords", "a.mbox", "MBOX"),
        (gzip.compress(b"plain words", mtime=0), "a.txt.gz", "gzip"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00", "a.mp4", "MP4"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "a.heic", "HEIF"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "a.avif", "AVIF"),
        (b"\xff\xfb\x90\x64" + bytes(range(50)), "a.mp3", "MP3"),
        (b"GIF89a" + bytes(50), "a.gif", "GIF"),
        (b"wOFF\x00\x01\x00\x00" + bytes(range(50)), "a.woff", "font"),
        (zipped("Index/Document.iwa"), "a.pages", "Pages"),
        (b"\x09\x04\x06\x00\x00\x00\x10\x00" + bytes(50), "a.xls", "before 1993"),
        (b"ID3\x03\x00" + bytes(range(50)), "a.txt", "MP3"),
        (b"a.txt".ljust(257, b"\x00") + b"ustar\x0000", "a.tar", "TAR"),
    ],
)
def test_other_formats_are_named(file: Path, content: bytes, name: str, words: str) -> None:
    """A format that no reader reads is refused by its name and with what to do."""
    file.write_bytes(content)
    with pytest.raises(
        ReadFailure, match=r"not read; (save it|unpack it|if it shows|leave it out)"
    ) as caught:
        detect(file, name)
    assert caught.value.reason == "unsupported_format"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"", "a.txt", "empty"),
        (b" \r\n\t\x00", "a.pdf", "empty"),
        (bytes(range(256)) * 20, "a.csv", "wrong_type"),
        (bytes(range(1, 32)) * 20, "a.md", "wrong_type"),
        (struct.pack("<500h", *range(1, 501)), "a.txt", "wrong_type"),
        (b"404 Not Found", "report.pdf", "wrong_type"),
        (b"\x1f\x8b\x08\x00 not a stream", "a.gz", "damaged"),
        (zipped("[Content_Types].xml", "word/document.xml")[:60], "a.docx", "damaged"),
    ],
)
def test_what_is_nothing_is_said(file: Path, content: bytes, name: str, reason: str) -> None:
    """Empty, binary and broken files are told apart."""
    file.write_bytes(content)
    with pytest.raises(ReadFailure) as caught:
        detect(file, name)
    assert caught.value.reason == reason


def test_a_page_that_was_saved_as_pdf_is_shown(file: Path) -> None:
    """What stands where a PDF should begin tells how it came about."""
    file.write_bytes(b"\n404 Not Found: the report has moved to another place\nsee there")
    with pytest.raises(ReadFailure, match="begins with '404 Not Found: the report has moved to a'"):
        detect(file, "report.pdf")


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (zipped("readme.md"), "unpack it"),
        (gzip.compress(b"plain words", mtime=0), "unpack it"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "ocrmypdf"),
        (b"\x7fELF" + bytes(50), "leave it out"),
        (b"SQLite format 3\x00" + bytes(50), "export"),
        (OLE + "WordDocument".encode("utf-16-le"), "save it as PDF"),
    ],
)
def test_the_way_out_fits_the_format(file: Path, content: bytes, remedy: str) -> None:
    """Nobody is told to save a program as PDF."""
    file.write_bytes(content)
    with pytest.raises(ReadFailure, match=remedy):
        detect(file, "a")


def test_many_comments_do_not_stop_a_run(file: Path) -> None:
    """A page may begin with any number of them; what follows is found at once."""
    started = time.process_time()
    comments = b"<!-- about --> \n" * 2000
    for content, kind in (
        (comments + b"<html>", HTML),
        (b"<?xml version='1.0'?>" + comments + b"<r/>", XML),
        (comments + b"<!-- never closed", PLAIN),
    ):
        file.write_bytes(content)
        assert detect(file, "a") == kind
    assert time.process_time() - started < 2
