"""Words of Word documents that nobody sees although they are not marked as hidden.

White on the white page, or too small to be read. Where something may lie behind white words (a
table, a text box, a shading, a page in colour) nobody can say, and they are taken to be seen.
"""

from dataclasses import dataclass
from typing import Final, Literal

from ingest.readers.parts import Element, attribute, below, child, name

# Sizes are in half points: 1 point is smaller than any print.
_TINY: Final = 2
# From here on a colour on white cannot be told from it.
_LIGHT: Final = 250
_GROUNDED: Final = frozenset(("tbl", "txbxContent"))
_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class InkLook:
    """What properties say of words: None where they do not; `grounded` if something lies behind."""

    white: bool | None = None
    tiny: bool | None = None
    grounded: bool = False


Sight = Literal["seen", "tiny", "white"]
NO_LOOK: Final = InkLook()


def look(run: Element | None, paragraph: Element | None = None) -> InkLook:
    """Return what the properties of a run, and those of a paragraph, say."""
    white: bool | None = None
    tiny: bool | None = None
    grounded = False
    for one in (*(run if run is not None else ()), *(paragraph if paragraph is not None else ())):
        called = name(one)
        if called == "color":
            white = is_white(attribute(one, "val"))
        elif called == "sz":
            size = attribute(one, "val")
            tiny = size.isdecimal() and int(size) <= _TINY
        elif called == "highlight":
            grounded |= attribute(one, "val", "none") != "none"
        elif called == "shd":
            fill = attribute(one, "fill", "auto")
            pattern = attribute(one, "val", "clear")
            grounded |= not (fill == "auto" or is_white(fill)) or pattern not in {"clear", "nil"}
        elif called in {"textFill", "glow", "shadow", "textOutline", "outline"}:
            grounded = True
    return InkLook(white, tiny, grounded)


def is_white(colour: str) -> bool:
    """Tell whether a colour of six hexadecimal digits cannot be seen on white."""
    if len(colour) != _DIGITS:
        return False
    try:
        parts = bytes.fromhex(colour)
    except ValueError:
        return False
    return min(parts) >= _LIGHT


def sight(run: Element, looks: list[InkLook]) -> Sight:
    """Tell whether words are seen; `looks` are what counts for them, the strongest first."""
    if next((one.tiny for one in looks if one.tiny is not None), False):
        return "tiny"
    white = next((one.white for one in looks if one.white is not None), False)
    if not white or any(one.grounded for one in looks) or _stands_on_ground(run):
        return "seen"
    return "white"


def has_behind(root: Element | None) -> bool:
    """Tell whether pictures or shapes may lie behind the words of a part."""
    return root is not None and any(True for _ in below(root, "anchor", "pict"))


def _stands_on_ground(run: Element) -> bool:
    """Tell whether words stand in something that may have a colour of its own."""
    for above in run.iterancestors():
        called = name(above)
        if called in _GROUNDED:
            return True
        if called == "document":
            return child(above, "background") is not None
    return False
