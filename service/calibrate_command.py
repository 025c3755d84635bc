"""What `afterword calibrate` does: ask, choose a threshold, show how sure it is, set it."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from indexes.errors import UsageError
from indexes.settings import TOML_FILE, Settings, load_settings, variable
from service.answer import build_answerer
from service.calibrate import Level, Scored, Scores, Sureness, score_lines
from service.eval_command import FEW, progress
from service.evaluate import Failed, Line, read_lines
from service.settings_file import shown, write_values


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked of `afterword calibrate`."""

    questions: Path
    collection: str
    target: float | None
    as_json: bool
    write: bool


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What was found; `chosen` and `sureness` are None where no threshold reaches the target."""

    target: float | None
    present: float
    positives: int
    negatives: int
    left_out: int
    chosen: Level | None
    sureness: Sureness | None
    best: Level
    levels: Sequence[Level]


def run_calibration(settings: Settings, wanted: Wanted) -> int:
    """Calibrate and show what was found; return the exit status."""
    lines = read_lines(wanted.questions)
    found = _asked(settings, lines, wanted.collection)
    failed = [one for one in found if isinstance(one, Failed)]
    scored = [one for several in found if not isinstance(several, Failed) for one in several]
    for one in failed:
        sys.stderr.write(f"{one.id}: {one.message}\n")
    result = calibrated(scored, len(lines), wanted.target)
    _show(result, as_json=wanted.as_json)
    sys.stderr.writelines(f"{warning}\n" for warning in warnings(result))
    if result.chosen is None:
        return 1
    if wanted.write:
        _write(result.chosen.threshold, settings.reader)
    return 1 if failed else 0


def _asked(
    settings: Settings, lines: Sequence[Line], collection: str
) -> list[list[Scored] | Failed]:
    with closing(build_answerer(settings)) as answerer, progress() as bar:
        answerer.collection(collection)
        asking = score_lines(lines, answerer, collection)
        return list(bar.track(asking, len(lines), description="questions"))


def calibrated(scored: Sequence[Scored], lines: int, target: float | None) -> Calibrated:
    """Choose a threshold. Raises UsageError where one kind of question is missing."""
    positives = sum(one.answerable for one in scored)
    if not positives:
        raise UsageError("no line is answerable; give lines with answers or relevant documents")
    if positives == len(scored):
        raise UsageError(
            "nothing is known that must not be answered; give lines with answerable false, or "
            "relevant documents, which are then left out"
        )
    scores = Scores(scored, lines)
    chosen = scores.chosen(target)
    present = scored[0].threshold
    levels = {one.threshold: one for one in scores.spread()}
    levels |= {one.threshold: one for one in (chosen, scores.at(present)) if one}
    return Calibrated(
        target=target,
        present=present,
        positives=positives,
        negatives=len(scored) - positives,
        left_out=sum(one.left_out for one in scored),
        chosen=chosen,
        sureness=scores.sureness(target) if chosen else None,
        best=scores.most_precise(),
        levels=[levels[threshold] for threshold in sorted(levels)],
    )


# --- what is shown -------------------------------------------------------------------------------


def _show(result: Calibrated, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(as_object(result)) + "\n")
        return
    console = Console()
    console.print(
        f"{result.positives} answerable questions, {result.negatives} without an answer, of which "
        f"{result.left_out} are answerable ones without their own documents.",
        highlight=False,
    )
    console.print(_table(result), highlight=False)
    for line in _told(result):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _table(result: Calibrated) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("threshold", "precision", "recall", "coverage"):
        table.add_column(column, justify="right")
    table.add_column("")
    chosen = result.chosen.threshold if result.chosen else None
    for one in result.levels:
        notes = ["chosen"] * (one.threshold == chosen) + ["now"] * (one.threshold == result.present)
        shares = (f"{share:.3f}" for share in (one.precision, one.recall, one.coverage))
        table.add_row(f"{one.threshold:g}", *shares, ", ".join(notes))
    return table


def _told(result: Calibrated) -> Iterator[str]:
    if result.chosen is None or result.sureness is None:
        yield (
            f"No threshold reaches a precision of {result.target:g}; the best is "
            f"{result.best.precision:.3f}, from {result.best.threshold:g} on."
        )
        return
    why = "the best F1 of answering"
    if result.target is not None:
        why = f"the least threshold with a precision of {result.target:g}"
    yield (
        f"Chosen: {why}. 95% intervals, each threshold chosen by questions drawn anew and judged "
        "on the others:"
    )
    for name, (low, high) in asdict(result.sureness).items():
        known = "not known" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
        yield f"  {name:<10} {known}"
    yield (
        "Precision is the share of answered questions that the documents do answer; whether the "
        "answers are right, `afterword eval` tells (em, f1)."
    )
    yield ""
    yield f"AFTERWORD_THRESHOLD={result.chosen.threshold:g}"


def warnings(result: Calibrated) -> list[str]:
    """Return what a person should know before trusting the result."""
    kinds = {"answerable questions": result.positives, "without an answer": result.negatives}
    few = [f"{count} {name}" for name, count in kinds.items() if count < FEW]
    if not few:
        return []
    return [f"Only {' and '.join(few)}: {FEW} of each kind are the least to rely on."]


def as_object(result: Calibrated) -> dict[str, object]:
    """Return the result as JSON's own types, shares rounded to four digits."""
    chosen: Mapping[str, float | None] = (
        _rounded(result.chosen)
        if result.chosen
        else dict.fromkeys(("threshold", "precision", "recall", "coverage", "f1"))
    )
    return {
        **chosen,
        "interval": {
            name: None if math.isnan(low) else [round(low, 4), round(high, 4)]
            for name, (low, high) in asdict(result.sureness).items()
        }
        if result.sureness
        else None,
        "target_precision": result.target,
        "best_precision": _rounded(result.best),
        "present": result.present,
        "positives": result.positives,
        "negatives": result.negatives,
        "left_out": result.left_out,
        "levels": [_rounded(one) for one in result.levels],
        "warnings": warnings(result),
    }


def _rounded(level: Level) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(level).items()}


def _write(threshold: float, reader: str) -> None:
    """Set the threshold together with the reader whose scores it is for."""
    values: dict[str, float | str] = {"threshold": threshold, "reader": reader}
    write_values(Path(TOML_FILE), values)
    sys.stderr.write(f"{TOML_FILE} says {shown(values)}, since each reader has its own scores\n")
    in_force = load_settings().model_dump(include=set(values))
    for name, value in in_force.items():
        if value != values[name]:
            sys.stderr.write(
                f"{variable(name)}={value} of the environment or .env is stronger; remove it\n"
            )
