"""Filters against a plain evaluator in Python, and every mistake named by its place."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection
from indexes.documents import Document, MetadataValue
from indexes.errors import BadFilter
from small_encoder import small_encoder
from stored_documents import prepared

VALUES: list[MetadataValue] = [
    "red", "blue", "", "10", 10, 9.5, -3, True, False, None, ["red", "green"], [1, 10], []
]  # fmt: skip
OPERATORS: dict[str, Callable[[object, object], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
}


def kind(value: object) -> str:
    """Return the kind that a value compares with."""
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def holds(condition: dict[str, object], document: Document) -> bool:
    """Evaluate a filter on one document, the plain way."""
    if "conditions" in condition:
        inner = [holds(c, document) for c in condition["conditions"]]  # type: ignore[attr-defined]
        operator = condition["operator"]
        return {"and": all(inner), "or": any(inner), "not": not all(inner)}[str(operator)]
    field, operator, value = str(condition["field"]), str(condition["operator"]), condition["value"]
    found: object
    if field.startswith("metadata."):
        found = document.metadata.get(field.removeprefix("metadata."))
    else:
        found = {"id": document.document_id, "uri": document.uri, "as_of": document.as_of}[field]
    items = found if isinstance(found, list) else [] if found is None else [found]
    if operator in ("in", "not in"):
        assert isinstance(value, list)
        same = [i for i in items if kind(i) == kind(value[0])]
        return any((i in value) == (operator == "in") for i in same)
    return any(kind(i) == kind(value) and OPERATORS[operator](i, value) for i in items)


scalars = st.sampled_from(["red", "blue", "green", "10", "a", 10, 9.5, 0, -3, True, False])
fields = st.sampled_from(["metadata.x", "metadata.y z", "metadata.missing", "id", "uri", "as_of"])
ordered = st.builds(
    lambda f, o, v: {"field": f, "operator": o, "value": v},
    fields,
    st.sampled_from(list(OPERATORS)),
    scalars,
).filter(lambda c: not (kind(c["value"]) == "bool" and c["operator"] not in ("==", "!=")))
members = st.builds(
    lambda f, o, v: {"field": f, "operator": o, "value": v},
    fields,
    st.sampled_from(["in", "not in"]),
    st.lists(st.sampled_from(["red", "green", "d1", "2026-01-01"]), min_size=1, max_size=3),
)
conditions = st.recursive(
    ordered | members,
    lambda inner: st.builds(
        lambda o, c: {"operator": o, "conditions": c},
        st.sampled_from(["and", "or", "not"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Give a collection of documents with every kind of metadata value, dated and not."""
    folder: Path = tmp_path_factory.mktemp("filters")
    made = create_collection(folder, "c", small_encoder(), SplitterSettings(64))
    with made.write() as writer:
        for i, value in enumerate(VALUES):
            as_of = f"2026-01-{i + 1:02d}" if i % 3 else None
            metadata = {"x": value, "y z": VALUES[-i]}
            writer.put([prepared(f"d{i}", [f"text {i}"], metadata=metadata, as_of=as_of)])
    return made


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(condition=conditions, as_of=st.none() | st.sampled_from(["2026-01-05", "2020-01-01"]))
def test_filter_equals_plain_evaluation(
    collection: Collection, condition: dict[str, object], as_of: str | None
) -> None:
    """The compiled filter keeps exactly the documents that the plain evaluator keeps."""
    with collection.read() as reading:
        documents = reading.documents(100)
        expected = {
            d.document_id
            for d in documents
            if holds(condition, d) and (as_of is None or d.as_of is None or d.as_of <= as_of)
        }
        allowed = reading.allowed(condition, as_of)
        assert allowed is not None
        ids = [i for span in allowed.ranges for i in range(span.start, span.end)]
        assert {chunk.document_id for chunk in reading.chunks(ids)} == expected
        hits = reading.lexical("text", 100, allowed)
        assert {c.document_id for c in reading.chunks([h.chunk_id for h in hits])} == expected


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ({"field": "colour", "operator": "==", "value": 1}, "filter.field"),
        ({"field": "metadata.", "operator": "==", "value": 1}, "filter.field"),
        ({"field": 'metadata.a"b', "operator": "==", "value": 1}, "filter.field"),
        ({"field": "id", "operator": "~", "value": "a"}, "filter.operator"),
        ({"field": "id", "operator": "=="}, "filter.value"),
        ({"field": "id", "operator": "in", "value": "a"}, "filter.value"),
        ({"field": "id", "operator": "in", "value": []}, "filter.value"),
        ({"field": "id", "operator": "in", "value": ["a", 1]}, "filter.value"),
        ({"field": "id", "operator": "==", "value": None}, "filter.value"),
        ({"field": "id", "operator": "==", "value": "a\0"}, "filter.value"),
        ({"field": "id", "operator": ">", "value": True}, "filter.operator"),
        ({"field": "id", "operator": "==", "value": 2**63}, "filter.value"),
        ({"operator": "xor", "conditions": [{}]}, "filter.operator"),
        ({"operator": "and", "conditions": []}, "filter.conditions"),
        ({"operator": "and", "conditions": ["x"]}, "filter.conditions[0]"),
        ({"operator": "and", "conditions": [{}], "extra": 1}, "extra"),
        ({}, "filter.value"),
    ],
)
def test_mistakes_are_named(
    collection: Collection, condition: dict[str, object], place: str
) -> None:
    """Each malformed filter is refused with the place of the mistake."""
    with collection.read() as reading, pytest.raises(BadFilter) as caught:
        reading.allowed(condition, None)
    assert place in caught.value.message


