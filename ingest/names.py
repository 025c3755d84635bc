"""Names of files: how they are stored, and how they are shown where they may say anything."""

import os
import re
import unicodedata
from typing import Final

# What the escape of a byte looks like, where a name has it by itself, and the escape of that.
_LOOKS_ESCAPED: Final = re.compile(r"\\(?=x(?:[89a-f][0-9a-f]|5c))")
_BACKSLASH: Final = r"\\x5c"
# Categories of characters that a terminal obeys instead of showing: controls, marks of direction,
# ends of lines, halves of pairs.
_NOT_SHOWN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def stored_name(name: str) -> str:
    r"""Return a file name as text that can be stored; bytes that are no UTF-8 become `\xNN`.

    Different names stay different.
    """
    if "\\x" in name:
        name = _LOOKS_ESCAPED.sub(_BACKSLASH, name)
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def shown(text: str) -> str:
    r"""Return text of one line that shows what it holds: a newline as `\n`, an escape as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _NOT_SHOWN:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode()
