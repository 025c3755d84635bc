"""The keeper of the ingestion worker: one child process, started again when it dies."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from prometheus_client import Counter

from indexes import jobs
from indexes.errors import CollectionBusy
from indexes.settings import PREFIX, SECRET, Settings, variable
from service.logs import get_log

# `-m` would put the working folder first on the path, where any `random.py` would be run.
_START: Final = "import sys; sys.path.append(sys.argv.pop(1)); import afterword; afterword.main()"
_COMMAND: Final = ("-P", "-c", _START, str(Path(__file__).parent.parent), "ingest", "--worker")
_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
_STEADY_SECONDS: Final = 60.0
# A worker that has lived so long has its place and does its work.
_SETTLED_SECONDS: Final = 5.0
# So many deaths in a row, none after a steady life, are no accident.
_TRIES: Final = 3
_STOP_SECONDS: Final = 3.0
_LONGEST_LINE: Final = 1 << 20
_ITS_ERROR: Final = re.compile(
    r"afterword: (?:internal error: (?P<unforeseen>\w+)|(?P<known>.{1,500}))"
)
_LAST_WORDS_SECONDS: Final = 1.0
_log = get_log(__name__)

State = Literal["running", "restarting", "failing", "elsewhere", "stopped"]
# What the worker does while uploads are ingested, or will be in a moment.
INGESTING: Final[frozenset[State]] = frozenset({"running", "restarting", "elsewhere"})


@dataclass(frozen=True, slots=True)
class _End:
    """How a child ended; the status is None where it did not begin."""

    status: int | None
    words: str


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why the child does not ingest uploads, and what that is called."""

    state: Literal["failing", "elsewhere"]
    reason: str


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
        self._state: State = "stopped"
        self._began = 0.0
        self._deaths = 0
        self._trouble: _Trouble | None = None
        self._said = ""
        self.pid: int | None = None

    @property
    def state(self) -> State:
        """What the child does; while it has died before, it runs only once it has settled."""
        trouble = self._told()
        return trouble.state if trouble and self._state != "stopped" else self._state

    @property
    def reason(self) -> str | None:
        """Why this service ingests no uploads, None where it does or has only just lost its child.

        The reason of `elsewhere` is no fault: they are ingested all the same.
        """
        trouble = self._told()
        return trouble.reason if trouble else None

    async def keep(self) -> None:
        """Run the child until cancelled; wait longer after each death, up to half a minute."""
        delay = _FIRST_DELAY
        self._state = "restarting"
        try:
            while True:
                self._began = time.monotonic()
                ended = await self._run_once()
                if self._lived > _STEADY_SECONDS:
                    delay, self._deaths = _FIRST_DELAY, 0
                self._note(ended, delay)
                await asyncio.sleep(delay)
                delay = min(2 * delay, _LONGEST_DELAY)
        finally:
            self._state = "stopped"

    @property
    def _lived(self) -> float:
        return time.monotonic() - self._began

    def _told(self) -> "_Trouble | None":
        settled = self._state == "running" and self._lived > _SETTLED_SECONDS
        return None if settled else self._trouble

    def _note(self, ended: "_End", delay: float) -> None:
        """Keep what is the matter with the child, and log it where it is new."""
        before = self._trouble
        self._state = "restarting"
        if ended.status == jobs.ELSEWHERE_STATUS:
            reason = f"This service's worker does not ingest uploads. {self._said}"
            self._trouble = _Trouble("elsewhere", reason)
            if before != self._trouble:
                _log.warning("worker_elsewhere", reason=reason)
            return
        self._restarts.inc()
        _log.warning("worker_ended", ended=ended.words, restart_in=delay)
        self._deaths += 1
        if self._deaths < _TRIES:
            self._trouble = None
            return
        self._trouble = _Trouble("failing", self._in_a_sentence(ended))
        if before is None or before.state != "failing":
            _log.error("uploads_wait", reason=self._trouble.reason)

    def _in_a_sentence(self, ended: "_End") -> str:
        said = f" It said last: {self._said}" if self._said else ""
        return (
            f"Uploads are kept but not ingested: the worker process has ended {self._deaths} times "
            f"soon after its start ({ended.words}).{said} The log tells more; it is tried again "
            f"every {_LONGEST_DELAY:.0f} s."
        )

    async def _run_once(self) -> "_End":
        """Run the child to its end and say how it ended, or why it did not begin."""
        self._said = ""
        try:
            child = await self._start()
        except OSError as error:  # no memory, process or file is left for it: that may pass
            return _End(None, f"not started: {error}")
        self._state, self.pid = "running", child.pid
        _log.info("worker_started", worker=child.pid)
        listening = asyncio.create_task(self._listen(child))
        try:
            status = await child.wait()
            await asyncio.wait([listening], timeout=_LAST_WORDS_SECONDS)
            return _End(status, _in_words(status))
        finally:
            self.pid = None
            await self._stop(child)
            listening.cancel()

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        """Log what the child writes, so that there is one log in one form, and keep the last."""
        assert child.stdout is not None
        while True:
            try:
                line = await child.stdout.readline()
            except ValueError:  # a line over the limit; the reader goes on behind it
                continue
            if not line:
                return
            said = line.decode(errors="replace").rstrip()
            # The rest of its lines may quote what was uploaded; whoever asks for health sees this.
            if told := _ITS_ERROR.match(said):
                self._said = told["known"] or f"{told['unforeseen']}."
            _log.info("worker_said", line=said)

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
        unneeded = (PREFIX, *map(variable, SECRET))
        inherited = {k: v for k, v in os.environ.items() if not k.upper().startswith(unneeded)}
        return {**inherited, **self._settings.as_environ()}


def _give_back(data: Path) -> None:
    """Queue the job that a killed child had in hand; that was our doing, so it is no attempt."""
    try:
        with jobs.sole_worker(data):
            jobs.release(data)
    except CollectionBusy:  # another service's worker has the folder, and the job was not ours
        return


def _in_words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"exit status {status}"