def test_depth_and_size_are_bounded(collection: Collection) -> None:
    """Deep nesting, very many conditions and bad dates are refused, not tried."""
    deep: dict[str, object] = {"field": "id", "operator": "==", "value": "a"}
    for _ in range(40):
        deep = {"operator": "not", "conditions": [deep]}
    wide = {
        "operator": "or",
        "conditions": [{"field": "id", "operator": "==", "value": "a"}] * 1000,
    }
    with collection.read() as reading:
        for condition in (deep, wide):
            with pytest.raises(BadFilter):
                reading.allowed(condition, None)
        for bad in ("yesterday", "2026-13-01", "2026-1-1"):
            with pytest.raises(BadFilter, match="YYYY-MM-DD"):
                reading.allowed(None, bad)


def nested(levels: int) -> dict[str, object]:
    """Return a condition inside that many others."""
    deep: dict[str, object] = {"field": "id", "operator": "==", "value": "a"}
    for _ in range(levels):
        deep = {"operator": "and", "conditions": [deep]}
    return deep


def together(count: int, values: int, field: str = "metadata.x") -> dict[str, object]:
    """Return that many conditions, each with a list of that many values."""
    listed = [f"v{number}" for number in range(values)]
    one = {"field": field, "operator": "in", "value": listed}
    return {"operator": "or", "conditions": [one] * count}


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        (nested(17), f"filter{'.conditions[0]' * 17}: "),
        (nested(100_000), f"filter{'.conditions[0]' * 17}: "),
        (together(256, 1), "filter.conditions[255]: "),
        (together(3, 10_000), "filter.conditions[2].value: "),
        (together(26, 10_000), "filter.conditions[2].value: "),
        (together(1, 10_001), "filter.conditions[0].value: "),
    ],
)
def test_what_is_too_much_is_named_by_its_place(
    collection: Collection, condition: dict[str, object], place: str
) -> None:
    """Too deep, too many conditions, too many values in one list or in all."""
    with collection.read() as reading, pytest.raises(BadFilter) as caught:
        reading.allowed(condition, None)
    assert caught.value.message.startswith(place)


@pytest.mark.parametrize("condition", [nested(16), together(255, 78), together(2, 10_000, "id")])
def test_what_is_allowed_can_be_searched(
    collection: Collection, condition: dict[str, object]
) -> None:
    """The bounds are such that SQLite takes whatever they let through."""
    with collection.read() as reading:
        assert reading.allowed(condition, "2026-01-05") is not None


texts = st.text(max_size=8) | st.text(st.characters(categories=["Cs", "Cc"]), max_size=3)
numbers = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63) - 1, 10**400])
operators = st.sampled_from([*OPERATORS, "in", "not in", "and", "or", "not", "AND"])
any_json = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(texts, inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional={
                "field": fields | texts.map(lambda text: f"metadata.{text}") | inner,
                "operator": operators | inner,
                "value": inner,
            },
        )
        | st.fixed_dictionaries({"operator": operators, "conditions": st.lists(inner, max_size=3)})
    ),
    max_leaves=25,
)


@settings(
    max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(condition=any_json)
def test_any_json_is_a_filter_or_the_named_error(
    collection: Collection, condition: dict[str, object]
) -> None:
    """Whatever is sent either selects documents or is a bad filter, and nothing else."""
    with collection.read() as reading:
        told = "filter"
        try:
            reading.allowed(condition, None)
        except BadFilter as error:
            told = error.message
    assert told.startswith("filter")
    assert len(told) < 1000


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "id", "operator": 10**5000, "value": 1},
        {"field": "id", "operator": "==", "value": 10**5000},
        {"field": "id", "operator": nested(100_000), "value": 1},
        {"field": "metadata.\ud800", "operator": "==", "value": 1},
        {"\ud800" * 10_000: 1},
    ],
    ids=["huge operator", "huge value", "deep operator", "no field", "no key"],
)
def test_what_python_cannot_print_or_sqlite_take_is_a_bad_filter(
    collection: Collection, condition: dict[str, object]
) -> None:
    """The error tells such a value by its kind, or by its beginning."""
    with collection.read() as reading, pytest.raises(BadFilter) as caught:
        reading.allowed(condition, None)
    assert len(caught.value.message) < 1000
