"""Letters of symbol fonts, which stand at places of their own, as Unicode has them."""

import re
from typing import Final

_PRIVATE: Final = 0xF000
_HIGHEST: Final = 0xF0FF
_PRIVATE_USE: Final = re.compile("[\uf001-\uf0ff]")
# Adobe's Symbol font from 0x20 on, a row of 16 each; � where it has nothing.
_SYMBOL: Final = (
    " !∀#∃%&∋()∗+,−./"
    "0123456789:;<=>?"
    "≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟ"
    "ΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"
    "‾αβχδεφγηιϕκλμνο"
    "πθρστυϖωξψζ{|}∼�"
    "����������������"
    "����������������"
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓"
    "°±″≥×∝∂•÷≠≡≈…⏐⎯↵"
    "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉"
    "∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓"
    "◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪"
    "�⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭�"
)
_WINGDINGS: Final = {
    0x20: " ", 0x21: "✏", 0x22: "✂", 0x28: "☎", 0x2A: "✉", 0x36: "⌛", 0x41: "✌", 0x43: "👍",
    0x44: "👎", 0x45: "☜", 0x46: "☞", 0x4A: "☺", 0x4C: "☹", 0x52: "☼", 0x54: "❄", 0x6C: "●",
    0x6D: "❍", 0x6E: "■", 0x6F: "□", 0x70: "□", 0x71: "❑", 0x72: "❒", 0x73: "⬧", 0x74: "⧫",
    0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x9E: "·", 0x9F: "•", 0xA0: "▪", 0xA1: "○", 0xA4: "◉",
    0xA7: "▪", 0xA8: "□", 0xAA: "✦", 0xAB: "★", 0xD8: "➢", 0xDB: "→", 0xDC: "→", 0xDF: "←",
    0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩",
    0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2: Final = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x97: "●", 0xA3: "☐"}
_FONTS: Final = {
    "symbol": {0x20 + place: letter for place, letter in enumerate(_SYMBOL) if letter != "�"},
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
}


def symbol(font: str, code: int) -> str:
    """Return the letter at a place of a font; the font's private places are those from U+F000."""
    place = code - _PRIVATE if _PRIVATE <= code <= _HIGHEST else code
    known = _FONTS.get(font.strip().lower())
    if known is not None:
        return known.get(place, "\ufffd")
    return chr(place) if 0 < place <= 0x10FFFF else "\ufffd"  # noqa: PLR2004 # Unicode's last


def is_symbol_font(font: str) -> bool:
    """Tell whether a font has letters of its own in the place of Unicode's."""
    return font.strip().lower() in _FONTS


def in_font(font: str, words: str) -> str:
    """Return words that are set in a font: in a symbol font every letter is one of its own."""
    if is_symbol_font(font):
        return "".join(symbol(font, ord(letter)) for letter in words)
    return _PRIVATE_USE.sub(lambda match: symbol("", ord(match[0])), words)
