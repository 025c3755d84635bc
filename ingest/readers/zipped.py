"""Documents that are ZIP archives of parts, like DOCX and EPUB: opened without trusting them."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from indexes.errors import ReadFailure

_MB: Final = 1024 * 1024
# Word processors pack text by ten to one, rarely by fifty; a bomb by a thousand and more.
_MOST_MB: Final = 1024
_MOST_RATIO: Final = 200
_RATIO_FROM_MB: Final = 64
_MOST_PARTS: Final = 100_000
_ENCRYPTED: Final = 0x1
# What zipfile and the unpackers below it raise on archives that break the format's rules.
FAULTS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    UnicodeDecodeError,
    ValueError,
)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive that is within bounds.

    Raises ReadFailure `damaged`, `encrypted`, and `too_large` for what unpacks beyond all measure.
    """
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except FAULTS as error:
            raise _damaged("the file is a damaged ZIP archive", error) from error
        with archive:
            _check(archive)
            yield archive


def _damaged(what: str, error: Exception) -> ReadFailure:
    return ReadFailure(
        "damaged",
        f"{what} ({str(error) or 'it ends too soon'}); open it in the program it comes from and "
        "save it anew",
    )


def _check(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts) or 1
    bomb = unpacked > _RATIO_FROM_MB * _MB and unpacked > _MOST_RATIO * packed
    if bomb or unpacked > _MOST_MB * _MB or len(parts) > _MOST_PARTS:
        raise ReadFailure(
            "too_large",
            f"unpacked it has {unpacked / _MB:.0f} MB in {len(parts)} parts, which no such "
            "document needs; split it, or leave it out",
        )
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise ReadFailure(
            "encrypted", "its parts ask for a password; save a copy without one, and ingest that"
        )


def part(archive: zipfile.ZipFile, name: str) -> bytes | None:
    """Return a part's bytes, None where it is not there.

    Its declared size, which `opened` has checked, is all that is unpacked. Raises ReadFailure
    `damaged`.
    """
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        return None
    try:
        with archive.open(name) as file:
            return file.read(size)
    except FAULTS as error:
        raise _damaged(f"part {name} cannot be unpacked", error) from error
