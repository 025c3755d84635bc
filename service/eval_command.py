"""What `afterword eval` does: ask, show the figures, compare, and fail where they are too low."""

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich import box
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from indexes.errors import UsageError
from indexes.settings import Settings
from service.answer import Answerer, build_answerer
from service.bootstrap import RESAMPLES
from service.compare import (
    Difference,
    Manner,
    ask_both,
    better_when,
    changed,
    differences,
    verdict,
)
from service.evaluate import (
    EvaluationRun,
    Failed,
    Line,
    Outcome,
    evaluate,
    read_lines,
    stage_named,
    unknown,
)
from service.figures import flattened, summarise

FEW: Final = 20
_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked of `afterword eval`; `compare` and `fail_under` are KEY=VALUE."""

    questions: Path
    collection: str
    given: bool
    stage: str
    limit: int | None
    as_json: bool
    compare: Sequence[str] = ()
    fail_under: Sequence[str] = ()
    html: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What came back: outcomes, the same questions asked with the changes, what failed."""

    asked: EvaluationRun
    outcomes: Sequence[Outcome]
    failed: Sequence[Failed]
    changes: Mapping[str, str]
    compared: Mapping[str, Difference]


def run_evaluation(settings: Settings, wanted: Wanted) -> int:
    """Run an evaluation and show its figures; return the exit status."""
    manner = Manner(
        settings, EvaluationRun(wanted.collection, wanted.given, stage_named(wanted.stage))
    )
    changes = pairs("--compare", wanted.compare)
    other = changed(manner, changes)
    least = floors(wanted.fail_under)
    if wanted.html is not None:
        _check_page(wanted.html)
    lines = read_lines(wanted.questions, wanted.limit)
    if wanted.given and all(line.context_id is None for line in lines):
        raise UsageError(
            f"--given: no line of {wanted.questions} has a context_id; give each line the id of "
            "the document to read, or leave out --given"
        )
    run = _compared(lines, manner, other, changes) if changes else _asked(lines, manner)
    figures = summarise(run.outcomes, manner.asked)
    _show(run, figures, as_json=wanted.as_json)
    if wanted.html is not None:
        _write_page(wanted, run, figures)
    told = [f"{one.id}: {one.message}" for one in run.failed]
    told += too_low(flattened(figures), least, manner.asked)
    sys.stderr.writelines(f"{line}\n" for line in told)
    return 1 if told else 0


def _asked(lines: Sequence[Line], manner: Manner) -> Run:
    with closing(build_answerer(manner.settings)) as answerer, progress() as bar:
        _warn_of_unknown(lines, answerer, manner.asked.collection)
        asking = evaluate(lines, answerer, manner.asked)
        found = list(bar.track(asking, len(lines), description="questions"))
    good = [one for one in found if isinstance(one, Outcome)]
    return Run(manner.asked, good, [one for one in found if isinstance(one, Failed)], {}, {})


def _compared(
    lines: Sequence[Line], manner: Manner, other: Manner, changes: Mapping[str, str]
) -> Run:
    first, second = build_answerer(manner.settings), build_answerer(other.settings)
    with closing(first), closing(second), progress() as bar:
        for name in dict.fromkeys((manner.asked.collection, other.asked.collection)):
            _warn_of_unknown(lines, first, name)
        asking = ask_both(lines, (first, manner.asked), (second, other.asked))
        found = list(bar.track(asking, len(lines), description="questions, both ways"))
    good = [(a, b) for a, b in found if isinstance(a, Outcome) and isinstance(b, Outcome)]
    failed = {one.id: one for pair in found for one in pair if isinstance(one, Failed)}
    as_given, with_changes = [a for a, _ in good], [b for _, b in good]
    compared = differences(as_given, with_changes, manner.asked, other.asked)
    return Run(manner.asked, as_given, [*failed.values()], changes, compared)


def _warn_of_unknown(lines: Sequence[Line], answerer: Answerer, collection: str) -> None:
    """Tell where `relevant` names what is not there; such a document is never found."""
    with answerer.collection(collection).read() as reading:
        strange = [(line, found) for line in lines if (found := unknown(line, reading))]
    if strange:
        line, (entry, *_) = strange[0]
        sys.stderr.write(
            f"{len(strange)} of {len(lines)} lines name documents that are not in collection "
            f"{collection}, the first {entry!r} in line {line.id}\n"
        )


