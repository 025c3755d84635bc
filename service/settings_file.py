"""A value put into `afterword.toml`, the rest of the file left as it is, byte by byte."""

import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Final

from indexes.durable import put_in_place
from indexes.errors import StorageRefused, UsageError

_VALUE: Final = r"(?m)^([ \t]*{name}[ \t]*=[ \t]*)[^\s#]+"


def write_number(path: Path, name: str, value: float) -> None:
    """Set a number in a TOML file, which is made if it is not there; old or new, never half.

    Raises UsageError where the file is written so that only a person can change it, and
    StorageRefused where it cannot be written.
    """
    target = path.resolve()
    try:
        before = target.read_bytes() if target.exists() else b""
        after = with_number(before.decode(), name, value, path)
        _replace(target, after.encode())
    except OSError as error:
        told = f"{path} cannot be written: {error.strerror}; set {name} = {value} there by hand"
        raise StorageRefused(told) from error


def with_number(text: str, name: str, value: float, path: Path) -> str:
    """Return TOML with a number set at the top level. Raises UsageError as `write_number` does."""
    new, found = re.subn(_VALUE.format(name=re.escape(name)), rf"\g<1>{value!r}", text, count=1)
    if not found:
        newline = "\r\n" if "\r\n" in text else "\n"
        ended = text + newline * bool(text and not text.endswith("\n"))
        new = f"{ended}{name} = {value!r}{newline}"
    try:
        right = tomllib.loads(new) == {**tomllib.loads(text), name: value}
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise UsageError(f"{path}: set {name} = {value} there by hand; it is not one plain line")
    return new


def _replace(target: Path, content: bytes) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        if target.exists():
            shutil.copymode(target, beside)
        put_in_place(beside, target)
    finally:
        beside.unlink(missing_ok=True)
