"""What is known of the internet before anything of it is fetched: how names lead to addresses.

`fetch` does the fetching; it is imported only where there is something to fetch.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from indexes.urls import Url
from ingest.addresses import Address, is_public

Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a fetch may cost: megabytes (unpacked), seconds in all, seconds of silence.

    Once `stop` is set, all that are under way end within a second or so.
    """

    megabytes: int
    seconds: float
    idle_seconds: float = 15.0
    stop: threading.Event = field(default_factory=threading.Event)


def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses that the system finds for a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Network:
    """How names are looked up, which addresses may be connected to, and which certificates count.

    What stands here is what the product uses; only a program can hand in another.
    """

    resolve: Resolve = look_up
    allows: Callable[[Address], bool] = is_public
    certificates: Callable[[], ssl.SSLContext] = ssl.create_default_context


@dataclass(frozen=True, slots=True)
class Validators:
    """By which a server tells whether what it has is what it gave before; as it wrote them."""

    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be fetched: `takes` says of a media type ("" for none stated) if it is read.

    With validators a server may answer that nothing has changed.
    """

    url: Url
    takes: Callable[[str], bool]
    validators: Validators = field(default_factory=Validators)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched into a file: `size` in bytes; `media_type` as the server states it.

    `url` is the address that gave it, after redirections.
    """

    url: Url
    size: int
    sha256: str
    media_type: str
    validators: Validators


INTERNET: Final = Network()