def progress() -> Progress:
    """Return a bar on a terminal's standard error, and nothing elsewhere."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


# --- what is shown -------------------------------------------------------------------------------


def _show(run: Run, figures: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(_as_json(run, figures), ensure_ascii=False) + "\n")
        return
    if not run.changes:
        sys.stdout.write("\n".join(figure_lines(figures)) + "\n")
        return
    console = Console()
    console.width = max(_WIDTH, console.width)
    settings = ", ".join(f"{key}={value}" for key, value in run.changes.items())
    console.print(f"A: as given. B: {settings}. {_confidence(len(run.outcomes))}", markup=False)
    console.print(comparison_table(run.compared))


def _confidence(questions: int) -> str:
    told = f"{questions} questions, 95% intervals from {RESAMPLES:,} paired resamples."
    return f"{told} So few questions show little." if questions < FEW else told


def _as_json(run: Run, figures: Mapping[str, object]) -> dict[str, object]:
    if not run.changes:
        return dict(figures)
    compared = {name: asdict(one) for name, one in run.compared.items()}
    return {**figures, "compare": {"settings": run.changes, "figures": compared}}


def figure_lines(figures: Mapping[str, object]) -> Iterator[str]:
    """Yield a line for each figure that there is truth for, by its name with dots."""
    for name, value in flattened(figures).items():
        if value is not None:
            yield f"  {name:<26} {value}"


def comparison_table(compared: Mapping[str, Difference]) -> Table:
    """Return a row for each figure that is known both ways."""
    table = Table("figure", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("A", "B", "B - A", "95% interval"):
        table.add_column(column, justify="right")
    table.add_column("")
    for name, one in compared.items():
        if one.difference is not None:
            interval = f"{one.low:+g} to {one.high:+g}"
            cells = (f"{one.a:g}", f"{one.b:g}", f"{one.difference:+g}", interval)
            table.add_row(name, *cells, verdict(name, one))
    return table


def _check_page(path: Path) -> None:
    """Raise UsageError where a page cannot be put there."""
    try:
        if not path.absolute().parent.is_dir():
            raise UsageError(f"--html {path}: there is no folder {path.parent}; make it")
        if path.is_dir():
            raise UsageError(
                f"--html {path} is a folder; name a file in it, such as {path / 'report.html'}"
            )
    except OSError as error:
        raise UsageError(f"--html {path} cannot be written: {error.strerror}") from error


def _write_page(wanted: Wanted, run: Run, figures: Mapping[str, object]) -> None:
    from service.report import Evaluation, page

    assert wanted.html is not None
    about = Evaluation(
        wanted.questions.name, run.asked, run.outcomes, figures, run.changes, run.compared
    )
    try:
        wanted.html.write_text(page(about), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--html {wanted.html} cannot be written: {error.strerror}") from error


# --- what must be reached ------------------------------------------------------------------------


def pairs(option: str, given: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE options as a mapping. Raises UsageError."""
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{option} {text}: write it as KEY=VALUE")
        found[key.strip()] = value.strip()
    return found


def floors(given: Sequence[str]) -> dict[str, float]:
    """Return the least value of each figure. Raises UsageError that names what is wrong."""
    known = flattened(summarise([], EvaluationRun("")))
    found = {}
    for name, text in pairs("--fail-under", given).items():
        if name not in known:
            raise UsageError(f"--fail-under {name}: no such figure; use one of {', '.join(known)}")
        if better_when(name) < 0:
            raise UsageError(f"--fail-under {name}: less is better there, so it cannot be too low")
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not math.isfinite(found[name]):
            raise UsageError(f"--fail-under {name}={text}: it must be a number")
    return found


def too_low(
    figures: Mapping[str, float | None], least: Mapping[str, float], asked: EvaluationRun
) -> list[str]:
    """Return a line for each figure that is below what is wanted, or is not known."""
    told = []
    for name, floor in least.items():
        value = figures[name]
        if value is None:
            told.append(f"{name} is not known: {_unknown(name, asked)}; {floor:g} is wanted")
        elif value < floor:
            told.append(f"{name} is {value:g}, below {floor:g}")
    return told


def _unknown(name: str, asked: EvaluationRun) -> str:
    group = name.partition(".")[0]
    if group in {"hit", "mrr", "ndcg", "lost"} and asked.given:
        return "--given ranks nothing"
    if group not in {"hit", "mrr", "ndcg"} and not asked.reading:
        return f"--stage {asked.stage} answers nothing"
    if name in {"answering.auroc", "answering.precision_at_80"}:
        return "answerable lines and lines with answerable false are both needed"
    if name == "answering.precision":
        return "no line that says whether it is answerable was answered"
    return {
        "answering": "no line says whether it is answerable",
        "citation_precision": "no line that names what is relevant was answered",
        "em": "no answerable line has answers",
        "f1": "no answerable line has answers",
        "em_forced": "no answerable line has answers",
        "f1_forced": "no answerable line has answers",
    }.get(group, "no line names what is relevant")
