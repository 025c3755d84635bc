"""The benchmarks' own reckoning, on small things; no time is judged."""

from pathlib import Path

import pytest

from benchmarks import ingest, memory, start
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
        (Guarded(0.3, 0.2, 2.5, 600), True),
        (Guarded(0.29, 0.0, 1.0, 400), False),
        (Guarded(0.9, 0.21, 1.0, 400), False),
        (Guarded(0.9, 0.0, 2.51, 400), False),
        (Guarded(0.9, 0.0, 1.0, 601), False),
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


@pytest.mark.slow
def test_a_started_service_is_asked_and_its_memory_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection of given vectors, with a document that is asked about, by a real process."""
    page = start.ROOT / "examples" / "documents" / "go-upgrade-notes.txt"
    monkeypatch.setattr(start, "INGESTED", (page,))
    start.make(tmp_path, "small", 200)
    figures = start.measure(tmp_path, "small", 1, start.asked(3))
    later = figures["service after 3, MB"]
    assert 0 < figures["service_pss after 3, MB"] <= later <= figures["service at most, MB"]
    assert figures["both after 3, MB"] >= later
    assert figures["serve to listening, seconds"] <= figures["serve to first answer, seconds"]


def test_questions_are_all_different() -> None:
    """However many are asked for."""
    assert len(set(start.asked(500))) == 500


@pytest.mark.slow
def test_the_memory_of_an_ingestion_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Parts of the files are ingested, each part with those before it, and a table shows both."""
    for number in range(2):
        (tmp_path / f"{number}.txt").write_text(f"Boat {number} sails at {number} o'clock.")
    monkeypatch.setattr("sys.argv", ["memory", str(tmp_path), "--parts", "2"])
    with pytest.raises(SystemExit) as ended:
        memory.main()
    assert ended.value.code == 0
    shown = capsys.readouterr().out.splitlines()
    assert "| files | 1 | 2 |" in shown
    assert "| chunks | 1 | 2 |" in shown
    (resident,) = [line for line in shown if line.startswith("| resident |")]
    assert all(int(value) > 100 for value in resident.split("|")[2:4])
