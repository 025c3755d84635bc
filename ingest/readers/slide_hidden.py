"""Words on slides that nobody sees: hidden shapes, shapes beside the slide, letters without size.

What is white is taken to be seen: slides have grounds of all colours, from layouts and pictures.
"""

from typing import Final

from ingest.readers.parts import Element, attribute, below, child, name
from ingest.readers.slide_shapes import SHAPES, Box, box, placeholder

# In hundredths of a point: 1 point is smaller than any print.
_TINY: Final = 100
_RUNS: Final = frozenset(("r", "fld", "br"))


def take_out(tree: Element, slide: Box | None) -> int:
    """Take out of a slide's tree what nobody sees; return how many shapes and stretches had words.

    `slide` is the slide itself, None where nothing says how large it is.
    """
    count = 0
    for shape in [one for one in tree.iter() if name(one) in SHAPES]:
        if _is_hidden(shape) or (slide is not None and _is_beside(shape, slide)):
            count += _has_words(shape)
            _drop(shape)
    for run in [one for one in tree.iter() if name(one) in _RUNS]:
        if _is_unseen(run):
            count += _has_words(run)
            _drop(run)
    return count


def _drop(element: Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def _has_words(element: Element) -> bool:
    return any((one.text or "").strip() for one in below(element, "t"))


def _is_hidden(shape: Element) -> bool:
    """Tell whether a shape was hidden by who made the slide."""
    named = next(below(shape, "cNvPr"), None)
    return named is not None and attribute(named, "hidden", "0") in {"1", "true"}


def _is_beside(shape: Element, slide: Box) -> bool:
    """Tell whether a shape of the slide itself, not of a group, stands wholly beside it."""
    parent = shape.getparent()
    if parent is None or name(parent) != "spTree" or placeholder(shape) is not None:
        return False
    stated = box(shape)
    return stated is not None and (
        stated.right <= slide.left
        or stated.left >= slide.right
        or stated.bottom <= slide.top
        or stated.top >= slide.bottom
    )


def _is_unseen(run: Element) -> bool:
    properties = child(run, "rPr")
    if properties is None:
        return False
    size = attribute(properties, "sz")
    if size.isdecimal() and int(size) <= _TINY:
        return True
    fill = child(properties, "solidFill")
    alphas = below(fill, "alpha") if fill is not None else ()
    return any(attribute(one, "val") in {"0", "0%"} for one in alphas)
