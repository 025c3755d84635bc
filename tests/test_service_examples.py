"""The curl commands in the documentation, run against a really started server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving import ROOT, Served, served, until

PAGES = ("README.md", "docs/http.md")
BASE = "http://127.0.0.1:8000"
# Silent, and a problem is a failure: the page's commands stay as short as people type them.
CURL = 'set -euo pipefail; curl() { command curl -sS --fail-with-body --max-time 60 "$@"; echo; }\n'

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def blocks(page: Path) -> list[str]:
    """Return the fenced bash blocks of a page that talk to the service."""
    fenced = re.findall(
        r"^```bash\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    return [block for block in fenced if re.search(rf"^curl .*{BASE}", block, re.MULTILINE)]


def commands(block: str) -> list[str]:
    """Return the commands of a block; one goes on while its line ends in a backslash or a quote."""
    found: list[str] = []
    for line in block.splitlines():
        if found and (found[-1].endswith("\\") or found[-1].count("'") % 2):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return [command for command in found if command and not command.startswith("#")]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over the example documents, as `make demo` leaves them."""
    folder = tmp_path_factory.mktemp("examples")
    environ = {"AFTERWORD_DATA": str(folder / "data"), "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [
            sys.executable,
            "-m",
            "afterword",
            "ingest",
            str(ROOT / "examples" / "documents"),
            "--collection",
            "demo",
        ],
        env={**os.environ, **environ},
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=300,
    )
    with served(folder / "data", folder / "log") as service:
        yield service


def run(command: str, service: Served, folder: Path, job_id: str) -> str:
    """Run one command as a person would, and return what it printed."""
    ready = command.replace(BASE, service.url).replace("JOB_ID", job_id)
    done = subprocess.run(
        ["bash", "-c", CURL + ready],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def stored(service: Served, job_id: str) -> None:
    """Wait until an upload is in its collection."""
    path = f"/v1/jobs/{job_id}"
    until(lambda: service.client.get(path).json()["state"] in {"done", "failed"}, 90)
    told = service.client.get(path).json()
    assert told["state"] == "done", told


@pytest.mark.parametrize("name", PAGES)
def test_every_curl_command_works(name: str, service: Served, tmp_path: Path) -> None:
    """Each command succeeds, and those that ask a question get an answer with citations."""
    page = ROOT / name
    found = blocks(page)
    assert found, f"{name} shows no curl command against {BASE}"
    job_id = ""
    for block in found:
        for command in commands(block):
            printed = run(command, service, tmp_path, job_id)
            if '"job_id"' in printed and "/v1/documents" in command:
                job_id = json.loads(printed)["job_id"]
                stored(service, job_id)
            if "/v1/query" in command and '"stream"' not in command:
                assert json.loads(printed)["status"] == "answered", printed
                assert json.loads(printed)["citations"]
            if "/v1/search" in command:
                assert json.loads(printed)["passages"]


def test_each_operation_is_shown(service: Served) -> None:
    """The page on HTTP has a command for every operation of the description."""
    text = (ROOT / "docs/http.md").read_text(encoding="utf-8")
    shown = "\n".join(
        command for block in blocks(ROOT / "docs/http.md") for command in commands(block)
    )
    for path, methods in service.client.get("/openapi.json").json()["paths"].items():
        pattern = BASE + re.sub(r"\{\w+\}", "[A-Za-z_-]+", path) + r"(?![\w/-])"
        lines = [command for command in commands(shown) if re.search(pattern, command)]
        sent = {
            "DELETE"
            if "-X DELETE" in c
            else "HEAD"
            if " --head " in c
            else "POST"
            if " -d " in c or " -F " in c
            else "GET"
            for c in lines
        }
        assert sent == {method.upper() for method in methods}, path
    assert "text_sha256" in text
