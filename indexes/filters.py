"""Filters over documents: checked, then compiled once to SQL.

A condition is `{"field", "operator", "value"}`, a combination `{"operator": "and|or|not",
"conditions": [...]}`. Fields: id, uri, media_type, as_of, metadata.NAME. Operators: ==, !=, >, >=,
<, <=, in, not in. A missing field is false for every comparison; a list matches if any element
does. Values compare with their own kind only: text with text, number with number.

A filter has at most 256 conditions, 16 deep, and 20,000 values, which SQLite can take at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from indexes.documents import stored_form
from indexes.errors import BadFilter

Scalar = str | int | float | bool
FilterJson = Mapping[str, object]

FIELDS: Final[Mapping[str, str]] = {
    "id": "The document's id.",
    "uri": "Where it comes from: `source/relative/path`, or `upload:filename`.",
    "media_type": "What its content is, such as `application/pdf`.",
    "as_of": "The day that it speaks of, as YYYY-MM-DD; undated documents have none.",
    "metadata.NAME": "A field that was given with the document or that the file states itself.",
}
"""What can be compared, and what it holds."""
OPERATORS: Final[Mapping[str, str]] = {
    "==": "is the value",
    "!=": "is another value",
    ">": "comes after it: a larger number, a later date, a text further on in the order of letters",
    ">=": "comes after it or is the value",
    "<": "comes before it",
    "<=": "comes before it or is the value",
    "in": "is one of the values of a list",
    "not in": "is none of the values of a list",
}
"""The ways to compare, and when each holds."""
COMBINATIONS: Final[Mapping[str, str]] = {
    "and": "all conditions hold",
    "or": "at least one condition holds",
    "not": "the conditions do not all hold",
}
"""The ways to combine, and when each holds."""

_COLUMNS: Final = {"id": "document_id", "uri": "uri", "media_type": "media_type", "as_of": "as_of"}
_METADATA: Final = "metadata."
_ORDERED: Final = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_MEMBERSHIP: Final = {"in": "IN", "not in": "NOT IN"}
DEEPEST: Final = 16
MOST_CONDITIONS: Final = 256
MOST_MEMBERS: Final = 10_000
MOST_VALUES: Final = 20_000
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Where:
    """A piece of SQL over the table `documents`, with its parameters in order."""

    sql: str
    parameters: tuple[Scalar, ...]


def compile_filter(condition: FilterJson | None, as_of: str | None) -> Where | None:
    """Return the SQL of a filter and a date, or None where neither narrows anything.

    `as_of` is an ISO date: documents with a later date are out, undated ones stay in.
    Raises BadFilter that says which part is wrong.
    """
    parts = []
    if condition is not None:
        parts.append(_compile(condition, "filter", 0, _Room()))
    if as_of is not None:
        parts.append(Where("(as_of IS NULL OR as_of <= ?)", (_iso_date(as_of),)))
    return _join(parts, " AND ") if parts else None


def _iso_date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise BadFilter(f"as_of: {value!r} is not a date; write it as YYYY-MM-DD") from None


@dataclass(slots=True)
class _Room:
    """How much more a filter may hold."""

    conditions: int = MOST_CONDITIONS
    values: int = MOST_VALUES

    def take(self, place: str, *, conditions: int = 0, values: int = 0) -> None:
        """Count what stands at `place`. Raises BadFilter where there is no room for it."""
        self.conditions -= conditions
        self.values -= values
        if self.conditions < 0:
            raise BadFilter(f"{place}: at most {MOST_CONDITIONS} conditions are allowed in all")
        if self.values < 0:
            raise BadFilter(f"{place}.value: at most {MOST_VALUES} values are allowed in all")


def _compile(condition: object, place: str, depth: int, room: _Room) -> Where:
    if not isinstance(condition, Mapping):
        raise BadFilter(f"{place}: expected an object, got {type(condition).__name__}")
    if depth > DEEPEST:
        raise BadFilter(f"{place}: conditions are nested more than {DEEPEST} deep")
    room.take(place, conditions=1)
    if "conditions" in condition:
        return _combination(condition, place, depth, room)
    return _comparison(condition, place, room)


def _combination(condition: FilterJson, place: str, depth: int, room: _Room) -> Where:
    _only_keys(condition, {"operator", "conditions"}, place)
    operator = condition.get("operator")
    inner = condition["conditions"]
    if not isinstance(operator, str) or operator.lower() not in ("and", "or", "not"):
        raise BadFilter(f"{place}.operator: {_shown(operator)} is not one of and, or, not")
    if not isinstance(inner, list) or not inner:
        raise BadFilter(f"{place}.conditions: expected a list with at least one condition")
    parts = [
        _compile(c, f"{place}.conditions[{number}]", depth + 1, room)
        for number, c in enumerate(inner)
    ]
    if operator.lower() == "or":
        return _join(parts, " OR ")
    joined = _join(parts, " AND ")
    if operator.lower() == "and":
        return joined
    return Where(f"(NOT {joined.sql})", joined.parameters)


def _join(parts: Sequence[Where], glue: str) -> Where:
    sql = glue.join(part.sql for part in parts)
    return Where(f"({sql})", tuple(p for part in parts for p in part.parameters))


def _comparison(condition: FilterJson, place: str, room: _Room) -> Where:
    _only_keys(condition, {"field", "operator", "value"}, place)
    field, operator = condition.get("field"), condition.get("operator")
    if "value" not in condition:
        raise BadFilter(f"{place}.value: missing")
    value = condition["value"]
    if not isinstance(operator, str) or operator not in {**_ORDERED, **_MEMBERSHIP}:
        allowed = ", ".join([*_ORDERED, *_MEMBERSHIP])
        raise BadFilter(f"{place}.operator: {_shown(operator)} is not one of {allowed}")
    if operator in _MEMBERSHIP:
        values = _members(value, place, room)
        test = f"{_MEMBERSHIP[operator]} ({','.join('?' * len(values))})"
    else:
        room.take(place, values=1)
        values = (_scalar(value, f"{place}.value"),)
        test = f"{_ORDERED[operator]} ?"
    kind = _kind(values, operator, place)
    return _on_field(field, test, values, kind, place)


def _members(value: object, place: str, room: _Room) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_MEMBERS:
        raise BadFilter(f"{place}.value: expected a list of 1 to {MOST_MEMBERS} values")
    room.take(place, values=len(value))
    return tuple(_scalar(v, f"{place}.value") for v in value)


def _scalar(value: object, place: str) -> Scalar:
    if isinstance(value, str) and stored_form(value) != value:
        raise BadFilter(f"{place}: the text has a character that is never stored")
    if isinstance(value, bool | float | str):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    raise BadFilter(f"{place}: expected text, a 64-bit number or true/false, got {_shown(value)}")


def _kind(values: Sequence[Scalar], operator: str, place: str) -> str:
    kinds = {_kind_of(v) for v in values}
    if len(kinds) > 1:
        raise BadFilter(f"{place}.value: a list must hold values of one kind")
    kind = kinds.pop()
    if kind == "bool" and operator in (">", ">=", "<", "<="):
        raise BadFilter(f"{place}.operator: true and false have no order; use == or !=")
    return kind


def _kind_of(value: Scalar) -> str:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"


_JSON_TYPES: Final = {
    "bool": "('true','false')",
    "text": "('text')",
    "number": "('integer','real')",
}


def _on_field(field: object, test: str, values: tuple[Scalar, ...], kind: str, place: str) -> Where:
    if isinstance(field, str) and field in _COLUMNS:
        column = _COLUMNS[field]
        if kind != "text":
            return Where("(0)", ())
        return Where(f"({column} IS NOT NULL AND {column} {test})", values)
    if isinstance(field, str) and field.startswith(_METADATA) and len(field) > len(_METADATA):
        name = field.removeprefix(_METADATA)
        if '"' in name or "\\" in name or stored_form(name) != name:
            raise BadFilter(f"{place}.field: {_shown(field)} has a character that no name may have")
        sql = (
            "EXISTS (SELECT 1 FROM json_each(documents.metadata, ?) AS item "
            f"WHERE item.type IN {_JSON_TYPES[kind]} AND item.value {test})"
        )
        return Where(sql, (f'$."{name}"', *values))
    allowed = ", ".join([*_COLUMNS, "metadata.NAME"])
    raise BadFilter(f"{place}.field: {_shown(field)} is not one of {allowed}")


def _shown(value: object) -> str:
    """Return a value as an error tells it: briefly, and what may be deep or huge by its kind."""
    if isinstance(value, str):
        return repr(value[:_SHOWN])
    if value is None or isinstance(value, bool | float):
        return repr(value)
    return "a whole number" if isinstance(value, int) else type(value).__name__


def _only_keys(condition: FilterJson, allowed: set[str], place: str) -> None:
    unknown = sorted(str(key) for key in set(condition) - allowed)
    if unknown:
        raise BadFilter(
            f"{place}: unknown key {_shown(unknown[0])}; allowed: {', '.join(sorted(allowed))}"
        )
