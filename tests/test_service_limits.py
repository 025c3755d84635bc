"""What clients may take of the service's time, memory and connections, over real sockets.

The numbers of docs/how-to/run-as-a-service.md are made small here, so that the tests are quick;
`test_the_documented_numbers` holds them to the page, and the slow tests wait for the real ones.
"""

import json
import os
import re
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2
import pytest

from indexes.settings import Settings
from service import connections, gate
from service.app import listen
from serving import (
    ROOT,
    SmallAnswerer,
    loading,
    running,
    small_app,
    stored,
    until,
)

SWANS = "swans are white"
ASK = json.dumps({"question": "swans"}).encode()
HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"


@pytest.fixture
def answerer(tmp_path: Path) -> SmallAnswerer:
    """An answerer over one document."""
    stored(tmp_path, {"d": SWANS})
    return SmallAnswerer(tmp_path)


@pytest.fixture
def client(answerer: SmallAnswerer, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    """A client of a service whose limits of time are short."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.4)
    monkeypatch.setattr(connections, "TAKING_SECONDS", 0.4)
    monkeypatch.setattr(connections, "LEAVING_SECONDS", 0.4)
    monkeypatch.setattr(connections, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(gate, "BODY_PAUSE_SECONDS", 0.4)
    monkeypatch.setattr(gate, "BODY_GRACE_SECONDS", 0.8)
    monkeypatch.setattr(gate, "_DRAIN_SECONDS", 0.2)
    with running(small_app(answerer)) as client:
        yield client


def dialled(url: str, sent: bytes = b"") -> socket.socket:
    """Connect to a service and send some bytes."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    connection.sendall(sent)
    return connection


def heard(connection: socket.socket) -> bytes:
    """Read until the other side closes, however it does."""
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def send_for_ever(connection: socket.socket, piece: bytes) -> NoReturn:
    """Send until the other side has had enough."""
    while True:
        connection.sendall(piece)


def alive(connection: socket.socket) -> bool:
    """Read one answer of `/health`."""
    answer = b""
    while not answer.endswith(b"}") and (part := connection.recv(1 << 16)):
        answer += part
    return answer.startswith(b"HTTP/1.1 200")


def told(answer: bytes) -> tuple[int, str]:
    """Return the status and the problem's code of one raw answer."""
    head, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    status = int(head.split()[1])
    assert problem["status"] == status
    assert problem["detail"]
    return status, problem["code"]


def test_a_head_that_comes_slowly_is_given_up(client: httpx2.Client) -> None:
    """One byte at a time does not hold a connection, it is 408; a silent one is just closed."""
    with closing(dialled(str(client.base_url))) as silent:
        assert heard(silent) == b""
    with closing(dialled(str(client.base_url), b"GET /health HT")) as slow:
        for byte in b"TP/1.1":
            slow.sendall(bytes([byte]))
            time.sleep(0.02)
        assert told(heard(slow)) == (408, "request_too_slow")
    assert client.get("/health").status_code == 200


def test_the_second_head_of_a_connection_has_the_same_time(client: httpx2.Client) -> None:
    """A connection that has asked once gets no more time for the next, from its first byte."""
    first = b"GET /health HTTP/1.1\r\n" + HEAD + b"\r\n"
    with closing(dialled(str(client.base_url), first)) as slow:
        assert alive(slow)
        slow.sendall(b"GET /hea")
        second = heard(slow)
    assert told(second) == (408, "request_too_slow")


@pytest.mark.parametrize("path", [b"/v1/query", b"/v1/documents"])
@pytest.mark.parametrize("length", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
def test_a_body_that_pauses_is_given_up(client: httpx2.Client, path: bytes, length: bytes) -> None:
    """Announced or in chunks: the client is told, and the connection closed."""
    head = b"POST " + path + b" HTTP/1.1\r\n" + HEAD + length + b"\r\n\r\n"
    begun = b"1\r\n{\r\n" if b"chunked" in length else b"{"
    with closing(dialled(str(client.base_url), head + begun)) as slow:
        assert told(heard(slow)) == (408, "request_too_slow")


def test_a_body_that_drips_is_given_up(client: httpx2.Client) -> None:
    """A client that never pauses, but sends a byte now and then, does not hold its place."""
    head = b"POST /v1/query HTTP/1.1\r\n" + HEAD + b"Content-Length: 1000\r\n\r\n"
    with closing(dialled(str(client.base_url), head)) as slow:
        slow.settimeout(0.05)
        for _ in range(100):
            slow.sendall(b" ")
            try:
                answer = slow.recv(1 << 16)
            except TimeoutError:
                continue
            break
        slow.settimeout(30)
        answer += heard(slow)
    assert told(answer) == (408, "request_too_slow")


def test_what_is_sent_after_a_refusal_is_not_read_for_ever(client: httpx2.Client) -> None:
    """A body without an end is 413, and the connection closed while the client still sends."""
    head = b"POST /v1/query HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with closing(dialled(str(client.base_url), head)) as endless, pytest.raises(ConnectionError):
        send_for_ever(endless, piece)
    counted = 'afterword_connections_cut_off_total{reason="refused_body_goes_on"} 1.0\n'
    assert counted in client.get("/metrics").text


def test_a_length_beyond_all_bounds_is_refused_before_the_body(client: httpx2.Client) -> None:
    """A body that would never end needs not begin."""
    head = b"POST /v1/query HTTP/1.1\r\n" + HEAD + b"Expect: 100-continue\r\n"
    for digits in (b"9" * 12, b"9" * 30):
        with closing(dialled(str(client.base_url), head + b"Content-Length: " + digits)) as one:
            one.sendall(b"\r\n\r\n")
            answer = one.recv(1 << 16)
            while b"\r\n\r\n{" not in answer:
                answer += one.recv(1 << 16)
        assert told(answer)[0] in {400, 413}


@pytest.mark.parametrize("size", [gate.HEAD_LIMIT + 1, 200_000])
@pytest.mark.parametrize("where", ["address", "header", "headers"])
def test_too_large_a_head_is_refused(client: httpx2.Client, where: str, size: int) -> None:
    """Address or headers, in one piece or many: 431 in the form of all problems."""
    long = b"a" * size
    address = b"/health?" + long if where == "address" else b"/health"
    more = {
        "address": b"",
        "header": b"X-Long: " + long + b"\r\n",
        "headers": b"".join(b"X-%d: abcdefgh\r\n" % number for number in range(size // 10)),
    }[where]
    with closing(dialled(str(client.base_url))) as one:
        try:
            more += b"Connection: close\r\n"
            one.sendall(b"GET " + address + b" HTTP/1.1\r\n" + HEAD + more + b"\r\n")
        except ConnectionError:
            return  # it was closed while the rest was on its way
        answer = heard(one)
    # A client that is cut off while it sends may lose the answer: TCP throws it away.
    if answer or size < 100_000:
        assert told(answer) == (431, "head_too_large")


def test_a_head_of_usual_size_is_fine(client: httpx2.Client) -> None:
    """Up to the limit all is read."""
    assert client.get("/health", headers={"X-Long": "a" * (gate.HEAD_LIMIT - 500)}).is_success


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
        b"POST /v1/query HTTP/1.1\r\n" + HEAD + b"Content-Length: ten\r\n\r\n",
        b"POST /v1/query HTTP/1.1\r\n" + HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /v1/query HTTP/1.1\r\n" + HEAD + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so(client: httpx2.Client, sent: bytes) -> None:
    """Garbage, TLS and bodies with two lengths are 400, and nobody works on them."""
    with closing(dialled(str(client.base_url), sent + b"\r\n")) as one:
        assert told(heard(one)) == (400, "bad_request")


def test_too_many_connections_are_refused(answerer: SmallAnswerer) -> None:
    """One more than there may be is 503 with Retry-After; those that are there go on."""
    app = small_app(answerer, max_connections=16)
    with loading(app) as url, ExitStack() as stack:
        ask = b"GET /health HTTP/1.1\r\n" + HEAD + b"\r\n"
        held = [stack.enter_context(closing(dialled(url))) for _ in range(16)]
        answer = heard(stack.enter_context(closing(dialled(url))))
        assert told(answer) == (503, "too_many_connections")
        assert b"\r\nRetry-After: 5\r\n" in answer
        held.pop().close()
        held[1].sendall(ask)
        assert alive(held[1])
        until(lambda: httpx2.get(f"{url}/health").status_code == 200)
        counted = 'afterword_rejected_total{reason="too_many_connections"} 1.0\n'
        assert counted in httpx2.get(f"{url}/metrics").text


def test_the_longest_idle_connection_makes_room(answerer: SmallAnswerer) -> None:
    """One that has been answered and asks nothing is closed for a new one; the others stay."""
    ask = b"GET /health HTTP/1.1\r\n" + HEAD + b"\r\n"
    with loading(small_app(answerer, max_connections=16)) as url, ExitStack() as stack:
        held = [stack.enter_context(closing(dialled(url))) for _ in range(16)]
        for one in (held[3], held[5]):
            one.sendall(ask)
            assert alive(one)
        for evicted in (held[3], held[5]):
            new = stack.enter_context(closing(dialled(url, ask[:-2])))
            assert evicted.recv(1) == b""
            new.sendall(b"\r\n")
            assert alive(new)
            new.sendall(ask[:-2])  # it asks again, so it is not idle


def test_requests_in_a_pipeline_are_answered_in_order(client: httpx2.Client) -> None:
    """A hundred at once on one connection, of two kinds, each in its turn."""
    health = b"GET /health HTTP/1.1\r\n" + HEAD + b"\r\n"
    query = b"POST /v1/search HTTP/1.1\r\n" + HEAD
    query += b"Content-Length: 17\r\n\r\n" + b'{"query":"swans"}'
    last = health.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with closing(dialled(str(client.base_url), (health + query) * 50 + last)) as one:
        answers = heard(one)
    found = re.findall(rb'"status":"alive"|"passages":', answers)
    assert found == [b'"status":"alive"', b'"passages":'] * 50 + [b'"status":"alive"']


def test_a_client_that_takes_nothing_is_cut_off(client: httpx2.Client) -> None:
    """Many requests in a pipeline, no answer read: the service holds little, and not for long."""
    ask = b"GET /openapi.json HTTP/1.1\r\n" + HEAD + b"\r\n"
    with closing(socket.socket()) as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", client.base_url.port))
        greedy.settimeout(10)
        with pytest.raises(ConnectionError):
            send_for_ever(greedy, ask * 100)
    counted = 'afterword_connections_cut_off_total{reason="client_takes_nothing"} 1.0\n'
    assert counted in client.get("/metrics").text


def test_an_answer_that_nobody_takes_does_not_outlive_its_connection(
    client: httpx2.Client, answerer: SmallAnswerer
) -> None:
    """A large answer is whole in the buffer; its client reads none of it and is cut off."""
    stored(answerer.data, {"long": "swans" + "\n" * 6_000_000}, "long")
    ask = b"GET /v1/documents/long/text?collection=long HTTP/1.1\r\nConnection: close\r\n"
    with closing(socket.socket()) as greedy:
        greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        greedy.connect(("127.0.0.1", client.base_url.port))
        greedy.sendall(ask + HEAD + b"\r\n")
        time.sleep(1.5)
        greedy.settimeout(10)
        taken = len(heard(greedy))
    assert taken < 12_000_000


def test_the_kernel_looks_after_those_that_vanished() -> None:
    """Connections inherit what ends them when the other machine is gone."""
    with (
        closing(listen("127.0.0.1", 0)) as listener,
        closing(socket.create_connection(listener.getsockname())),
        closing(listener.accept()[0]) as accepted,
    ):
        assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000


def test_too_few_open_files_are_said_before_it_starts(tmp_path: Path) -> None:
    """Exit 2 and one line that names the limit and the setting."""
    words = [sys.executable, "-P", "-m", "afterword", "serve", "--port", "0"]
    done = subprocess.run(
        words,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AFTERWORD_DATA": str(tmp_path / "data")},
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (600, 600)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "600" in done.stderr
    assert "AFTERWORD_MAX_CONNECTIONS to 88 or less" in done.stderr


def test_the_documented_numbers() -> None:
    """The page that tells the limits, which is made from the code, has those that hold."""
    page = (ROOT / "docs" / "reference" / "limits.md").read_text()
    for number in (
        f"{connections.HEAD_SECONDS:.0f} s",
        f"{connections.IDLE_SECONDS} s",
        f"{connections.TAKING_SECONDS:.0f} s",
        f"{connections.LEAVING_SECONDS:.0f} s",
        f"{gate.BODY_PAUSE_SECONDS:.0f} s",
        f"{gate.BODY_GRACE_SECONDS:.0f} s",
        f"{gate.BODY_RATE >> 10} KiB",
        f"{gate.HEAD_LIMIT >> 10} KiB",
        f"{gate.BODY_LIMIT >> 20} MiB",
        f"{Settings().max_connections:,}",
        f"{Settings().max_concurrent}",
    ):
        assert re.search(rf"\b{re.escape(number)}\b", page), number
