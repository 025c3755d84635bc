"""Equations in MathML as a line that can be read and searched."""

from collections.abc import Iterator
from typing import Final

from ingest.readers.parts import Element, attribute, below, name

_LEAVES: Final = frozenset(("mi", "mn", "mo", "mtext", "ms"))


def math_line(root: Element) -> str:
    """Return an equation on one line: as its author typed it where that is kept."""
    for one in below(root, "annotation"):
        if attribute(one, "encoding").startswith(("StarMath", "application/x-tex")):
            return " ".join((one.text or "").split())
    return " ".join("".join(_pieces(root)).split())


def _pieces(element: Element) -> Iterator[str]:
    called = name(element)
    parts = [part for part in element if name(part)]
    if called in _LEAVES:
        yield "".join(map(str, element.itertext()))
    elif called in {"annotation", "annotation-xml"}:
        return
    elif called == "msqrt":
        yield f"√({''.join(map(_line, parts))})"
    elif called in _FORMS and len(parts) == _FORMS[called].count("{}"):
        yield _FORMS[called].format(*(_grouped(_line(part)) for part in parts))
    else:
        for part in parts:
            yield from _pieces(part)


_FORMS: Final = {
    "mfrac": "{}/{}",
    "msup": "{}^{}",
    "msub": "{}_{}",
    "msubsup": "{}_{}^{}",
    "munder": "{}_{}",
    "mover": "{}^{}",
    "munderover": "{}_{}^{}",
    "mroot": "root({}, {})",
}


def _line(element: Element) -> str:
    return "".join(_pieces(element)).strip()


def _grouped(words: str) -> str:
    return words if len(words) <= 1 or words.isalnum() else f"({words})"
