"""Shapes of a slide: where they stand, which come first, and what their placeholders inherit."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ingest.readers.drawing import shown_choice
from ingest.readers.parts import Element, attribute, below, child, name

SHAPES: Final = frozenset(("sp", "grpSp", "graphicFrame", "pic", "cxnSp"))
TITLES: Final = frozenset(("title", "ctrTitle"))
_BODIES: Final = frozenset(("body", "obj", "subTitle", ""))
# Shapes that overlap by less than this share of the smaller one stand beside, or below, each other.
_TOUCHING: Final = 0.25


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a slide, in English metric units."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A shape with the place where it stands, None where nothing says so."""

    element: Element
    box: Box | None


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What a shape says of the placeholder that it fills."""

    kind: str
    index: str

    @property
    def is_body(self) -> bool:
        """Tell whether it holds the slide's text, which has bullets if the master says so."""
        return self.kind in _BODIES


def shapes(tree: Element) -> Iterator[Element]:
    """Yield the shapes of a slide or group, in the order in which they were drawn."""
    for one in tree:
        if name(one) in SHAPES:
            yield one
        elif name(one) == "AlternateContent":
            chosen = shown_choice(one)
            if chosen is not None:
                yield from shapes(chosen)


def placeholder(shape: Element) -> Placeholder | None:
    """Return the placeholder that a shape fills, None where it fills none."""
    for one in shape:
        if name(one).startswith("nv"):
            stated = child(one, "nvPr", "ph")
            if stated is not None:
                return Placeholder(attribute(stated, "type"), attribute(stated, "idx"))
    return None


def same_placeholder(tree: Element | None, wanted: Placeholder) -> Element | None:
    """Return the shape of a layout or master that a slide's placeholder inherits from."""
    if tree is None:
        return None
    own = [(one, found) for one in below(tree, "sp") if (found := placeholder(one))]
    by_index = (one for one, found in own if wanted.index and found.index == wanted.index)
    kind = "title" if wanted.kind == "ctrTitle" else wanted.kind
    same = {"body", "obj", "", "subTitle"} if kind in _BODIES else {kind, wanted.kind}
    by_kind = (one for one, found in own if found.kind in same)
    return next(by_index, next(by_kind, None))


def box(shape: Element) -> Box | None:
    """Return where a shape says that it stands."""
    frame = child(shape, "xfrm")
    for properties in ("spPr", "grpSpPr"):
        if frame is None:
            frame = child(shape, properties, "xfrm")
    offset, extent = child(frame, "off"), child(frame, "ext")
    if offset is None or extent is None:
        return None
    try:
        left, top = int(attribute(offset, "x")), int(attribute(offset, "y"))
        return Box(
            left, top, left + int(attribute(extent, "cx")), top + int(attribute(extent, "cy"))
        )
    except ValueError:
        return None


def in_reading_order(placed: Sequence[Placed]) -> list[Placed]:
    """Return shapes as they are read.

    The order in which they were drawn is kept unless it leads upwards, other than to the top of a
    next column, or to the left on the same height. Then bands from top to bottom are read, in each
    the columns from left to right.
    """
    known = [one for one in placed if one.box is not None]
    if len(known) < len(placed) or not _leads_back(known):
        return list(placed)
    return _cut(known)


def _leads_back(placed: Sequence[Placed]) -> bool:
    for place, later in enumerate(placed):
        for earlier in placed[:place]:
            one, other = earlier.box, later.box
            if one is None or other is None:
                continue
            level = _shared(one.top, one.bottom, other.top, other.bottom)
            above = other.bottom <= one.top + _TOUCHING * (other.bottom - other.top)
            if (above and other.left < one.right) or (
                level > _TOUCHING and other.right <= one.left
            ):
                return True
    return False


def _shared(start: int, end: int, other_start: int, other_end: int) -> float:
    """Return the share of the shorter of two stretches that lies in both."""
    common = min(end, other_end) - max(start, other_start)
    return common / max(1, min(end - start, other_end - other_start))


def _cut(placed: Sequence[Placed]) -> list[Placed]:
    """Cut in bands, then in columns, as long as something can be cut."""
    for vertical in (True, False):
        parts = _bands(placed, vertical=vertical)
        if len(parts) > 1:
            return [one for part in parts for one in _cut(part)]
    return sorted(placed, key=lambda one: (one.box.top, one.box.left) if one.box else (0, 0))


def _bands(placed: Sequence[Placed], *, vertical: bool) -> list[list[Placed]]:
    """Part shapes where a line through the slide touches none, or hardly any."""

    def ends(one: Placed) -> tuple[int, int]:
        assert one.box is not None
        place = one.box
        return (place.top, place.bottom) if vertical else (place.left, place.right)

    bands, reach = list[list[Placed]](), 0
    for one in sorted(placed, key=ends):
        start, end = ends(one)
        if bands and start >= reach - _TOUCHING * (end - start):
            bands.append([one])
            reach = max(reach, end)
        elif bands:
            bands[-1].append(one)
            reach = max(reach, end)
        else:
            bands.append([one])
            reach = end
    return bands
