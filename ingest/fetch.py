"""Fetches a page or file from the public internet: the only module that connects to anything.

A name is looked up once, every address found for it is checked, and the connection is made to one
of those: a name that leads elsewhere a moment later leads nowhere. Each redirection is a new
address, checked like the first. No proxy, cookie or password of the environment is used.
"""

import hashlib
import re
import ssl
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpcore2

from indexes.errors import ReadFailure, UsageError
from indexes.urls import Reach, Url, joined
from ingest.addresses import Address, addresses
from ingest.internet import Fetched, Limits, Network, Validators, Wanted

MOST_REDIRECTS: Final = 5
_MB: Final = 1 << 20
_PIECE: Final = 1 << 16
_CONNECT_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_SENDABLE: Final = re.compile(rb"[!-~](?:[ -~]{0,500}[!-~])?")
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_GONE: Final = frozenset({404, 410})
_GZIP: Final = 16 + zlib.MAX_WBITS
_ENCODINGS: Final = {b"gzip": _GZIP, b"x-gzip": _GZIP, b"deflate": zlib.MAX_WBITS}
_TRANSPORT: Final = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    httpcore2.ConnectionNotAvailable,
)

Headers = dict[bytes, bytes]


def fetch(
    wanted: Wanted, into: Path, limits: Limits, reach: Reach, network: Network
) -> Fetched | None:
    """Fetch into a file; return None where the server says that nothing has changed.

    Raises ReadFailure `fetch_refused`, `fetch_failed`, `gone`, `too_large`, `time_limit`,
    `unsupported_format`, and OSError where the file cannot be written.
    """
    url, deadline = wanted.url, time.monotonic() + limits.seconds
    for _ in range(MOST_REDIRECTS + 1):
        _check(url, reach)
        with _asked(url, wanted.validators, _Line(network, limits, deadline)) as response:
            location = _location(response)
            if location is None:
                return _taken(wanted, url, response, into, limits.megabytes * _MB)
        url = _redirected(url, location)
    raise ReadFailure(
        "fetch_failed",
        f"{wanted.url} leads on over {MOST_REDIRECTS} times, maybe in a circle; give the address "
        "where the page is",
    )


def _check(url: Url, reach: Reach) -> None:
    try:
        reach.check(url)
    except UsageError as error:
        raise ReadFailure("fetch_refused", error.message) from None


def _redirected(url: Url, location: str) -> Url:
    try:
        return joined(url, location)
    except UsageError as error:
        raise ReadFailure("fetch_refused", f"{url} leads on, but {error.message}") from None


