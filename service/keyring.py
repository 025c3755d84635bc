"""The keys as a running service knows them: read again when they are older than half a second."""

import asyncio
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Final

from indexes.errors import AfterwordError
from indexes.settings import Settings
from service import keys
from service.access import SETTING, Caller
from service.keys import Key
from service.logs import get_log
from service.problems import KeyRefused, NotReady, RateLimited
from service.rates import Buckets

# How old the keys may be that a request is judged by.
FRESH_SECONDS: Final = 0.5
_NOTED_SECONDS: Final = 3600.0
# So many wrong keys an address may send at once and a minute.
GUESSES: Final = 20
_REMEMBERED: Final = 4096
_NO_DIGEST: Final = bytes(32)
_log = get_log(__name__)


class Keyring:
    """Finds the key that a client sent, in the same time whatever it sent.

    Once there was a key, nobody gets in without one until the service is started anew, even if the
    store is gone or all its keys are revoked.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._data: Path = settings.data
        self._clock = clock
        self._setting = (
            None
            if settings.api_key is None
            else keys.digest_of(settings.api_key.get_secret_value())
        )
        self.is_needed = self._setting is not None
        self._keys: Mapping[str, Key] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()
        self._trouble = ""
        self._used: dict[str, float] = {}
        self._noted: dict[str, float] = {}
        self._guesses = Buckets()
        self._proven: OrderedDict[tuple[str, bytes], None] = OrderedDict()

    async def refresh(self) -> None:
        """Read the keys again where they are not fresh; who comes meanwhile waits for it."""
        if time.monotonic() - self._read_at < FRESH_SECONDS:
            return
        async with self._reading:
            began = time.monotonic()
            if began - self._read_at >= FRESH_SECONDS:
                await asyncio.to_thread(self._read)
                self._read_at = began

    async def note_uses(self) -> None:
        """Store which keys were used, where that is not known to the hour."""
        if self._used:
            used, self._used = self._used, {}
            await asyncio.to_thread(self._write_used, used)

    def anonymous(self) -> Caller:
        """Return who sends no key: an administrator where there are no keys, else nobody."""
        if self.is_needed:
            return Caller(self._data)
        return Caller(self._data, None, "admin", None)

    def find(self, given: str | None, address: str) -> Caller:
        """Return who sent a key from an address. Raises KeyRefused, RateLimited, NotReady.

        An address that sent many wrong keys is not heard for a while, but with keys that were good
        from there before: who guesses must not lock out those who share the address.
        """
        if given is None:
            raise KeyRefused(
                "This service has keys. Send one as `Authorization: Bearer KEY` or as "
                "`X-API-Key: KEY`; whoever runs the service makes them by `afterword keys create`."
            )
        digest, place = keys.digest_of(given), network_of(address)
        if (place, digest) not in self._proven:
            wait = self._guesses.take(place, GUESSES, 0).wait
            if wait:
                raise RateLimited("Too many wrong keys came from this address.", wait)
        found = self._match(given, digest)
        if isinstance(found, Key) and found.is_good(self._clock()):
            self._note_use(found)
            self._remember(place, digest)
            return self._caller(found)
        if isinstance(found, Caller):
            self._remember(place, digest)
            return found
        if found is None:  # who sends a key that was good once does not guess
            self._guesses.take(place, GUESSES)
        if self._trouble:
            raise NotReady("The keys cannot be read; the service's log says why.")
        raise KeyRefused(
            "This key is not one of this service's, or it is revoked or over. Whoever runs the "
            "service makes keys by `afterword keys create`."
        )

    def holder(self, key_id: str) -> Caller | None:
        """Return the caller that a key is of, None where it opens nothing any more."""
        if key_id == SETTING:
            return None if self._setting is None else self._administrator()
        key = self._keys.get(key_id)
        return self._caller(key) if key is not None and key.is_good(self._clock()) else None

    def _match(self, given: str, digest: bytes) -> Key | Caller | None:
        """Return the stored key, good or not, or the setting's; each is compared with always."""
        key = self._keys.get(keys.id_of(given) or "")
        is_key = hmac.compare_digest(digest, _NO_DIGEST if key is None else key.digest)
        is_setting = hmac.compare_digest(digest, self._setting or _NO_DIGEST)
        if self._setting is not None and is_setting:
            return self._administrator()
        return key if is_key else None

    def _administrator(self) -> Caller:
        return Caller(self._data, SETTING, "admin", None)

    def _caller(self, key: Key) -> Caller:
        return Caller(self._data, key.key_id, key.scope, key.collections, key.rate)

    def _note_use(self, key: Key) -> None:
        now = self._clock()
        last = self._noted.get(key.key_id, key.last_used)
        if last is None or now - last >= _NOTED_SECONDS:
            self._noted[key.key_id] = self._used[key.key_id] = now - now % _NOTED_SECONDS

    def _remember(self, place: str, digest: bytes) -> None:
        self._proven[place, digest] = None
        self._proven.move_to_end((place, digest))
        while len(self._proven) > _REMEMBERED:
            self._proven.popitem(last=False)

    def _read(self) -> None:
        """Read the store; where it cannot be read, no stored key is good and one is needed."""
        try:
            found = keys.stored_keys(self._data)
        except AfterwordError as error:
            self._keys, self.is_needed = {}, True
            if self._trouble != error.message:
                _log.error("keys_unreadable", reason=error.message)
            self._trouble = error.message
            return
        self._trouble = ""
        self._keys = {key.key_id: key for key in found}
        self.is_needed = self.is_needed or bool(found)

    def _write_used(self, used: Mapping[str, float]) -> None:
        try:
            keys.note_used(self._data, used)
        except AfterwordError as error:
            _log.warning("key_use_not_noted", reason=error.message)


def network_of(address: str) -> str:
    """Return what of an address one client has: of IPv6 a whole /64."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
