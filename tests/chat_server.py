"""A small real server that speaks OpenAI's chat completions, and goes wrong in every way."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("The", " ferry", " sails", " at", " noon.")
Part = bytes | Callable[[], object]
USAGE = {"prompt_tokens": 17, "completion_tokens": 5, "total_tokens": 22}


@dataclass(frozen=True)
class Asked:
    """A request: what was sent, with the headers by small letters."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """Status, headers, and the parts of a body; a part that is called waits or breaks off."""

    parts: Iterable[Part] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    kind: str = "text/event-stream"


class Cut(Exception):
    """The server closes the connection."""


@dataclass
class ChatServer:
    """What the server answers, one after the other and then the last again, and what it saw.

    `left` counts clients that closed their connection before the end.
    """

    port: int = 0
    chats: list[Answer] = field(default_factory=list)
    models: Answer | None = None
    props: Answer | None = None
    asked: list[Asked] = field(default_factory=list)
    left: int = 0

    @property
    def url(self) -> str:
        """The address that OPENAI_BASE_URL is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chatted(self) -> list[Asked]:
        """The requests for an answer."""
        return [one for one in self.asked if one.path == "/v1/chat/completions"]

    def answer(self, asked: Asked) -> Answer:
        """Return what is answered to a request."""
        self.asked.append(asked)
        if asked.path == "/v1/chat/completions":
            return self.chats.pop(0) if len(self.chats) > 1 else self.chats[0]
        found = {"/v1/models": self.models, "/props": self.props}.get(asked.path)
        return found or error(404, "Not Found")


def chunk(delta: Mapping[str, object] | None, finish: str | None = None, **more: object) -> bytes:
    """Return one event of a stream; without a delta it has no choice."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    told = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": choices,
        **more,
    }
    return f"data: {json.dumps(told)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def good(words: Iterable[str] = WORDS, finish: str = "stop", usage: object = USAGE) -> list[Part]:
    """Return the parts of a sound stream."""
    parts = [chunk({"role": "assistant"}), *(chunk({"content": word}) for word in words)]
    parts.append(chunk({}, finish))
    return [*parts, *([chunk(None, usage=usage)] if usage else []), DONE]


def error(
    status: int, message: str, headers: Mapping[str, str] | None = None, **more: str
) -> Answer:
    """Return an error as OpenAI's servers tell it."""
    body = json.dumps({"error": {"message": message, "type": "x", **more}}).encode()
    return Answer([body], status, headers or {}, "application/json")


def listing(*models: Mapping[str, object]) -> Answer:
    """Return a list of models."""
    return in_json({"object": "list", "data": list(models)})


def in_json(body: object) -> Answer:
    """Return an answer in JSON."""
    return Answer([json.dumps(body).encode()], kind="application/json")


def cut() -> None:
    """Close the connection here."""
    raise Cut


def silent() -> None:
    """Say nothing for long; a client that leaves is noticed at the next part."""
    time.sleep(0.05)


def silence(seconds: float) -> Iterator[Callable[[], None]]:
    """Give parts that say nothing for so long."""
    for _ in range(int(seconds / 0.05)):
        yield silent


class _Server(ThreadingHTTPServer):
    """Serves until it is shut down; what still waits then is left behind."""

    daemon_threads = True

    def __init__(self, served: ChatServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.served = served


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer."""
        self._answer({})

    def do_POST(self) -> None:
        """Read what was sent, and answer."""
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its own name
        """Print nothing."""

    def _answer(self, body: dict[str, Any]) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        found = self.server.served.answer(Asked(self.path, headers, body))
        self.send_response(found.status)
        self.send_header("Content-Type", found.kind)
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in found.headers.items():
            self.send_header(name, value)
        self.close_connection = True
        try:
            self._send(found.parts)
        except Cut:
            self.connection.shutdown(socket.SHUT_RDWR)
        except (BrokenPipeError, ConnectionResetError):
            self.server.served.left += 1

    def _send(self, parts: Iterable[Part]) -> None:
        begun = False
        for part in parts:
            if callable(part):
                part()
                self._look_who_is_there()
                continue
            if not begun:
                self.end_headers()
                begun = True
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if not begun:
            self.end_headers()
        self.wfile.write(b"0\r\n\r\n")

    def _look_who_is_there(self) -> None:
        self.connection.setblocking(False)
        try:
            if self.connection.recv(1, socket.MSG_PEEK) == b"":
                raise BrokenPipeError
        except BlockingIOError:
            pass
        finally:
            self.connection.setblocking(True)


@contextmanager
def chat_server(*chats: Answer) -> Iterator[ChatServer]:
    """Run the server on loopback, which gives these answers one after the other."""
    served = ChatServer(chats=list(chats))
    server = _Server(served)
    served.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@contextmanager
def closed_port() -> Iterator[int]:
    """Give a port of loopback at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def left_soon(server: ChatServer, seconds: float = 10) -> bool:
    """Wait until the server has noticed that a client left."""
    with suppress(IndexError):
        end = time.monotonic() + seconds
        while not server.left and time.monotonic() < end:
            time.sleep(0.02)
    return server.left > 0
