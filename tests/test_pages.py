"""Every page of the documentation is followed to the letter, each in an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ingest.pipeline
import service.answer
import test_proxy
from indexes.documents import DOCUMENT_ID
from indexes.settings import PREFIX, Settings, variable
from pages import (
    ROOT,
    blocks,
    data_holds,
    follow,
    missing,
    pages,
    same,
    syntax_holds,
    terminal,
    unlike,
)
from service.answer import MOST_CANDIDATES, MOST_PASSAGES, Question
from service.app import create_app
from service.reply import Timings
from service.schemas import MOST_METADATA
from service.state import Service

ON_CI = os.environ.get("CI") == "true"
DOCS = ROOT / "docs"
HOW = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
LANGUAGES = {
    "bash",
    "console",
    "python",
    "javascript",
    "json",
    "toml",
    "yaml",
    "ini",
    "nginx",
    "text",
}
# Commands of others, whose options are their own.
PROGRAMS = {"docker", "pip", "pipx", "podman"}
# Blocks that are not run, by page: each new one needs a reason, and a place here.
NOT_RUN = {
    "README.md": 3,
    "docs/how-to/container.md": 9,
    "docs/how-to/hub-models.md": 2,
    "docs/how-to/ingest.md": 2,
    "docs/how-to/install.md": 5,
    "docs/how-to/language-models.md": 2,
    "docs/how-to/reverse-proxy.md": 1,
    "docs/how-to/run-as-a-service.md": 3,
    "docs/operations.md": 1,
    "docs/http.md": 2,
    "docs/openai-api.md": 2,
}
SVG = "{http://www.w3.org/2000/svg}"


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(ROOT))


def prepare(page: str, folder: Path, home: Path, environ: dict[str, str]) -> None:
    """Make what a page takes as given.

    For the README a clone after `make demo`, for the installation its environment, for both a
    folder of reports, and for doctor a collection of these.
    """
    environment = {"README.md": ".venv", "docs/how-to/install.md": "afterword"}.get(page)
    if environment:
        (folder / environment).mkdir()
        (folder / environment / "bin").symlink_to(home / "bin")
    reports = home / "Documents" / "reports"
    reports.mkdir(parents=True)
    (reports / "audit.txt").write_text("The next audit is due on 3 May 2027.\n", encoding="utf-8")
    (folder / "examples").symlink_to(ROOT / "examples")
    given = {
        "README.md": ["examples/documents", "--collection", "demo"],
        "docs/how-to/doctor.md": [str(reports), "--collection", "reports"],
    }
    if page in given:
        subprocess.run(
            ["afterword", "ingest", *given[page]],
            cwd=folder,
            env=environ,
            check=True,
            capture_output=True,
        )


def prose(page: Path) -> str:
    """Return a page without its blocks."""
    text = page.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def replies(told: str) -> Iterator[dict[str, object]]:
    """Yield the replies to questions among what was printed."""
    for line in told.splitlines():
        if line.startswith('{"status":') and '"citations"' in line:
            yield json.loads(line)


LONG = {"docs/measure.md", "docs/operations.md"}
FOLLOWED = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.slow] if name_of(page) in LONG else [])
    for page in pages()
]


@pytest.mark.parametrize("page", FOLLOWED)
def test_page_can_be_followed(page: Path, tmp_path: Path) -> None:
    """Each command succeeds and prints what the page shows, and each question is answered."""
    lacking = missing(page)
    if lacking and not ON_CI:
        pytest.skip(f"not installed: {', '.join(lacking.values())}")
    for name in ("home", "work", "notes"):
        (tmp_path / name).mkdir()
    environ = terminal(tmp_path / "home", os.environ)
    prepare(name_of(page), tmp_path / "work", tmp_path / "home", environ)
    told = follow(page, tmp_path / "work", tmp_path / "notes", environ)
    for printed in told:
        for reply in replies(printed):
            assert reply["status"] in {"answered", "summarised"}, reply
            assert reply["citations"]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_blocks_are_what_they_say(page: Path, tmp_path: Path) -> None:
    """Each has a language; shell can be read, data is that, also where it is not run."""
    for block in blocks(page):
        assert block.language in LANGUAGES, f"{name_of(page)}, line {block.line}"
        if block.language == "bash":
            syntax_holds(block.text, f"{name_of(page)}, line {block.line}")
        data_holds(block, tmp_path)
        if block.language == "nginx":
            assert block.text in test_proxy.PAGE
    assert not re.search(r"^\n {4}\S", prose(page), re.MULTILINE), "indented code"


def test_blocks_that_are_not_run_are_few() -> None:
    """Their number a page is written down above, and each says why."""
    found = {name_of(page): [b.reason for b in blocks(page) if b.reason] for page in pages()}
    assert {name: len(reasons) for name, reasons in found.items() if reasons} == NOT_RUN
    for reasons in found.values():
        for reason in reasons:
            assert reason is None or re.match(r"it (needs|installs|downloads|runs)\b", reason), (
                reason
            )


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link is a file of the repository, and each anchor a heading of it."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", prose(page)):
        path = page.parent / target if target else page
        assert path.exists(), f"{name_of(page)}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{name_of(page)}: {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to all pages, and the README to it."""
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)#]+)", index))
    for page in pages():
        if page.is_relative_to(DOCS) and page != DOCS / "README.md":
            assert str(page.relative_to(DOCS)) in linked, name_of(page)
    assert "](docs/README.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_each_operation_is_shown() -> None:
    """The pages on HTTP have a command for every operation of the description."""
    told = [*blocks(DOCS / "http.md"), *blocks(DOCS / "openai-api.md")]
    shown = "\n".join(b.text for b in told if b.language == "bash")
    lines = re.split(r"\n(?=\S)", shown)
    base = "http://127.0.0.1:8000"
    for path, methods in create_app(Settings(), worker=False).openapi()["paths"].items():
        pattern = base + re.sub(r"\{\w+\}", "[A-Za-z$:-]+", path) + r"(?![\w/$-])"
        found = [command for command in lines if re.search(pattern, command)]
        assert set(map(method_of, found)) == {method.upper() for method in methods}, path
    assert "text_sha256" in (DOCS / "http.md").read_text(encoding="utf-8")


