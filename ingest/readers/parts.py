"""XML parts of documents as trees: parsed without trusting them, asked by local names.

Local names make one reader serve a format's old and new namespaces, as those of ISO 29500 strict.
"""

from collections.abc import Iterator
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from indexes.errors import ReadFailure

__all__ = ["Element", "attribute", "below", "child", "children", "name", "parsed", "repaired"]

_MOST_NAMES: Final = 10_000


class _Names(dict[object, str]):
    """The local names of tags and attributes; "" of what is no element."""

    def __missing__(self, tag: object) -> str:
        if len(self) > _MOST_NAMES:
            self.clear()
        found = tag.rpartition("}")[2] if isinstance(tag, str) else ""
        self[tag] = found
        return found


_NAMES: Final = _Names()


def parsed(data: bytes) -> Element:
    """Return the root of an XML part; entities stay unresolved and nothing is fetched.

    Raises ReadFailure `damaged` where it is not well-formed.
    """
    try:
        return etree.fromstring(data, _parser(recover=False))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ReadFailure("damaged", f"it is not well-formed XML ({error})") from error


def repaired(data: bytes) -> Element | None:
    """Return what can be made out of an XML part that is not well-formed, if anything can."""
    try:
        return etree.fromstring(data, _parser(recover=True))
    except (etree.XMLSyntaxError, ValueError):
        return None


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def name(element: Element) -> str:
    """Return an element's name without its namespace."""
    return _NAMES[element.tag]


def attribute(element: Element, wanted: str, otherwise: str = "") -> str:
    """Return an attribute by its name without namespace."""
    for key, value in element.items():
        if _NAMES[key] == wanted:
            return str(value)
    return otherwise


def children(element: Element | None, wanted: str) -> Iterator[Element]:
    """Yield the children of a name."""
    if element is not None:
        for one in element:
            if _NAMES[one.tag] == wanted:
                yield one


def child(element: Element | None, *path: str) -> Element | None:
    """Return the first descendant on a path of names, None where there is none."""
    for wanted in path:
        element = next(children(element, wanted), None)
    return element


def below(element: Element, *wanted: str) -> Iterator[Element]:
    """Yield the descendants of some names, in the document's order."""
    names = frozenset(wanted)
    for one in element.iter():
        if _NAMES[one.tag] in names:
            yield one
