"""How far an ingestion is: a bar with rate and time left on a terminal, plain lines in a pipe."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TextIO

from ingest.report import Item

if TYPE_CHECKING:
    from rich.progress import Progress, Task

_LINE_SECONDS: Final = 3.0
# Before this part of the bytes is read, a small first file would foretell hours.
_ENOUGH: Final = 0.05


@dataclass(frozen=True, slots=True)
class Planned:
    """The run knows its work: `files` to read, of `size` bytes together."""

    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Advanced:
    """Some work is done: `items` are settled for good, `stored` chunks are in the catalog.

    `cut` and `encoded` count chunks on their way there; `files` those that are read to their end,
    `size` is the bytes of those of which everything is settled.
    """

    items: tuple[Item, ...] = ()
    stored: int = 0
    cut: int = 0
    encoded: int = 0
    files: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Merging:
    """All documents are stored; what searches them is brought up to date."""


Event = Planned | Advanced | Merging
Observer = Callable[[Event], None]


def silent(event: Event) -> None:
    """Show nothing."""
    del event


@dataclass(slots=True)
class Pace:
    """What was done since the start and how long the rest will take.

    Time left is reckoned by bytes, since documents differ much in size.
    """

    started: float
    planned: Planned = field(default_factory=lambda: Planned(0, 0))
    files: int = 0
    size: int = 0
    chunks: int = 0

    def take(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Planned():
                self.planned = event
            case Advanced():
                self.files += event.files
                self.size += event.size
                self.chunks += event.encoded
            case Merging():
                pass

    def left(self, now: float) -> float | None:
        """Return the seconds left, or None before enough is done to tell."""
        if self.size <= 0 or self.size < _ENOUGH * self.planned.size:
            return None
        return (now - self.started) * max(0, self.planned.size - self.size) / self.size

    def line(self, now: float) -> str:
        """Return progress, rates and time left in one line."""
        seconds = max(now - self.started, 1e-9)
        left = self.left(now)
        rest = "" if left is None else f"{clock(left)} left, "
        return (
            f"{self.files}/{self.planned.files} files read, {rest}"
            f"{self.files / seconds:.1f} files/s, "
            f"{self.chunks} chunks, {self.chunks / seconds:.1f} chunks/s"
        )


def clock(seconds: float) -> str:
    """Return a duration as `m:ss` or `h:mm:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def plain(stream: TextIO, now: Callable[[], float] = time.monotonic) -> Observer:
    """Return an observer that writes a line to `stream` every few seconds."""
    pace = Pace(now())
    told = pace.started

    def observe(event: Event) -> None:
        nonlocal told
        pace.take(event)
        moment = now()
        if moment - told >= _LINE_SECONDS:
            told = moment
            stream.write(pace.line(moment) + "\n")
            stream.flush()

    return observe


def with_lines(stream: TextIO, observe: Observer) -> Observer:
    """Return an observer that also writes a line for each item as soon as it is settled."""

    def tell(event: Event) -> None:
        if isinstance(event, Advanced):
            stream.writelines(f"{item.outcome} {item.uri}\n" for item in event.items)
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
        pace.take(event)
        if isinstance(event, Planned):
            progress.update(task, description="Ingesting", total=max(event.size, 1))
        elif isinstance(event, Merging):
            progress.update(task, description="Merging the search views")
        progress.update(task, completed=pace.size)

    return observe
