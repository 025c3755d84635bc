"""Values put into `afterword.toml`, the rest of the file left as it is, byte by byte."""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from indexes.durable import put_in_place
from indexes.errors import StorageRefused, UsageError

Value = float | str

_NAME: Final = r"(?m)^([ \t]*{name}[ \t]*=[ \t]*)"
_VALUE: Final = r"""(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s#"']+)"""


def write_values(path: Path, values: Mapping[str, Value]) -> None:
    """Set values in a TOML file, which is made if it is not there; old or new, never half.

    Raises UsageError where the file is written so that only a person can change it, and
    StorageRefused where it cannot be written.
    """
    target = path.resolve()
    try:
        before = target.read_bytes() if target.exists() else b""
        _replace(target, with_values(before.decode(), values, path).encode())
    except OSError as error:
        raise StorageRefused(
            f"{path} cannot be written: {error.strerror}; set {shown(values)} there by hand"
        ) from error


def with_values(text: str, values: Mapping[str, Value], path: Path) -> str:
    """Return TOML with values set at the top level. Raises UsageError as `write_values` does."""
    new = text
    for name, value in values.items():
        new = _with(new, name, _toml(value))
    try:
        right = tomllib.loads(new) == {**tomllib.loads(text), **values}
    except tomllib.TOMLDecodeError:
        right = False
    if not right:
        raise UsageError(f"{path}: set {shown(values)} there by hand; it is not one plain line")
    return new


def shown(values: Mapping[str, Value]) -> str:
    """Return values as they stand in the file, in one line of words."""
    return " and ".join(f"{name} = {_toml(value)}" for name, value in values.items())


def _with(text: str, name: str, value: str) -> str:
    place = _NAME.format(name=re.escape(name)) + _VALUE
    new, found = re.subn(place, lambda match: f"{match[1]}{value}", text, count=1)
    if found:
        return new
    newline = "\r\n" if "\r\n" in text else "\n"
    ended = text + newline * bool(text and not text.endswith("\n"))
    return f"{ended}{name} = {value}{newline}"


def _toml(value: Value) -> str:
    # JSON's texts are TOML's, but for one sign that no name of a reader has.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _replace(target: Path, content: bytes) -> None:
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        if target.exists():
            shutil.copymode(target, beside)
        put_in_place(beside, target)
    finally:
        beside.unlink(missing_ok=True)
