"""Progress: what is told of a run as it goes on, by a clock of the tests and on a terminal."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest

from ingest.progress import (
    Advanced,
    Event,
    Merging,
    Pace,
    Planned,
    Reading,
    clock,
    plain,
    with_lines,
)
from ingest.report import Item

GROUP = 128


@dataclass(frozen=True)
class File:
    """A file of a made-up run: bytes, chunks, and seconds of reading before anything comes."""

    kind: str
    size: int
    chunks: int
    reading: float = 0.0
    batches: int = 1


def run(files: Sequence[File], rate: float) -> Iterator[tuple[float, Event]]:
    """Yield what happens and when, `rate` chunks being encoded in a second."""
    now = 0.0
    kinds = dict[str, int]()
    for file in files:
        kinds[file.kind] = kinds.get(file.kind, 0) + file.size
    yield now, Planned(len(files), sum(kinds.values()), kinds)
    for file in files:
        for _ in range(int(file.reading)):
            now += 1.0
            yield now, Reading({file.kind: 0.5})
        for _ in range(file.batches):
            chunks, size = file.chunks // file.batches, file.size // file.batches
            yield now, Advanced(cut=chunks)
            yield now, Advanced(read=size, kind=file.kind)
            for start in range(0, chunks, GROUP):
                done = min(GROUP, chunks - start)
                now += done / rate
                size_done = size * done // chunks
                yield now, Advanced(encoded=done, seconds=done / rate, size=size_done)
            yield now, Advanced(stored=chunks)
        yield now, Advanced(files=1)
    yield now, Merging()


ONE_PDF = [File("pdf", 300_000_000, 9_000, reading=120)]
ONE_TEXT = [File("txt", 300_000_000, 400_000, reading=4)]
RECORDS = [File("jsonl", 200_000_000, 200_000, batches=400)]
SMALL_FIRST = [File("txt", 1_000, 2) for _ in range(2_000)] + ONE_TEXT
LARGE_FIRST = ONE_TEXT + [File("txt", 1_000, 2) for _ in range(2_000)]
MANY_KINDS = [
    file
    for _ in range(150)
    for file in (File("txt", 3_000, 5), File("pdf", 900_000, 40, 2), File("png", 4_000_000, 0))
]
SLOW_TO_READ = [File("pdf", 1_000_000, 20, reading=10) for _ in range(60)]


@pytest.mark.parametrize(
    ("files", "rate", "told_by"),
    [
        (ONE_PDF, 78.0, 0.55),  # half of the time it is read
        (ONE_TEXT, 78.0, 0.05),
        (ONE_TEXT, 3.0, 0.05),  # groups that take over half a minute each
        (RECORDS, 78.0, 0.06),
        (SMALL_FIRST, 78.0, 0.05),
        (LARGE_FIRST, 78.0, 0.05),
        (MANY_KINDS, 78.0, 0.10),
        (SLOW_TO_READ, 78.0, 0.12),
    ],
)
def test_time_left_is_near_the_truth_from_the_first_time_on(
    files: list[File], rate: float, told_by: float
) -> None:
    """Whatever the sizes: nothing is foretold until it can be, and then it is about right."""
    events = list(run(files, rate))
    end = events[-1][0]
    pace, first = Pace(0.0), end
    for now, event in events:
        pace.take(event, now)
        left = pace.left(now)
        if left is None:
            continue
        first = min(first, now)
        truth = end - now
        assert left == pytest.approx(truth, rel=0.35, abs=max(15.0, 0.05 * end)), (now, end)
    assert first <= told_by * end


@pytest.mark.parametrize("files", [ONE_PDF, ONE_TEXT, RECORDS, SMALL_FIRST, MANY_KINDS])
def test_bytes_done_rise_all_the_time(files: list[File]) -> None:
    """One huge file moves as many small ones do, and at the end all is done."""
    pace, seen = Pace(0.0), [0]
    for now, event in run(files, 78.0):
        pace.take(event, now)
        if isinstance(event, Advanced) and event.encoded:
            seen.append(pace.size)
    assert seen == sorted(seen)
    steps = [after - before for before, after in pairwise(seen)]
    assert max(steps) <= max(0.02 * pace.planned.size, 4_000_000)
    assert seen[-1] <= pace.planned.size


def test_a_line_says_what_is_done_and_what_is_read() -> None:
    """Files, part, time left, chunks and their rate; and the file that all wait for."""
    pace = Pace(started=100.0)
    assert pace.left(101.0) is None
    pace.take(Planned(4, 1000, {".txt": 1000}), 100.0)
    pace.take(Reading({"docs/\x1b[31m" + "long" * 20 + ".pdf": 0.43}), 105.0)
    line = pace.line(105.0)
    assert line.startswith("0/4 files read, 0%, 0.0 files/s, 0 chunks, 0.0/s, reading …")
    assert line.endswith(".pdf 43%")
    assert "\x1b" not in line
    pace = Pace(started=105.0)
    pace.take(Planned(4, 1000, {".txt": 1000}), 105.0)
    pace.take(Advanced(cut=20), 105.0)
    pace.take(Advanced(read=250, kind=".txt"), 105.0)
    pace.take(Advanced(encoded=20, seconds=5.0, size=250), 110.0)
    pace.take(Advanced(files=1), 110.0)
    assert pace.left(110.0) == pytest.approx(15.0)  # 60 chunks to come, 4 in a second
    assert pace.line(110.0) == ("1/4 files read, 25%, 0:15 left, 0.2 files/s, 20 chunks, 4.0/s")
    pace.take(Advanced(cut=5_000), 110.0)
    assert "20/5020 chunks" in pace.line(110.0)
    assert clock(3725.4) == "1:02:05"


def test_plain_progress_writes_a_line_every_few_seconds() -> None:
    """A pipe gets lines, but not one for each event."""
    times = iter([0.0, 1.0, 2.0, 3.5, 4.0, 7.0])
    stream = io.StringIO()
    observe = plain(stream, lambda: next(times))
    observe(Planned(10, 100))
    for _ in range(4):
        observe(Advanced(files=1, size=10))
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        "2/10 files read",
        "4/10 files read",
    ]


def test_a_long_run_fills_no_log() -> None:
    """Four hours of work are some hundred lines, the first ones close together."""
    moments = [n * 0.5 for n in range(4 * 7200)]
    times = iter([0.0, *moments])
    stream = io.StringIO()
    observe = plain(stream, lambda: next(times))
    for _ in moments:
        observe(Reading({"docs/a.pdf": 0.1}))
    lines = stream.getvalue().splitlines()
    assert 200 < len(lines) < 320
    assert lines[0].endswith("reading docs/a.pdf 10%")


def test_each_settled_item_has_a_line_at_once() -> None:
    """With --verbose a document is named as soon as it is stored."""
    stream = io.StringIO()
    seen: list[object] = []
    observe = with_lines(stream, seen.append)
    event = Advanced(items=(Item("docs/a.md", "added"), Item("docs/b.md", "failed")))
    observe(event)
    assert stream.getvalue() == "added docs/a.md\nfailed docs/b.md\n"
    assert seen == [event]
