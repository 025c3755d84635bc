"""The keeper of the ingestion worker: one child process, started again when it dies."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from prometheus_client import Counter

from indexes import jobs
from indexes.errors import CollectionBusy
from indexes.settings import PREFIX, Settings
from service.logs import get_log

# `-m` would put the working folder first on the path, where any `random.py` would be run.
_START: Final = "import sys; sys.path.append(sys.argv.pop(1)); import afterword; afterword.main()"
_COMMAND: Final = ("-P", "-c", _START, str(Path(__file__).parent.parent), "ingest", "--worker")
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_STEADY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 3.0
_LONGEST_LINE: Final = 1 << 20
_log = get_log(__name__)

State = Literal["running", "restarting", "stopped"]


class WorkerKeeper:
    """Keeps `afterword ingest --worker` running for as long as `keep` does.

    The child's stdin is a pipe that nobody writes to: it ends when this process ends, however that
    happens, and so does the child.
    """

    def __init__(
        self, settings: Settings, restarts: Counter, command: Sequence[str] = _COMMAND
    ) -> None:
        self._settings = settings
        self._restarts = restarts
        self._command = (sys.executable, *command)
        self.state: State = "stopped"
        self.pid: int | None = None

    async def keep(self) -> None:
        """Run the child until cancelled; wait longer after each death, up to half a minute."""
        delay = _FIRST_DELAY
        try:
            while True:
                began = time.monotonic()
                ended = await self._run_once()
                if time.monotonic() - began > _STEADY_SECONDS:
                    delay = _FIRST_DELAY
                self.state = "restarting"
                self._restarts.inc()
                _log.warning("worker_ended", ended=ended, restart_in=delay)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY)
        finally:
            self.state = "stopped"

    async def _run_once(self) -> str:
        """Run the child to its end and say how it ended, or why it did not begin."""
        try:
            child = await self._start()
        except OSError as error:  # no memory, process or file is left for it: that may pass
            return f"not started: {error}"
        self.state, self.pid = "running", child.pid
        _log.info("worker_started", worker=child.pid)
        listening = asyncio.create_task(_pass_on(child))
        try:
            return _in_words(await child.wait())
        finally:
            self.pid = None
            await self._stop(child)
            listening.cancel()

    async def _start(self) -> asyncio.subprocess.Process:
        # A session of its own: Ctrl-C reaches the service, which then stops the child in order.
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LONGEST_LINE,
            start_new_session=True,
            env=self._environ(),
        )

    async def _stop(self, child: asyncio.subprocess.Process) -> None:
        if child.returncode is not None:
            return
        if child.stdin is not None:
            child.stdin.close()
        child.terminate()
        try:
            status = await asyncio.wait_for(child.wait(), _STOP_SECONDS)
        except TimeoutError:
            child.kill()
            status = await child.wait()
            await asyncio.to_thread(_give_back, self._settings.data)
        _log.info("worker_stopped", ended=_in_words(status))

    def _environ(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(PREFIX)}
        return {**inherited, **self._settings.as_environ()}


async def _pass_on(child: asyncio.subprocess.Process) -> None:
    """Log what the child writes, so that there is one log in one form."""
    assert child.stdout is not None
    while True:
        try:
            line = await child.stdout.readline()
        except ValueError:  # a line over the limit; the reader goes on behind it
            continue
        if not line:
            return
        _log.info("worker_said", line=line.decode(errors="replace").rstrip())


def _give_back(data: Path) -> None:
    """Queue the job that a killed child had in hand; that was our doing, so it is no attempt."""
    try:
        with jobs.sole_worker(data):
            jobs.release(data)
    except CollectionBusy:  # another service's worker has the folder, and the job was not ours
        return


def _in_words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
