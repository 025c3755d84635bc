"""A small real web server on loopback whose answers are bytes, and the network that leads there."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from certificates import Certificate, make_certificate
from indexes.urls import Reach
from ingest.internet import Network

HERE = "127.0.0.1"


@dataclass(frozen=True)
class Asked:
    """A request as it came: its first line's target, and its headers by small letters."""

    target: str
    headers: dict[str, str]


Answer = Callable[[Asked], Iterable[bytes]]


@dataclass
class Site:
    """A server: what it answers by path, on which port, and what it was asked."""

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def url(self, path: str, host: str = "site.example", scheme: str = "http") -> str:
        """Return the address of a path."""
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def reach(self) -> Reach:
        """The server's port may be fetched from."""
        return Reach(frozenset({self.port}))


def page(
    body: bytes = b"<html><title>T</title><p>Words.</p></html>",
    media_type: str = "text/html",
    status: str = "200 OK",
    **headers: str,
) -> Answer:
    """Return an answer of a usual shape; `a_b` among the headers is `a-b`."""
    return lambda _: [answer(body, media_type, status, **headers)]


def answer(
    body: bytes, media_type: str = "text/html", status: str = "200 OK", **headers: str
) -> bytes:
    """Return the bytes of an answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"Content-Type: {media_type}"] * bool(media_type)
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def moved(location: str, status: str = "302 Found") -> Answer:
    """Return a redirection."""
    return page(b"", "", status, Location=location)


def network(*addresses: str, allowed: Iterable[str] = (HERE,)) -> Network:
    """Return a network in which every name has these addresses, and these may be connected to."""
    kept = {ipaddress.ip_address(one) for one in allowed}
    return Network(
        resolve=lambda _host, _port: addresses or (HERE,),
        allows=lambda address: address in kept,
    )


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve on a free port of loopback until the end; each connection has one answer."""
    site = Site()
    with socket.create_server((HERE, 0)) as listener:
        site.port = listener.getsockname()[1]
        thread = threading.Thread(target=_accept, args=(listener, site, context), daemon=True)
        thread.start()
        yield site
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _accept(listener: socket.socket, site: Site, context: ssl.SSLContext | None) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection, site, context), daemon=True).start()


def _serve(plain: socket.socket, site: Site, context: ssl.SSLContext | None) -> None:
    with suppress(OSError), plain:
        connection = context.wrap_socket(plain, server_side=True) if context else plain
        with connection:
            asked = _request(connection)
            site.asked.append(asked)
            path = asked.target.partition("?")[0]
            for piece in site.answers.get(path, page(b"?", "text/plain", "404 Not Found"))(asked):
                connection.sendall(piece)


def _request(connection: socket.socket) -> Asked:
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
        data += more
    first, *lines = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    headers = (line.partition(":") for line in lines)
    return Asked(first.split(" ")[1], {n.strip().lower(): v.strip() for n, _, v in headers})


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context with a certificate for a name, and the file of the certificate."""
    files = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    make_certificate(files, name, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.public, files.private)
    return context, files.public
