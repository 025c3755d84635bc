"""Documents inside others: read by the reader of their kind, without a file on the disk."""

import zipfile
from pathlib import Path

import pytest

from indexes.documents import Extract, document_id_for, is_document_id
from indexes.errors import ReadFailure, UsageError
from ingest.passwords import read_passwords
from ingest.readers import CSV, READERS, ReadOptions
from ingest.readers.inside import DEEPEST, read_inside
from ingest.readers.zipped import opened, part


def test_the_inner_kind_decides_and_is_named() -> None:
    """A table inside is read as a table, and a change of its reader will be noticed."""
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    (found,) = read_inside(b"name,age\nAda,36\n", ReadOptions("people.csv"))
    assert isinstance(found, Extract)
    assert (found.media_type, found.reader, found.title) == (CSV, READERS[CSV].label, "people")
    assert found.tables[0].rows[0].cut(found.text) == "Ada,36"
    assert len(list(Path("/proc/self/fd").iterdir())) == open_files


def test_what_cannot_be_read_is_said() -> None:
    """An unknown kind inside is as one outside; there is an end to boxes in boxes."""
    with pytest.raises(ReadFailure, match="picture"):
        list(read_inside(b"\x89PNG\r\n\x1a\n" + bytes(50), ReadOptions("a.png")))
    with pytest.raises(ReadFailure, match="other files"):
        list(read_inside(b"words", ReadOptions("a.txt", depth=DEEPEST + 1)))


@pytest.mark.parametrize("name", ["report 1.pdf", "../../etc/passwd", "q#?.txt", "ü" * 300, ""])
def test_a_part_has_an_id_of_its_own(name: str) -> None:
    """Whatever a part is called, its id is allowed and tells which file it lies in."""
    found = ReadOptions("mail.eml", "inbox/mail.eml").part_id(name)
    assert is_document_id(found)
    assert found.startswith(document_id_for("inbox/mail.eml"))
    assert found != ReadOptions("mail.eml", "inbox/other.eml").part_id(name)


def test_passwords_are_lines(tmp_path: Path) -> None:
    """Each line is one, spaces and all; a file that is not there is named."""
    given = tmp_path / "words"
    given.write_text("one\n two \n\none\nthrée\n", encoding="utf-8")
    assert read_passwords(given) == ("one", " two ", "thrée")
    given.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_passwords(given)
    with pytest.raises(UsageError, match="No such file"):
        read_passwords(tmp_path / "none")


def test_archives_are_opened_with_care(tmp_path: Path) -> None:
    """Parts come out whole; a bomb, a torn and a locked archive are each called what they are."""
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/document.xml", "<w/>")
    with opened(path) as archive:
        assert part(archive, "word/document.xml") == b"<w/>"
        assert part(archive, "word/none.xml") is None
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    _refused(path, "damaged")
    path.write_bytes(
        whole.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")
    )
    _refused(path, "encrypted")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open("x", "w") as file:
        for _ in range(100):
            file.write(bytes(1024 * 1024))
    _refused(path, "too_large")


def _refused(path: Path, reason: str) -> None:
    with pytest.raises(ReadFailure) as caught, opened(path) as archive:
        part(archive, "x")
    assert caught.value.reason == reason
