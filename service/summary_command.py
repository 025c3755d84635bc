"""`afterword summarize`: lines for people, JSON for programs, and how far it is meanwhile."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TextIO

from indexes.errors import UsageError
from indexes.settings import Settings
from service.answer import build_answerer
from service.command import parse_filter
from service.summaries.reply import SUMMARISED, Event, ProgressEvent, Summary
from service.summaries.wanted import LENGTHS, MOST_SENTENCES, Wanted

# In a pipe a line comes this often.
_LINE_SECONDS: Final = 5.0
_DOING: Final = {
    "read": "reading",
    "choose": "choosing among",
    "write": "summarising",
    "reduce": "summing up",
}
_PAGES: Final = "-"


@dataclass(frozen=True, slots=True)
class Options:
    """What a person gave: ids or uris of documents, and texts as they were written."""

    collection: str
    documents: tuple[str, ...]
    filter: str | None
    as_of: str | None
    pages: str | None
    length: str
    focus: str | None
    generator: str | None


def run_summary(settings: Settings, options: Options, *, as_json: bool) -> str:
    """Make a summary and return what is shown of it; how far it is goes to standard error."""
    answerer = build_answerer(settings)
    with answerer.collection(options.collection).read() as reading:
        ids = [reading.named(one).document_id for one in options.documents]
    wanted = Wanted(
        collection=options.collection,
        document_ids=tuple(ids),
        filter=parse_filter(options.filter),
        as_of=options.as_of,
        pages=parse_pages(options.pages),
        length=parse_length(options.length),
        focus=options.focus,
        generator=options.generator,
    )
    with shown_progress(sys.stderr) as tell:
        summary = answerer.summarise(wanted, on_event=tell)
    return summary_json(summary) if as_json else "\n".join(summary_lines(summary))


def parse_length(text: str) -> str | int:
    """Return the length that a person wrote: its name, or a number of sentences."""
    if text in LENGTHS:
        return text
    if text.isdecimal() and 1 <= int(text) <= MOST_SENTENCES:
        return int(text)
    raise UsageError(
        f"--length {text!r:.40}: use {', '.join(LENGTHS)}, or a number of sentences from 1 to "
        f"{MOST_SENTENCES}"
    )


def parse_pages(text: str | None) -> tuple[int, int] | None:
    """Return the first and last of pages that a person wrote, such as 3-10 or 7."""
    if text is None:
        return None
    first, dash, last = text.partition(_PAGES)
    numbers = (first.strip(), (last if dash else first).strip())
    if not all(number.isdecimal() and int(number) for number in numbers):
        raise UsageError(f"--pages {text!r:.40}: write it as 7 or as 3-10, pages count from 1")
    begin, end = map(int, numbers)
    if end < begin:
        raise UsageError(f"--pages {text!r:.40}: the last page is before the first")
    return begin, end


def summary_json(summary: Summary) -> str:
    """Return the reply of POST /v1/summaries as one JSON object."""
    return json.dumps(summary.as_json(), ensure_ascii=False)


def summary_lines(summary: Summary) -> Iterator[str]:
    """Yield the summary with its markers, what it was made from, and where each sentence stands."""
    if summary.status != SUMMARISED:
        yield f"{summary.status}: {summary.reason}"
        return
    yield summary.summary
    yield ""
    for citation in summary.citations:
        page = f", page {citation.page}" if citation.page is not None else ""
        section = f", section {' '.join(citation.section.split())}" if citation.section else ""
        dated = f", as of {citation.as_of}" if citation.as_of else ""
        yield f"  {citation.marker} {citation.uri}{page}{section}{dated}"
    yield ""
    yield from _about(summary)


def _about(summary: Summary) -> Iterator[str]:
    read, generation = summary.read, summary.generation
    yield (
        f"Read: {read.documents_read} of {read.documents} documents, "
        f"{read.chunks_read} of {read.chunks} chunks."
    )
    if read.reason:
        yield f"Not all was read: {read.reason}."
    if generation.fallback:
        yield f"As {generation.generator} could not: {generation.fallback}."
    if generation.unsupported:
        count = len(generation.unsupported)
        yield f"Sentences that the documents do not bear out: {count}; --json has them."


@contextmanager
def shown_progress(stream: TextIO) -> Iterator[Callable[[Event], None]]:
    """Show how far a summary is: a bar on a terminal, in a pipe a line now and then."""
    if stream.isatty():
        with _bar(stream) as tell:
            yield tell
    else:
        yield _lines(stream)


@contextmanager
def _bar(stream: TextIO) -> Iterator[Callable[[Event], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(file=stream), transient=True) as progress:
        task = progress.add_task("")

        def tell(event: Event) -> None:
            if isinstance(event, ProgressEvent):
                told = f"{_DOING[event.step]} {event.unit}"
                progress.update(task, description=told, completed=event.done, total=event.total)

        yield tell


def _lines(stream: TextIO) -> Callable[[Event], None]:
    last = time.monotonic()

    def tell(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if isinstance(event, ProgressEvent) and now - last >= _LINE_SECONDS:
            last = now
            stream.write(f"{_DOING[event.step]} {event.done} of {event.total} {event.unit}\n")
            stream.flush()

    return tell
