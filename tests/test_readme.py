"""The README and the pages of docs/ against the code: settings, folders, commands and options."""

import re
import subprocess
import sys
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

from indexes.settings import Settings
from service.compare import Manner, changed
from service.eval_command import floors, pairs
from service.evaluate import EvaluationRun, Line, read_lines
from service.figures import flattened, summarise
from service.reply import Reply

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
HTTP = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
MEASURE = (ROOT / "docs" / "measure.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "docs" / "reference"


def run(*words: str) -> str:
    """Run a Python module and return what it printed."""
    return subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "NO_COLOR": "1"},
    ).stdout


def test_settings_table_is_that_of_the_code() -> None:
    """The table that the code prints stands in the reference, to which the README leads."""
    assert run("indexes.settings").strip() in (REFERENCE / "settings.md").read_text("utf-8")
    assert "](docs/reference/settings.md)" in README


def test_tree_is_that_of_the_repository() -> None:
    """Each folder and module in the tree exists, and each top-level package is in the tree."""
    tree = README.split("```text\nafterword.py")[1].split("```")[0]
    named = {"afterword.py", *re.findall(r"^([\w.]+)/", tree, re.MULTILINE)}
    for name in named:
        assert (ROOT / name).exists(), name
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= named


def test_every_command_is_named() -> None:
    """Each sub-command of `afterword` is in the README, and each that is shown exists."""
    listed = re.findall(r"^│ (\w+) +", run("afterword", "--help"), re.MULTILINE)
    assert len(listed) > 5
    for name in listed:
        assert re.search(rf"`{name}`|afterword {name}\b", README), name
    for name in re.findall(r"bin/afterword (\w+)", README):
        assert name in listed


def test_options_are_those_of_the_commands() -> None:
    """The options of a command in the reference are the ones that its `--help` shows."""
    sections = (REFERENCE / "commands.md").read_text(encoding="utf-8").split("\n## `")[1:]
    told = {section.split("`")[0]: section for section in sections}
    for name in ("ingest", "ask", "eval", "serve", "documents list"):
        options = re.findall(r"^\| `(--[\w-]+)", told[f"afterword {name}"], re.MULTILINE)
        shown = re.findall(
            r"^│ \*? *(--[\w-]+)", run("afterword", *name.split(), "--help"), re.MULTILINE
        )
        assert options == [option for option in shown if option != "--help"], name


def test_what_decides_an_answer_is_explained() -> None:
    """The table of docs/http.md names fields of a reply, and none of them twice."""
    table = HTTP.split("| field of the reply | meaning |")[1].split("\n\n")[0]
    named = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    known = [field.name for field in fields(Reply)]
    assert named == [name for name in known if name in set(named)]
    assert {"status", "answer_short", "score", "threshold", "passages"} <= set(named)


def test_every_figure_is_explained() -> None:
    """The table of docs/measure.md names the figures of `eval --json`, in their order."""
    table = MEASURE.split("| figure | meaning |")[1].split("\n\n")[0]
    named = [
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in row.split(", ")
    ]
    assert named == [f"`{name}`" for name in flattened(summarise([], EvaluationRun("")))]


def test_commands_that_measure_can_be_given() -> None:
    """Each option exists, each floor is of a figure, and each change can be made."""
    text = README + MEASURE
    commands = re.findall(r"^(?:\S*/)?(afterword (?:eval|calibrate) .*)", text, re.MULTILINE)
    assert len(commands) >= 5
    shown = {name: run("afterword", name, "--help") for name in ("eval", "calibrate")}
    manner = Manner(Settings(), EvaluationRun("default"))
    for words in map(str.split, commands):
        for option, value in pairwise(words):
            assert not option.startswith("--") or option in shown[words[1]], option
            if option == "--fail-under":
                floors([value])
            if option == "--compare":
                changed(manner, pairs(option, [value]))


def test_the_questions_that_are_shown_can_be_read(tmp_path: Path) -> None:
    """And every field of a line is explained."""
    path = tmp_path / "questions.jsonl"
    path.write_text(MEASURE.split("```json\n")[1].split("```")[0], encoding="utf-8")
    assert [line.answerable for line in read_lines(path)] == [True, False]
    table = MEASURE.split("| field | meaning |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [field.name for field in fields(Line)]
