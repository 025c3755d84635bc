"""Numbers and bullets of list items in Word documents, which are computed and not written."""

import re
from dataclasses import dataclass, replace
from typing import Final

from ingest.readers.docx_styles import is_on
from ingest.readers.numerals import numeral
from ingest.readers.parts import Element, attribute, child, children

_PLACE: Final = re.compile(r"%([1-9])")
_BULLET: Final = "bullet"
_INDENT: Final = "  "


@dataclass(frozen=True, slots=True)
class _Level:
    """How the items of a level are numbered; `restart` is the level after which it begins anew."""

    style: str = "decimal"
    text: str = ""
    start: int = 1
    restart: int | None = None
    legal: bool = False
    paragraph_style: str = ""


@dataclass(frozen=True, slots=True)
class _List:
    """A list: its items count together with those of all lists of the same `definition`."""

    definition: str
    levels: dict[int, _Level]
    restarts: dict[int, int]


class Numbers:
    """The markers of a document's list items; they are asked for in the document's order."""

    def __init__(self, root: Element | None) -> None:
        self._definitions = {
            attribute(one, "abstractNumId"): one for one in children(root, "abstractNum")
        }
        self._linked = {
            _value(one, "styleLink"): key
            for key, one in self._definitions.items()
            if _value(one, "styleLink")
        }
        self._lists = {attribute(one, "numId"): self._list(one) for one in children(root, "num")}
        self._counts = dict[str, dict[int, int]]()
        self._begun = set[tuple[str, int]]()

    def marker(self, list_id: str, level: int | None, style_id: str) -> str | None:
        """Return what stands before the next item of a list, None where that is no list.

        A bullet is `- `; deeper levels are indented.
        """
        found = self._lists.get(list_id)
        if found is None:
            return None
        if level is None:
            level = next(
                (n for n, one in found.levels.items() if one.paragraph_style == style_id), 0
            )
        words = self._words(list_id, found, level)
        return words and f"{_INDENT * level}{words} "

    def _words(self, list_id: str, found: _List, level: int) -> str:
        counts = self._counts.setdefault(found.definition, {})
        if level in found.restarts and (list_id, level) not in self._begun:
            counts[level] = found.restarts[level] - 1
        self._begun.add((list_id, level))
        own = found.levels.get(level, _Level())
        counts[level] = counts.get(level, own.start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            restart = found.levels.get(deeper, _Level()).restart
            if restart is None or 0 < restart <= level + 1:
                del counts[deeper]
        if own.style == _BULLET:
            return "-"

        def written(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            other = found.levels.get(place, _Level())
            number = counts.setdefault(place, other.start)
            return numeral(number, "decimal" if own.legal else other.style)

        return _PLACE.sub(written, own.text).strip()

    def _list(self, element: Element) -> _List:
        definition = _value(element, "abstractNumId")
        source = self._definitions.get(definition)
        link = _value(source, "numStyleLink")
        if link:
            source = self._definitions.get(self._linked.get(link, ""))
        levels = {_depth(one): _level(one) for one in children(source, "lvl")}
        restarts = dict[int, int]()
        for one in children(element, "lvlOverride"):
            depth, start = _depth(one), _value(one, "startOverride")
            instead = child(one, "lvl")
            if instead is not None:
                levels[depth] = _level(instead)
            if start.isdecimal():
                restarts[depth] = int(start)
                levels[depth] = replace(levels.get(depth, _Level()), start=int(start))
        return _List(definition, levels, restarts)


def _depth(element: Element) -> int:
    stated = attribute(element, "ilvl")
    return int(stated) if stated.isdecimal() else 0


def _value(element: Element | None, called: str) -> str:
    found = child(element, called)
    return attribute(found, "val") if found is not None else ""


def _level(element: Element) -> _Level:
    start, restart = _value(element, "start"), _value(element, "lvlRestart")
    legal = child(element, "isLgl")
    return _Level(
        style=_value(element, "numFmt") or "decimal",
        text=_value(element, "lvlText"),
        start=int(start) if start.isdecimal() else 1,
        restart=int(restart) if restart.isdecimal() else None,
        legal=legal is not None and is_on(attribute(legal, "val", "1")),
        paragraph_style=_value(element, "pStyle"),
    )
