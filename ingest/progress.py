"""How far an ingestion is: a bar with rate and time left on a terminal, plain lines in a pipe."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from ingest.names import shown
from ingest.report import Item

if TYPE_CHECKING:
    from rich.progress import Progress, Task

# Lines come this often, and ever more seldom in a long run: a twentieth of its time.
_LINE_SECONDS: Final = (3.0, 60.0)
_LINE_PART: Final = 1 / 20
# Of each kind of file so much must have been cut before it foretells the rest of its kind.
_ENOUGH: Final = 0.05
# And kinds that are unknown yet may be so much of what is left.
_UNKNOWN: Final = 0.1
# How fast it goes is what it was of late.
_RECENT_SECONDS: Final = 60.0
_LEAST_SECONDS: Final = 2.0
# So many chunks are always under way.
_USUAL_CHUNKS: Final = 1000
_NAME_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Planned:
    """The run knows its work: `files` to read, of `size` bytes together, and of each kind."""

    files: int
    size: int
    kinds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Advanced:
    """Some work is done: `items` are settled for good, `stored` chunks are in the catalog.

    `cut` and `encoded` count chunks on their way there; `files` those that are read to their end,
    `size` is the bytes of what is encoded, `seconds` the time it took. `read` are the bytes, of
    a file of this `kind`, whose text is cut since the last such event.
    """

    items: tuple[Item, ...] = ()
    stored: int = 0
    cut: int = 0
    encoded: int = 0
    files: int = 0
    size: int = 0
    seconds: float = 0.0
    read: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Nothing comes: `parts` says of each file that is being read how much of it is, 0 to 1."""

    parts: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Merging:
    """All documents are stored; what searches them is brought up to date."""


Event = Planned | Advanced | Reading | Merging
Observer = Callable[[Event], None]


def silent(event: Event) -> None:
    """Show nothing."""
    del event


