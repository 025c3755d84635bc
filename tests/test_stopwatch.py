"""Where the time of an ingestion goes: parts add up to the whole, and none is counted twice."""

import time
from itertools import pairwise

import pytest

from ingest.stopwatch import PARTS, Stopwatch, profile_lines


def test_parts_within_parts_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks a second at each look."""
    ticks = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    watch = Stopwatch()  # 0
    with watch.part("encode"):  # 1
        with watch.part("commit"):  # 2
            pass  # 3
        with pytest.raises(ValueError, match="no"), watch.part("split"):  # 4
            raise ValueError("no")  # 5
    # 6
    assert watch.seconds == {
        **dict.fromkeys(PARTS, 0.0),
        "encode": 3.0,
        "commit": 1.0,
        "split": 1.0,
    }


def test_the_table_adds_up() -> None:
    """What no part took is the rest, and the encoder's pace stands beside it."""
    parts = {**dict.fromkeys(PARTS, 0.0), "encode": 6.0, "read": 1.5}
    head, *rows = profile_lines(10.0, parts, 1200)
    assert head == "Where the time went:"
    taken = {row.split()[0]: float(row.split()[1]) for row in rows}
    assert list(taken) == [*PARTS, "rest"]
    assert sum(taken.values()) == pytest.approx(10.0)
    assert taken["rest"] == pytest.approx(2.5)
    (encode,) = (row for row in rows if "encode" in row)
    assert encode.split()[2:] == ["s", "60%", "1,200", "texts,", "200/s"]


def test_real_time_is_taken() -> None:
    """Parts one after the other take what passes between their begin and end."""
    watch = Stopwatch()
    began = time.perf_counter()
    for one, _ in pairwise(PARTS):
        with watch.part(one):
            time.sleep(0.01)
    taken = time.perf_counter() - began
    assert sum(watch.seconds.values()) == pytest.approx(taken, abs=0.005)
