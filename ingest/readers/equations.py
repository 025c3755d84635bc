"""Equations of Office documents (OMML) as a line that can be read and searched: a^2+b^2."""

from collections.abc import Iterator
from typing import Final

from ingest.readers.parts import Element, attribute, child, children, name

_PLAIN: Final = 1
_SUMS: Final = "∫"
_ACCENTS: Final = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar",
                   "\u20d7": "vec", "\u0307": "dot", "\u0308": "ddot"}  # fmt: skip
_PROPERTIES: Final = "Pr"


def linear(element: Element) -> str:
    """Return an equation, or a part of one, on one line.

    A space parts what would else run together: `a_n cos x`, not `a_ncos x`.
    """
    words, before = "", ""
    for piece, form in _pieces(element):
        meet = words[-1:].isalnum() and piece[:1].isalnum()
        words += f" {piece}" if meet and (before or form == "func") else piece
        before = form
    return words


def _pieces(element: Element) -> Iterator[tuple[str, str]]:
    """Yield the parts of an equation in order, each with its form, "" for plain signs."""
    called = name(element)
    if called == "r":
        yield "".join(one.text or "" for one in children(element, "t")), ""
    elif called in _FORMS:
        yield _FORMS[called](element), called
    elif not called.endswith(_PROPERTIES) and called not in {"del", "moveFrom"}:
        for one in element:
            yield from _pieces(one)


def _of(element: Element, *path: str) -> str:
    found = child(element, *path)
    return linear(found).strip() if found is not None else ""


def _property(element: Element, called: str, otherwise: str) -> str:
    found = child(element, f"{name(element)}Pr", called)
    return otherwise if found is None else attribute(found, "val", "")


def _grouped(words: str) -> str:
    """Return words in brackets where they are more than one sign, number or word."""
    simple = len(words) <= _PLAIN or words.replace(".", "").isalnum() or _is_bracketed(words)
    return words if simple else f"({words})"


def _is_bracketed(words: str) -> bool:
    if not (words.startswith("(") and words.endswith(")")):
        return False
    depth = 0
    for place, sign in enumerate(words):
        depth += (sign == "(") - (sign == ")")
        if not depth:
            return place == len(words) - 1
    return False


def _fraction(element: Element) -> str:
    over, under = _of(element, "num"), _of(element, "den")
    if _property(element, "type", "bar") == "noBar":
        return f"{over} over {under}"
    return f"{_grouped(over)}/{_grouped(under)}"


def _raised(element: Element) -> str:
    return f"{_grouped(_of(element, 'e'))}^{_grouped(_of(element, 'sup'))}"


def _lowered(element: Element) -> str:
    return f"{_grouped(_of(element, 'e'))}_{_grouped(_of(element, 'sub'))}"


def _scripts(element: Element) -> str:
    return _with_scripts(_grouped(_of(element, "e")), element)


def _scripts_before(element: Element) -> str:
    return f"{_with_scripts('', element)}{_grouped(_of(element, 'e'))}"


def _with_scripts(base: str, element: Element) -> str:
    sub, sup = _of(element, "sub"), _of(element, "sup")
    lower = f"_{_grouped(sub)}" if sub else ""
    return base + lower + (f"^{_grouped(sup)}" if sup else "")


def _root(element: Element) -> str:
    degree = _of(element, "deg")
    return f"{'√' if not degree else f'√[{degree}]'}({_of(element, 'e')})"


def _n_ary(element: Element) -> str:
    sign = _property(element, "chr", _SUMS)
    return f"{_with_scripts(sign, element)} {_of(element, 'e')}"


def _delimited(element: Element) -> str:
    begin = _property(element, "begChr", "(")
    end = _property(element, "endChr", ")")
    between = _property(element, "sepChr", "|")
    return begin + between.join(linear(one).strip() for one in children(element, "e")) + end


def _function(element: Element) -> str:
    words = _of(element, "e")
    called = _of(element, "fName")
    return f"{called}{words}" if _is_bracketed(words) else f"{called} {words}"


def _limit(element: Element) -> str:
    sign = "_" if name(element) == "limLow" else "^"
    return f"{_of(element, 'e')}{sign}{_grouped(_of(element, 'lim'))}"


def _accent(element: Element) -> str:
    called = _ACCENTS.get(_property(element, "chr", "\u0302"), "")
    words = _of(element, "e")
    return f"{called}({words})" if called else words


def _bar(element: Element) -> str:
    return f"bar({_of(element, 'e')})"


def _matrix(element: Element) -> str:
    rows = (", ".join(linear(one).strip() for one in children(row, "e"))
            for row in children(element, "mr"))  # fmt: skip
    return f"[{'; '.join(rows)}]"


def _lines(element: Element) -> str:
    return "; ".join(linear(one).strip() for one in children(element, "e"))


_FORMS: Final = {
    "f": _fraction,
    "sSup": _raised,
    "sSub": _lowered,
    "sSubSup": _scripts,
    "sPre": _scripts_before,
    "rad": _root,
    "nary": _n_ary,
    "d": _delimited,
    "func": _function,
    "limLow": _limit,
    "limUpp": _limit,
    "acc": _accent,
    "bar": _bar,
    "m": _matrix,
    "eqArr": _lines,
}
