"""Where the server of a language model is: its address as the settings give it."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from indexes.errors import ModelMissing, ModelNotSet

_USER: Final = re.compile(r"\A\s*([a-z][a-z0-9+.-]*://)?.*@", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """`base` is what paths such as `/models` are put behind; `shown` is it without a password."""

    base: str
    shown: str

    @property
    def root(self) -> str:
        """The address of the server itself, without a path."""
        parts = urlsplit(self.base)
        return urlunsplit((parts.scheme, parts.netloc, "", "", ""))

    @property
    def host(self) -> str:
        """The name or IP address of the server."""
        return urlsplit(self.base).hostname or ""


def address_of(base_url: str | None) -> Address:
    """Return the address of the server that the settings name; there is none that is usual.

    So what is asked leaves this machine only for a server that somebody has chosen. Raises
    ModelMissing that says what to set.
    """
    if base_url is None:
        raise ModelNotSet(
            "The generator `openai` needs a server: set OPENAI_BASE_URL to its address, such as "
            "http://127.0.0.1:8080/v1 for one of your own or https://api.openai.com/v1."
        )
    base = base_url.strip().rstrip("/")
    try:
        parts = urlsplit(base)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        # A password with a sign that ends the host would make its beginning a host to connect to.
        sound = sound and "@" not in f"{parts.path}{parts.query}{parts.fragment}"
        sound = sound and base.isprintable()  # the client refuses other signs
    except ValueError:
        sound = False
    if not sound:
        escaped = ", and write / ? # @ in a name or password as %2F %3F %23 %40"
        raise ModelMissing(
            f"OPENAI_BASE_URL={without_user(base_url)} is no address: it is to be like "
            "http://127.0.0.1:8080/v1, with http:// or https:// ahead"
            f"{escaped if '@' in base_url else ''}."
        )
    host = parts.netloc.rpartition("@")[2]
    return Address(base, urlunsplit((parts.scheme, host, parts.path, "", "")))


def without_user(base_url: str) -> str:
    """Return an address, or what is none, as it can be shown: without name, password and query.

    It need not be one that can be split, and a password may hold any sign, so all goes that is
    ahead of the last `@`.
    """
    return re.split(r"[?#]", _USER.sub(r"\1", base_url))[0]
