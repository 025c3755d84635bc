"""Styles of Word documents: which paragraphs are headings, lists or hidden, by their style."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.readers.docx_looks import NO_LOOK, InkLook, look
from ingest.readers.parts import Element, attribute, child, children, name

_BODY_LEVEL: Final = 9
_DEEPEST: Final = 32
# Word keeps the English names of its own styles in the file; other programs write those that they
# show, and a file without styles has only ids, in which letters beyond ASCII are left out.
_HEADING: Final = re.compile(
    r"(?i)(?:heading|ü?berschrift|titre|t[íi]?tulo|titolo|intestazione|kop|rubrik|overskrift"
    r"|otsikko|nag[łl]?[óo]?wek|nadpis|заголовок|ba[şs]?l[ıi]?k|标题|標題|見出し|제목|judul"
    r"|cabe[çc]?alho|encabezado|c[íi]?msor|titlu)\s*([1-9])"
)
_TITLES: Final = frozenset(
    ("title", "titel", "titre", "título", "titolo", "tytuł", "название", "otsikko", "nadtitel",
     "标题", "標題", "表題", "제목", "titulek", "cím", "titlu", "judul", "tittel")
)  # fmt: skip
_OFF: Final = frozenset(("0", "false", "off", "none"))

NumberedAt = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Style:
    """A style as far as it matters: `level` from 1 (9 and more is body text)."""

    style_id: str
    called: str
    based_on: str
    level: int | None
    numbered: NumberedAt | None
    hidden: bool | None
    look: InkLook = NO_LOOK


class Styles:
    """The styles of a document; without a styles part the ids are all there is."""

    def __init__(self, root: Element | None) -> None:
        self._styles = {style.style_id: style for style in map(_style, children(root, "style"))}
        kinds = {attribute(one, "styleId"): one for one in children(root, "style")}
        self._default = next(
            (
                style_id
                for style_id, one in kinds.items()
                if attribute(one, "type") == "paragraph" and is_on(attribute(one, "default", "0"))
            ),
            "",
        )

    def level(self, properties: Element | None) -> int | None:
        """Return a paragraph's heading level from 1, None where it is no heading."""
        direct = child(properties, "outlineLvl")
        if direct is not None:
            return _level(direct)
        for style in self._chain(self.style_of(properties)):
            if style.level is not None:
                return style.level if style.level <= _BODY_LEVEL else None
            found = _HEADING.fullmatch(style.called) or _HEADING.fullmatch(style.style_id)
            if found:
                return int(found[1])
        return None

    def is_title(self, properties: Element | None) -> bool:
        """Tell whether a paragraph is in the style of the document's title."""
        style_id = self.style_of(properties)
        style = self._styles.get(style_id)
        return (style.called if style else style_id).lower() in _TITLES

    def numbered(self, properties: Element | None) -> NumberedAt | None:
        """Return the list (its id) and the level from 0 that a paragraph's style puts it in."""
        chain = self._chain(self.style_of(properties))
        return next((style.numbered for style in chain if style.numbered), None)

    def hides(self, style_id: str) -> bool:
        """Tell whether words in a style are hidden."""
        chain = self._chain(style_id)
        return next((style.hidden for style in chain if style.hidden is not None), False)

    def looks(self, style_id: str) -> list[InkLook]:
        """Return what a style and those that it is based on say of how words look."""
        return [style.look for style in self._chain(style_id)]

    def style_of(self, properties: Element | None) -> str:
        """Return the id of a paragraph's style."""
        stated = child(properties, "pStyle")
        return attribute(stated, "val") if stated is not None else self._default

    def _chain(self, style_id: str) -> Iterator[Style]:
        """Yield a style and those that it is based on."""
        if style_id and style_id not in self._styles:
            yield Style(style_id, style_id, "", None, None, None)
            return
        for _ in range(_DEEPEST):
            style = self._styles.get(style_id)
            if style is None:
                return
            yield style
            style_id = style.based_on


def _style(element: Element) -> Style:
    called, based_on = child(element, "name"), child(element, "basedOn")
    properties = child(element, "pPr")
    outline = child(properties, "outlineLvl")
    return Style(
        attribute(element, "styleId"),
        attribute(called, "val") if called is not None else "",
        attribute(based_on, "val") if based_on is not None else "",
        None if outline is None else (_level(outline) or _BODY_LEVEL + 1),
        numbered_at(properties),
        hidden(child(element, "rPr")),
        look(child(element, "rPr"), properties),
    )


def _level(outline: Element) -> int | None:
    stated = attribute(outline, "val")
    level = int(stated) + 1 if stated.isdecimal() else _BODY_LEVEL + 1
    return level if level <= _BODY_LEVEL else None


def numbered_at(properties: Element | None) -> NumberedAt | None:
    """Return the list's id and the level that paragraph properties state themselves."""
    stated = child(properties, "numPr")
    if stated is None:
        return None
    number, level = child(stated, "numId"), child(stated, "ilvl")
    depth = attribute(level, "val") if level is not None else ""
    return (
        attribute(number, "val") if number is not None else "",
        int(depth) if depth.isdecimal() else None,
    )


def hidden(properties: Element | None) -> bool | None:
    """Tell whether run properties hide words; None where they do not say."""
    for one in properties if properties is not None else ():
        if name(one) == "vanish":
            return is_on(attribute(one, "val", "1"))
    return None


def is_on(value: str) -> bool:
    """Tell whether a switch is on."""
    return value not in _OFF