def method_of(command: str) -> str:
    """Return the method by which curl sends what a command says."""
    if " --head " in command:
        return "HEAD"
    if " -X DELETE " in command:
        return "DELETE"
    return "POST" if re.search(" -([dF]|X POST) ", command) else "GET"


def table_of_steps(heading: str) -> list[tuple[str, str]]:
    """Return the steps of a table of docs/how-it-works.md with their modules."""
    part = HOW.split(f"## {heading}")[1].split("\n## ")[0]
    return re.findall(r"^\| ([a-z ]+) \| .* \| `([\w/.]+)` \|$", part, re.MULTILINE)


def test_the_way_of_a_document_is_that_of_the_pipeline() -> None:
    """The steps are those that the pipeline names, in its order, and their modules are there."""
    steps = table_of_steps("The way of a document")
    told = (ingest.pipeline.__doc__ or "").split("document: ")[1].split(".")[0]
    assert [step for step, _ in steps] == ["plan", *" ".join(told.split()).split(" -> ")]
    for _, module in steps:
        assert (ROOT / module).is_file(), module
    imported = Path(ingest.pipeline.__file__).read_text(encoding="utf-8")
    for _, module in steps:
        name = module.removesuffix(".py").replace("/", ".")
        assert f"from {name} import" in imported, name


def test_the_way_of_a_question_is_that_of_the_answerer() -> None:
    """The steps are timed in this order, and check comes where the quotes are written."""
    steps = table_of_steps("The way of a question")
    source = Path(service.answer.__file__).read_text(encoding="utf-8")
    answering, weighing = (
        source.split(f"    def {name}(")[1].split("    def ")[0] for name in ("answer", "_weighed")
    )
    answering = answering.replace("self._weighed(", weighing)
    laps = re.findall(r'clock\.lap\("(\w+)"\)', answering)
    assert [step for step, _ in steps] == [*laps, "check"]
    assert laps == [field.name for field in fields(Timings) if field.name != "total"]
    assert [step for step, _ in steps][2:5] == ["retrieve", "attend", "generate"]
    for _, module in steps:
        assert (ROOT / module).is_file(), module


@pytest.mark.parametrize("name", ["document", "question"])
def test_diagrams_show_the_steps(name: str) -> None:
    """Each has its title and description, follows light and dark, and numbers the table's steps."""
    path = DOCS / "diagrams" / f"{name}.svg"
    root = ET.fromstring(path.read_text(encoding="utf-8"))  # noqa: S314 # our own file
    assert all(root.findtext(f"{SVG}{part}") for part in ("title", "desc"))
    assert "prefers-color-scheme: dark" in path.read_text(encoding="utf-8")
    assert "system-ui" in (root.get("font-family") or "")
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    numbered = sorted(text.split(" ", 1) for text in texts if re.match(r"\d ", text))
    assert [number for number, _ in numbered] == [str(n + 1) for n in range(len(numbered))]
    told = [step for _, step in numbered]
    assert told == [step for step, _ in table_of_steps(f"The way of a {name}")]


