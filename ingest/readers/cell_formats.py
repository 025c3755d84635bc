"""How spreadsheets show numbers: percentages and amounts of money by their format codes."""

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

# The built-in formats of ECMA-376 part 1, 18.8.30, that are percentages or money.
BUILT_IN: Final = {
    5: '"$"#,##0;-"$"#,##0',
    6: '"$"#,##0;-"$"#,##0',
    7: '"$"#,##0.00;-"$"#,##0.00',
    8: '"$"#,##0.00;-"$"#,##0.00',
    9: "0%",
    10: "0.00%",
    42: '"$"#,##0;-"$"#,##0',
    44: '"$"#,##0.00;-"$"#,##0.00',
}
_SIGNS: Final = "$€£¥₹₽₩₺₪₫₴₦฿¢"
_CURRENCY: Final = re.compile(rf"\[\$[^\]-]+|[{_SIGNS}]|\b(?:EUR|USD|GBP|CHF|JPY|CNY|kr|zł)\b")
_PIECE: Final = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|\[\$(?P<sign>[^\]-]*)[^\]]*\]|\[[^\]]*\]|_.|\*.'
    r"|(?P<digits>[#0?][#0?,.]*)|(?P<other>.)",
    re.DOTALL,
)
_LETTERS: Final = re.compile(r"[dmyhsDMYHSEe@/]")
_MOST_DECIMALS: Final = 15


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of a format code: what stands around the digits, and how these are written."""

    before: str
    digits: str
    after: str

    @property
    def decimals(self) -> int:
        return min(len(self.digits.partition(".")[2].replace(",", "")), _MOST_DECIMALS)

    @property
    def optional(self) -> int:
        """How many of the decimals are left out where they are zero."""
        places = self.digits.partition(".")[2]
        return len(places) - len(places.rstrip("#?"))


def is_telling(code: str) -> bool:
    """Tell whether a format code makes percentages or amounts of money of numbers."""
    return "%" in code or _CURRENCY.search(code) is not None


def shown(value: float, code: str) -> str | None:
    """Return a number as its format code shows it, None for codes that are not understood."""
    sections = code.split(";")
    negative = value < 0
    chosen = sections[1] if negative and len(sections) > 1 else sections[0]
    section = _section(chosen)
    if section is None:
        return None
    explicit = negative and len(sections) > 1
    return _written(value, section, sign="-" if negative and not explicit else "")


@lru_cache(maxsize=256)
def _section(code: str) -> _Section | None:
    before, digits, after = "", "", ""
    for piece in _PIECE.finditer(code):
        words = piece["quoted"] or piece["escaped"] or piece["sign"] or piece["other"] or ""
        if piece["digits"]:
            if digits:  # fractions, telephone numbers
                return None
            digits = piece["digits"]
        elif piece["other"] and _LETTERS.match(piece["other"]):
            return None
        elif digits:
            after += words
        else:
            before += words
    return _Section(before, digits, after) if digits else None


def _written(value: float, section: _Section, sign: str) -> str | None:
    try:
        number = abs(Decimal(repr(value)))
        if "%" in section.before + section.after:
            number *= 100
        whole, point, places = section.digits.partition(".")
        scaled = len(section.digits) - len(section.digits.rstrip(","))
        number /= Decimal(1000) ** scaled
        number = number.quantize(Decimal(1).scaleb(-section.decimals), ROUND_HALF_UP)
    except InvalidOperation:  # infinite, or more digits than Decimal keeps
        return None
    grouped = "," in whole.rstrip(",") or ("," in whole and bool(point or places))
    words = f"{number:,f}" if grouped else f"{number:f}"
    for _ in range(section.optional if "." in words else 0):
        words = words.removesuffix("0")
    words = words.removesuffix(".")
    minus = sign if number else ""
    return " ".join(f"{minus}{section.before}{words}{section.after}".split())
