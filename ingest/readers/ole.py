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


def has_stream(path: Path, name: str) -> bool:
    """Tell whether a file has a stream of that name at its root; a broken one has none."""
    try:
        with olefile.OleFileIO(path.read_bytes()) as file:
            return bool(file.exists(name))
    except FAULTS:
        return False


def streams(data: bytes) -> dict[tuple[str, ...], bytes]:
    """Return the streams of a file by their paths. Raises one of FAULTS where it is broken."""
    with olefile.OleFileIO(io.BytesIO(data)) as file:
        return {
            tuple(path): file.openstream(path).read()
            for path in file.listdir(streams=True, storages=False)
        }
