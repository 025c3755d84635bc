"""Files made to do harm, in one run: each has one honest outcome, and nothing else suffers."""

import json
import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from hostile_files import Hostile, hostile_files
from indexes.collection import open_collection

ROOT = Path(__file__).parent.parent
SECONDS = 8
MEMORY_MB = 600
GOOD = {f"good/{n}.txt": f"The keeper of lamp {n} is called Anna Berg{n}." for n in range(4)}
# A process counts the memory of the one that it was forked from as its own; this one has little.
MEASURED = """
import resource, subprocess, sys
status = subprocess.call([sys.executable, *sys.argv[1:]])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
raise SystemExit(status)
"""
SECRET = "The-words-outside-of-the-folder"


@dataclass(frozen=True)
class Ran:
    """What a run over all hostile files said and took; memory in megabytes."""

    folder: Path
    items: dict[str, list[dict[str, object]]]
    status: int
    most_memory: float
    expected: dict[str, frozenset[str]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Ingest the folder once, with the real command."""
    top = tmp_path_factory.mktemp("hostile")
    folder = top / "docs"
    expected = {}
    for one in hostile_files():
        expected[one.name] = one.outcomes
        write(folder, one)
    for name, text in GOOD.items():
        write(folder, Hostile(name, text.encode(), frozenset(("added",))))
    (top / "secret.txt").write_text(SECRET)
    odd_places(folder, top)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "-m", "afterword", "ingest", "--json", str(folder)],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "AFTERWORD_DATA": str(top / "data"),
            "AFTERWORD_READER_SECONDS": str(SECONDS),
            "AFTERWORD_READER_MEMORY_MB": str(MEMORY_MB),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    most = int(done.stderr.splitlines()[-1]) / 1024
    items: dict[str, list[dict[str, object]]] = {}
    for item in json.loads(done.stdout)["items"]:
        file = str(item["uri"]).removeprefix("docs/").partition("#")[0]
        items.setdefault(file, []).append(item)
    return Ran(top, items, done.returncode, most, expected)


def write(folder: Path, one: Hostile) -> None:
    """Write one file, with the folders above it."""
    path = folder / one.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(one.content)


def odd_places(folder: Path, outside: Path) -> None:
    """Add links in circles and out of the folder, a pipe, a socket, and a huge line of nothing."""
    (folder / "circle-a").symlink_to("circle-b")
    (folder / "circle-b").symlink_to("circle-a")
    (folder / "again").symlink_to(folder)
    (folder / "out.txt").symlink_to(outside / "secret.txt")
    (folder / "device.txt").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe.txt")
    with closing(socket.socket(socket.AF_UNIX)) as made:
        here = os.open(folder, os.O_RDONLY)
        try:
            made.bind(f"/proc/self/fd/{here}/socket.txt")
        finally:
            os.close(here)
    with (folder / "line.txt").open("wb") as file:
        file.write(b"one line of a gigabyte")
        file.truncate(1024 * 1024 * 1024)


def test_there_are_more_than_a_hundred(ran: Ran) -> None:
    """A guard against a list that has shrunk."""
    assert len(ran.expected) > 150


def test_each_ends_in_an_outcome_that_is_honest(ran: Ran) -> None:
    """All that were told are listed, with what became of each."""
    wrong = {
        name: (outcomes(ran.items.get(name, [])), sorted(expected))
        for name, expected in ran.expected.items()
        if not outcomes(ran.items.get(name, [])) or not outcomes(ran.items[name]) <= expected
    }
    assert wrong == {}


def outcomes(items: list[dict[str, object]]) -> set[str]:
    """Return how a file and the documents in it ended."""
    return {str(i["code"] if i["outcome"] == "failed" else i["outcome"]) for i in items}


def test_each_failure_says_what_and_what_to_do(ran: Ran) -> None:
    """None was a surprise to its reader, and each message is a sentence."""
    failed = [i for items in ran.items.values() for i in items if i["outcome"] == "failed"]
    assert failed
    surprises = [i["message"] for i in failed if "its reader failed" in str(i["message"])]
    assert surprises == []
    for item in failed:
        message = cast("str", item["message"])
        assert len(message) > 30, item
        assert ";" in message or ":" in message, item


def test_the_others_are_stored_and_nothing_from_elsewhere(ran: Ran) -> None:
    """Good files are added; no stored text holds what lies outside of the folder."""
    assert ran.status == 1
    with (
        closing(open_collection(ran.folder / "data", "default")) as opened,
        opened.read() as reading,
    ):
        texts = {d.uri: reading.text(d.document_id) for d in reading.documents(10_000)}
    assert {f"docs/{name}": text for name, text in GOOD.items()}.items() <= texts.items()
    for uri, text in texts.items():
        assert SECRET not in text, uri
        assert "root:x:0" not in text, uri
        assert text.strip(), uri
    assert not Path("/tmp/slipped").exists()  # noqa: S108  # where the archives point to


def test_links_pipes_and_devices_are_no_documents(ran: Ran) -> None:
    """They are left out without a look into them; a file beyond the limit is said to be."""
    odd = {"circle-a", "circle-b", "out.txt", "device.txt", "pipe.txt", "socket.txt"}
    assert not odd & ran.items.keys()
    assert not any(name.startswith("again") for name in ran.items)
    assert outcomes(ran.items["line.txt"]) == {"too_large"}


def test_memory_stays_within_the_limit(ran: Ran) -> None:
    """Neither the run nor any reader takes more than the limit and what a process needs."""
    assert ran.most_memory < MEMORY_MB + 600
