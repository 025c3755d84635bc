"""What `afterword ingest` does with its options: what they mean, what is shown, how it ends."""

import json
import math
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final, TextIO, cast

from indexes.documents import MetadataValue, stored_form
from indexes.errors import UsageError
from indexes.settings import Settings
from ingest.pipeline import ingest
from ingest.progress import Observer, bar, plain, silent, with_lines
from ingest.report import Item, Report, text_lines
from ingest.survey import Order

_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Manner:
    """How a run is shown and judged."""

    as_json: bool = False
    verbose: bool = False
    strict: bool = False
    watching: bool = False
    profile: bool = False


def run(order: Order, settings: Settings, manner: Manner) -> int:
    """Ingest, show progress on standard error and the report on standard output.

    Returns the exit status.
    """
    try:
        with _progress(manner, sys.stderr) as observe:
            report = ingest(order, settings, observe)
    except KeyboardInterrupt:
        sys.stderr.write("afterword: interrupted; what was stored is kept, rerun to resume\n")
        return _INTERRUPTED
    _show(report, manner, sys.stdout)
    return report.exit_status(strict=manner.strict)


def run_watching(order: Order, settings: Settings, manner: Manner, poll: float | None) -> int:
    """Ingest now and whenever something changes, until a signal comes; return the exit status.

    `poll` is how often to look for changes, in seconds; None leaves it to the system to tell them.
    Raises what `run` raises, but for what passes: that is told, and tried again.
    """
    from ingest.watch import stoppable, watch

    def once(order: Order) -> Report:
        with _progress(manner, sys.stderr) as observe:
            return ingest(order, settings, observe)

    def show(report: Report) -> None:
        unlike = tuple(item for item in report.items if item.outcome != "unchanged")
        _show(report, manner, sys.stdout, unlike)

    with stoppable() as told:
        try:
            watch(order, settings.data, poll, once, show, told)
        except KeyboardInterrupt:
            interrupted = told.number == signal.SIGINT
        what = "interrupted" if interrupted else "stopped"
        sys.stderr.write(f"afterword: {what}; what was stored is kept, rerun to resume\n")
    return _INTERRUPTED if interrupted else 0


@contextmanager
def _progress(manner: Manner, stream: TextIO) -> Iterator[Observer]:
    if manner.verbose:
        yield with_lines(stream, plain(stream), unchanged=not manner.watching)
    elif stream.isatty():
        with bar() as observe:
            yield observe
    else:
        yield silent if manner.as_json else plain(stream)


def _show(
    report: Report, manner: Manner, stream: TextIO, items: Sequence[Item] | None = None
) -> None:
    """Write a report; `items` are those that a JSON object lists, else all."""
    if manner.as_json:
        # Item by item: together they are several times as large as what they are made from.
        head = json.dumps(report.head_json(), ensure_ascii=False)
        stream.write(f'{head[:-1]}, "items": [')
        for place, item in enumerate(report.items if items is None else items):
            comma = ", " if place else ""
            stream.write(f"{comma}{json.dumps(item.as_json(), ensure_ascii=False)}")
        stream.write("]}\n")
    else:
        lines = text_lines(report, strict=manner.strict, profile=manner.profile)
        stream.writelines(f"{line}\n" for line in lines)
    stream.flush()


def parse_metadata(pairs: Sequence[str]) -> dict[str, MetadataValue]:
    """Return the metadata of `key=value` pairs.

    A value that reads as a JSON number, true, false, string or list of strings or numbers is that;
    any other is text. Raises UsageError that lists all mistakes.
    """
    metadata: dict[str, MetadataValue] = {}
    mistakes = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            mistakes.append(f"--metadata {pair!r} is not KEY=VALUE")
        metadata[stored_form(key.strip())] = _value(stored_form(value))
    if mistakes:
        raise UsageError("; ".join(mistakes))
    return metadata


def _value(text: str) -> MetadataValue:
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except ValueError:
        return text
    if isinstance(value, str | int | float):
        return value
    return (_typed(value) if isinstance(value, list) else None) or text


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise ValueError(text)
    return float(text)


def _typed(parts: list[object]) -> list[str] | list[int] | list[float] | None:
    """Return a list whose parts are all texts, or all numbers; None for any other."""
    texts = [part for part in parts if isinstance(part, str)]
    numbers = [part for part in parts if type(part) in {int, float}]
    if len(texts) == len(parts):
        return texts
    return cast("list[float]", numbers) if len(numbers) == len(parts) else None


def parse_date(text: str | None) -> str | None:
    """Return an ISO date (YYYY-MM-DD) as it is. Raises UsageError for anything else."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise UsageError(f"--as-of {text!r} is not a date; write it as YYYY-MM-DD")
    return text
