"""The keeper of the worker: it starts it again, stops it, and leaves none behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, Counter

from indexes import jobs
from indexes.settings import Settings, load_settings
from service import worker
from service.answer import Answerer
from service.app import create_app
from service.worker import WorkerKeeper
from serving import ROOT, SmallAnswerer, loaded, until

WAITS = "import sys; print(sys.argv[1:], flush=True); sys.stdin.read()"
STUBBORN = (
    "import signal, sys, time; from pathlib import Path; from indexes import jobs\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "with jobs.sole_worker(Path(sys.argv[1])):\n"
    "    jobs.claim(Path(sys.argv[1])); time.sleep(60)\n"
)
PARENT = """
import asyncio, sys
from pathlib import Path
from prometheus_client import Counter
from indexes.settings import Settings
from service.worker import WorkerKeeper

async def main():
    keeper = WorkerKeeper(
        Settings(), Counter("a", "a"), ("-c", "import sys; sys.stdin.read()")
    )
    task = asyncio.create_task(keeper.keep())
    while keeper.pid is None:
        await asyncio.sleep(0.01)
    print(keeper.pid, file=sys.stderr, flush=True)
    await task

asyncio.run(main())
"""


def alive(pid: int) -> bool:
    """Tell whether a process is there and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def restarts() -> Counter:
    """Return a counter that nothing else counts."""
    return Counter("restarts", "r", registry=CollectorRegistry())


def kept(keeper: WorkerKeeper, act: Callable[[], object]) -> None:
    """Run a keeper while `act` runs in a thread, then stop it."""

    async def run() -> None:
        task = asyncio.create_task(keeper.keep())
        try:
            await asyncio.to_thread(act)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert keeper.state == "stopped"


def test_a_worker_that_dies_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill there is another one, counted and said."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.05)
    counter = restarts()
    keeper = WorkerKeeper(Settings(), counter, ("-c", WAITS))
    pids: list[int] = []

    def act() -> None:
        for _ in range(3):
            pid = until(lambda: keeper.pid if keeper.pid not in pids else None)
            pids.append(pid)
            assert keeper.state == "running"
            os.kill(pid, signal.SIGKILL)
        until(lambda: keeper.pid not in {None, *pids})

    kept(keeper, act)
    assert counter._value.get() == 3
    assert not any(alive(pid) for pid in pids)


def test_a_worker_that_cannot_start_is_tried_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The delay doubles up to its limit."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(worker, "_LONGEST_DELAY", 0.04)
    delays: list[float] = []
    sleep = asyncio.sleep

    async def noted(seconds: float) -> None:
        delays.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", noted)
    keeper = WorkerKeeper(Settings(), restarts(), ("-c", "raise SystemExit(3)"))
    kept(keeper, lambda: until(lambda: len(delays) >= 5))
    assert delays[:5] == [0.01, 0.02, 0.04, 0.04, 0.04]


def test_a_worker_that_the_system_refuses_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where not even a process can be made, that is a death as any other, and it may pass."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(worker, "_LONGEST_DELAY", 0.05)
    monkeypatch.setattr(worker, "_SETTLED_SECONDS", 0.2)
    program, python = tmp_path / "python", sys.executable
    monkeypatch.setattr(sys, "executable", str(program))
    counter = restarts()
    keeper = WorkerKeeper(Settings(), counter, ("-c", WAITS))

    def act() -> None:
        until(lambda: counter._value.get() >= 2)
        assert keeper.state in {"restarting", "failing"}
        assert keeper.pid is None
        program.symlink_to(python)
        until(lambda: keeper.state == "running")

    kept(keeper, act)


