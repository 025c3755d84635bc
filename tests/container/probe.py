"""Check a started container: who it is, what it may and has, and that it answers with citations.

    docker run … -v "$PWD/examples/documents:/documents:ro" --name afterword afterword:slim
    python3 tests/container/probe.py afterword

It ingests /documents into the collection `probe`, asks a question over HTTP inside the container,
and compares the quote with the stored text. ENGINE names another engine than docker, with its
options. Exit status 0 where each check is good.
"""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Final

ENGINE: Final = shlex.split(os.environ.get("ENGINE", "docker"))
QUESTION: Final = "When is the final release of Python 3.15 planned?"
ANSWER: Final = "1 October 2026"
COLLECTION: Final = "probe"
TOOLS: Final = ("cc", "gcc", "g++", "clang", "tcc", "ld", "as", "make", "cargo", "go")
# What engines put into a container by themselves, besides mounts.
ENGINES: Final = ("/run", "/var/run", "/dev", "/etc/mtab", "/etc/passwd", "/etc/group",
                  "/.dockerenv", "/sbin/docker-init")  # fmt: skip
PLACES: Final = "import os, tempfile; print(os.environ['AFTERWORD_DATA'], tempfile.gettempdir())"
ASK: Final = """
import http.client, json, os, urllib.parse
key = os.environ.get("AFTERWORD_API_KEY")
head = {"Content-Type": "application/json", **({"Authorization": "Bearer " + key} if key else {})}
def call(method, path, body=None):
    one = http.client.HTTPConnection("127.0.0.1", 8000, timeout=60)
    one.request(method, path, body and json.dumps(body), head)
    return json.load(one.getresponse())
reply = call("POST", "/v1/query", {"question": %r, "collection": %r})
first = reply.get("citations", [None])[0]
span = {"collection": %r, "start": first["start"], "end": first["end"]} if first else {}
path = first and "/v1/documents/" + first["document_id"] + "/text?" + urllib.parse.urlencode(span)
print(json.dumps([reply, path and call("GET", path)]))
"""


class Failed(Exception):
    """A check found something else than it should."""


class Container:
    """A started container."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *words: str) -> str:
        """Run a command inside and return what it printed; raises Failed where it fails."""
        return _run(*ENGINE, "exec", self.name, *words)

    def mounts(self) -> dict[str, list[str]]:
        """Return the options of each mount, by its place."""
        lines = [line.split() for line in self.run("cat", "/proc/mounts").splitlines()]
        return {fields[1]: fields[3].split(",") for fields in lines}

    def changed(self) -> list[str]:
        """Return the paths that are not as in the image, but for mounts and what may be written."""
        lines = _run(*ENGINE, "diff", self.name).splitlines()
        paths = [line.split(" ", 1)[1] for line in lines]
        allowed = {*self.mounts(), *ENGINES, *self.run("python", "-c", PLACES).split()} - {"/"}
        kept = [path for path in paths if not any(_within(path, own) for own in allowed)]
        # Of a changed file its folders are told too.
        return [path for path in kept if not any(_within(own, path) for own in allowed)]


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{shlex.join(words)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def _wanted(good: bool, told: str) -> str:  # noqa: FBT001
    if not good:
        raise Failed(told)
    return told


def user(container: Container) -> str:
    """Runs as a user without rights."""
    told = container.run("id").strip()
    return _wanted("uid=10001" in told and "gid=10001" in told, told)


def rights(container: Container) -> str:
    """Has no capability, and no process can gain any."""
    status = dict(
        line.split(":", 1) for line in container.run("cat", "/proc/1/status").splitlines()
    )
    capabilities = {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
    told = f"capabilities {capabilities}, NoNewPrivs {status['NoNewPrivs'].strip()}"
    return _wanted(capabilities == {0} and status["NoNewPrivs"].strip() == "1", told)


def root(container: Container) -> str:
    """Has a file system that nobody can write."""
    option = container.mounts()["/"][0]
    return _wanted(option == "ro", f"/ is mounted {option}")


def programs(container: Container) -> str:
    """Has no compiler and no program that changes the user."""
    search = " ".join(f"command -v {tool};" for tool in TOOLS)
    found = container.run("sh", "-c", f"{search} true").split()
    found += container.run(
        "sh", "-c", "find / -xdev -type f -perm /6000 2>/dev/null || true"
    ).split()
    return _wanted(not found, f"found {found}")


def made_of(container: Container) -> str:
    """Lists what it is made of, and all of it is there."""
    bill = json.loads(container.run("cat", "/opt/afterword/afterword.cdx.json"))
    told = {one["name"].lower().replace("_", "-"): one["version"] for one in bill["components"]}
    program = "import importlib.metadata as m; print(*{d.name for d in m.distributions()})"
    there = {
        name.lower().replace("_", "-") for name in container.run("python", "-c", program).split()
    }
    good = bill["bomFormat"] == "CycloneDX" and there <= told.keys()
    return _wanted(good, f"{len(told)} components, not listed: {there - told.keys()}")


def ingest(container: Container) -> str:
    """Ingests the mounted documents."""
    words = ("afterword", "ingest", "--json", "--collection", COLLECTION, "/documents")
    report = json.loads(container.run(*words))
    told = {name: report[name] for name in ("added", "unchanged", "partial", "failed", "chunks")}
    return _wanted(report["added"] + report["unchanged"] > 0 and not report["failed"], str(told))


def answer(container: Container) -> str:
    """Answers a question over HTTP with a citation that is the document's text."""
    program = ASK % (QUESTION, COLLECTION, COLLECTION)
    reply, text = json.loads(container.run("python", "-c", program))
    told = f"{reply.get('status')} {reply.get('answer_short')!r}"
    if not reply.get("citations"):
        raise Failed(f"{told}, no citation: {reply}")
    quote = reply["citations"][0]["quote"]
    good = reply["status"] == "answered" and ANSWER in quote and text["text"] == quote
    return _wanted(good, f"{told}, cited {quote!r} of {reply['citations'][0]['uri']}")


def written(container: Container) -> str:
    """Has written to its data and temporary folders alone."""
    changed = container.changed()
    return _wanted(not changed, f"changed outside them: {changed}")


CHECKS: Final[tuple[Callable[[Container], str], ...]] = (
    user,
    rights,
    root,
    programs,
    made_of,
    ingest,
    answer,
    written,
)


def main(name: str) -> Iterator[bool]:
    """Run each check, tell what it found, and yield whether it was good."""
    for check in CHECKS:
        try:
            told, good = check(Container(name)), True
        except Failed as error:
            told, good = str(error), False
        doc = (check.__doc__ or "").rstrip(".")
        sys.stdout.write(f"{'ok' if good else 'FAIL':6}{doc}: {told}\n")
        yield good


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("say which container: python3 tests/container/probe.py CONTAINER")
    sys.exit(0 if all([*main(sys.argv[1])]) else 1)
