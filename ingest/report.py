"""What became of every input: the report of an ingestion, for people and for machines."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from indexes.documents import Finding
from ingest.names import shown
from ingest.plan import Failed
from ingest.stopwatch import Part, profile_lines

Outcome = Literal["added", "updated", "unchanged", "removed", "partial", "failed"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
MEANINGS: Final[Mapping[Outcome, str]] = {
    "added": "It is new and is stored.",
    "updated": "It is stored anew: its content, date, metadata or reader are others than before.",
    "unchanged": "It is stored as it is; it was not read again.",
    "removed": "Its file or record is gone, and so is the document.",
    "partial": "It is stored, but for the parts that the code and the pages name.",
    "failed": "It is not stored; a version that was stored earlier is kept.",
}

HARMLESS: Final = frozenset({"hidden_text", "ocr", "wrong_type"})
"""These say something about a document whose text was stored in full."""
FAILING: Final = frozenset({"empty_folder", "nothing_fits", "ignored_path"})
"""Notes on an input that gave nothing at all, mostly for a mistake in its path or in a pattern."""
_MOST_SHOWN: Final = 50
_DIGITS: Final = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one input.

    `code` and `message` are set where something is wrong; `pages` count from 1.
    """

    uri: str
    outcome: Outcome
    code: str | None = None
    message: str | None = None
    pages: tuple[int, ...] = ()
    document_id: str | None = None
    findings: tuple[Finding, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the item as the JSON contract writes it."""
        return {
            "uri": self.uri,
            "outcome": self.outcome,
            "code": self.code,
            "message": self.message,
            "pages": list(self.pages),
            "document_id": self.document_id,
            "findings": [
                {"code": finding.code, "message": finding.message, "pages": list(finding.pages)}
                for finding in self.findings
            ],
        }


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the run as a whole; `held` counts documents that a run refused to remove."""

    code: str
    message: str
    held: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """Every item of a run with what it took.

    `chunks` counts those stored by this run; `stopped` says why a run ended before its end.
    `broken` are the files that could not be read and, as they are, never will be, by uri. `parts`
    are the seconds of each part of a run, and `encoded` is how many texts were.
    """

    collection: str
    items: tuple[Item, ...]
    notes: tuple[Note, ...] = ()
    chunks: int = 0
    seconds: float = 0.0
    dry_run: bool = False
    stopped: str | None = None
    broken: Mapping[str, Failed] = field(default_factory=dict)
    parts: Mapping[Part, float] = field(default_factory=dict)
    encoded: int = 0

    def counts(self) -> dict[Outcome, int]:
        """Return how many items had each outcome."""
        counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
        for item in self.items:
            counts[item.outcome] += 1
        return counts

    def exit_status(self, *, strict: bool = False) -> int:
        """Return 0 all good, 1 some inputs failed, 3 the run could not go on.

        A run that held back a removal counts as failed, and so does a path in which nothing was
        found; with `strict` so does a partial document, for as long as it is stored as it is.
        """
        counts = self.counts()
        if self.stopped is not None:
            return 3
        failed = any(note.held or note.code in FAILING for note in self.notes)
        partial = counts["partial"] > 0 or bool(self.still_partial())
        return int(counts["failed"] > 0 or failed or (strict and partial))

    def still_partial(self) -> list[Item]:
        """Return the unchanged documents that an earlier run stored without all of their text."""
        return [item for item in self.items if item.outcome == "unchanged" and item.code]

    def head_json(self) -> dict[str, object]:
        """Return the report as the JSON contract writes it, but for its items, which come last."""
        return {
            "collection": self.collection,
            **{str(outcome): count for outcome, count in self.counts().items()},
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
            "profile": {name: round(taken, 3) for name, taken in self.parts.items()},
            "dry_run": self.dry_run,
            "contents_read": not self.dry_run,
            "stopped": self.stopped,
            "notes": [
                {"code": note.code, "message": note.message, "held": note.held}
                for note in self.notes
            ],
        }

    def as_json(self) -> dict[str, object]:
        """Return the report as the JSON contract writes it."""
        return {**self.head_json(), "items": [item.as_json() for item in self.items]}


def stored_item(
    uri: str, outcome: Outcome, document_id: str, findings: tuple[Finding, ...]
) -> Item:
    """Return the item of a stored document, `partial` where a finding says that text is missing.

    An unchanged one stays that, with what its text lacks.
    """
    missing = next((finding for finding in findings if finding.code not in HARMLESS), None)
    if missing is None:
        return Item(uri, outcome, document_id=document_id, findings=findings)
    pages = tuple(sorted({page for finding in findings for page in finding.pages}))
    told: Outcome = "unchanged" if outcome == "unchanged" else "partial"
    return Item(uri, told, missing.code, missing.message, pages, document_id, findings)


def natural(uri: str) -> str:
    """Return the key that sorts uris as people do: `line 9` before `line 10`."""
    return _DIGITS.sub(_with_length, uri)


def _with_length(number: re.Match[str]) -> str:
    """Put a number's length before it: of two numbers the longer is larger."""
    digits = number[0].lstrip("0")
    return f"0{chr(len(digits))}{number[0]}"


def page_ranges(pages: Iterable[int]) -> str:
    """Return page numbers as a reader writes them: `3, 7-9`."""
    return ", ".join(
        str(first) if first == last else f"{first}-{last}" for first, last in _runs(pages)
    )


def _runs(pages: Iterable[int]) -> Iterator[tuple[int, int]]:
    ordered = sorted(set(pages))
    start = 0
    for index, page in enumerate(ordered):
        if index + 1 == len(ordered) or ordered[index + 1] != page + 1:
            yield ordered[start], page
            start = index + 1


def text_lines(report: Report, *, strict: bool = False, profile: bool = False) -> Iterator[str]:
    """Give the report as lines of text: counts, then what is wrong, then notes.

    With `strict` the documents that are partial since an earlier run are named too, with `profile`
    where the time went.
    """
    if report.dry_run:
        yield "Dry run: nothing was changed; this is what would happen."
        yield (
            "Contents were not read: files were judged by their size and first bytes, so damage, a "
            "password or missing text is not foreseen."
        )
    yield from _counted(report)
    if profile:
        yield from profile_lines(report.seconds, report.parts, report.encoded)
    for outcome in ("partial", "failed"):
        found = [item for item in report.items if item.outcome == outcome]
        yield from _wrong(outcome.capitalize(), found)
    partial = report.still_partial()
    if strict:
        yield from _wrong("Unchanged, and partial as before", partial)
    elif partial:
        yield f"Of the unchanged documents {len(partial)} are partial; --strict names them."
    yield from _findings(report)
    for note in report.notes:
        yield f"Note: {shown(note.message)}"
    if report.stopped is not None:
        yield f"Stopped: {shown(report.stopped)}"


def _counted(report: Report) -> Iterator[str]:
    counts = report.counts()
    for outcome in OUTCOMES:
        if counts[outcome]:
            yield f"  {outcome:<10}{counts[outcome]:>8}"
    if not report.items:
        yield "  no documents"
    stored = "" if report.dry_run else f"{report.chunks} chunks stored, "
    yield f"Collection {report.collection!r}: {stored}{report.seconds:.1f} s."


def _wrong(heading: str, items: Sequence[Item]) -> Iterator[str]:
    if items:
        yield f"\n{heading}:"
    for item in items[:_MOST_SHOWN]:
        yield f"  {shown(item.uri)} ({item.code}{_on_pages(item.pages)})"
        yield f"      {shown(item.message or '')}"
    if len(items) > _MOST_SHOWN:
        yield f"  … and {len(items) - _MOST_SHOWN} more; --json lists all"


def _on_pages(pages: Sequence[int]) -> str:
    return f", page{'s' * (len(pages) > 1)} {page_ranges(pages)}" if pages else ""


def _findings(report: Report) -> Iterator[str]:
    told = [item for item in report.items if item.outcome in {"added", "updated"} and item.findings]
    if told:
        yield "\nStored, but worth knowing:"
    for item in told:
        for finding in item.findings:
            where = f"{finding.code}{_on_pages(finding.pages)}"
            yield f"  {shown(item.uri)} ({where}): {shown(finding.message)}"
