"""The pages of the documentation as a person follows them: one terminal, from the top to the end.

A fenced block is run by its language, in the page's own empty folder:

- `bash`: must succeed, all of it. A `text` block right behind it is what it prints.
- `console`: commands behind `$ ` (going on behind `> `), each with what it prints below it.
- `python`, `javascript`: run as a program. A `text` block right behind it is what it prints.
- `json`, `toml`, `yaml`, `ini`: must be that; `toml` must be settings that are allowed.
- `nginx`: tests/test_proxy.py runs a real nginx with it.

What is printed is compared line by line. May differ: where a time, a job's or a trace's id or a
moment stands in both (`VARIES`), and a number with a decimal point by 0.01, since the last digits
of a score hang on the processor. Progress, which a terminal wipes out, is left out (`PROGRESS`),
the home folder is `/home/you`, and the service's port is 8000.

A block whose first line is `# not run by the tests: REASON` is looked at, but not run.
"""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import yaml

from indexes.settings import load_settings

ROOT: Final = Path(__file__).parent.parent
PORT: Final = "8000"
HOME: Final = "/home/you"
NOT_RUN: Final = "# not run by the tests: "
VARIES: Final = (
    (re.compile(r'"(job_id|trace_id)": ?"[0-9a-f]{16}"'), r"\1 some id"),
    (re.compile(r'"(created|started|finished)": ?"[0-9TZ:.+-]+"'), r"\1 some moment"),
    (
        re.compile(r'"(rewrite|encode|retrieve|attend|generate|total|seconds)": ?[0-9.]+(e-\d+)?'),
        r"\1 some time",
    ),
    (re.compile(r"\b[0-9]+\.[0-9] s\b"), "some time"),
    (re.compile(r"(latency_ms\.p(?:50|95) +)[0-9.]+"), r"\1 some time"),
)
PROGRESS: Final = re.compile(r"\d+/\d+ files read, .*|documents .*%.*")
_NUMBER: Final = re.compile(r"(?<![\w.])(\d+\.\d+)(?![\w.])")
_NEAR: Final = 0.0101
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS: Final = 240
_PROBLEMS: Final = ('{"type":"/docs#problem', '{"error":')
# As people type it, but that it shows no progress, ends its output with a line, and waits for a
# minute at most.
_PREAMBLE: Final = """\
set -e
curl() { command curl -sS --max-time 60 "$@" && echo; }
"""


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: where it begins, why it is not run, whether it is right behind another."""

    language: str
    text: str
    line: int
    reason: str | None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, and what it must print, if that is shown."""

    line: int
    command: str
    shown: str | None


