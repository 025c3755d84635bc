"""`afterword doctor`: the table of what is looked at, in its order, and how it is told."""

import json
import os
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from service.doctor import (
    address,
    catalogs,
    data,
    installation,
    memory,
    models,
    processor,
    settings,
    uploads,
)
from service.doctor.children import run_trials
from service.doctor.findings import LEVELS, Finding, Level, Subject, Unlooked, many
from service.doctor.packages import asked

if TYPE_CHECKING:
    from indexes.settings import Found

Look = Callable[[Subject], Iterable[Finding]]

_LOG_LEVEL: Final = "AFTERWORD_LOG_LEVEL"
_COMPILED: Final = ("numpy", "faiss", "tantivy")
_STYLES: Final[Mapping[Level, str]] = {
    "ok": "green",
    "note": "cyan",
    "warning": "yellow",
    "problem": "bold red",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One look: its area, its name, and the trials without which it would end the process."""

    area: str
    name: str
    look: Look
    needs: tuple[str, ...] = ()


CHECKS: Final = (
    Check("installation", "versions", installation.version),
    Check("installation", "packages", installation.needed),
    Check("installation", "compiled libraries", installation.compiled),
    Check("installation", "hub models", installation.torch),
    Check("installation", "text recognition", installation.extras),
    Check("installation", "processor", processor.instructions),
    Check("installation", "cores", processor.cores),
    Check("installation", "characters", installation.characters),
    Check("settings", "mistakes", settings.mistakes),
    Check("settings", "given", settings.given),
    Check("settings", "exposure", settings.exposure),
    Check("settings", "secrets", settings.secrets),
    Check("settings", "passwords", settings.password_file),
    Check("settings", "prompts", settings.prompts, ("numpy",)),
    Check("models", "bundled encoder", models.bundled_encoder, ("numpy",)),
    Check("models", "bundled reader", models.bundled_reader, ("numpy", "tantivy")),
    Check("models", "bundled entailment", models.bundled_entailment, ("numpy", "tantivy")),
    Check("models", "encoder", models.named_encoder),
    Check("models", "reader", models.named_reader, ("numpy",)),
    Check("models", "language model", models.language_model),
    Check("models", "hub", models.hub),
    Check("data", "folder", data.folder),
    Check("data", "file system", data.file_system),
    Check("data", "locks", data.locks),
    Check("data", "space", data.space),
    Check("data", "temporary files", data.temporary),
    Check("data", "sizes", data.sizes),
    Check("collections", "collections", catalogs.collections, _COMPILED),
    Check("collections", "leftovers", catalogs.leftovers),
    Check("uploads", "queue", uploads.queue, ("numpy",)),
    Check("memory", "memory", memory.memory),
    Check("ports", "port", address.address),
)


@dataclass(frozen=True, slots=True)
class Told:
    """A finding with the area that it belongs to."""

    area: str
    finding: Finding


def run(collection: str | None, *, full: bool, as_json: bool, folder: Path = Path()) -> int:
    """Look at everything, tell it, and return the exit status: 1 where there is a problem.

    Raises BadName where a collection could have no such name.
    """
    if collection is not None:
        _check_name(collection)
    found = diagnose(collection, full=full, folder=folder)
    if as_json:
        sys.stdout.write(json.dumps(report(found), ensure_ascii=False) + "\n")
    else:
        show(found)
    return int(any(told.finding.level == "problem" for told in found))


def _check_name(name: str) -> None:
    try:
        from indexes.collection import check_name
    except ImportError:  # which is told as a finding
        return
    check_name(name)


def diagnose(
    collection: str | None = None,
    *,
    full: bool = False,
    folder: Path = Path(),
    environ: Mapping[str, str] | None = None,
    checks: Sequence[Check] = CHECKS,
) -> list[Told]:
    """Return what every look finds, in their order; one that fails is a finding itself."""
    subject = Subject(folder, _settings(environ, folder), run_trials(), collection, full)
    return [Told(check.area, finding) for check in checks for finding in _guarded(check, subject)]


def _settings(environ: Mapping[str, str] | None, folder: Path) -> "Found | ImportError":
    try:
        from indexes.settings import find_settings
    except ImportError as error:
        return error
    return find_settings(environ, folder)


def _guarded(check: Check, subject: Subject) -> Iterator[Finding]:
    """Yield what a look finds up to where it fails, and that it failed."""
    for name in check.needs:
        if subject.trials[name].fault:
            yield Finding(check.name, "note", f"not looked at: {name} does not load")
            return
    try:
        yield from check.look(subject)
    except Unlooked as error:
        yield Finding(check.name, "note", f"not looked at: {error}")
    except ModuleNotFoundError as error:
        message = f"not looked at: the module {error.name} is not installed"
        yield Finding(check.name, "problem", message, "see the packages above")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        message = f"cannot be looked at: {where}{error.strerror}"
        yield Finding(check.name, "problem", message, "let this user read what is there")
    except Exception as error:  # noqa: BLE001 # whatever is broken must not hide the rest
        if os.environ.get(_LOG_LEVEL) == "debug":
            traceback.print_exception(error)
        message = f"the look itself failed: {type(error).__name__}: {error}"
        yield Finding(check.name, "problem", message, f"{_LOG_LEVEL}=debug shows where")


def report(found: Sequence[Told]) -> dict[str, object]:
    """Return the findings as one object of JSON's kinds."""
    version = asked()
    return {
        "version": version.version if version else None,
        "findings": [_as_json(told) for told in found],
        "summary": _counts(found),
    }


def _as_json(told: Told) -> dict[str, object]:
    values = {"area": told.area, **asdict(told.finding)}
    if not values["facts"]:
        del values["facts"]
    return values


def _counts(found: Iterable[Told]) -> dict[Level, int]:
    counts = Counter(told.finding.level for told in found)
    return {level: counts[level] for level in LEVELS}


def show(found: Sequence[Told]) -> None:
    """Print the findings by area, and a line that sums up; coloured on a terminal."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:  # which the look at the packages tells
        sys.stdout.writelines(f"{word}{rest}\n" for _, word, rest in lines(found))
        return
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
    for style, word, rest in lines(found):
        console.print(Text.assemble((word, style), rest))


def lines(found: Sequence[Told]) -> Iterator[tuple[str, str, str]]:
    """Yield each line as its style, the word that has this style, and the rest."""
    area = ""
    for told in found:
        if told.area != area:
            if area:
                yield "", "", ""
            yield "bold", told.area, ""
            area = told.area
        finding = told.finding
        said = f" {_plain(finding.name)}: {_plain(finding.message)}"
        yield _STYLES[finding.level], f"  {finding.level:<8}", said
        if finding.do:
            yield "", "", f"           -> {_plain(finding.do)}"
    yield "", "", ""
    yield "bold", summed_up(found), ""


def _plain(text: str) -> str:
    """Return text of one line without what a terminal would obey: names may hold anything."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def summed_up(found: Sequence[Told]) -> str:
    """Return how many findings there are of each level, and where to begin, in one line."""
    counts = _counts(found)
    told = [many(counts[level], level) for level in LEVELS[:3] if counts[level]]
    fine = f"{counts['ok']} fine"
    if not told:
        return f"All is well: {fine}."
    begin = "mend the problems first" if counts["problem"] else "nothing that must be mended"
    return f"{', '.join(told)}, {fine}: {begin}."
