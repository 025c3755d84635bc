"""OLE files, as old Office documents and Outlook's mails are: folders of streams."""

import io
import struct
from pathlib import Path
from typing import Final

import olefile

# What olefile raises on files that break the format's rules.
FAULTS: Final = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, struct.error,
)  # fmt: skip


def root_names(path: Path) -> frozenset[str]:
    """Return the names at a file's root in small letters (case does not count); none if broken."""
    try:
        with olefile.OleFileIO(path.read_bytes()) as file:
            return frozenset(
                entry[0].lower() for entry in file.listdir(streams=True, storages=True)
            )
    except FAULTS:
        return frozenset()


def streams(data: bytes) -> dict[tuple[str, ...], bytes]:
    """Return the streams of a file by their paths. Raises one of FAULTS where it is broken."""
    with olefile.OleFileIO(io.BytesIO(data)) as file:
        return {
            tuple(path): file.openstream(path).read()
            for path in file.listdir(streams=True, storages=False)
        }
