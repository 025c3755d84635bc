"""Reads Prometheus' query language as far as alerts and dashboards here use it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

AGGREGATIONS: Final = frozenset({"sum", "min", "max", "avg", "count"})
FUNCTIONS: Final = frozenset({"rate", "increase", "histogram_quantile", "absent"})
_GROUPING: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_OPERATORS: Final = frozenset({"+", "-", "*", "/", ">", "<", ">=", "<=", "==", "!=", "and", "or"})
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d+(?:\.\d+)?(?![A-Za-z]))"
    r'|(?P<range>\[(?:\d+[smhd]|\$__rate_interval)\])|(?P<text>"[^"\\]*")'
    r"|(?P<sign>=~|!~|!=|==|>=|<=|[-+*/(){},=<>]))"
)


@dataclass
class Selector:
    """A metric's name, the labels that it is chosen by, and whether a range is asked for."""

    name: str
    labels: set[str] = field(default_factory=set)
    ranged: bool = False


@dataclass
class Query:
    """What a query names: metrics, and the labels that it groups by."""

    selectors: list[Selector] = field(default_factory=list)
    grouped: set[str] = field(default_factory=set)


def parsed(text: str) -> Query:
    """Return what a query names. Raises ValueError where it is none."""
    reader = _Reader(list(_tokens(text)))
    reader.expression()
    if reader.left:
        raise ValueError(f"{reader.left[0]} is too much in {text}")
    return reader.query


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ValueError(f"{text[place:]!r} is no query")
        yield str(found.lastgroup), str(found[str(found.lastgroup)])
        place = found.end()


class _Reader:
    """Goes through the tokens once."""

    def __init__(self, left: list[tuple[str, str]]) -> None:
        self.left = left
        self.query = Query()

    def next(self, *wanted: str) -> str:
        if not self.left or (wanted and self.left[0][1] not in wanted):
            raise ValueError(f"expected {wanted}, found {self.left[:1]}")
        return self.left.pop(0)[1]

    def sees(self, *values: str) -> bool:
        return bool(self.left) and self.left[0][1] in values

    def expression(self) -> None:
        self.term()
        while self.sees(*_OPERATORS):
            self.next()
            while self.sees(*_GROUPING):
                self.grouping()
            self.term()

    def term(self) -> None:
        kind, value = self.left[0] if self.left else ("", "nothing")
        if kind == "number":
            self.next()
        elif value == "(":
            self.next("(")
            self.expression()
            self.next(")")
        elif kind == "name" and value in AGGREGATIONS | FUNCTIONS:
            self.call()
        elif kind == "name":
            self.selector()
        else:
            raise ValueError(f"{value} cannot stand here")

    def call(self) -> None:
        name = self.next()
        if name in AGGREGATIONS and self.sees("by", "without"):
            self.grouping()
        self.next("(")
        first = len(self.query.selectors)
        self.expression()
        while self.sees(","):
            self.next(",")
            self.expression()
        self.next(")")
        if name in {"rate", "increase"}:
            (only,) = self.query.selectors[first:]
            if not only.ranged:
                raise ValueError(f"{name} needs a range of {only.name}")

    def grouping(self) -> None:
        word = self.next(*_GROUPING)
        if word in {"group_left", "group_right"} and not self.sees("("):
            return
        self.next("(")
        while not self.sees(")"):
            self.query.grouped.add(self.next())
            if self.sees(","):
                self.next(",")
        self.next(")")

    def selector(self) -> None:
        found = Selector(self.next())
        if self.sees("{"):
            self.next("{")
            while not self.sees("}"):
                found.labels.add(self.next())
                self.next("=", "=~", "!=", "!~")
                if self.left[0][0] != "text":
                    raise ValueError(f"{self.left[0][1]} is no text")
                self.next()
                if self.sees(","):
                    self.next(",")
            self.next("}")
        if self.left and self.left[0][0] == "range":
            found.ranged = bool(self.next())
        self.query.selectors.append(found)
