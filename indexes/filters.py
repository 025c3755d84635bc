"""Filters over documents: checked, then compiled once to SQL.

A condition is `{"field", "operator", "value"}`, a combination `{"operator": "and|or|not",
"conditions": [...]}`. Fields: id, uri, media_type, as_of, metadata.NAME. Operators: ==, !=, >, >=,
<, <=, in, not in. A missing field is false for every comparison; a list matches if any element
does. Values compare with their own kind only: text with text, number with number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from indexes.documents import stored_form
from indexes.errors import BadFilter

Scalar = str | int | float | bool
FilterJson = Mapping[str, object]

_COLUMNS: Final = {"id": "document_id", "uri": "uri", "media_type": "media_type", "as_of": "as_of"}
_METADATA: Final = "metadata."
_ORDERED: Final = {"==": "=", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_MEMBERSHIP: Final = {"in": "IN", "not in": "NOT IN"}
_DEEPEST: Final = 16
_MOST_CONDITIONS: Final = 256
_MOST_VALUES: Final = 10_000


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
        if _count(condition) > _MOST_CONDITIONS:
            raise BadFilter(f"filter: at most {_MOST_CONDITIONS} conditions are allowed")
        parts.append(_compile(condition, "filter", 0))
    if as_of is not None:
        parts.append(Where("(as_of IS NULL OR as_of <= ?)", (_iso_date(as_of),)))
    return _join(parts, " AND ") if parts else None


def _iso_date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise BadFilter(f"as_of: {value!r} is not a date; write it as YYYY-MM-DD") from None


def _count(condition: object) -> int:
    if not isinstance(condition, Mapping):
        return 1
    inner = condition.get("conditions")
    if not isinstance(inner, list):
        return 1
    return 1 + sum(1 if isinstance(c, str) else _count(c) for c in inner[: _MOST_CONDITIONS + 1])


def _compile(condition: object, place: str, depth: int) -> Where:
    if not isinstance(condition, Mapping):
        raise BadFilter(f"{place}: expected an object, got {type(condition).__name__}")
    if depth > _DEEPEST:
        raise BadFilter(f"{place}: conditions are nested more than {_DEEPEST} deep")
    if "conditions" in condition:
        return _combination(condition, place, depth)
    return _comparison(condition, place)


def _combination(condition: FilterJson, place: str, depth: int) -> Where:
    _only_keys(condition, {"operator", "conditions"}, place)
    operator = condition.get("operator")
    inner = condition["conditions"]
    if not isinstance(operator, str) or operator.lower() not in ("and", "or", "not"):
        raise BadFilter(f"{place}.operator: {operator!r} is not one of and, or, not")
    if not isinstance(inner, list) or not inner:
        raise BadFilter(f"{place}.conditions: expected a list with at least one condition")
    parts = [
        _compile(c, f"{place}.conditions[{number}]", depth + 1) for number, c in enumerate(inner)
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


def _comparison(condition: FilterJson, place: str) -> Where:
    _only_keys(condition, {"field", "operator", "value"}, place)
    field, operator = condition.get("field"), condition.get("operator")
    if "value" not in condition:
        raise BadFilter(f"{place}.value: missing")
    value = condition["value"]
    if not isinstance(operator, str) or operator not in {**_ORDERED, **_MEMBERSHIP}:
        allowed = ", ".join([*_ORDERED, *_MEMBERSHIP])
        raise BadFilter(f"{place}.operator: {operator!r} is not one of {allowed}")
    if operator in _MEMBERSHIP:
        values = _members(value, place)
        test = f"{_MEMBERSHIP[operator]} ({','.join('?' * len(values))})"
    else:
        values = (_scalar(value, f"{place}.value"),)
        test = f"{_ORDERED[operator]} ?"
    kind = _kind(values, operator, place)
    return _on_field(field, test, values, kind, place)


def _members(value: object, place: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not value or len(value) > _MOST_VALUES:
        raise BadFilter(f"{place}.value: expected a list of 1 to {_MOST_VALUES} values")
    return tuple(_scalar(v, f"{place}.value") for v in value)


def _scalar(value: object, place: str) -> Scalar:
    if isinstance(value, str) and stored_form(value) != value:
        raise BadFilter(f"{place}: the text has a character that is never stored")
    if isinstance(value, bool | float | str):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return value
    raise BadFilter(f"{place}: expected text, a 64-bit number or true/false, got {value!r:.80}")


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
        if '"' in name or "\\" in name or "\0" in name:
            raise BadFilter(f"{place}.field: {field!r} has a character that no name may have")
        sql = (
            "EXISTS (SELECT 1 FROM json_each(documents.metadata, ?) AS item "
            f"WHERE item.type IN {_JSON_TYPES[kind]} AND item.value {test})"
        )
        return Where(sql, (f'$."{name}"', *values))
    allowed = ", ".join([*_COLUMNS, "metadata.NAME"])
    raise BadFilter(f"{place}.field: {field!r} is not one of {allowed}")


def _only_keys(condition: FilterJson, allowed: set[str], place: str) -> None:
    unknown = sorted(str(key) for key in set(condition) - allowed)
    if unknown:
        raise BadFilter(
            f"{place}: unknown key {unknown[0]!r}; allowed: {', '.join(sorted(allowed))}"
        )
