"""Addresses of pages on the web: how they are written, and which of them may be fetched at all.

Only what stands in an address is looked at here; what its host's name leads to is for whoever
connects.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna

from indexes.errors import UsageError

USUAL_PORTS: Final = {"http": 80, "https": 443}
LONGEST: Final = 2000
_SCHEME: Final = re.compile(r"(?i)https?://")
# Parsers differ in what they do with these, so that one may see another host than another does.
_AMBIGUOUS: Final = re.compile("[\x00-\x20\x7f\\\\\ud800-\udfff]")
_NAME: Final = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*"
                          r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # fmt: skip
# What other programs take for an IPv4 address in a form that people do not see as one.
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_KEPT: Final = "!$%&'()*+,/:;=?@[]~-._"
_LONGEST_NAME: Final = 150


@dataclass(frozen=True, slots=True)
class Url:
    """An address in its one written form; `host` is in small letters and ASCII, without brackets.

    `target` is the path with the query, as it is asked for.
    """

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """Host and port as the `Host` header has them: the usual port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == USUAL_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def file_name(self) -> str:
        """What a file would be called that was saved from here: the path's last part, or the host.

        It has no slash and no character that cannot be printed.
        """
        path = unquote(self.target.partition("?")[0])
        last = PurePosixPath(path).name or self.host
        kept = "".join(c for c in last if c.isprintable()).replace("\\", "_").lstrip(". ")
        if len(kept) <= _LONGEST_NAME:
            return kept or self.host
        suffix = PurePosixPath(kept).suffix[:16]
        return kept[: _LONGEST_NAME - len(suffix)] + suffix


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be fetched: their ports, and their hosts where these are few.

    A host `.example.org` stands for all names below that one. No hosts means any.
    """

    ports: frozenset[int] = frozenset(USUAL_PORTS.values())
    hosts: tuple[str, ...] = ()

    def check(self, url: Url) -> None:
        """Raise UsageError unless this address may be fetched."""
        if url.port not in self.ports:
            raise UsageError(
                f"{url} has port {url.port}; only {_listed(self.ports)} may be fetched from: set "
                "AFTERWORD_FETCH_PORTS to allow others"
            )
        if self.hosts and not any(_is_of(url.host, host) for host in self.hosts):
            raise UsageError(
                f"{url}: the host {url.host} is not among those that may be fetched from; add it "
                "to AFTERWORD_FETCH_HOSTS to allow it"
            )


def is_url(text: str) -> bool:
    """Tell whether a text is meant as an address of the web."""
    return _SCHEME.match(text) is not None


def parse_url(text: str) -> Url:
    """Return an address in its one written form, without what follows `#`.

    Raises UsageError that says what is wrong with it.
    """
    if len(text) > LONGEST:
        raise UsageError(f"the address is longer than {LONGEST} characters; give a shorter one")
    if _AMBIGUOUS.search(text):
        raise _wrong(
            text,
            "has a space, a backslash or a character in it that no address has; write it as %20",
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _wrong(text, f"cannot be read ({error}); check it") from None
    if parts.scheme not in USUAL_PORTS:
        raise _wrong(text, "does not begin with http:// or https://; only these are fetched")
    if "@" in parts.netloc:
        raise UsageError(
            "an address must not hold a name or password (before the @); download the file "
            "yourself and ingest it"
        )
    host = _host(text, parts.hostname or "")
    query = f"?{parts.query}" if parts.query else ""
    target = quote(f"{parts.path or '/'}{query}", safe=_KEPT)
    return Url(parts.scheme, host, USUAL_PORTS[parts.scheme] if port is None else port, target)


def joined(base: Url, location: str) -> Url:
    """Return the address that a redirection of `base` names. Raises UsageError."""
    try:
        return parse_url(urljoin(str(base), location))
    except ValueError as error:
        raise _wrong(location, f"cannot be read ({error})") from None


def _host(text: str, host: str) -> str:
    """Return a host's one form: an address of numbers, or a name in ASCII."""
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            address = None
        if address is None or address.scope_id:  # a zone is of this machine alone
            raise _wrong(text, "has no IPv6 address between its brackets; check it")
        return str(address)
    name = host.rstrip(".")
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except idna.IDNAError:
            raise _wrong(text, "has a host that is no name; check it") from None
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        return _dotted(text, name)
    if not _NAME.fullmatch(name):
        raise _wrong(text, "has a host that is no name; check it")
    return name


def _dotted(text: str, name: str) -> str:
    try:
        return str(ipaddress.IPv4Address(name))
    except ValueError:
        raise _wrong(
            text,
            "has a number for a host that is not written as four from 0 to 255, such as "
            "192.0.2.1; write it so, or use the host's name",
        ) from None


def parse_hosts(text: str) -> tuple[str, ...]:
    """Return the hosts of a list with commas between them. Raises UsageError."""
    hosts = list[str]()
    for one in filter(None, map(str.strip, text.split(","))):
        name = one.removeprefix(".")
        url = parse_url(f"https://{_bracketed(name)}/")
        if url.target != "/" or url.port != USUAL_PORTS["https"]:
            raise _wrong(one, "is no host alone; write it as www.example.org")
        hosts.append(one[: len(one) - len(name)] + url.host)
    return tuple(hosts)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def parse_ports(text: str) -> frozenset[int]:
    """Return the ports of a list with commas between them. Raises ValueError."""
    ports = frozenset(int(one) for one in text.split(","))
    if not all(0 < port < 1 << 16 for port in ports):
        raise ValueError("no port")
    return ports


def _is_of(host: str, allowed: str) -> bool:
    return host.endswith(allowed) if allowed.startswith(".") else host == allowed


def _listed(ports: Iterable[int]) -> str:
    return " and ".join(map(str, sorted(ports)))


def _wrong(text: str, why: str) -> UsageError:
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return UsageError(f"the address {shown!r} {why}")
