"""SIGKILL at the system calls by which the work is written, and at any moment of it.

After each kill the collection opens, what was reported is there, nothing is half there and no view
disagrees with the catalog; the same work done again ends as if nothing had happened.
"""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crash_scenarios import MADE, scenario
from crashing import Driver, Point, Scenario, note, traced_driver

SEED = 20261126
KILLS = 7
MANY = 20


@pytest.fixture(scope="module")
def worker() -> Iterator[Driver]:
    """Give the program that does the work."""
    with traced_driver() as made:
        yield made


def killed_at(point: Point, made: Scenario, worker: Driver) -> bool:
    """Kill the work at a point, look, and do it again; tell whether the kill came in time."""
    where = f"inject={point.call}:signal=KILL:when={point.number}"
    outcome = worker.run(made.fresh(), "-e", f"trace={point.call}", "-e", where, "-o", "/dev/null")
    made.check(outcome)
    made.finish(worker)
    return outcome.status == signal.SIGKILL


def killed_after(seconds: float, made: Scenario, worker: Driver) -> bool:
    """Kill the work after a time, look, and do it again; tell whether the kill came in time."""

    def kill(pid: int) -> None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)

    outcome = worker.run(made.fresh(), meanwhile=kill)
    made.check(outcome)
    made.finish(worker)
    return outcome.status == signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_killed_where_it_writes(name: str, tmp_path: Path, worker: Driver) -> None:
    """At some points of each kind of work."""
    made = scenario(name, tmp_path, worker)
    points = made.points(random.Random(SEED), KILLS)
    assert sum(killed_at(point, made, worker) for point in points) > len(points) / 2


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MADE)
def test_killed_at_many_points_and_moments(name: str, tmp_path: Path, worker: Driver) -> None:
    """At many points of each kind of work, others each time, and at moments of no choice."""
    seed = time.time_ns()
    note(f"seed {seed}")
    chance = random.Random(seed)
    made = scenario(name, tmp_path, worker)
    for point in made.points(chance, MANY):
        note(str(point))
        killed_at(point, made, worker)
    began = time.monotonic()
    worker.run(made.fresh())
    longest = time.monotonic() - began
    for _ in range(MANY):
        seconds = chance.uniform(0, longest)
        note(f"after {seconds:.4f} s")
        killed_after(seconds, made, worker)