@dataclass(slots=True)
class _Kind:
    """What is known of the files of one kind: bytes in all, bytes read, chunks that they gave."""

    size: int
    read: int = 0
    chunks: int = 0

    @property
    def told(self) -> bool:
        """Whether enough was read to tell what the rest will give."""
        return self.read >= _ENOUGH * self.size

    @property
    def to_come(self) -> float:
        """How many chunks the unread files will give, if they are like those that were read."""
        return self.chunks * (self.size - self.read) / max(self.read, 1)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What was done up to a time: `made` chunks were encoded in `busy` seconds, not just found."""

    time: float
    chunks: int = 0
    made: int = 0
    busy: float = 0.0


@dataclass(slots=True)
class Pace:
    """What was done since the start and how long the rest will take.

    What takes long is encoding, so time left is reckoned by chunks: those that wait are counted,
    those to come are foretold from the files of the same kind.
    """

    started: float
    planned: Planned = field(default_factory=lambda: Planned(0, 0))
    files: int = 0
    size: int = 0
    chunks: int = 0
    cut: int = 0
    reading: Mapping[str, float] = field(default_factory=dict)
    _kinds: dict[str, _Kind] = field(default_factory=dict)
    _cut_of_file: int = 0
    _recent: deque[_Moment] = field(default_factory=deque)

    def take(self, event: Event, now: float) -> None:
        """Count an event of this moment."""
        match event:
            case Planned():
                self.planned = event
                self._kinds = {kind: _Kind(size) for kind, size in event.kinds.items()}
                self._recent = deque([_Moment(now)])
            case Advanced():
                self.reading = {}
                self.files += event.files
                self.size += event.size
                self.cut += event.cut
                self._cut_of_file += event.cut
                if event.read:
                    self._read(event)
                if event.encoded:
                    self._encoded(event, now)
            case Reading():
                self.reading = event.parts
            case Merging():
                self.reading = {}

    def _read(self, event: Advanced) -> None:
        kind = self._kinds.setdefault(event.kind, _Kind(event.read))
        kind.read += event.read
        kind.chunks += self._cut_of_file
        self._cut_of_file = 0

    def _encoded(self, event: Advanced, now: float) -> None:
        """Note what was done by this moment, and forget what is long ago."""
        recent = self._recent
        if not recent:
            recent.append(_Moment(self.started))
        last = recent[-1]
        made = event.encoded if event.seconds else 0
        self.chunks += event.encoded
        recent.append(_Moment(now, self.chunks, last.made + made, last.busy + event.seconds))
        while recent[1] is not recent[-1] and recent[1].time < now - _RECENT_SECONDS:
            recent.popleft()

    def left(self, now: float) -> float | None:
        """Return the seconds left, or None before enough is done to tell."""
        kinds = self._kinds.values()
        unread = sum(kind.size - kind.read for kind in kinds)
        unknown = sum(kind.size - kind.read for kind in kinds if not kind.told)
        if not self._recent or unknown > _UNKNOWN * unread:
            return None
        first, last = self._recent[0], self._recent[-1]
        to_come = sum(kind.to_come for kind in kinds if kind.told)
        waiting = self.cut - self.chunks
        # Where most is cut already, the encoder will wait for readers no more.
        reads = to_come > waiting
        chunks = last.chunks - first.chunks if reads else last.made - first.made
        seconds = last.time - first.time if reads else last.busy - first.busy
        if chunks <= 0 or seconds < _LEAST_SECONDS:
            return None
        rest = (waiting + to_come) * seconds / chunks
        return max(0.0, rest - (now - last.time))

    def line(self, now: float) -> str:
        """Return progress, rates and time left in one line."""
        seconds = max(now - self.started, 1e-9)
        left = self.left(now)
        part = 100 * self.size // max(self.planned.size, 1)
        behind = f"/{self.cut}" if self.cut - self.chunks > _USUAL_CHUNKS else ""
        words = [f"{self.files}/{self.planned.files} files read", f"{part}%"]
        words += [f"{clock(left)} left"] if left is not None else []
        words += [f"{self.files / seconds:.1f} files/s"] if self.files != self.planned.files else []
        words += [f"{self.chunks}{behind} chunks", f"{self.rate(now):.1f}/s"]
        words += [_being_read(name, part) for name, part in [*self.reading.items()][:1]]
        return ", ".join(words)

    def rate(self, now: float) -> float:
        """Return how many chunks are encoded in a second, of late."""
        if not self._recent:
            return 0.0
        first, last = self._recent[0], self._recent[-1]
        return (last.chunks - first.chunks) / max(now - first.time, 1e-9)


def _being_read(name: str, part: float) -> str:
    words = shown(name)
    words = words if len(words) <= _NAME_SHOWN else f"…{words[-_NAME_SHOWN:]}"
    return f"reading {words}" + (f" {part:.0%}" if part else "")


def clock(seconds: float) -> str:
    """Return a duration as `m:ss` or `h:mm:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain(stream: TextIO, now: Callable[[], float] = time.monotonic) -> Observer:
    """Return an observer that writes a line to `stream` every few seconds, later every minute."""
    pace = Pace(now())
    told = pace.started
    least, most = _LINE_SECONDS

    def observe(event: Event) -> None:
        nonlocal told
        moment = now()
        pace.take(event, moment)
        if moment - told >= min(max(least, (moment - pace.started) * _LINE_PART), most):
            told = moment
            stream.write(pace.line(moment) + "\n")
            stream.flush()

    return observe


def with_lines(stream: TextIO, observe: Observer, *, unchanged: bool = True) -> Observer:
    """Return an observer that also writes a line for each item as soon as it is settled.

    Those that are `unchanged` may be left out.
    """

    def tell(event: Event) -> None:
        if isinstance(event, Advanced):
            items = (item for item in event.items if unchanged or item.outcome != "unchanged")
            stream.writelines(f"{item.outcome} {shown(item.uri)}\n" for item in items)
            stream.flush()
        observe(event)

    return tell


@contextmanager
def bar() -> Iterator[Observer]:
    """Give an observer that keeps a bar with rates and time left on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn
    from rich.table import Column
    from rich.text import Text

    pace = Pace(time.monotonic())

    class Line(ProgressColumn):
        """The line of `Pace`, whose time goes on between events."""

        def render(self, task: "Task") -> Text:
            """Return the line as of now."""
            del task
            return Text(pace.line(time.monotonic()))

    line = Line(table_column=Column(no_wrap=True, overflow="ellipsis"))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(16), line)
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _moving(progress, pace)


def _moving(progress: "Progress", pace: Pace) -> Observer:
    task = progress.add_task("Listing", total=None)

    def observe(event: Event) -> None:
        pace.take(event, time.monotonic())
        if isinstance(event, Planned):
            progress.update(task, description="Ingesting", total=max(event.size, 1))
        elif isinstance(event, Merging):
            progress.update(task, description="Merging the search views")
        progress.update(task, completed=pace.size)

    return observe
