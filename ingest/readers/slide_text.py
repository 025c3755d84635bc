"""Text of slides with its bullets and numbers, which mostly come from the layout or the master."""

from collections.abc import Iterator, Sequence
from typing import Final

from ingest.readers.drawing import words
from ingest.readers.numerals import numeral
from ingest.readers.parts import Element, attribute, child, children, name

_INDENT: Final = "  "
_BULLETS: Final = frozenset(("buChar", "buBlip"))
# The schemes of ST_TextAutonumberScheme (ECMA-376): a style of numbers, and signs around them.
_STYLES: Final = {
    "arabic": "decimal", "alphaLc": "lowerLetter", "alphaUc": "upperLetter",
    "romanLc": "lowerRoman", "romanUc": "upperRoman", "ea1Chs": "chineseCounting",
    "ea1Cht": "chineseCounting", "ea1Jpn": "chineseCounting", "circleNum": "decimalEnclosedCircle",
}  # fmt: skip
_SIGNS: Final = {"Period": "{}.", "ParenR": "{})", "ParenBoth": "({})", "Plain": "{}"}


def body_text(body: Element | None, inherited: Sequence[Element]) -> Iterator[str]:
    """Yield the paragraphs of a text body that say something, with bullets and numbers.

    `inherited` are list styles, nearest first, that say how paragraphs look which do not say it
    themselves.
    """
    own = child(body, "lstStyle")
    styles = [*([own] if own is not None else []), *inherited]
    counts = dict[int, int]()
    for paragraph in children(body, "p"):
        line = words(paragraph)
        properties = child(paragraph, "pPr")
        stated = attribute(properties, "lvl", "0") if properties is not None else "0"
        level = int(stated) if stated.isdecimal() else 0
        if not line.strip():
            continue
        bullet = _bullet(properties, styles, level)
        counts = {depth: number for depth, number in counts.items() if depth <= level}
        if bullet is not None and name(bullet) == "buAutoNum":
            start = attribute(bullet, "startAt", "1")
            first = int(start) if start.isdecimal() else 1
            counts[level] = counts.get(level, first - 1) + 1
        else:
            counts.pop(level, None)
        yield f"{_marker(bullet, level, counts)}{line.strip()}"


def _bullet(properties: Element | None, styles: Sequence[Element], level: int) -> Element | None:
    """Return the element that says how a paragraph begins."""
    stated = [properties, *(child(style, f"lvl{level + 1}pPr") for style in styles)]
    for one in stated:
        for kind in one if one is not None else ():
            if name(kind) in {"buNone", "buAutoNum", *_BULLETS}:
                return kind
    return None


def _marker(bullet: Element | None, level: int, counts: dict[int, int]) -> str:
    if bullet is None or name(bullet) == "buNone":
        return ""
    if name(bullet) in _BULLETS:
        return f"{_INDENT * level}- "
    scheme = attribute(bullet, "type")
    kind = next((kind for kind in _STYLES if scheme.startswith(kind)), "arabic")
    form = next((form for end, form in _SIGNS.items() if scheme.endswith(end)), "{}.")
    return f"{_INDENT * level}{form.format(numeral(counts[level], _STYLES[kind]))} "
