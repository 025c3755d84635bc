"""The JSON reader, against values that Python's own writer wrote."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.readers import JSON, NDJSON
from read_one import check_damaged, headings, read_one, refused


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([{"a": 1, "b": {"c": [1, 2]}}, {"a": "é\n\nx"}], "a: 1\nb.c: 1, 2\n\na: é\nx"),
        ({"k": ["a", "b"], "n": None, "e": [], "t": True}, "k: a, b\nt: true"),
        ({"s": {"x": 1}, "z": 2}, "z: 2\n\ns\n\nx: 1"),
        ({"d": {"r": [{"a": 1}, {"a": 2}], "p": 3}}, "d\n\np: 3\n\nr\n\na: 1\n\na: 2"),
        ([[1, 2], [3, [4]]], "[1, 2], [3, [4]]"),
        ("just words", "just words"),
        (["long " * 20, "b"], f"- {('long ' * 20).strip()}\n- b"),
        ([{"t": [{"u": 1}, {"u": 2}]}], "t[1].u: 1\nt[2].u: 2"),
        ([{"t": [{"u": 1}]}], "t.u: 1"),
        (
            {"messages": [{"text": ["See ", {"type": "link", "text": "this"}, "!"]}]},
            "messages\n\ntext: See this!\ntext[2].type: link",
        ),
    ],
)
def test_values_are_readable(tmp_path: Path, value: object, text: str) -> None:
    """A record is a block, a field a line, and what holds records is below a heading."""
    extract = read_one(tmp_path / "a.json", JSON, json.dumps(value).encode())
    assert extract.text == text


def test_containers_are_headings(tmp_path: Path) -> None:
    """Keys of what holds records are headings, by their depth."""
    data = {"name": "Map", "data": {"items": [{"a": 1}]}, "features": [{"b": 2}], "none": {}}
    extract = read_one(tmp_path / "a.json", JSON, json.dumps(data).encode())
    assert headings(extract) == [(1, "data"), (2, "items"), (1, "features")]
    assert extract.title == "Map"


def test_numbers_and_doubled_keys_are_as_written(tmp_path: Path) -> None:
    """No digit is rounded away, and a key that comes twice is there twice."""
    number = "1" + "0" * 5000
    data = f'{{"a": {number}, "a": 1.10, "b": -0.0, "c": 1E400, "d": NaN}}'
    extract = read_one(tmp_path / "a.json", JSON, data.encode("utf-16"))
    assert extract.text == f"a: {number}\na: 1.10\nb: -0.0\nc: 1E400\nd: NaN"


def leaves(value: object) -> Iterator[str]:
    """Yield every string and number in a value."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    elif value is not None:
        yield json.dumps(value) if not isinstance(value, str) else value


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=12)
KEYS = WORDS | st.just("text")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(value=VALUES, ascii_only=st.booleans())
def test_every_string_and_number_is_in_the_text(
    tmp_path_factory: pytest.TempPathFactory, value: object, *, ascii_only: bool
) -> None:
    """Nothing that is in the data is lost, whatever its shape."""
    path = tmp_path_factory.mktemp("json") / "a.json"
    written = json.dumps({"first": "word", "rest": value}, ensure_ascii=ascii_only)
    extract = read_one(path, JSON, written.encode())
    squeezed = "".join(extract.text.split())
    for leaf in leaves(value):
        assert "".join(leaf.split()) in squeezed


@pytest.mark.parametrize(
    "data",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "[" * 200 + "1" + "]" * 200,
    ],
)
def test_deep_data_is_refused_or_read(tmp_path: Path, data: str) -> None:
    """No depth ends in anything but an answer."""
    path = tmp_path / "a.json"
    if len(data) < 2000:
        assert "1" in read_one(path, JSON, data.encode()).text
    else:
        failure = refused(path, JSON, data.encode())
        assert (failure.reason, "flatten" in failure.message) == ("too_large", True)


@pytest.mark.parametrize("data", ["{}", "[]", "null", '[{"a": null}, ""]'])
def test_data_without_values_is_empty(tmp_path: Path, data: str) -> None:
    """There is nothing to find in it."""
    assert refused(tmp_path / "a.json", JSON, data.encode()).reason == "empty"


def test_lines_are_records_and_a_bad_one_costs_itself(tmp_path: Path) -> None:
    """A file with a value a line is one document, a block a line; bad lines are numbered."""
    lines = '{"a": 1}\n\n{broken\n{"a": {"b": "x"}}\n"y"\n[1, 2]\n'
    extract = read_one(tmp_path / "a.ndjson", NDJSON, lines.encode())
    assert extract.text == "a: 1\n\na.b: x\n\ny\n\n1, 2"
    assert extract.media_type == NDJSON
    assert [(f.code, "line 3;" in f.message) for f in extract.findings] == [("bad_record", True)]


def test_what_is_not_quite_json_is_stored_as_written(tmp_path: Path) -> None:
    """A comment in a settings file does not cost the file; where it breaks is told."""
    text = '{\n  // a comment\n  "a": 1,\n}\n'
    extract = read_one(tmp_path / "a.json", JSON, text.encode())
    assert extract.text == text
    assert [(f.code, "line 2 column" in f.message) for f in extract.findings] == [("damaged", True)]


def test_damaged_files(tmp_path: Path) -> None:
    """Cut or turned bytes are read or refused."""
    data = json.dumps({"a": ["é" * 40, {"b": [1, 2.5]}], "k": {"x": "y"}}, ensure_ascii=False)
    check_damaged(tmp_path / "a.json", JSON, data.encode())
    check_damaged(tmp_path / "a.json", JSON, data.encode("utf-16"))


@pytest.mark.parametrize("words", [" ", "\n", "\n x", "x\n\n"])
def test_long_values_are_quick(tmp_path: Path, words: str) -> None:
    """Values of a megabyte, of whatever, are read in time."""
    started = time.process_time()
    read_one(tmp_path / "a.json", JSON, json.dumps(["a" + words * 300_000 + "b"]).encode())
    assert time.process_time() - started < 5
