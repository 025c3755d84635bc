"""RTF as tokens, and the encodings of its fonts."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|([^\\{}\r\n\x00]+)"
    r"|[\r\n\x00]+|\\\Z",
    re.DOTALL,
)
_MOST: Final = 2**31
# Character sets of fonts (\fcharset) as Python's encodings; 2 is a symbol font's own.
SYMBOLS: Final = 2
CHARSETS: Final = {
    0: "cp1252", 1: "", 77: "mac_roman", 78: "shift_jis", 79: "euc_kr", 80: "gb2312", 81: "big5",
    83: "mac_greek", 84: "mac_cyrillic", 85: "mac_turkish", 87: "mac_latin2", 128: "cp932",
    129: "cp949", 130: "johab", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_PAGES: Final = {10000: "mac_roman", 65001: "utf-8", 708: "iso8859_6", 950: "big5", 936: "gbk"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of RTF: a control word (with its number), a brace, an escaped byte, or text.

    Exactly one of `word`, `brace`, `byte` (0 to 255, else -1), `sign` and `text` is set; every
    character of `text` and `sign` is one byte of the file.
    """

    word: str = ""
    number: int | None = None
    brace: str = ""
    byte: int = -1
    sign: str = ""
    text: str = ""


def tokens(source: str) -> Iterator[Token]:
    r"""Yield the tokens of a file whose bytes are the characters of `source`.

    Binary data (\binN) is left out.
    """
    place = 0
    while (match := _TOKEN.match(source, place)) is not None:
        place = match.end()
        word, number, byte, sign, brace, text = match.groups()
        if word:
            value = min(int(number), _MOST) if number else None
            if word == "bin":
                place += max(0, value or 0)
            else:
                yield Token(word, value)
        elif byte:
            yield Token(byte=int(byte, 16))
        elif sign:
            yield Token(sign=sign)
        elif brace:
            yield Token(brace=brace)
        elif text:
            yield Token(text=text)


def page_encoding(number: int) -> str:
    r"""Return Python's name of a Windows code page (\ansicpgN), `cp1252` for unknown ones."""
    called = _PAGES.get(number, f"cp{number}")
    try:
        codecs.lookup(called)
    except LookupError:
        return "cp1252"
    return called
