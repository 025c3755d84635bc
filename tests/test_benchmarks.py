"""The benchmarks' own reckoning, on small things; no time is judged."""

from pathlib import Path

import pytest

from benchmarks import ingest
from benchmarks.guard import Guarded
from benchmarks.load import measure, round_of
from serving import SmallAnswerer, running, small_app, stored


def test_an_ingestion_is_measured_to_its_last_text(tmp_path: Path) -> None:
    """All texts are encoded once; the second run encodes none, a changed document its own."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.txt").write_text(f"Boat {number} sails at {number} o'clock.")
    found = ingest.measure([folder], tmp_path)
    assert (found.documents, found.chunks, found.encoded) == (3, 3, 3)
    assert (found.again_encoded, found.changed_encoded) == (0, 1)
    assert found.encoder_share > 0
    assert sum(found.parts.values()) <= found.seconds + 0.1


@pytest.mark.parametrize(
    ("guarded", "held"),
    [
        (Guarded(0.3, 0.2, 2.5), True),
        (Guarded(0.29, 0.0, 1.0), False),
        (Guarded(0.9, 0.21, 1.0), False),
        (Guarded(0.9, 0.0, 2.51), False),
    ],
)
def test_the_guard_holds_at_its_bounds(guarded: Guarded, held: bool) -> None:  # noqa: FBT001
    """And breaks behind any of them."""
    assert guarded.held() is held


def test_all_questions_are_asked_by_one_client_and_by_many(tmp_path: Path) -> None:
    """Each round asks all, however they are dealt out."""
    stored(tmp_path, {"owl": "Owls hoot."})
    answerer = SmallAnswerer(tmp_path)
    bodies = ['{"question": "Do owls hoot?"}'] * 10
    with running(small_app(answerer)) as client:
        place = client.base_url.netloc.decode()
        taken, _ = round_of(place, bodies, 3)
        assert (len(taken), len(answerer.asked)) == (10, 10)
        figures = measure(place, bodies, 4)
    assert (figures["questions"], figures["clients"]) == (30, 4)
