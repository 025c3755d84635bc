"""Structured data, from JSON or XML, as text that can be read: a record a block, a field a line.

A tree of values is laid out so: fields are `key: value` lines, with `parent.key` for what lies
deeper; each object in a list is a block of its own; lists of plain values are joined; and what
holds records stands below its key as a heading. Values that say nothing (null, "") are left out.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeGuard

from ingest.readers.composed import Composed

_SHORT: Final = 80
_BLANK_LINES: Final = re.compile(r"\n\s*\n")
# Headings are for what a person would look for; data below so many of them is fields.
_HEADINGS: Final = 3


@dataclass(frozen=True, slots=True)
class Fields:
    """An object: its keys with their values, in the order in which they were written.

    A key may come twice; "" is for the words of a thing that has fields besides.
    """

    items: Sequence[tuple[str, "Value"]]


Value: TypeAlias = str | Fields | Sequence["Value"]


def put_value(composed: Composed, value: Value) -> None:
    """Lay out a whole tree of values. Raises RecursionError where it is too deep."""
    _section(composed, value, 1)


def _section(composed: Composed, value: Value, level: int) -> None:
    if isinstance(value, Fields):
        _fields_section(composed, value, level)
    elif _has_records(value):
        for record in value:
            put_record(composed, record)
    else:
        composed.paragraph("\n".join(_lines("", value)))


def put_record(composed: Composed, record: Value) -> None:
    """Add a record as a block of lines."""
    composed.paragraph("\n".join(_lines("", record)))


def _fields_section(composed: Composed, fields: Fields, level: int) -> None:
    """Add an object's plain fields as lines together, then the others each on their own."""
    plain = [(key, value) for key, value in fields.items if not _is_container(value)]
    composed.paragraph("\n".join(_lines("", Fields(plain))))
    for key, value in fields.items:
        if not _is_container(value) or not _says_something(value):
            continue
        if key and level <= _HEADINGS and (level == 1 or _holds_records(value)):
            composed.heading(level, key)
            _section(composed, value, level + 1)
        else:
            composed.paragraph("\n".join(_lines(key, value)))


def _says_something(value: Value) -> bool:
    return next(_lines("", value), None) is not None


def _is_container(value: Value) -> bool:
    return isinstance(value, Fields) or _has_records(value)


def _has_records(value: Value) -> TypeGuard[Sequence[Value]]:
    """Tell whether a value is a list with objects in it, or in lists in it."""
    return not isinstance(value, str | Fields) and any(
        isinstance(inner, Fields) or _has_records(inner) for inner in value
    )


def _holds_records(value: Value) -> bool:
    """Tell whether a value is a list of objects, or has one below objects alone."""
    if isinstance(value, Fields):
        return any(_holds_records(inner) for _, inner in value.items)
    return _has_records(value)


def _lines(path: str, value: Value) -> Iterator[str]:
    """Yield the `path: value` lines of a value."""
    if isinstance(value, str):
        if words := _words(value):
            yield f"{path}: {words}" if path else words
    elif isinstance(value, Fields):
        for key, inner in value.items:
            yield from _lines(f"{path}.{key}" if path and key else path or key, inner)
    elif _has_records(value):
        yield from _record_lines(path, value)
    elif words := _joined(value):
        yield f"{path}: {words}".replace(": \n", ":\n", 1) if path else words


def _record_lines(path: str, values: Sequence[Value]) -> Iterator[str]:
    """Yield the lines of a list of objects, numbered where there are several.

    Words among them, as in the messages of a chat, are one running text with the objects' own.
    """
    running = any(isinstance(value, str) for value in values)
    if running:
        yield from _lines(path, "".join(map(_own_text, values)))
    for number, value in enumerate(values, start=1):
        name = path if len(values) == 1 else f"{path}[{number}]" if path else str(number)
        yield from _lines(name, _without_text(value) if running else value)


def _without_text(value: Value) -> Value:
    if isinstance(value, Fields):
        return Fields([(key, inner) for key, inner in value.items if not _is_text(key, inner)])
    return "" if isinstance(value, str) else value


def _own_text(value: Value) -> str:
    if isinstance(value, Fields):
        return next((str(inner) for key, inner in value.items if _is_text(key, inner)), "")
    return value if isinstance(value, str) else ""


def _is_text(key: str, value: Value) -> bool:
    return key == "text" and isinstance(value, str)


def _words(value: str) -> str:
    """Return a value's words; blank lines would end its record."""
    return _BLANK_LINES.sub("\n", value.strip())


def _joined(values: Sequence[Value]) -> str:
    """Return plain values, and lists of such, on a line, or each on one where they are long."""
    if all(isinstance(value, str) for value in values):
        items = [text for value in values if (text := _words(str(value)))]
        if any(len(item) > _SHORT or "\n" in item for item in items):
            return "\n" + "\n".join(f"- {item}" for item in items)
        return ", ".join(items)
    return ", ".join(words for value in values if (words := _in_brackets(value)))


def _in_brackets(value: Value) -> str:
    if isinstance(value, str):
        return _words(value)
    words = "" if isinstance(value, Fields) else _joined(value)
    return f"[{words}]" if words else ""
