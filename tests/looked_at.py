"""Looks of the doctor at made-up surroundings, without trials in children unless they are given."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from indexes.settings import find_settings
from service.doctor.children import Ended
from service.doctor.findings import Finding, Subject

State = dict[str, tuple[int, str]]


def subject_of(
    data: Path,
    environ: Mapping[str, str] | None = None,
    *,
    folder: Path | None = None,
    trials: Mapping[str, Ended] | None = None,
    collection: str | None = None,
    full: bool = False,
) -> Subject:
    """Return what a look is given, for this data folder and these settings."""
    given = {"AFTERWORD_DATA": str(data), "AFTERWORD_PORT": "0", **(environ or {})}
    place = folder or data.parent
    return Subject(place, find_settings(given, place), dict(trials or {}), collection, full)


def looked(look: Callable[[Subject], Iterable[Finding]], subject: Subject) -> dict[str, Finding]:
    """Return what one look finds, by name."""
    return {finding.name: finding for finding in look(subject)}


def levels(found: Mapping[str, Finding]) -> dict[str, str]:
    """Return the level of each finding."""
    return {name: finding.level for name, finding in found.items()}


def files(folder: Path) -> State:
    """Return the time and the content of every file below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
