"""Styles of OpenDocument files: hidden words, page breaks, titles, and how lists are numbered."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.readers.docx_looks import is_white
from ingest.readers.numerals import numeral
from ingest.readers.parts import Element, attribute, below, child, name

_DEEPEST: Final = 32
_INDENT: Final = "  "
OUTLINE: Final = "outline"
_FORMATS: Final = {
    "1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
}  # fmt: skip
_PLACE: Final = re.compile(r"%(\d+)%")


@dataclass(frozen=True, slots=True)
class _Style:
    parent: str
    list_style: str
    hidden: bool
    white: bool | None
    grounded: bool
    begins_page: bool
    title: bool


@dataclass(frozen=True, slots=True)
class _Level:
    """How the items of a level begin; `template` is a newer way to say it (`%1%.%2%`)."""

    bullet: bool = False
    style: str = ""
    prefix: str = ""
    suffix: str = ""
    shown_levels: int = 1
    start: int = 1
    template: str = ""


class OdfStyles:
    """The styles of a document, from its two parts that have some."""

    def __init__(self, *roots: Element | None) -> None:
        found = [root for root in roots if root is not None]
        self._styles = {
            attribute(one, "name"): _style(one)
            for root in found
            for one in below(root, "style")
            if attribute(one, "family") in {"paragraph", "text", "graphic", "presentation"}
        }
        self._lists = {
            attribute(one, "name") if name(one) == "list-style" else OUTLINE: dict(_levels(one))
            for root in found
            for one in below(root, "list-style", "outline-style")
        }
        self._behind = any(
            _is_grounded(one) or attribute(one, "run-through") == "background"
            for root in found
            for one in below(root, "page-layout-properties", "graphic-properties")
            if name(one) == "page-layout-properties" or attribute(one, "run-through")
        )
        self._counts: dict[str, dict[int, int]] = {}

    def is_white(self, *styles: str) -> bool:
        """Tell whether words in these styles, the innermost first, are white on white."""
        if self._behind:
            return False
        chain = [one for style in styles for one in self._chain(style)]
        white = next((one.white for one in chain if one.white is not None), False)
        return bool(white) and not any(one.grounded for one in chain)

    def is_hidden(self, style: str) -> bool:
        """Tell whether words in a style are hidden."""
        return any(one.hidden for one in self._chain(style))

    def is_title(self, style: str) -> bool:
        """Tell whether a paragraph is in the style of the document's title."""
        return style == "Title" or any(one.title for one in self._chain(style))

    def begins_page(self, style: str) -> bool:
        """Tell whether a paragraph begins a page because its author wants it so."""
        return any(one.begins_page for one in self._chain(style))

    def list_style(self, style: str) -> str:
        """Return the list style that a paragraph's style brings."""
        return next((one.list_style for one in self._chain(style) if one.list_style), "")

    def begin_list(self, style: str, *, goes_on: bool) -> None:
        """Begin an outermost list, whose numbers go on from the last one of its style or not."""
        if not goes_on:
            self._counts.pop(style, None)

    def marker(self, style: str, level: int, start: int | None = None) -> str:
        """Return what stands before the next item of a list at a level from 1, "" for nothing."""
        levels = self._lists.get(style, {})
        own = levels.get(level, _Level(bullet=style != OUTLINE))
        counts = self._counts.setdefault(style, {})
        counts[level] = start if start is not None else counts.get(level, own.start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        if own.bullet:
            return f"{_INDENT * (level - 1)}- "
        words = self._written(levels, counts, level)
        return f"{_INDENT * (level - 1) * (style != OUTLINE)}{words} " if words else ""

    def _written(self, levels: dict[int, _Level], counts: dict[int, int], level: int) -> str:
        own = levels.get(level, _Level())

        def number(place: int) -> str:
            other = levels.get(place, _Level())
            value = counts.get(place, other.start)
            return numeral(value, other.style) if other.style else ""

        if not own.style:
            return ""
        if own.template:
            return _PLACE.sub(lambda match: number(int(match[1])), own.template).strip()
        shown = (number(place) for place in range(level - own.shown_levels + 1, level + 1))
        return f"{own.prefix}{'.'.join(one for one in shown if one)}{own.suffix}".strip()

    def _chain(self, style: str) -> Iterator[_Style]:
        for _ in range(_DEEPEST):
            found = self._styles.get(style)
            if found is None:
                return
            yield found
            style = found.parent


def _style(element: Element) -> _Style:
    words, paragraph = child(element, "text-properties"), child(element, "paragraph-properties")
    parent = attribute(element, "parent-style-name")
    return _Style(
        parent=parent,
        list_style=attribute(element, "list-style-name"),
        hidden=words is not None and (attribute(words, "display") == "none" or _is_tiny(words)),
        white=None
        if words is None or not (ink := attribute(words, "color"))
        else is_white(ink[1:]),
        grounded=any(map(_is_grounded, (words, paragraph, child(element, "graphic-properties")))),
        begins_page=attribute(element, "master-page-name") != ""
        or (paragraph is not None and attribute(paragraph, "break-before") == "page"),
        title=parent == "Title" or attribute(element, "display-name") == "Title",
    )


def _is_tiny(words: Element) -> bool:
    """Tell whether letters are too small to be read: of a point, or less."""
    size = attribute(words, "font-size").removesuffix("pt")
    return size.replace(".", "", 1).isdecimal() and float(size) <= 1


def _is_grounded(properties: Element | None) -> bool:
    """Tell whether something may lie behind what has these properties."""
    if properties is None:
        return False
    ground = attribute(properties, "background-color", "transparent")
    fill = attribute(properties, "fill", "none")
    return fill != "none" or not (ground == "transparent" or is_white(ground[1:]))


def _levels(element: Element) -> Iterator[tuple[int, _Level]]:
    for one in element:
        kind = name(one)
        if not kind.endswith(("-number", "-bullet", "-image", "outline-level-style")):
            continue
        depth, start = attribute(one, "level", "1"), attribute(one, "start-value", "1")
        shown = attribute(one, "display-levels", "1")
        stated = attribute(one, "num-format")
        yield (
            int(depth) if depth.isdecimal() else 1,
            _Level(
                bullet=kind.endswith(("-bullet", "-image")),
                style=_FORMATS.get(stated, _other(stated)),
                prefix=attribute(one, "num-prefix"),
                suffix=attribute(one, "num-suffix"),
                shown_levels=int(shown) if shown.isdecimal() else 1,
                start=int(start) if start.isdecimal() else 1,
                template=attribute(one, "num-list-format"),
            ),
        )


def _other(stated: str) -> str:
    if not stated:
        return ""
    return "chineseCounting" if "一" in stated else "decimal"
