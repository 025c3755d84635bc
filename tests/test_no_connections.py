"""The bundled encoder opens no connection and writes no file, and the guard that says so works."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from guard_no_connections import SEEN

GUARD = Path(__file__).parent / "guard_no_connections.py"
ROOT = Path(__file__).parent.parent

ENCODE = """
import sys
from indexes.encoder import PROBES, load_encoder
encoder = load_encoder("bundled")
assert encoder.encode_documents(PROBES).shape == (len(PROBES), 384)
assert encoder.encode_query("a question").shape == (384,)
heavy = {"torch", "transformers", "sentence_transformers", "openvino_telemetry.main"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
print("encoded")
"""


def guarded(folder: Path, program: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `program` under the guard, with `folder` as the one that may be written."""
    script = folder / "program.py"
    script.write_text(program, encoding="utf-8")
    allowed = folder / "allowed"
    allowed.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, str(GUARD), str(allowed), *options, "--", str(script)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder / "home")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed, so system calls go unwatched"
)


def test_encoding_opens_no_connection_and_writes_no_file(tmp_path: Path) -> None:
    """Loading the bundled encoder and encoding stays on this machine, without torch."""
    done = guarded(tmp_path, ENCODE)
    assert (done.returncode, done.stdout) == (0, "encoded\n"), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["allowed", "program.py"]
    assert [path.name for path in (tmp_path / "allowed").rglob("*")] == ["tmp"]


def test_ingest_and_ask_open_no_connection_and_write_the_data_folder_alone(tmp_path: Path) -> None:
    """The whole way from a folder to an answer stays on this machine, reader children included."""
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "light.md").write_text("# Light\n\nThe lamp was lit on 4 March 2026.\n")
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    words = (
        ["ingest", str(documents)],
        ["ask", "When was the lamp lit?"],
    )
    for command in words:
        done = subprocess.run(
            [sys.executable, str(GUARD), str(allowed), "--", "-m", "afterword", *command],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "AFTERWORD_DATA": str(allowed / "data"),
                "HOME": str(tmp_path / "home"),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert "4 March 2026" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["allowed", "documents"]


def test_a_page_of_the_internet_is_the_one_thing_that_connects(tmp_path: Path) -> None:
    """The guard sees and refuses it, and the run tells that it could not be fetched."""
    words = ["-m", "afterword", "ingest", "--json", "http://93.184.215.14/"]
    (tmp_path / "allowed").mkdir()
    done = subprocess.run(
        [sys.executable, str(GUARD), str(tmp_path / "allowed"), "--", *words],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "AFTERWORD_DATA": str(tmp_path / "allowed" / "data"),
            "HOME": str(tmp_path / "home"),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == SEEN, done.stderr
    assert "guard: socket.getaddrinfo: '93.184.215.14'" in done.stderr
    assert [item["code"] for item in json.loads(done.stdout)["items"]] == ["fetch_failed"]


# Modules by which a program can reach others, and names of functions that do.
_REACHING = {
    "http.client",
    "urllib.request",
    "httpcore2",
    "httpx2",
    "requests",
    "ftplib",
    "smtplib",
}
_CALLS = {"create_connection", "connect", "connect_ex", "sendto", "getaddrinfo", "gethostbyname"}
# Besides the fetching: the service looks up what it is told to bind, its health check and the
# doctor ask the service itself, and what openai's client gets from a server is looked at.
_KNOWN = {
    ("ingest/fetch.py", "httpcore2"),
    ("ingest/internet.py", "getaddrinfo"),
    ("service/app.py", "getaddrinfo"),
    ("service/openai_stream.py", "httpx2"),
    ("service/alive.py", "http.client"),
    ("service/doctor/address.py", "http.client"),
}


def reaching(path: Path) -> Iterator[str]:
    """Yield what in a module could reach other machines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names):
                yield from (one.name for one in names if one.name in _REACHING)
            case ast.ImportFrom(module=str(module)) if module in _REACHING:
                yield module
            case ast.Call(func=ast.Attribute(value=ast.Name(id=of), attr=attr)):
                if attr in _CALLS and of not in {"sqlite3", "catalog"}:
                    yield attr


def test_nothing_but_fetching_is_written_to_connect() -> None:
    """No other module of the product has a word by which it could."""
    found = {
        (str(path.relative_to(ROOT)), name)
        for package in ("ingest", "indexes", "service")
        for path in (ROOT / package).rglob("*.py")
        for name in reaching(path)
    }
    assert found == _KNOWN


@needs_strace
def test_encoding_makes_no_system_call_that_connects_or_writes(tmp_path: Path) -> None:
    """The compiled libraries neither connect nor write files either."""
    done = guarded(tmp_path, ENCODE, "--native")
    assert (done.returncode, done.stdout) == (0, "encoded\n"), done.stderr


OFFENCES = {
    "connects": (
        "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.1', 9))",
        "192.0.2.1",
    ),
    "looks up a name": ("import socket; socket.getaddrinfo('example.invalid', 443)", "example"),
    "hides its failure": (
        """
import urllib.request
try:
    urllib.request.urlopen("http://192.0.2.1/", timeout=1)
except OSError:
    pass
""",
        "192.0.2.1",
    ),
    "writes a file": ("open('outside.txt', 'w')", "outside.txt"),
    "makes a folder": ("import os; os.mkdir('outside')", "outside"),
    "moves a file out": (
        "import os, tempfile; os.rename(tempfile.mkstemp()[1], 'outside.txt')",
        "outside.txt",
    ),
    "opens a database": (
        "import sqlite3; sqlite3.connect('outside.db').execute('create table t (a)')",
        "outside.db",
    ),
    "does it in a child": (
        """
import subprocess, sys
subprocess.run([sys.executable, "-c", "open('outside.txt', 'w')"])
""",
        "outside.txt",
    ),
}


@pytest.mark.parametrize("kind", OFFENCES)
def test_the_guard_sees_and_refuses(kind: str, tmp_path: Path) -> None:
    """What the guard is for makes the run fail, is named, and does not happen."""
    program, named = OFFENCES[kind]
    done = guarded(tmp_path, program)
    assert done.returncode == SEEN, done.stderr
    assert named in done.stderr.rpartition("guard: ")[2]
    assert not list(tmp_path.glob("outside*"))


ALLOWED = """
import shutil, socket, sqlite3, sys, tempfile
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
open("allowed/file", "w").close()
sqlite3.connect("allowed/some.db").execute("create table t (a)")
sqlite3.connect(":memory:")
folder = tempfile.mkdtemp()
open(folder + "/file", "w").close()
shutil.rmtree(folder)
open(__file__).read()
sys.exit(3)
"""


def test_the_guard_lets_pass_what_is_allowed(tmp_path: Path) -> None:
    """Loopback, reading, and files below the allowed folder are no offence."""
    done = guarded(tmp_path, ALLOWED)
    assert done.returncode == 3, done.stderr


NATIVE = ("connects", "writes a file", "makes a folder", "opens a database")


@needs_strace
@pytest.mark.parametrize("kind", NATIVE)
def test_system_calls_are_seen(kind: str, tmp_path: Path) -> None:
    """The native watch names what Python's own events would name too."""
    program, named = OFFENCES[kind]
    done = guarded(tmp_path, program, "--native")
    assert done.returncode == SEEN, done.stderr
    assert named in done.stderr