def test_limits_are_those_of_the_code() -> None:
    """The numbers of docs/how-it-works.md are the code's own."""
    part = HOW.split("## Limits in numbers")[1]
    told = dict(re.findall(r"^\| ([\w ]+) \| ([^|]+) \|$", part, re.MULTILINE))
    usual, asked = Settings(), Question("?")
    for words, number in {
        "chunk": usual.chunk_tokens,
        "question": usual.max_question_chars,
        "questions at once": usual.max_concurrent,
        "originals on their way at once": Service(usual).downloads.count,
        "file": usual.max_file_mb,
        "upload": usual.max_upload_mb,
        "metadata of an upload": MOST_METADATA,
    }.items():
        assert re.split("[ ,]", told[words])[0] == str(number), words
    assert told["reading one document"].startswith(
        f"{usual.reader_seconds:.0f} seconds and {usual.reader_memory_mb} MB"
    )
    assert told["candidates that are read for a question"] == (
        f"{asked.candidates}, at most {MOST_CANDIDATES}"
    )
    assert told["passages that an answer may rest on"] == f"{asked.top_k}, at most {MOST_PASSAGES}"
    assert told["document id"].split()[0] in DOCUMENT_ID


def units() -> list[tuple[str, str]]:
    """Return the systemd units that are shown, by the name that the page gives them."""
    page = DOCS / "how-to" / "run-as-a-service.md"
    names = re.findall(r"/(afterword[\w-]*\.service)`", page.read_text(encoding="utf-8"))
    found = [block.text for block in blocks(page) if block.language == "ini"]
    return list(zip(dict.fromkeys(names), found, strict=True))


@pytest.mark.parametrize(("name", "unit"), units(), ids=[name for name, _ in units()])
def test_units_hold(name: str, unit: str, tmp_path: Path) -> None:
    """Each unit is one that systemd understands."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        if ON_CI:
            pytest.fail("systemd-analyze is missing; install the Debian package systemd")
        pytest.skip("not installed: systemd")
    path = tmp_path / name
    program = re.compile(r"^ExecStart=/opt/afterword/bin/afterword", re.MULTILINE)
    assert program.search(unit)
    # What is shown is installed elsewhere; a program that is there takes its place.
    path.write_text(program.sub(f"ExecStart={sys.executable}", unit), encoding="utf-8")
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


# --- how what is printed is compared -------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("4 chunks stored, 0.8 s.", "4 chunks stored, 12.1 s."),
        ("answered  (score 0.75, threshold 0.34)", "answered  (score 0.76, threshold 0.34)"),
        ('{"job_id":"75f36752f8022d41"}', '{"job_id":"0123456789abcdef"}'),
        ('"encode": 419.5183259998885,', '"encode": 7.1,'),
    ],
)
def test_what_may_vary_is_the_same(shown: str, printed: str) -> None:
    """Times, ids of jobs, and the second decimal of a score."""
    assert same(shown, printed)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("4 chunks stored, 0.8 s.", "5 chunks stored, 0.8 s."),
        ("answered  (score 0.75, threshold 0.34)", "answered  (score 0.78, threshold 0.34)"),
        ('{"job_id":"75f36752f8022d41"}', '{"job_id":"another"}'),
        ("aa8968c4a471e398", "aa8968c4a471e399"),
        ("as of 2026-03-01", "as of 2026-03-02"),
        ("South quay,18,44 [1]", "South quay,18,45 [1]"),
        ("at 08:10", "at 08:11"),
    ],
)
def test_all_else_is_not(shown: str, printed: str) -> None:
    """Words, whole numbers, dates, documents' ids, and scores further apart."""
    assert not same(shown, printed)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"])))
def test_a_line_is_like_itself(line: str) -> None:
    """And nothing printed is like nothing shown."""
    assert same(line, line)
    assert unlike(line, line) is None
    assert unlike("", f"{line}x") is not None


# --- what is named in the text -------------------------------------------------------------------


def inline(page: Path) -> list[str]:
    """Return the words in code of a page's text, its blocks left out."""
    return re.findall(r"`([^`]+)`", prose(page))


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_what_is_named_exists(page: Path) -> None:
    """Options are those of a command, settings are settings, and paths of modules are files."""
    commands = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    options = {"--help", *re.findall(r"`(--[\w-]+)`", commands)}
    settings = {variable(name) for name in Settings.model_fields} | {PREFIX}
    for words in inline(page):
        if words.split()[0] not in PROGRAMS:
            assert set(re.findall(r"(?<!\S)--[\w-]+", words)) <= options, words
        assert set(re.findall(r"\bAFTERWORD_[A-Z_]*", words)) <= settings, words
        if re.fullmatch(r"(ingest|indexes|service|tests|docs|training)/[\w/]+\.py", words):
            assert (ROOT / words).is_file(), words
