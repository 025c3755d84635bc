"""Where the server of a language model is: its address as the settings give it."""

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from indexes.errors import ModelMissing


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
        raise ModelMissing(
            "The generator `openai` needs a server: set OPENAI_BASE_URL to its address, such as "
            "http://127.0.0.1:8080/v1 for one of your own or https://api.openai.com/v1."
        )
    base = base_url.strip().rstrip("/")
    try:
        parts = urlsplit(base)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ModelMissing(
            f"OPENAI_BASE_URL={base_url} is no address: it is to be like http://127.0.0.1:8080/v1, "
            "with http:// or https:// ahead."
        )
    host = parts.netloc.rpartition("@")[2]
    return Address(base, urlunsplit((parts.scheme, host, parts.path, "", "")))
