"""Load for long, and load that is too much, on the service as it is really run.

`SOAK_MINUTES` is how long the long one takes (30); `make soak` runs it.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak import bodies_of, soak
from serving import ROOT, ingested

EXAMPLES = ROOT / "examples"


def figures(data: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, seconds: float) -> Any:
    """Measure the service over the example documents."""
    ingested(data, EXAMPLES / "documents")
    monkeypatch.setenv("AFTERWORD_DATA", str(data))
    monkeypatch.setenv("AFTERWORD_PORT", "0")
    return soak(bodies_of(EXAMPLES / "questions.jsonl", "default"), minutes, seconds)


def check(found: Any) -> None:
    """What must hold however fast the machine is."""
    steady, over = found["steady"], found["overload"]
    assert steady["answered"] > 0, found
    assert (steady["errors"], steady["upload_errors"]) == (0, 0), found
    assert set(over["statuses"]) == {"200", "429"}, found
    assert over["refused_without_retry_after"] == 0, found
    assert over["errors_after"] == 0, found


@pytest.mark.slow
def test_a_short_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute and a half below capacity, with ingestion; then five times too much."""
    found = figures(tmp_path / "data", monkeypatch, 1.5, 8)
    check(found)
    assert found["steady"]["memory_growth"] < 0.15, found


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_long_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory at the end is within 5% of that at a third of the time; nothing has slowed down."""
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    found = figures(tmp_path / "data", monkeypatch, minutes, 20)
    check(found)
    steady, over = found["steady"], found["overload"]
    assert steady["memory_growth"] < 0.05, found
    assert steady["p99_ms_of_thirds"][2] < 1.5 * steady["p99_ms_of_thirds"][0], found
    assert over["accepted_p99_of_full"] < 2, found
    assert over["recovered_s"] < 5, found
