"""DrawingML, which Word, Excel and PowerPoint share: charts, diagrams and what shapes say."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.readers.cell_formats import is_telling, shown
from ingest.readers.equations import linear
from ingest.readers.parts import Element, attribute, below, child, children, name

# A number as a computer keeps it (4.4000000000000004), of which 15 digits say something.
_LONG: Final = re.compile(r"(?=.{17})-?\d*\.\d+(?:E[+-]?\d+)?")

_PLOTTED = ("yVal", "val", "bubbleSize")


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's title and its values: a row of the series' names, then a row a category."""

    title: str
    rows: Sequence[Sequence[str]]


def shown_choice(alternatives: Element) -> Element | None:
    """Return what of an mc:AlternateContent is read: its first choice that says something."""
    for one in alternatives:
        if any(True for _ in below(one, "t", "txbxContent", "chart", "relIds", "tbl", "docPr")):
            return one
    return next(iter(alternatives), None)


def words(paragraph: Element) -> str:
    """Return what a DrawingML paragraph says."""
    return "".join(_pieces(paragraph))


def _pieces(element: Element) -> Iterator[str]:
    for one in element:
        called = name(one)
        if called in {"r", "fld"}:
            text = child(one, "t")
            yield (text.text or "") if text is not None else ""
        elif called == "br":
            yield "\n"
        elif called in {"oMath", "oMathPara"}:
            yield linear(one)
        elif called == "AlternateContent":
            chosen = shown_choice(one)
            if chosen is not None:
                yield from _pieces(chosen)
        elif called in {"m", "hlinkClick"}:
            yield from _pieces(one)


def body_lines(body: Element | None) -> Iterator[str]:
    """Yield the paragraphs of a text body that say something."""
    for paragraph in children(body, "p"):
        line = words(paragraph)
        if line.strip():
            yield line


def alternative(properties: Element | None) -> str:
    """Return what a picture's or shape's properties say in the place of the picture."""
    if properties is None:
        return ""
    return " ".join((attribute(properties, "descr") or attribute(properties, "title")).split())


def chart(root: Element) -> Chart:
    """Return what a chart part shows, from the values that are kept in it."""
    held = child(root, "chart")
    if held is None:
        held = root
    title = " ".join(_rich_text(child(held, "title")).split())
    series = [_series(one) for one in below(held, "ser")]
    rows = _by_category([one for one in series if one.values])
    return Chart(title, rows or list(_dimensions(root)))


def _rich_text(title: Element | None) -> str:
    if title is None:
        return ""
    lines = [words(paragraph) for paragraph in below(title, "p")]
    return " ".join(lines) or " ".join(one.text or "" for one in below(title, "v"))


@dataclass(frozen=True, slots=True)
class _Series:
    called: str
    categories: dict[int, str]
    values: dict[int, str]


def _series(element: Element) -> _Series:
    called = child(element, "tx")
    named = " ".join(one.text or "" for one in below(called, "v")) if called is not None else ""
    categories = _points(child(element, "cat")) or _points(child(element, "xVal"))
    found = [_points(child(element, one)) for one in _PLOTTED]
    values = defaultdict[int, list[str]](list)
    for points in found:
        for place, value in points.items():
            values[place].append(value)
    return _Series(named, categories, {place: ", ".join(all_) for place, all_ in values.items()})


def _points(element: Element | None) -> dict[int, str]:
    """Return the kept points of a reference; of categories in levels, all of them."""
    points = dict[int, str]()
    if element is None:
        return points
    code = next((one.text or "" for one in below(element, "formatCode")), "")
    for one in below(element, "pt"):
        index, value = attribute(one, "idx"), child(one, "v")
        if value is None or not index.isdecimal():
            continue
        text = _formatted(value.text or "", attribute(one, "formatCode") or code)
        place = int(index)
        points[place] = f"{text} {points[place]}" if place in points else text
    return points


def _formatted(text: str, code: str) -> str:
    if not is_telling(code):
        return f"{float(text):.15g}" if _LONG.fullmatch(text) else text
    try:
        return shown(float(text), code) or text
    except ValueError:
        return text


def _by_category(series: Sequence[_Series]) -> list[list[str]]:
    categories = dict[int, str]()
    for one in series:
        categories |= {place: one.categories.get(place, "") for place in one.values} | {
            place: words for place, words in one.categories.items() if words
        }
    if not series:
        return []
    header = ["", *(one.called for one in series)]
    return [header] + [
        [words, *(one.values.get(place, "") for one in series)]
        for place, words in sorted(categories.items())
    ]


def _dimensions(root: Element) -> Iterator[list[str]]:
    """Yield rows of the newer kinds of charts (funnel, treemap), which keep points by dimension."""
    for data in below(root, "data"):
        columns = [
            [one.text or "" for one in below(dimension, "pt")]
            for dimension in data
            if name(dimension) in {"strDim", "numDim"}
        ]
        for place in range(max(map(len, columns), default=0)):
            yield [column[place] if place < len(column) else "" for column in columns]


def diagram(root: Element) -> Iterator[tuple[int, str]]:
    """Yield the texts of a SmartArt diagram with their levels, outermost 0, in their order."""
    texts = dict[str, str]()
    for point in below(root, "pt"):
        body = child(point, "t")
        texts[attribute(point, "modelId")] = " ".join(" ".join(body_lines(body)).split())
    inside = defaultdict[str, list[tuple[int, str]]](list)
    for link in below(root, "cxn"):
        if attribute(link, "type", "parOf") == "parOf":
            order = attribute(link, "srcOrd")
            place = int(order) if order.isdecimal() else 0
            inside[attribute(link, "srcId")].append((place, attribute(link, "destId")))
    held = {target for links in inside.values() for _, target in links}
    stack = [(0, one) for one in reversed(texts) if one not in held]
    seen = set[str]()
    while stack:
        level, held_by = stack.pop()
        if held_by in seen:
            continue
        seen.add(held_by)
        if texts.get(held_by):
            yield level, texts[held_by]
            level += 1
        stack += [(level, target) for _, target in sorted(inside[held_by], reverse=True)]
