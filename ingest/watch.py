"""`afterword ingest --watch`: ingest, and again whenever something changes, until told to stop.

Each run is an ordinary one: it looks at all files, and reads those that are new or changed. A run
that cannot be done is told and tried again, ever more seldom.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from indexes.errors import (
    AfterwordError,
    CollectionBusy,
    CollectionNotFound,
    StorageFull,
    StorageRefused,
    UsageError,
)
from ingest.changes import Changes, Watched
from ingest.names import shown
from ingest.plan import Failed
from ingest.report import Report
from ingest.survey import UNQUIET, Order

# A file that was written to so lately is left until it is quiet.
QUIET_SECONDS: Final = 2.0
_RETRY_SECONDS: Final = (2.0, 60.0)
# A run is followed by a rest, so that a folder that always changes leaves the machine free.
_REST_PART: Final = 0.5
_MOST_REST_SECONDS: Final = 10.0
_CHANGED: Final = frozenset({"added", "updated", "removed"})
_AGAIN: Final = frozenset({"changed_while_read"})
_PASSING: Final = (CollectionBusy, CollectionNotFound, StorageFull, StorageRefused, OSError)

Ingest = Callable[[Order], Report]
Show = Callable[[Report], None]


@dataclass(slots=True)
class Told:
    """Which signal came, if any."""

    number: int | None = None


@dataclass(slots=True)
class _State:
    """What is kept from one run to the next; it grows with the files that fail, and no others."""

    failed: dict[str, Failed] = field(default_factory=dict)
    shown: int = 0
    begun: bool = False
    missing: tuple[str, ...] = ()
    retry: float = 0.0


@contextmanager
def stoppable() -> Iterator[Told]:
    """Turn SIGINT and SIGTERM into KeyboardInterrupt, and tell which it was."""
    told = Told()

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        told.number = number
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(
    order: Order, data: Path, poll: float | None, ingest: Ingest, show: Show, told: Told
) -> None:
    """Ingest whenever something changed, until a signal comes; `show` what a run changed.

    Raises KeyboardInterrupt when told to stop, and what the first run raises for a wrong order.
    """
    paths = tuple(Path.cwd() / path for path in order.paths)
    order = replace(order, paths=tuple(map(str, paths)), quiet_seconds=QUIET_SECONDS)
    changes = Changes(paths, order.selection, data, poll)
    state = _State()
    watched = Watched(0.0)
    while told.number is None:
        changes.begin()
        started = time.monotonic()
        report = _run(order, state, ingest)
        if report is not None:
            _tell(report, state, show)
        if (changes.watched.why, changes.watched.folders > 0) != (watched.why, watched.folders > 0):
            watched = changes.watched
            _say(_how(watched))
        _wait(changes, state, report, time.monotonic() - started)
    raise KeyboardInterrupt


def _run(order: Order, state: _State, ingest: Ingest) -> Report | None:
    """Ingest what is there of the paths; None, and a later retry, where that cannot be done."""
    there = tuple(path for path in order.paths if not state.begun or Path(path).exists())
    missing = tuple(path for path in order.paths if path not in there)
    if missing and missing != state.missing:
        names = ", ".join(map(shown, missing))
        _say(f"{names}: not there any more; its documents are kept, and it is waited for")
    state.missing = missing
    if not there:
        state.retry = _RETRY_SECONDS[1]
        return None
    try:
        report = ingest(replace(order, paths=there, failed=state.failed))
    except UsageError as error:
        if not state.begun:
            raise
        _failed(state, error.message)
        return None
    except _PASSING as error:
        _failed(state, error.message if isinstance(error, AfterwordError) else str(error))
        return None
    finally:
        state.begun = True
    if report.stopped is not None:
        _failed(state, report.stopped)
    else:
        state.retry = 0.0
    return report


def _failed(state: _State, why: str) -> None:
    """Say why a run could not be done, and when it is tried again."""
    least, most = _RETRY_SECONDS
    state.retry = min(max(least, 2 * state.retry), most)
    _say(f"{shown(why)}; trying again in {state.retry:.0f} s")


def _tell(report: Report, state: _State, show: Show) -> None:
    """Show a report if something changed, or is wrong in another way than before."""
    wrong = {item.uri: (item.code, item.message) for item in report.items if item.code}
    notes = ((note.code, note.message) for note in report.notes if note.code != UNQUIET)
    now = hash((frozenset(wrong.items()), frozenset(notes), report.stopped))
    changed = report.chunks or any(item.outcome in _CHANGED for item in report.items)
    if changed or now != state.shown:
        show(report)
    state.shown = now
    state.failed = {
        uri: one for uri, one in {**state.failed, **report.broken}.items() if uri in wrong
    }


def _wait(changes: Changes, state: _State, report: Report | None, took: float) -> None:
    """Wait until there is something to do."""
    if state.retry:
        changes.wait(state.retry, for_paths=True)
        return
    changes.wait(min(_REST_PART * took, _MOST_REST_SECONDS), for_paths=True)
    again = report is not None and (
        any(note.code == UNQUIET for note in report.notes)
        or any(item.code in _AGAIN for item in report.items)
    )
    changes.wait(QUIET_SECONDS if again else None)


def _how(watched: Watched) -> str:
    if watched.folders:
        return f"watching {watched.folders} folder{'s' * (watched.folders != 1)}; Ctrl-C ends it"
    if watched.why:
        return f"looking for changes every {watched.seconds:.0f} s ({watched.why}); Ctrl-C ends it"
    return "watching; Ctrl-C ends it"


def _say(line: str) -> None:
    sys.stderr.write(f"afterword: {line}\n")
    sys.stderr.flush()