def pages() -> list[Path]:
    """Return the pages of the documentation; decisions and generated pages have nothing to run."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(path for path in docs if path.parent.name != "decisions")]


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        first = match[2].split("\n", 1)[0]
        reason = first.removeprefix(NOT_RUN) if first.startswith(NOT_RUN) else None
        line = text.count("\n", 0, match.start()) + 1
        follows = bool(found) and not text[end : match.start()].strip()
        found.append(Block(match[1], match[2], line, reason, follows))
        end = match.end()
    return found


def steps(page: Path, notes: Path) -> Iterator[Step]:
    """Yield what a page says to do; programs are written into the folder `notes`."""
    found = [block for block in blocks(page) if block.reason is None]
    for block, after in pairwise([*found, Block("", "", 0, None)]):
        shown = after.text if after.language == "text" and after.follows else None
        match block.language:
            case "console":
                yield from commands(block)
            case "bash":
                yield Step(block.line, block.text, shown)
            case "python" | "javascript":
                program = notes / f"{block.line}.{'py' if block.language == 'python' else 'mjs'}"
                program.write_text(_local(block.text), encoding="utf-8")
                runner = "python3" if block.language == "python" else "node"
                yield Step(block.line, f"{runner} {shlex.quote(str(program))}\n", shown)


def commands(block: Block) -> Iterator[Step]:
    """Yield the commands of a `console` block, each with what it prints."""
    command, shown, line = "", "", block.line
    for number, text in enumerate(block.text.splitlines(), block.line + 1):
        if text.startswith("$ "):
            if command:
                yield Step(line, command, shown)
            command, shown, line = f"{text[2:]}\n", "", number
        elif text.startswith("> ") or text == ">":
            command += f"{text[2:]}\n"
        else:
            shown += f"{text}\n"
    assert command, f"line {block.line}: a console block begins with `$ `"
    yield Step(line, command, shown)


def _local(text: str) -> str:
    """Put the service of the page in the place of the usual one."""
    return text.replace(f"127.0.0.1:{PORT}", "127.0.0.1:@PORT@")


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def follow(page: Path, folder: Path, notes: Path, environ: Mapping[str, str]) -> list[str]:
    """Follow a page in `folder`, which is its terminal's; return what each step printed.

    `notes` is a folder for what is not the page's: programs, and what was printed. Raises
    AssertionError that names the line of the page.
    """
    todo = list(steps(page, notes))
    port = str(free_port())
    for program in notes.iterdir():
        program.write_text(program.read_text("utf-8").replace("@PORT@", port), encoding="utf-8")
    lines = [_PREAMBLE]
    for number, step in enumerate(todo):
        command = _local(step.command).replace("@PORT@", port)
        syntax_holds(command, f"{page.name}, line {step.line}")
        out = f'> "$NOTES/{number}.out" 2>&1 < /dev/null'
        lines += [f"{{\n{command}}} {out}", f'touch "$NOTES/{number}.done"']
    script = notes / "page.sh"
    script.write_text("\n".join(lines), encoding="utf-8")
    ours = {"NOTES": str(notes), "AFTERWORD_PORT": port}
    _run(script, folder, {**environ, **ours})
    usual = {port: PORT, environ["HOME"]: HOME}
    return [
        _checked(step, f"{page.name}, line {step.line}", notes / str(number), usual)
        for number, step in enumerate(todo)
    ]


def _run(script: Path, folder: Path, environ: Mapping[str, str]) -> None:
    """Run a page, and stop what it leaves running."""
    shell = subprocess.Popen(
        ["bash", str(script)],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        shell.wait(_SECONDS)
    finally:
        with suppress(ProcessLookupError):  # nothing was left running
            os.killpg(shell.pid, signal.SIGTERM)
        shell.wait()


def _checked(step: Step, where: str, printed: Path, usual: Mapping[str, str]) -> str:
    told = _told(printed.with_suffix(".out"))
    assert printed.with_suffix(".done").exists(), f"{where} failed:\n{step.command}\n{told}"
    for ours, theirs in usual.items():
        told = told.replace(ours, theirs)
    problem = step.shown is None and any(one.startswith(_PROBLEMS) for one in told.splitlines())
    assert not problem, f"{where}: {told}"
    if step.shown is not None:
        difference = unlike(step.shown, told)
        assert difference is None, f"{where}:\n{step.command}{difference}\nit printed\n{told}"
    return told


def _told(path: Path) -> str:
    """Return what was printed, without progress and white space at the ends of lines."""
    if not path.exists():
        return ""
    lines = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    return "".join(f"{line}\n" for line in lines if not PROGRESS.fullmatch(line))


def unlike(shown: str, told: str) -> str | None:
    """Return the first difference between what a page shows and what was printed, if any."""
    ours, theirs = shown.strip().splitlines(), told.strip().splitlines()
    for one, other in zip(ours, theirs, strict=False):
        if not same(one.rstrip(), other.rstrip()):
            return f"the page shows  {one}\nprinted was     {other}"
    if len(ours) != len(theirs):
        return f"the page shows {len(ours)} lines, printed were {len(theirs)}"
    return None


def same(one: str, other: str) -> bool:
    """Tell whether two lines are the same, but for what may vary."""
    for pattern, mark in VARIES:
        one, other = pattern.sub(mark, one), pattern.sub(mark, other)
    ours, theirs = _NUMBER.split(one), _NUMBER.split(other)
    if ours[::2] != theirs[::2]:
        return False
    pairs = zip(ours[1::2], theirs[1::2], strict=True)
    return all(abs(float(mine) - float(its)) <= _NEAR for mine, its in pairs)


def syntax_holds(command: str, where: str) -> None:
    """Assert that bash can read a command."""
    done = subprocess.run(
        ["bash", "-n"], input=command, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{where}: {done.stderr}"


def data_holds(block: Block, folder: Path) -> None:
    """Assert that a block of data is what it says to be."""
    match block.language:
        case "json":
            for value in _values(block.text):
                json.loads(value)
        case "toml":
            tomllib.loads(block.text)
            (folder / "afterword.toml").write_text(block.text, encoding="utf-8")
            load_settings({}, folder)
        case "yaml":
            yaml.safe_load(block.text)


def _values(text: str) -> Sequence[str]:
    """Return the JSON values of a block: one, or one a line."""
    lines = text.splitlines()
    one_a_line = len(lines) > 1 and all(
        line.startswith("{") and line.endswith("}") for line in lines
    )
    return lines if one_a_line else [text]


def shim(folder: Path, name: str, *words: str) -> None:
    """Make a program of that name that runs these words with its own arguments behind them."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def terminal(folder: Path, base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a person who has `afterword` on the PATH and set nothing."""
    programs = folder / "bin"
    programs.mkdir()
    shim(programs, "afterword", sys.executable, "-P", "-m", "afterword")
    shim(programs, "python3", sys.executable, "-P")
    kept = {key: value for key, value in base.items() if not key.startswith("AFTERWORD_")}
    return {
        **kept,
        "PATH": f"{programs}:{base['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "COLUMNS": "80",
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
        "HOME": str(folder),
    }


def missing(page: Path, find: Callable[[str], str | None] = shutil.which) -> dict[str, str]:
    """Return the programs that a page needs and that are not installed, with their packages."""
    languages = {block.language for block in blocks(page) if block.reason is None}
    text = page.read_text(encoding="utf-8")
    needed = {"curl": "curl"} if re.search(r"\bcurl\b", text) else {}
    needed |= {"node": "nodejs"} if "javascript" in languages else {}
    return {program: package for program, package in needed.items() if find(program) is None}