def test_readiness_says_that_the_worker_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions are answered all the same, so the service is ready; uploads are not ingested."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.05)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    answerer = SmallAnswerer(tmp_path)
    app = create_app(Settings(data=tmp_path), lambda _: cast("Answerer", answerer))
    with loaded(app) as client:
        first = client.get("/health/ready").json()
        assert (first["uploads"], first["worker"]) in [(True, "restarting"), (False, "failing")]
        until(lambda: app.state.service.keeper.state == "failing")
        told = client.get("/health/ready")
    assert (told.status_code, told.json()["ready"]) == (200, True)
    assert (told.json()["uploads"], told.json()["worker"]) == (False, "failing")
    assert "ended 3 times" in told.json()["reasons"][0]
    assert "not started" in told.json()["reasons"][0]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("afterword: The data folder is read-only.", "It said last: The data folder is read-only."),
        ("afterword: internal error: KeyError: 'a text'; run it", "It said last: KeyError."),
        ("KeyError: 'a text'", "(exit status 3). The log"),
    ],
)
def test_why_a_worker_cannot_run_is_told_without_what_it_may_quote(
    monkeypatch: pytest.MonkeyPatch, line: str, told: str
) -> None:
    """Its own errors in full, of any other the kind alone; readiness needs no key."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.01)
    script = f"import sys; sys.stderr.write({line!r} + chr(10)); raise SystemExit(3)"
    keeper = WorkerKeeper(Settings(), restarts(), ("-c", script))
    reasons: list[str] = []
    kept(keeper, lambda: reasons.append(until(lambda: keeper.reason)))
    assert told in reasons[0]
    assert "a text" not in reasons[0]


def test_a_worker_that_runs_again_is_no_trouble_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it has settled, nothing is told of the deaths before."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(worker, "_SETTLED_SECONDS", 0.3)
    there = tmp_path / "there"
    script = "import os, sys; os.path.exists(sys.argv[1]) or sys.exit(3); sys.stdin.read()"
    keeper = WorkerKeeper(Settings(), restarts(), ("-c", script, str(there)))

    def act() -> None:
        until(lambda: keeper.state == "failing")
        there.touch()
        until(lambda: keeper.state == "running")
        assert keeper.reason is None

    kept(keeper, act)


def test_of_two_services_one_ingests_and_the_other_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads to either are ingested; the second takes over when the first is gone."""
    monkeypatch.setattr(worker, "_FIRST_DELAY", 0.05)
    monkeypatch.setattr(worker, "_LONGEST_DELAY", 0.2)
    monkeypatch.setattr(worker, "_SETTLED_SECONDS", 3.0)
    monkeypatch.chdir(ROOT)
    counter = restarts()
    keeper = WorkerKeeper(Settings(data=tmp_path / "data"), counter)

    def act() -> None:
        with jobs.sole_worker(tmp_path / "data"):
            until(lambda: keeper.state == "elsewhere", 60)
            assert str(tmp_path / "data") in (keeper.reason or "")
        until(lambda: keeper.state == "running", 60)
        assert keeper.reason is None

    kept(keeper, act)
    assert counter._value.get() == 0


def test_the_worker_stops_with_the_service() -> None:
    """When the keeper is stopped the child is gone."""
    keeper = WorkerKeeper(Settings(), restarts(), ("-c", WAITS))
    pids: list[int] = []
    kept(keeper, lambda: pids.append(until(lambda: keeper.pid)))
    assert not alive(pids[0])


def test_the_worker_does_not_outlive_a_killed_service(tmp_path: Path) -> None:
    """Even where the service is killed outright, the child sees its input end."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert parent.stderr is not None
    child = int(parent.stderr.readline())
    assert alive(child)
    parent.kill()
    parent.communicate()
    until(lambda: not alive(child))


def test_a_job_in_the_hand_of_a_stopped_worker_is_no_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that must be killed at the stop leaves its job as it was before."""
    monkeypatch.setattr(worker, "_STOP_SECONDS", 0.2)
    job_id = jobs.enqueue(tmp_path, payload=b"x", collection="c")
    for _ in range(jobs.ATTEMPTS + 1):
        keeper = WorkerKeeper(Settings(data=tmp_path), restarts(), ("-c", STUBBORN, str(tmp_path)))
        kept(keeper, lambda: until(lambda: jobs.job(tmp_path, job_id).state == "running"))
        assert jobs.job(tmp_path, job_id).state == "queued"
    job = jobs.claim(tmp_path)
    assert job is not None
    assert job.attempts == 1


def test_the_worker_has_the_services_settings_and_not_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the child's environment says loads to the same settings, the key aside."""
    out = tmp_path / "environ"
    monkeypatch.setenv("AFTERWORD_CHUNK_TOKENS", "77")
    monkeypatch.setenv("AFTERWORD_API_KEY", "never-hand-this-on")
    script = (
        "import json, os, sys; from pathlib import Path\n"
        "path = Path(sys.argv[1]); beside = path.with_suffix('.new')\n"
        "beside.write_text(json.dumps(dict(os.environ))); beside.rename(path); sys.stdin.read()\n"
    )
    settings = Settings(data=tmp_path, chunk_tokens=123)
    keeper = WorkerKeeper(settings, restarts(), ("-c", script, str(out)))
    kept(keeper, lambda: until(out.exists))
    environ = json.loads(out.read_text())
    assert load_settings(environ, tmp_path) == settings
    assert "never-hand-this-on" not in out.read_text()
    assert environ["PATH"] == os.environ["PATH"]