@contextmanager
def _asked(url: Url, validators: Validators, line: "_Line") -> Iterator[httpcore2.Response]:
    """Ask for a page; the answer's body is yet to be read. Raises ReadFailure."""
    headers: dict[bytes | str, bytes | str] = {
        "Host": url.authority,
        "User-Agent": "afterword",
        "Accept": "*/*",
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    if validators.etag:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    where = httpcore2.URL(
        scheme=url.scheme.encode(),
        host=url.host.encode(),
        port=url.port,
        target=url.target.encode(),
    )
    waits = {"connect": _CONNECT_SECONDS, "read": line.limits.idle_seconds}
    waits["write"] = waits["read"]
    try:
        with (
            httpcore2.HTTPConnection(
                httpcore2.Origin(where.scheme, where.host, url.port),
                ssl_context=_certificates(line.network) if url.scheme == "https" else None,
                network_backend=line,
            ) as connection,
            connection.stream(
                "GET", where, headers=headers, extensions={"timeout": waits}
            ) as response,
        ):
            yield response
    except httpcore2.TimeoutException:
        raise line.too_slow(url) from None
    except _TRANSPORT as error:
        raise _unreachable(url, error) from error


def _unreachable(url: Url, error: BaseException) -> ReadFailure:
    cause = error.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ReadFailure(
            "fetch_failed",
            f"the certificate of {url.authority} cannot be trusted ({cause.verify_message}); it "
            "was not fetched: look at the page in a browser, or ask who runs the server",
        )
    why = str(error) or type(error).__name__
    return ReadFailure(
        "fetch_failed", f"{url} could not be fetched ({why}); check the address, and try again"
    )


def _certificates(network: Network) -> ssl.SSLContext:
    try:
        return network.certificates()
    except OSError as error:
        raise ReadFailure(
            "fetch_failed",
            f"the certificates that this machine trusts cannot be read ({error}); check "
            "SSL_CERT_FILE and SSL_CERT_DIR, or install the package ca-certificates",
        ) from None


def _location(response: httpcore2.Response) -> str | None:
    if response.status not in _REDIRECTS:
        return None
    location = _headers(response).get(b"location")
    if location is None:
        return None
    try:
        return location.decode().strip()
    except UnicodeDecodeError:
        return location.decode("latin-1").strip()


def _headers(response: httpcore2.Response) -> Headers:
    return {name.lower(): value for name, value in response.headers}


def _taken(
    wanted: Wanted, url: Url, response: httpcore2.Response, into: Path, most: int
) -> Fetched | None:
    """Write an answer's body into a file, if it is what is wanted."""
    headers = _headers(response)
    if response.status == _NOT_MODIFIED and wanted.validators != Validators():
        return None
    _check_status(url, response.status)
    media_type = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0]
    media_type = media_type.strip().lower()
    if not wanted.takes(media_type):
        raise ReadFailure(
            "unsupported_format",
            f"{url} is {media_type!r}, which is not read, so it was not fetched; give the address "
            "of a page or document of another format",
        )
    stated = headers.get(b"content-length", b"")
    if stated.isdigit() and int(stated) > most:
        raise _too_large(url, most)
    digest, size = hashlib.sha256(), 0
    with into.open("wb") as file:
        for piece in _unpacked(url, headers, response.iter_stream()):
            size += len(piece)
            if size > most:
                raise _too_large(url, most)
            digest.update(piece)
            file.write(piece)
    etag, modified = (_validator(headers.get(name, b"")) for name in _VALIDATORS)
    return Fetched(url, size, digest.hexdigest(), media_type, Validators(etag, modified))


_VALIDATORS: Final = (b"etag", b"last-modified")


def _validator(value: bytes) -> str:
    """Return a validator that can be sent back as it came; "" for any other."""
    return value.decode() if _SENDABLE.fullmatch(value) else ""


def _check_status(url: Url, status: int) -> None:
    if status in _GONE:
        raise ReadFailure("gone", f"{url} is not there (the server answers {status})")
    if status != _OK:
        raise ReadFailure(
            "fetch_failed",
            f"{url} was not given (the server answers {status}); look at it in a browser, and "
            "download what needs a login yourself",
        )


def _too_large(url: Url, most: int) -> ReadFailure:
    return ReadFailure(
        "too_large",
        f"{url} has more than AFTERWORD_MAX_FILE_MB={most // _MB} megabytes; raise that setting, "
        "or take a part of it",
    )


