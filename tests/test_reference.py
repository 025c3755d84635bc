"""The pages of docs/reference are what the code gives now, and nothing lacks a word."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from docs.generate.__main__ import FOLDER, PAGES
from indexes import filters
from indexes.errors import BadFilter
from ingest.codes import CODES, NOTES
from ingest.readers import READERS
from ingest.report import FAILING, HARMLESS, MEANINGS, Outcome

ROOT = Path(__file__).parent.parent
INGEST = sorted((ROOT / "ingest").rglob("*.py"))
GIVEN = {"ReadFailure": CODES, "Finding": CODES, "Note": NOTES}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_what_the_code_gives(name: str) -> None:
    """`make docs` would change nothing."""
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), (
        "run `make docs` (or `python -m docs.generate`) and look at the difference"
    )


def test_there_is_no_other_page() -> None:
    """What stands in the folder is made from the code."""
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def constants(tree: ast.Module) -> dict[str, str]:
    """Return the strings that a module gives a name."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.AnnAssign | ast.Assign)
        for target in ([node.target] if isinstance(node, ast.AnnAssign) else node.targets)
        if isinstance(target, ast.Name)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    }


def given_codes() -> Iterator[tuple[str, str]]:
    """Yield each code that is written down where a failure, finding or note is made."""
    for path in INGEST:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if node.func.id in GIVEN and isinstance(first, ast.Constant):
                    yield node.func.id, str(first.value)
                if node.func.id in GIVEN and isinstance(first, ast.Name) and first.id in named:
                    yield node.func.id, named[first.id]


def test_every_code_has_a_meaning() -> None:
    """What ingestion can report is in the tables, and each row of them can be reported."""
    found = set(given_codes())
    assert {code for kind, code in found if kind != "Note"} <= set(CODES)
    assert {code for kind, code in found if kind == "Note"} == set(NOTES)
    sources = "".join(path.read_text("utf-8") for path in INGEST if path.name != "codes.py")
    errors = (ROOT / "indexes" / "errors.py").read_text(encoding="utf-8")
    for code in CODES:
        assert f'"{code}"' in sources + errors, code
    assert set(CODES) >= HARMLESS
    assert set(NOTES) >= FAILING
    assert set(MEANINGS) == set(get_args(Outcome))


def test_every_format_has_a_name() -> None:
    """And no two rows of one format and ending."""
    rows = [(entry.title, entry.suffix) for entry in READERS.values()]
    assert all(title for title, _ in rows)
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize("operator", [*filters.OPERATORS, *filters.COMBINATIONS])
@pytest.mark.parametrize("field", filters.FIELDS)
def test_filters_that_are_explained_can_be_given(field: str, operator: str) -> None:
    """Each field goes with each operator."""
    inner: dict[str, object] = {"field": field, "operator": operator, "value": "a"}
    if operator in filters.COMBINATIONS:
        one = {"field": field, "operator": "==", "value": "a"}
        inner = {"operator": operator, "conditions": [one]}
    if "in" in operator.split():
        inner["value"] = ["a"]
    assert filters.compile_filter(inner, None) is not None


def test_the_message_on_a_filter_names_all_that_is_explained() -> None:
    """The fields and operators of the reference are those that a mistake is answered with."""
    with pytest.raises(BadFilter) as caught:
        filters.compile_filter({"field": "x", "operator": "==", "value": 1}, None)
    assert caught.value.message.endswith(f"is not one of {', '.join(filters.FIELDS)}")
    with pytest.raises(BadFilter) as caught:
        filters.compile_filter({"field": "id", "operator": "~", "value": 1}, None)
    assert caught.value.message.endswith(f"is not one of {', '.join(filters.OPERATORS)}")
