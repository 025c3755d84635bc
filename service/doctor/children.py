"""Trials in child processes: what crashes there is a finding here, and no end of the doctor."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = str(Path(__file__).parent.parent.parent)
# `-m` would put the working folder first on the path, where any `random.py` would be run.
_BEGIN: Final = "import sys; sys.path.append(sys.argv.pop(1)); "
_IMPORT: Final = (
    _BEGIN + "import importlib\n"
    "for name in sys.argv[1:]: print(name, flush=True); importlib.import_module(name)"
)
_TRY: Final = _BEGIN + "from service.doctor import trial; trial.main()"
_SECONDS: Final = 60.0
# What has ended by itself meanwhile is told, however late it is.
_GRACE: Final = 1.0
_LAST: Final = 300

# What is compiled code, by the name that people know; each is loaded by the module that uses it.
TRIALS: Final[Mapping[str, tuple[str, ...]]] = {
    "numpy": (_IMPORT, "numpy"),
    "faiss": (_IMPORT, "indexes.dense"),
    "tantivy": (_IMPORT, "indexes.lexical"),
    "readers": (_IMPORT, "lxml.etree", "pypdfium2", "python_calamine", "regex", "selectolax"),
    "encoder": (_TRY, "encoder", "bundled"),
    "reader": (_TRY, "reader", "bundled"),
    "entailment": (_TRY, "entailment", "bundled"),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: `status` as Popen gives it, None where its time was over."""

    status: int | None
    out: str
    err: str

    @property
    def fault(self) -> str:
        """What went wrong, in one line; empty where nothing did."""
        if self.status == 0:
            return ""
        if self.status is None:
            return "it did not end in time"
        if self.status < 0:
            name = signal.Signals(-self.status).name
            at = f" at {self.out.split()[-1]}" if self.out.split() else ""
            return f"the process was ended by {name}{at}"
        lines = self.err.strip().splitlines() or [f"exit status {self.status}"]
        return lines[-1][:_LAST]


def run_trials(
    trials: Mapping[str, Sequence[str]] = TRIALS, seconds: float = _SECONDS
) -> dict[str, Ended]:
    """Run programs of Python side by side, each for at most so many seconds, without the network.

    A trial is the program's text and its arguments.
    """
    end = time.monotonic() + seconds
    begun = {name: _start(trial) for name, trial in trials.items()}
    try:
        return {name: _ended(child, end - time.monotonic()) for name, child in begun.items()}
    finally:
        for child in begun.values():
            if child.poll() is None:
                child.kill()
                child.communicate()


def _start(trial: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-c", trial[0], _ROOT, *trial[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=dict(_environ()),
    )


def _environ() -> Iterator[tuple[str, str]]:
    yield from os.environ.items()
    yield "HF_HUB_OFFLINE", "1"


def _ended(child: subprocess.Popen[str], seconds: float) -> Ended:
    try:
        out, err = child.communicate(timeout=max(_GRACE, seconds))
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        return Ended(None, out, err)
    return Ended(child.returncode, out, err)


def hub_trial(role: str, name: str) -> tuple[str, ...]:
    """Return the trial of a model of the hub, or of a folder, in one of the roles of `trial`."""
    return (_TRY, role, name)
