"""Tickets: what lets a browser's link, which carries no key, fetch one original for a while."""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

LIFE_SECONDS: Final = 600
_TICKET: Final = re.compile(r"(\d{1,12})-([0-9a-f]{64})-([0-9a-z]{1,16})-([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Place:
    """What a ticket is for: a document of a collection, whose original has this sha256.

    `holder` is the id of the key that it was made with: it is good no longer than that.
    """

    collection: str
    document_id: str
    sha256: str
    holder: str


@dataclass(frozen=True, slots=True)
class Tickets:
    """Makes and checks tickets with a secret that only this process has; `clock` gives seconds."""

    clock: Callable[[], float] = time.time
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def ticket(self, place: Place) -> str:
        """Return a ticket that is good from now for `LIFE_SECONDS`."""
        expiry = int(self.clock()) + LIFE_SECONDS
        return f"{expiry}-{place.sha256}-{place.holder}-{self._mark(place, expiry)}"

    def holder(self, ticket: str, collection: str, document_id: str) -> str | None:
        """Return the id of the key that a ticket was made with, None where it is not good.

        Good is what was made here, for this document, and is not over.
        """
        parts = _TICKET.fullmatch(ticket)
        if parts is None:
            return None
        expiry, sha256, holder, mark = int(parts[1]), parts[2], parts[3], parts[4]
        expected = self._mark(Place(collection, document_id, sha256, holder), expiry)
        is_good = hmac.compare_digest(mark, expected) and self.clock() < expiry
        return holder if is_good else None

    def _mark(self, place: Place, expiry: int) -> str:
        # No part can hold the separator, so no two tickets say the same.
        said = "\0".join(
            (place.collection, place.document_id, place.sha256, place.holder, str(expiry))
        )
        return hmac.new(
            self._secret, said.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()


def ticket_sha256(ticket: str) -> str | None:
    """Return the sha256 of the original that a ticket is for, None for what is no ticket."""
    parts = _TICKET.fullmatch(ticket)
    return parts[2] if parts else None