def _unpacked(url: Url, headers: Headers, body: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a body as it was before it was packed for the way, never much of it at once."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding in {b"", b"identity"}:
        yield from body
        return
    if encoding not in _ENCODINGS:
        raise ReadFailure(
            "fetch_failed",
            f"{url} came packed as {encoding.decode('latin-1')!r}, which was not asked for; "
            "download it yourself and ingest the file",
        )
    unpacker = zlib.decompressobj(_ENCODINGS[encoding])
    try:
        for packed in body:
            rest = packed
            while rest and not unpacker.eof:
                yield unpacker.decompress(rest, _PIECE)
                rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise ReadFailure("fetch_failed", f"{url} came damaged ({error}); try again") from None
    while not unpacker.eof:
        piece = unpacker.decompress(unpacker.unconsumed_tail, _PIECE)
        if not piece:
            raise ReadFailure("fetch_failed", f"{url} ended before its end; try again")
        yield piece


class _Line(httpcore2.NetworkBackend):
    """Makes connections to checked addresses, none of which outlives the deadline."""

    def __init__(self, network: Network, limits: Limits, deadline: float) -> None:
        self.network = network
        self.limits = limits
        self._deadline = deadline

    def too_slow(self, url: Url) -> ReadFailure:
        """Return the failure that something took too long."""
        if self.left(1.0) <= 0:
            why = f"took over {self.limits.seconds:g} s (AFTERWORD_FETCH_SECONDS)"
        else:
            why = f"did not answer, or was silent for {self.limits.idle_seconds:g} s"
        return ReadFailure("time_limit", f"{url} {why}; try again later")

    def left(self, most: float | None) -> float:
        """Return how long may be waited, in seconds: 0 or less if the deadline has passed."""
        left = 0.0 if self.limits.stop.is_set() else self._deadline - time.monotonic()
        return left if most is None else min(most, left)

    def wait(self, most: float | None) -> float:
        """Return how long may be waited. Raises ReadTimeout if the deadline has passed."""
        left = self.left(most)
        if left <= 0:
            raise httpcore2.ReadTimeout
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host that answers, once all of them are checked."""
        del local_address, socket_options
        found = self._checked(host, port)
        plain = httpcore2.SyncBackend()
        for address in found[:-1]:
            try:
                stream = plain.connect_tcp(str(address), port, self.wait(timeout))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            return _Stream(stream, self)
        return _Stream(plain.connect_tcp(str(found[-1]), port, self.wait(timeout)), self)

    def _checked(self, host: str, port: int) -> tuple[Address, ...]:
        """Return a host's addresses, all of which may be connected to."""
        found = addresses(self._looked_up(host, port))
        for address in found:
            if not self.network.allows(address):
                what = host if host == str(address) else f"{host} leads to {address}, which"
                raise ReadFailure(
                    "fetch_refused",
                    f"{what} is no address of the public internet; what lies in your own network "
                    "is not fetched: download it yourself and ingest it",
                )
        if not found:
            raise ReadFailure("fetch_failed", f"no address was found for {host}; check the name")
        return found

    def _looked_up(self, host: str, port: int) -> Sequence[str]:
        """Look a name up in a thread of its own, for the system gives it no limit of time."""
        found = list[str]()
        failed = list[OSError]()

        def ask() -> None:
            try:
                found.extend(self.network.resolve(host, port))
            except (OSError, UnicodeError) as error:
                failed.append(error if isinstance(error, OSError) else OSError(str(error)))

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        until = time.monotonic() + self.wait(self.limits.idle_seconds)
        while thread.is_alive() and (left := until - time.monotonic()) > 0:
            thread.join(self.wait(min(left, _LOOK_SECONDS)))
        if thread.is_alive():
            raise httpcore2.ConnectTimeout
        if failed:
            why = failed[0].strerror or failed[0]
            raise ReadFailure(
                "fetch_failed", f"no address was found for {host} ({why}); check the name"
            )
        return found


class _Stream(httpcore2.NetworkStream):
    """A connection that waits no longer than its line has time."""

    def __init__(self, stream: httpcore2.NetworkStream, line: _Line) -> None:
        self._stream = stream
        self._line = line

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has come; between two waits it is looked whether all is to stop."""
        until = time.monotonic() + self._line.wait(timeout)
        while True:
            wait = self._line.wait(_LOOK_SECONDS)
            try:
                return self._stream.read(max_bytes, wait)
            except httpcore2.ReadTimeout:
                if time.monotonic() >= until:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._stream.write(buffer, self._line.wait(timeout))

    def close(self) -> None:
        """End the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        """Return the connection, encrypted; its other end has a certificate for that name."""
        wait = self._line.wait(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, wait), self._line)

    def get_extra_info(self, info: str) -> Any:
        """Return what the library wants to know of the connection."""
        return self._stream.get_extra_info(info)
