"""Numbers of list items as office programs write them: 1, a, iv, 三."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_MOST_ROMAN: Final = 4000
_LETTERS: Final = 26
_MOST_REPEATED: Final = 30
_CHINESE: Final = "〇一二三四五六七八九"
_CHINESE_PLACES: Final = ("", "十", "百", "千")
_MOST_CHINESE: Final = 10_000
_CIRCLED: Final = range(1, 21)


def roman(number: int) -> str:
    """Return a number in small Roman numerals, in digits where there are none for it."""
    if not 0 < number < _MOST_ROMAN:
        return str(number)
    words = ""
    for value, letters in _ROMAN:
        words += letters * (number // value)
        number %= value
    return words


def letters(number: int) -> str:
    """Return a, b, … z, aa, bb, … as word processors count."""
    if number < 1 or number > _LETTERS * _MOST_REPEATED:
        return str(number)
    times, place = divmod(number - 1, _LETTERS)
    return chr(ord("a") + place) * (times + 1)


def chinese(number: int) -> str:
    """Return a number from 1 to 9999 in Chinese, as in 第十二条; others in digits."""
    if not 0 < number < _MOST_CHINESE:
        return str(number)
    words, gap = "", False
    for place in reversed(range(len(_CHINESE_PLACES))):
        digit = number // 10**place % 10
        if digit:
            words += "〇" * (gap and bool(words)) + _CHINESE[digit] + _CHINESE_PLACES[place]
        gap = not digit
    return words.removeprefix("一") if words.startswith("一十") else words


def _ordinal(number: int) -> str:
    tens = number % 100 // 10
    return f"{number}{'th' if tens == 1 else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _circled(number: int) -> str:
    return chr(0x245F + number) if number in _CIRCLED else str(number)


def _nothing(_: int) -> str:
    return ""


# By the names of ST_NumberFormat (ECMA-376); what is not here is written in digits.
STYLES: Final[Mapping[str, Callable[[int], str]]] = MappingProxyType(
    {
        "none": _nothing,
        "decimalZero": "{:02}".format,
        "lowerLetter": letters,
        "upperLetter": lambda number: letters(number).upper(),
        "lowerRoman": roman,
        "upperRoman": lambda number: roman(number).upper(),
        "ordinal": _ordinal,
        "decimalEnclosedCircle": _circled,
        "decimalEnclosedCircleChinese": _circled,
        "chineseCounting": chinese,
        "chineseCountingThousand": chinese,
        "taiwaneseCounting": chinese,
        "taiwaneseCountingThousand": chinese,
        "japaneseCounting": chinese,
        "ideographDigital": chinese,
        "japaneseDigitalTenThousand": chinese,
    }
)


def numeral(number: int, style: str) -> str:
    """Return a number in a style of ECMA-376, such as `lowerRoman`."""
    return STYLES.get(style, str)(number)
