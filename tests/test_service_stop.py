"""A stop with requests in flight, and clients that leave: what was promised is kept, no more."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path

import httpx2
import pytest

from indexes import jobs
from serving import Served, served, until

TEXT = "The lighthouse on Skerry Rock has a range of 21 nautical miles."
QUESTION = {"question": "What is the range of the lighthouse?", "collection": "lights"}
BOUNDARY = "a1b2c3"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A started service with one document and an original of 4 MiB; the last test stops it."""
    folder = tmp_path_factory.mktemp("service")
    with served(folder / "data", folder / "log", AFTERWORD_STOP_SECONDS="8") as service:
        for name, content in (("rock.txt", TEXT), ("large.txt", "word \n" * 700_000)):
            sent = service.client.post(
                "/v1/documents",
                files={"file": (name, content.encode())},
                data={"collection": "lights", "id": name},
            )
            job = sent.json()["job_id"]
            until(lambda job=job: _state(service, job) == "done", 90)  # type: ignore[misc] # of its turn
        yield service


def _state(service: Served, job: str) -> str:
    return str(service.client.get(f"/v1/jobs/{job}").json()["state"])


def form(text: str) -> bytes:
    """Return an upload's form."""
    parts = [
        f"--{BOUNDARY}",
        'Content-Disposition: form-data; name="file"; filename="late.txt"',
        "",
        text,
        f"--{BOUNDARY}--",
        "",
    ]
    return "\r\n".join(parts).encode()


def begun(service: Served, body: bytes, sent: int) -> HTTPConnection:
    """Begin an upload and send so many bytes of it."""
    connection = HTTPConnection(service.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/v1/documents")
    for name, value in {**FORM, "Content-Length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body[:sent])
    return connection


def open_files(service: Served) -> list[str]:
    """Return what a service has open."""
    found = []
    for entry in Path(f"/proc/{service.process.pid}/fd").iterdir():
        try:
            found.append(str(entry.readlink()))
        except FileNotFoundError:
            continue
    return found


def _streamed(place: str) -> HTTPResponse:
    connection = HTTPConnection(place, timeout=30)
    body = json.dumps({**QUESTION, "stream": True})
    connection.request("POST", "/v1/query", body, {"Content-Type": "application/json"})
    return connection.getresponse()


def _ask(place: str, answers: list[str]) -> None:
    """Ask once; a connection that the stop closed before anything was answered is not begun."""
    connection = HTTPConnection(place, timeout=30)
    try:
        connection.request(
            "POST", "/v1/query", json.dumps(QUESTION), {"Content-Type": "application/json"}
        )
        reply = connection.getresponse()
    except (HTTPException, ConnectionError):
        answers.append("not begun")
        return
    answers.append(json.loads(reply.read())["status"])


def _is_refused(url: str) -> bool:
    try:
        httpx2.get(f"{url}/health")
    except httpx2.ConnectError:
        return True
    except httpx2.TransportError:
        return False
    return False


def test_a_stop_does_not_wait_for_a_client_that_does_nothing(tmp_path: Path) -> None:
    """Half a head and half a body: the stop ends in its time, and in order."""
    with served(tmp_path / "data", tmp_path / "log", AFTERWORD_STOP_SECONDS="1") as service:
        body = form(TEXT)
        upload = begun(service, body, 20)
        host, _, port = service.url.removeprefix("http://").partition(":")
        with closing(socket.create_connection((host, int(port)))) as slow:
            slow.sendall(b"GET /health HTTP/1.1\r\nHo")
            time.sleep(0.2)
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < 10
        upload.close()
        assert "Traceback" not in service.log.read_text()


def test_clients_that_leave_leave_nothing_behind(service: Served) -> None:
    """Uploads, streams and originals that are broken off: no file, no descriptor, no place."""
    assert service.client.post("/v1/query", json=QUESTION).json()["status"] == "answered"
    before = len([name for name in open_files(service) if "/catalog.db" not in name])
    body = form("x" * (3 << 20))
    place = service.url.removeprefix("http://")
    for _ in range(20):
        begun(service, body, 2 << 20).close()
        _streamed(place).close()
        original = HTTPConnection(place, timeout=30)
        original.request("GET", "/v1/documents/large.txt/original?collection=lights")
        original.getresponse().read(10)
        original.close()

    def is_as_before() -> bool:
        metrics = service.client.get("/metrics").text
        busy = [
            line
            for line in metrics.splitlines()
            if line.startswith("afterword_in_flight{") and not line.endswith(" 0.0")
        ]
        files = open_files(service)
        deleted = [name for name in files if "(deleted)" in name and "/.jobs/" in name]
        # The catalog is open once for each thread that asked it at once with others.
        others = [name for name in files if "/catalog.db" not in name]
        return len(busy) <= 1 and not deleted and len(others) <= before + 2

    until(is_as_before)
    jobs_folder = service.log.parent / "data" / ".jobs"
    assert list((jobs_folder / "tmp").iterdir()) == []
    spooled = [name for _, _, names in os.walk(jobs_folder / "spool") for name in names]
    assert spooled == []
    assert service.client.post("/v1/query", json=QUESTION).json()["status"] == "answered"
    assert "Traceback" not in service.log.read_text()


@pytest.mark.slow
def test_a_thousand_idle_connections_do_no_harm(service: Served) -> None:
    """Questions are answered among them; those that never asked are closed in their time."""
    host, _, port = service.url.removeprefix("http://").partition(":")
    held = [socket.create_connection((host, int(port)), timeout=30) for _ in range(1000)]
    asked, silent = held[:500], held[500:]
    try:
        for connection in asked:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for _ in range(5):
            reply = service.client.post("/v1/query", json=QUESTION)
            assert (reply.status_code, reply.json()["status"]) == (200, "answered")
        for connection in asked:
            assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
        for connection in silent:
            assert connection.recv(1) == b""
    finally:
        for connection in held:
            connection.close()
    until(lambda: len([one for one in open_files(service) if one.startswith("socket:")]) < 20)


def test_a_stop_lets_what_is_in_flight_end(service: Served) -> None:
    """An upload half sent, an original half read, a stream and questions end; no new one begins."""
    place = service.url.removeprefix("http://")
    body = form(TEXT * 40_000)
    upload = begun(service, body, len(body) // 2)
    original = HTTPConnection(place, timeout=30)
    original.request("GET", "/v1/documents/large.txt/original?collection=lights")
    sent = original.getresponse()
    half = sent.read(1000)
    idle = HTTPConnection(place, timeout=30)
    idle.request("GET", "/health")
    assert idle.getresponse().read()
    answers: list[str] = []
    lines = _streamed(place)
    asking = [threading.Thread(target=_ask, args=(place, answers)) for _ in range(4)]
    for thread in asking:
        thread.start()
    time.sleep(0.05)  # they are in flight, or the service takes them from its listener
    service.process.terminate()
    until(lambda: _is_refused(service.url))
    assert idle.sock is not None
    assert idle.sock.recv(1) == b""
    upload.send(body[len(body) // 2 :])
    accepted = upload.getresponse()
    job = json.loads(accepted.read())["job_id"]
    assert accepted.status == 202
    assert half + sent.read() == b"word \n" * 700_000
    assert lines.read().rstrip().rpartition(b"event: ")[2].startswith(b"final")
    for thread in asking:
        thread.join()
    assert set(answers) <= {"answered", "not begun"}
    assert service.process.wait(30) == 0
    assert jobs.job(service.log.parent / "data", job).state == "queued"
    assert "Traceback" not in service.log.read_text()
