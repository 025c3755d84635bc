"""What a page's own styles hide from its reader: text that is there for programs alone.

`display:none` and `visibility:hidden` are how pages fold what they show later, and say nothing.
Letters without size, in the colour of their ground, transparent or off the screen are shown at no
time: such text is left out, and a finding tells of it. Only `style` attributes are looked at.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from indexes.documents import Finding

_FOLDED: Final = re.compile(r"(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)")
_NUMBER: Final = re.compile(r"(-?(?:\d+\.?\d*|\.\d+))([a-z%]*)")
_RELATIVE: Final = frozenset(("em", "%", "ex", "ch"))
# So far out, in pixels, that no screen shows it. Scrolled carousels stand nearer.
_OFF_SCREEN: Final = -900.0
_PIXELS: Final = {"em": 16.0, "rem": 16.0, "vw": 10.0, "vh": 10.0, "pt": 4 / 3, "%": 10.0}
_PLACED: Final = frozenset(("absolute", "fixed"))
# What is transparent only until a program on the page lets it appear.
_APPEARS: Final = ("transform", "transition", "animation", "will-change")
_NAMED: Final = {"white": "ffffff", "black": "000000", "red": "ff0000", "transparent": ""}
_RGB: Final = re.compile(
    r"rgba?\((\d{1,3})[ ,]+(\d{1,3})[ ,]+(\d{1,3})(?:[ ,/]+([\d.]+)(%?))?\s*\)"
)
_HEX: Final = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})\b")
_WHITE: Final = "ffffff"


@dataclass(frozen=True, slots=True)
class Look:
    """How text in an element looks, as far as styles on it and around it say.

    `ink` and `ground` are colours (`ffffff`), None where they are not known.
    """

    gone: bool = False
    sizeless: bool = False
    ink: str | None = None
    ground: str | None = None

    @property
    def hides(self) -> bool:
        """Tell whether its text is never shown."""
        one_colour = self.ink is not None and self.ink == self.ground
        return self.gone or self.sizeless or one_colour


PAGE: Final = Look()


def has_stylesheet(page: LexborHTMLParser) -> bool:
    """Tell whether other styles than those on the elements may count."""
    return page.css_first("style, link[rel~=stylesheet]") is not None


def look_of(node: LexborNode, around: Look, *, has_stylesheet: bool) -> Look:
    """Return how an element's text looks, given the look of what it stands in."""
    attributes = node.attributes
    if has_stylesheet and attributes.get("class"):
        # A class may give it any colour and size.
        around = replace(around, ink=None, ground=None, sizeless=False)
    elif node.tag == "body" and not has_stylesheet:
        around = replace(around, ground=_WHITE)
    if ground := attributes.get("bgcolor"):
        around = replace(around, ground=_colour(ground))
    if ink := attributes.get("color"):
        around = replace(around, ink=_colour(ink))
    written = attributes.get("style")
    if not written:
        return around
    pairs = (style.partition(":") for style in written.lower().split(";"))
    return _styled({name.strip(): value.strip() for name, _, value in pairs}, around)


def is_folded(styles: str) -> bool:
    """Tell whether an element is one that the page folds away."""
    return _FOLDED.search(styles) is not None


def _styled(styles: dict[str, str], around: Look) -> Look:
    ground = styles.get("background-color", styles.get("background"))
    if "background-image" in styles or "url(" in (ground or "") or "gradient" in (ground or ""):
        around = replace(around, ground=None)
    elif ground is not None:
        around = replace(around, ground=_colour(ground) or around.ground)
    if "color" in styles:
        around = replace(around, ink=_colour(styles["color"]))
    if "font-size" in styles:
        around = replace(around, sizeless=_is_sizeless(styles["font-size"], around))
    if _is_transparent(styles) or _is_off_screen(styles):
        around = replace(around, gone=True)
    return around


def _is_sizeless(size: str, around: Look) -> bool:
    match = _NUMBER.match(size)
    if match is None:
        return around.sizeless and size in {"inherit", "larger", "smaller"}
    return float(match[1]) == 0 or (around.sizeless and match[2] in _RELATIVE)


def _is_transparent(styles: dict[str, str]) -> bool:
    match = _NUMBER.match(styles.get("opacity", "1"))
    appears = any(name.startswith(_APPEARS) for name in styles)
    return match is not None and float(match[1]) == 0 and not appears


def _is_off_screen(styles: dict[str, str]) -> bool:
    names = ["text-indent"]
    if styles.get("position") in _PLACED:
        names += ["left", "top", "right", "bottom"]
    names += ["margin-left", "margin-top"] if "overflow" not in styles else []
    for name in names:
        match = _NUMBER.match(styles.get(name, ""))
        if match and float(match[1]) * _PIXELS.get(match[2], 1.0) <= _OFF_SCREEN:
            return True
    return False


def _colour(written: str) -> str | None:
    """Return a colour as six hexadecimal digits, None for one that is not known."""
    written = written.strip().lower()
    if match := _RGB.search(written):
        if match[4] and float(match[4].strip(".") or 0) == 0:
            return None
        return "".join(f"{min(int(part), 255):02x}" for part in match.group(1, 2, 3))
    if match := _HEX.search(written):
        digits = match[1]
        return digits if len(digits) == len(_WHITE) else "".join(digit * 2 for digit in digits)
    return next((_NAMED[word] or None for word in written.split() if word in _NAMED), None)


def hidden_finding(count: int) -> Finding:
    """Return the finding that so many words were left out."""
    words = "1 word" if count == 1 else f"{count} words"
    return Finding(
        "hidden_text",
        f"{words} that no browser shows (without size, transparent, off the screen, or in the "
        "colour of the ground) are left out; look at the page's source: such text may be meant to "
        "mislead programs that read it",
    )
