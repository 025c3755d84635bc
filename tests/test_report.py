"""Reports and progress: counts, exit statuses, JSON and lines."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Finding
from ingest.report import (
    OUTCOMES,
    Item,
    Note,
    Outcome,
    Report,
    page_ranges,
    stored_item,
    text_lines,
)

NO_TEXT = Finding("no_text_layer", "pages 2 and 5 have no text layer; run OCR on them", (2, 5))
HIDDEN = Finding("hidden_text", "page 3 has text that nobody sees", (3,))


def test_json_has_the_names_of_the_contract() -> None:
    """Scripts rely on these names, each item's included."""
    item = Item("docs/a.pdf", "partial", "no_text_layer", "two pages", (2, 5), "1f", (NO_TEXT,))
    report = Report("default", (item, Item("docs/b.md", "added")), chunks=7, seconds=1.23456)
    found = json.loads(json.dumps(report.as_json()))
    assert {key: found[key] for key in OUTCOMES} == {
        "added": 1,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "partial": 1,
        "failed": 0,
    }
    assert (found["collection"], found["chunks"], found["seconds"]) == ("default", 7, 1.235)
    assert found["items"][0] == {
        "uri": "docs/a.pdf",
        "outcome": "partial",
        "code": "no_text_layer",
        "message": "two pages",
        "pages": [2, 5],
        "document_id": "1f",
        "findings": [{"code": "no_text_layer", "message": NO_TEXT.message, "pages": [2, 5]}],
    }


@pytest.mark.parametrize(
    ("outcomes", "notes", "stopped", "strict", "status"),
    [
        (["added", "unchanged", "removed", "updated"], (), None, True, 0),
        (["added", "partial"], (), None, False, 0),
        (["added", "partial"], (), None, True, 1),
        (["added", "failed"], (), None, False, 1),
        (["unchanged"], (Note("mass_removal", "kept", held=4),), None, False, 1),
        ([], (Note("empty_folder", "nothing found"),), None, False, 1),
        (["unchanged"], (Note("nothing_fits", "nothing found"),), None, False, 1),
        (["unchanged"], (Note("links", "not followed"),), None, False, 0),
        (["failed"], (), "no space is left", False, 3),
        ([], (), None, True, 0),
    ],
)
def test_exit_status(
    *,
    outcomes: list[Outcome],
    notes: tuple[Note, ...],
    stopped: str | None,
    strict: bool,
    status: int,
) -> None:
    """0 all good, 1 some inputs failed, 3 the run could not go on."""
    items = tuple(Item(f"docs/{n}", outcome) for n, outcome in enumerate(outcomes))
    assert Report("c", items, notes, stopped=stopped).exit_status(strict=strict) == status


def test_a_document_that_lacks_text_is_partial() -> None:
    """A finding that text is missing makes it partial, another does not."""
    partial = stored_item("u", "updated", "id", (HIDDEN, NO_TEXT))
    assert (partial.outcome, partial.code, partial.pages) == ("partial", "no_text_layer", (2, 3, 5))
    whole = stored_item("u", "updated", "id", (HIDDEN,))
    assert (whole.outcome, whole.code, whole.findings) == ("updated", None, (HIDDEN,))


def test_lines_name_every_failure_with_reason_and_pages() -> None:
    """What failed is told with uri, code, pages and what to do."""
    items = (
        Item("docs/a.pdf", "failed", "encrypted", "a.pdf needs a password: store it without"),
        stored_item("docs/b.pdf", "added", "id", (NO_TEXT,)),
        stored_item("docs/c.pdf", "added", "id", (HIDDEN,)),
    )
    text = "\n".join(text_lines(Report("default", items, (Note("links", "2 links"),), 3, 2.0)))
    assert "docs/a.pdf (encrypted)\n      a.pdf needs a password: store it without" in text
    assert "docs/b.pdf (no_text_layer, pages 2, 5)" in text
    assert "docs/c.pdf (hidden_text, page 3): page 3 has text" in text
    assert "Note: 2 links" in text
    assert "3 chunks" in text


def test_lines_of_other_ends() -> None:
    """A dry run, an empty run and a stopped one say so."""
    first, second, *_ = text_lines(Report("c", (), dry_run=True))
    assert "Dry run" in first
    assert "Contents were not read" in second
    assert "  no documents" in list(text_lines(Report("c", ())))
    assert "Stopped: the disk is full" in list(
        text_lines(Report("c", (), stopped="the disk is full"))
    )


@given(st.sets(st.integers(1, 60)))
def test_page_ranges_say_each_page_once(pages: set[int]) -> None:
    """The ranges, read back, are the pages; two ranges never touch."""
    text = page_ranges(pages)
    ranges = [tuple(map(int, part.split("-"))) for part in text.split(", ")] if text else []
    read = [page for r in ranges for page in range(r[0], r[-1] + 1)]
    assert read == sorted(pages)
    assert all(b[0] > a[-1] + 1 for a, b in pairwise(ranges))
