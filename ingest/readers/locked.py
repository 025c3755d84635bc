"""Office documents that are locked with a password: unlocked, and read as what they are inside."""

import io
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Final
from xml.parsers.expat import ExpatError

import msoffcrypto  # type: ignore[import-untyped]
from msoffcrypto.exceptions import (  # type: ignore[import-untyped]
    DecryptionError,
    FileFormatError,
    InvalidKeyError,
    ParseError,
)
from msoffcrypto.format.ooxml import OOXMLFile  # type: ignore[import-untyped]

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.passwords import no_password_fits
from ingest.readers import ReadOptions, RecordFailure
from ingest.readers.inside import read_inside

# Office itself locks with these what may be read without a password and not be changed.
_BUILT_IN: Final = ("VelvetSweatshop", "/01Hannes Ruescher/01")
# What msoffcrypto and olefile raise on containers that break the format's rules.
_FAULTS: Final = (
    DecryptionError,
    FileFormatError,
    ParseError,
    ExpatError,
    struct.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


def read(path: Path, options: ReadOptions) -> Iterator[Extract | RecordFailure]:
    """Yield what is in a locked Office document.

    Raises ReadFailure `encrypted` where no password was given, `wrong_password` where none fits,
    `damaged`, and what the reader of the document inside raises.
    """
    with path.open("rb") as file:
        data = unlocked(file, options)
    yield from read_inside(data, replace(options, depth=options.depth + 1))


def is_locked(file: IO[bytes]) -> bool:
    """Tell whether an Office document asks for a password; a broken one does not."""
    file.seek(0)
    held = io.BytesIO(file.read())  # of a file on disk olefile takes memory for any size it states
    try:
        return bool(msoffcrypto.OfficeFile(held).is_encrypted())
    except _FAULTS:
        return False


def unlocked(file: IO[bytes], options: ReadOptions) -> bytes:
    """Return the document inside a locked one. Raises ReadFailure as `read` does."""
    try:
        for password in (*_BUILT_IN, *options.passwords):
            file.seek(0)
            data = _with_password(file, password)
            if data is not None:
                return data
    except _FAULTS as error:
        raise ReadFailure(
            "damaged",
            f"the file is locked and cannot be unlocked ({str(error) or type(error).__name__}); "
            "open it in the program it comes from and save a copy without a password",
        ) from error
    raise no_password_fits(options.passwords)


def _with_password(file: IO[bytes], password: str) -> bytes | None:
    """Return the document, None where the password is not its own."""
    try:
        office = msoffcrypto.OfficeFile(file)
        # Old formats always verify it, and say so by not asking.
        verify = {"verify_password": True} if isinstance(office, OOXMLFile) else {}
        office.load_key(password=password, **verify)
        out = io.BytesIO()
        office.decrypt(out)
    except InvalidKeyError:
        return None
    return out.getvalue()
