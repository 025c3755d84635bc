"""The system refuses: no space, no access, no descriptor, at each place where work is written.

Each such fault ends in an error that says what was wrong, where, and what to do next, or is none at
all, where what failed was of no weight. What was reported is there, and once the fault is over the
same work ends as if nothing had happened.
"""

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from crash_scenarios import MADE, scenario
from crashing import (
    ON_CI,
    Driver,
    Outcome,
    Scenario,
    driver,
    failed_jobs,
    note,
    stored,
    traced_driver,
)

SEED: Final = 20261126
FAULTS: Final = 6
MANY: Final = 30
# Which calls meet which errors; with `+` all later ones do, as on a disk that stays full.
ERRORS: Final = {
    "pwrite64": ("ENOSPC", "EIO", "ENOSPC+", "EDQUOT"),
    "write": ("ENOSPC", "EIO", "ENOSPC+", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC", "EIO+"),
    "fdatasync": ("EIO", "ENOSPC", "EIO+"),
    "ftruncate": ("EIO", "ENOSPC"),
    "fallocate": ("ENOSPC",),
    "rename": ("EROFS", "ENOSPC", "EIO"),
    "unlink": ("EROFS", "EACCES", "EIO"),
    "unlinkat": ("EROFS", "EACCES"),
    "mkdir": ("EROFS", "ENOSPC"),
    "rmdir": ("EROFS",),
    "openat": ("EMFILE", "EMFILE+", "EROFS", "EACCES", "ENFILE"),
}
# What tells where, and what to do.
_WHERE: Final = ("/", "collection ", ".txt", ".jsonl")
_NEXT: Final = ("run ", "free some", "check ", "raise ", "restore", "delete that folder")


@pytest.fixture(scope="module")
def worker() -> Iterator[Driver]:
    """Give the program that does the work."""
    with traced_driver() as made:
        yield made


def clear(outcome: Outcome) -> None:
    """No fault ends in what nobody foresaw, and each message says where and what next."""
    assert not outcome.told("unforeseen"), outcome.told("unforeseen")
    assert outcome.status in {0, 3}, outcome
    for message in [*outcome.told("refused"), *outcome.told("failed")]:
        assert any(sign in message for sign in _WHERE), message
        assert any(sign in message for sign in _NEXT), message


def refused_at(call: str, number: int, error: str, made: Scenario, worker: Driver) -> Outcome:
    """Let one call, or it and all later ones, fail; look, and do the work again without."""
    later = "+" if error.endswith("+") else ""
    where = f"inject={call}:error={error.rstrip('+')}:when={number}{later}"
    outcome = worker.run(made.fresh(), "-e", f"trace={call}", "-e", where, "-o", "/dev/null")
    clear(outcome)
    made.check(outcome, may_fail=True)
    made.finish(worker)
    return outcome


def faults_of(made: Scenario, chance: random.Random, count: int) -> Iterator[tuple[str, int, str]]:
    """Give faults: of each call that the work makes, some of its errors at some of its places."""
    calls = [call for call in sorted(made.calls) if call in ERRORS]
    for turn in range(count):
        call = calls[turn % len(calls)]
        error = ERRORS[call][turn // len(calls) % len(ERRORS[call])]
        yield call, chance.randint(1, made.calls[call]), error


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_refused_where_it_writes(name: str, tmp_path: Path, worker: Driver) -> None:
    """At some points of each kind of work."""
    made = scenario(name, tmp_path, worker)
    for fault in faults_of(made, random.Random(SEED), FAULTS):
        refused_at(*fault, made, worker)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MADE)
def test_refused_at_many_points(name: str, tmp_path: Path, worker: Driver) -> None:
    """At many points of each kind of work, others each time."""
    seed = time.time_ns()
    note(f"seed {seed}")
    made = scenario(name, tmp_path, worker)
    for fault in faults_of(made, random.Random(seed), MANY):
        note(str(fault))
        refused_at(*fault, made, worker)


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_few_descriptors(name: str, tmp_path: Path, worker: Driver) -> None:
    """Where a process may open few files it says so, and once it may open more all goes on."""
    made = scenario(name, tmp_path, worker)
    refused = 0
    for most in (0, 2, 5):
        outcome = worker.run({**made.fresh(), "files": str(most)})
        clear(outcome)
        refused += bool(outcome.status)
        made.check(outcome, may_fail=True)
        made.finish(worker)
    assert refused


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Give what mounts a small disk at the scenario's folder, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    places = []

    def mount(options: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("this user may not mount a small disk")
        places.append(folder)

    if shutil.which("mount") is None:
        pytest.skip("there is no mount command (Debian: apt-get install mount)")
    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "uploads", "restore", "reindex", "migrate", "erase"])
def test_a_disk_that_fills(
    name: str, tmp_path: Path, mounted: Callable[[str], None], worker: Driver
) -> None:
    """A real one, with room for a little more each time; freed, the work ends as ever."""
    mounted("size=64m")
    made = scenario(name, tmp_path / "disk", worker)
    data = tmp_path / "disk" / "data"
    refused = 0
    for room in (0, 8_192, 65_536, 262_144):
        given = made.fresh()
        filler = tmp_path / "disk" / "filler"
        with filler.open("wb", 0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - room)
        outcome = worker.run(given)
        clear(outcome)
        refused += bool(outcome.status or outcome.told("refused") or failed_jobs(data))
        filler.unlink()
        made.check(outcome, may_fail=True)
        made.finish(worker)
    assert refused


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "uploads", "restore", "erase", "delete", "migrate"])
def test_a_disk_that_cannot_be_written(
    name: str, tmp_path: Path, mounted: Callable[[str], None], worker: Driver
) -> None:
    """The error names the folder and nothing is changed; written to again, all goes on."""
    mounted("size=64m")
    disk = tmp_path / "disk"
    made = scenario(name, disk, worker)
    given = made.fresh()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        outcome = worker.run(given)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    clear(outcome)
    assert outcome.told("refused"), outcome
    assert str(disk) in outcome.told("refused")[0]
    made.check(outcome, may_fail=True)
    made.finish(worker)


@pytest.mark.slow
@pytest.mark.parametrize("shift", ["-400d", "+400d", "+0 x5000"])
def test_a_clock_that_jumps(shift: str, tmp_path: Path) -> None:
    """Backwards, forwards, or so fast that each wait is over at once: nothing depends on it."""
    if shutil.which("faketime") is None and not ON_CI:
        pytest.skip("faketime is not installed (Debian: apt-get install faketime)")
    with driver() as steady, driver("faketime", "-f", shift) as jumping:
        for name in ("ingest", "uploads", "restore"):
            folder = tmp_path / name
            folder.mkdir()
            made = scenario(name, folder, steady)
            outcome = jumping.run(made.fresh())
            clear(outcome)
            made.check(outcome)
            made.finish(steady)
            assert stored(folder / "data") == made.after
