"""Whether something changed below some paths: told by the system's events, else by looking.

Each folder is watched by itself, as it is found by the walk that ingestion takes: what is hidden,
left out or linked is not watched, nor is the data folder, in which ingestion writes. The folders
themselves and single files are looked at each second, for they may be replaced or unmounted.
"""

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watchfiles._rust_notify import RustNotify

from ingest.listing import list_folders, list_target
from ingest.sources import Selection, Target

_TICK_SECONDS: Final = 1.0
# Events that follow one another so closely are one burst, up to the longest.
_QUIET_MS: Final = 250
_LONGEST_BURST_MS: Final = 5_000
# Events may be lost, and there are none of what a link leads to: look at all this often.
_LOOK_SECONDS: Final = 600.0
_POLL_SECONDS: Final = 10.0
# Looking takes no more than such a part of the time.
_POLL_PART: Final = 20
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
# File systems that others write to without this system's knowing.
_SHARED: Final = re.compile(
    r"9p|afs|beegfs|ceph|cifs|davfs|fuse(\..*)?|gfs2|glusterfs|gpfs|lustre|ncpfs|nfs4?|ocfs2|prl_fs"
    r"|smb.*|vboxsf|virtiofs"
)


@dataclass(frozen=True, slots=True)
class Watched:
    """How changes are found: every `seconds` by looking, and by events in so many `folders`.

    `why` says what is in the way of events, where something is.
    """

    seconds: float
    folders: int = 0
    why: str = ""


class Changes:
    """What changes below the paths of a run, from one `begin` to the next."""

    def __init__(
        self, paths: Sequence[Path], selection: Selection, data: Path, poll: float | None
    ) -> None:
        """Watch nothing yet; `poll` is how often to look, None for where there are no events."""
        self._paths = tuple(paths)
        self._selection = selection
        self._data = data
        self._poll = poll
        self._events: RustNotify | None = None
        self._print = b""
        self._seen: tuple[object, ...] = ()
        self.watched = Watched(0.0)

    def begin(self) -> None:
        """Watch what is there from now on."""
        self._seen = self._tops()
        started = time.monotonic()
        why = "" if self._poll is None else "as was asked for"
        why = why or next(_shared_under(self._folders()), "") or self._watch_folders()
        if why:
            self._events = None
            self._print = self._listing()
            least = self._poll or max(_POLL_SECONDS, _POLL_PART * (time.monotonic() - started))
            self.watched = Watched(least, why=why)

    def _folders(self) -> list[Path]:
        return [path for path in self._paths if path.is_dir()]

    def _watch_folders(self) -> str:
        """Ask for the events of each folder; return why there are none."""
        found = [
            folder
            for path in self._folders()
            for folder in list_folders(Target("", path), self._selection, self._data)
        ]
        try:
            # The new one is made before the old one goes, and looked at after: nothing is missed.
            self._events = RustNotify(
                found,
                debug=False,
                force_polling=False,
                poll_delay_ms=0,
                recursive=False,
                ignore_permission_denied=True,
            )
        except FileNotFoundError:  # a folder went just now; the run will see it
            self._events = None
            self.watched = Watched(_TICK_SECONDS)
        except UnicodeEncodeError:
            return "a folder's name is no UTF-8"
        except (OSError, RuntimeError) as error:
            return str(error)
        else:
            self.watched = Watched(_LOOK_SECONDS, len(found))
        return ""

    def wait(self, seconds: float | None, *, for_paths: bool = False) -> None:
        """Wait until something changed, or for so many seconds, or until a signal came.

        `for_paths` waits for the paths themselves alone, not for what is in them.
        """
        started = looked = time.monotonic()
        while seconds is None or time.monotonic() < started + seconds:
            if self._tops() != self._seen:
                return
            if for_paths or self._events is None:
                time.sleep(_TICK_SECONDS if seconds is None else min(_TICK_SECONDS, seconds))
            elif self._told(self._events):
                return
            if not for_paths and time.monotonic() >= looked + self.watched.seconds:
                looked = time.monotonic()
                if self._events or self._listing() != self._print:
                    return

    def _told(self, events: RustNotify) -> bool:
        """Wait a moment for events; a signal counts as one."""
        try:
            told = events.watch(_LONGEST_BURST_MS, _QUIET_MS, int(1000 * _TICK_SECONDS), None)
        except RuntimeError:  # a name that is no UTF-8: something with such a name changed
            return True
        return told != "timeout"

    def _tops(self) -> tuple[object, ...]:
        """Return what tells whether the paths themselves are others than before."""
        return tuple(map(_top, self._paths))

    def _listing(self) -> bytes:
        """Return what tells whether any file below the paths is another than before."""
        found = hashlib.blake2b()
        for path in self._folders():
            for entry in list_target(Target("", path), self._selection, self._data):
                found.update(repr(entry).encode("utf-8", "backslashreplace"))
        return found.digest()


def _top(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    if path.is_dir():
        return found.st_dev, found.st_ino
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _shared_under(folders: Sequence[Path]) -> Iterator[str]:
    """Yield the kinds of the file systems that folders lie in, or reach into, without events."""
    try:
        lines = os.fsdecode(_MOUNTS.read_bytes()).splitlines()
    except OSError:
        return
    mounts = [(Path(_unescaped(line.split()[4])), _kind(line)) for line in lines]
    for folder in map(Path.resolve, folders):
        above = [mount for mount in mounts if folder.is_relative_to(mount[0])]
        below = [kind for place, kind in mounts if place.is_relative_to(folder) and place != folder]
        # Of several at one place the last hides the others.
        nearest = max(enumerate(above), key=lambda one: (len(one[1][0].parts), one[0]))[1][1]
        yield from (kind for kind in (nearest, *below) if _SHARED.fullmatch(kind))


def _unescaped(place: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), place)


def _kind(line: str) -> str:
    return line.partition(" - ")[2].split()[0]
