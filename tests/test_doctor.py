"""`afterword doctor` as a whole: what it says, how it ends, what it leaves alone."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import afterword
from bundled_documents import birds, make_collection
from guard_no_connections import SEEN
from indexes.collection import open_collection
from looked_at import files
from service.doctor import command
from service.doctor.command import CHECKS, Check, Told, diagnose, report, summed_up
from service.doctor.findings import LEVELS, Finding, Subject

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "how-to" / "doctor.md").read_text(encoding="utf-8")
# What may be noted on a machine where tests run, and is not Afterword's to mend.
MACHINES_OWN = {
    "afterword", "packages of packages", "hub models", "torch", "text recognition", "processor",
    "cores", "file system", "space", "temporary files", "memory", "reading",
}  # fmt: skip


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one collection that is well."""
    data = tmp_path_factory.mktemp("healthy") / "data"
    make_collection(data, "birds", birds())
    opened = open_collection(data, "birds")
    with opened.write() as writer:
        writer.merge_views(force=True)
    opened.close()
    return data


def doctor(
    data: Path,
    *arguments: str,
    way: tuple[str, ...] = ("afterword", "doctor"),
    folder: Path | None = None,
    **environ: str,
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process and a folder of its own."""
    folder = folder or data.parent
    return subprocess.run(
        [sys.executable, "-P", "-m", *way, *arguments],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "AFTERWORD_DATA": str(data),
            "AFTERWORD_PORT": "0",
            **environ,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return the findings of a run with --json, by name."""
    return {one["name"]: one for one in json.loads(done.stdout)["findings"]}


@pytest.mark.parametrize("options", [[], ["--full"]])
def test_a_healthy_installation(healthy: Path, options: list[str]) -> None:
    """Nothing but what is the machine's own is noted, and no file of the data folder changes."""
    before = files(healthy)
    done = doctor(healthy, "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(healthy) == before
    assert sorted(path.name for path in healthy.iterdir()) == ["birds"]
    found = json.loads(done.stdout)
    assert found["version"]
    assert {one["area"] for one in found["findings"]} == {check.area for check in CHECKS}
    for one in found["findings"]:
        assert set(one) - {"facts"} == {"area", "name", "level", "message", "do"}
        assert one["level"] == "ok" or one["name"] in MACHINES_OWN, one
        assert one["do"] or one["level"] != "problem"
    counted = [one["level"] for one in found["findings"]]
    assert found["summary"] == {level: counted.count(level) for level in LEVELS}


def test_lines_for_people(healthy: Path) -> None:
    """Plain in a pipe, by area, each finding in one line however long, with a last line."""
    done = doctor(healthy, COLUMNS="40")
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    areas = [line for line in lines if re.fullmatch(r"[a-z]+", line)]
    assert areas == list(dict.fromkeys(check.area for check in CHECKS))
    for line in lines[:-1]:
        assert re.fullmatch(r"|[a-z]+|  (ok|note|warning|problem) +\S.*: .+|           -> .+", line)
    assert re.fullmatch(r".*\d+ fine.*\.", lines[-1])
    assert f"  ok       folder: {healthy} can be written" in lines


def test_a_data_folder_that_is_not_there(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    done = doctor(tmp_path / "none" / "data", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert told(done)["folder"]["level"] == "note"
    assert list(tmp_path.iterdir()) == []


def test_what_is_broken_is_told_beside_what_is_not(healthy: Path, tmp_path: Path) -> None:
    """A damaged catalog, wrong settings and a taken name, all at once, and exit status 1."""
    data = tmp_path / "data"
    shutil.copytree(healthy, data)
    shutil.copytree(healthy / "birds", data / "copy")
    (data / "copy" / "catalog.db").write_bytes(b"no catalog")
    done = doctor(data, "--json", AFTERWORD_THREADS="many", AFTERWORD_HOST="0.0.0.0")
    assert (done.returncode, done.stderr) == (1, "")
    found = told(done)
    assert "AFTERWORD_THREADS" in found["mistake"]["message"]
    assert found["exposure"]["level"] == "problem"
    assert found["copy: catalog"]["level"] == "problem"
    assert found["birds: catalog"]["level"] == "ok"
    assert found["birds: encoder"]["level"] == "ok"


def test_one_collection_and_wrong_use(healthy: Path) -> None:
    """A name that is not there is a problem, one that could not be is wrong use."""
    assert "birds: catalog" in told(doctor(healthy, "--json", "--collection", "birds"))
    missing = doctor(healthy, "--json", "--collection", "fish")
    assert (missing.returncode, told(missing)["fish"]["level"]) == (1, "problem")
    wrong = doctor(healthy, "--collection", "../birds")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "collection name" in wrong.stderr
    assert doctor(healthy, "--no-such-option").returncode == 2


def test_no_connection_is_opened_and_nothing_written_elsewhere(
    healthy: Path, tmp_path: Path
) -> None:
    """Not by the looks and not by their children, with models of the hub and a strange host."""
    allowed = tmp_path / "allowed"
    shutil.copytree(healthy, allowed / "data")
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "tests" / "guard_no_connections.py"), str(allowed),
            "--", "-m", "afterword", "doctor", "--json",
        ],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(tmp_path / "home"),
            "AFTERWORD_DATA": str(allowed / "data"),
            "AFTERWORD_ENCODER": "someone/model",
            "AFTERWORD_READER": "someone/other",
            "AFTERWORD_HOST": "elsewhere.example",
            "AFTERWORD_API_KEY": "a-long-secret-of-ours",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode != SEEN, done.stderr
    found = told(done)
    assert found["encoder"]["level"] == found["reader"]["level"] == "warning"
    assert found["host"]["level"] == "warning"
    assert found["locks"]["level"] == "ok"
    assert "a-long-secret" not in done.stdout


MISSING = {
    "pydantic": ("settings", "not looked at"),
    "rich": ("rich", "is not installed"),
    "faiss": ("faiss", "no faiss"),
    "tantivy": ("tantivy", "no tantivy"),
    "numpy": ("numpy", "no numpy"),
    "huggingface_hub": ("hub", "huggingface_hub is not installed"),
    "packaging": ("packages", "packaging is not installed"),
}


@pytest.mark.parametrize("name", MISSING)
def test_an_installation_that_lacks_a_package(healthy: Path, tmp_path: Path, name: str) -> None:
    """Whatever is missing, the rest is looked at, in children too, and there is no traceback."""
    (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name}', name={name!r})\n")
    path = f"{tmp_path}{os.pathsep}{ROOT}"
    way = ("service.doctor",)
    if name == "rich":  # the package is there, as its metadata say, and yet cannot be imported
        done = doctor(healthy, way=way, PYTHONPATH=path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "\n  ok       birds: catalog: " in done.stdout
        return
    done = doctor(healthy, "--json", way=way, PYTHONPATH=path)
    assert (done.returncode, done.stderr) == (1, "")
    found = told(done)
    problem, said = MISSING[name]
    assert found["python"]["level"] == "ok"
    assert found[problem]["level"] == "problem"
    assert said in found[problem]["message"]


def test_a_library_that_ends_the_process(healthy: Path, tmp_path: Path) -> None:
    """An illegal instruction in faiss is a finding, and no look here loads faiss then."""
    (tmp_path / "faiss.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    done = doctor(healthy, "--json", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == 1
    found = told(done)
    assert "SIGILL" in found["faiss"]["message"]
    assert "another type of machine" in found["faiss"]["do"]
    assert found["collections"]["message"] == "not looked at: faiss does not load"
    assert found["bundled reader"]["level"] == "ok"


def test_a_look_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had found before is kept, and the others are made."""

    def fails(_: Subject) -> list[Finding]:
        raise ZeroDivisionError("by accident")

    def refused(_: Subject) -> list[Finding]:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/a/folder")

    def works(_: Subject) -> list[Finding]:
        return [Finding("b", "ok", "well")]

    monkeypatch.setattr(command, "run_trials", dict)
    checks = [Check("x", "a", fails), Check("x", "c", refused), Check("y", "b", works)]
    found = diagnose(checks=checks, environ={})
    assert [(one.area, one.finding.name, one.finding.level) for one in found] == [
        ("x", "a", "problem"),
        ("x", "c", "problem"),
        ("y", "b", "ok"),
    ]
    assert found[1].finding.message == "cannot be looked at: /a/folder: Permission denied"
    assert "ZeroDivisionError: by accident" in found[0].finding.message


@pytest.mark.parametrize(
    ("levels", "line"),
    [
        (["ok", "ok"], "All is well: 2 fine."),
        (["ok", "note"], "1 note, 1 fine: nothing that must be mended."),
        (
            ["problem", "problem", "warning", "ok"],
            "2 problems, 1 warning, 1 fine: mend the problems first.",
        ),
    ],
)
def test_the_last_line(levels: list[Any], line: str) -> None:
    """It counts what is not well, and says where to begin."""
    assert summed_up([Told("x", Finding("a", level, "m")) for level in levels]) == line


def test_names_that_a_terminal_would_obey(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Controls and turned directions are shown, and brackets are no markup."""
    finding = Finding("a", "problem", "[red]\x1b[2Jname\u202e\nnext", "[b]do[/b]")
    monkeypatch.setattr(command, "diagnose", lambda *_, **__: [Told("x", finding)])
    monkeypatch.setattr(sys, "argv", ["afterword", "doctor"])
    with pytest.raises(SystemExit) as end:
        afterword.main()
    out = capsys.readouterr().out
    assert end.value.code == 1
    assert "[red]\\x1b[2Jname\\u202e\\nnext" in out
    assert "[b]do[/b]" in out


def test_the_page_shows_what_is_printed() -> None:
    """The example has the printed form, the object has the keys, and every area is told of."""
    example = PAGE.split("```text\n")[1].split("```")[0]
    shape = r"|[a-z]+|  (ok|note|warning|problem) +\S.*: .+|           -> .+|.*\d+ fine.*\."
    for line in example.splitlines():
        assert re.fullmatch(shape, line), line
    shown = re.findall(r"^  (ok|note|warning|problem)\b", example, re.MULTILINE)
    findings = [Told("x", Finding("a", level, "m")) for level in shown]
    assert example.splitlines()[-1] == summed_up(findings)
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.split("## What it looks at")[1], re.MULTILINE)
    assert listed == list(dict.fromkeys(check.area for check in CHECKS))
    shown_object = json.loads(PAGE.split("```json\n")[1].split("```")[0])
    made: dict[str, Any] = report(
        [Told("memory", Finding("reading", "ok", "m", facts={"processes": 2}))]
    )
    assert shown_object.keys() == made.keys()
    assert shown_object["findings"][0].keys() == made["findings"][0].keys()
    assert shown_object["summary"] == made["summary"]
