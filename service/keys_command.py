"""What `afterword keys` makes, lists and shows."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from indexes.collection import check_name, collection_names
from indexes.errors import UsageError
from service.keys import Key, Scope, Wanted, create

_LONGEST_NAME: Final = 100
_MOST_RATE: Final = 1_000_000
_AGE: Final = re.compile(r"([1-9]\d{0,4})([hdw])")
_SECONDS: Final = {"h": 3600, "d": 86400, "w": 7 * 86400}
_MOMENTS: Final = ("created", "expires", "last_used", "revoked")


@dataclass(frozen=True, slots=True)
class Made:
    """A new key, with what a client sends; `missing` has its collections that are not there."""

    key: Key
    given: str = field(repr=False)
    missing: tuple[str, ...]


def make_key(
    data: Path,
    name: str,
    scope: Scope,
    collections: Sequence[str] | None,
    expires: str | None,
    rate: int | None,
) -> Made:
    """Make a key for some collections, or for all. Raises UsageError, BadName, StorageFull."""
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError(f"the name of a key has 1 to {_LONGEST_NAME} characters on one line")
    if rate is not None and rate > _MOST_RATE:
        raise UsageError(f"--rate {rate}: use 0 to {_MOST_RATE:,} requests a minute")
    wanted = None if not collections else frozenset(map(check_name, collections))
    moment = None if expires is None else _moment(expires, time.time())
    key, given = create(data, Wanted(name, scope, wanted, moment, rate))
    missing = tuple(sorted((wanted or frozenset()).difference(collection_names(data))))
    return Made(key, given, missing)


def _moment(expires: str, now: float) -> float:
    """Return when a key ends, in seconds since 1970. Raises UsageError."""
    age = _AGE.fullmatch(expires)
    if age is not None:
        return now + int(age[1]) * _SECONDS[age[2]]
    try:
        moment = datetime.strptime(expires, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise UsageError(
            f"--expires {expires!r}: write 12h, 90d or 8w, or a day as YYYY-MM-DD"
        ) from None
    if moment <= now:
        raise UsageError(f"--expires {expires}: that day has begun already (UTC)")
    return moment


def created_json(made: Made) -> str:
    """Return a new key, with what a client sends as `key`, as one JSON object."""
    return json.dumps({**_facts(made.key), "key": made.given}, ensure_ascii=False)


def created_lines(made: Made) -> Iterator[str]:
    """Give a new key, once."""
    yield key_line(made.key)
    for name in made.missing:
        yield f"There is no collection {name} yet; it is this key's as soon as there is one."
    yield "This is shown once, and opens what it is for to whoever has it:"
    yield made.given


def key_json(key: Key) -> str:
    """Return a key as one JSON object, without what opens anything."""
    return json.dumps(_facts(key), ensure_ascii=False)


def listed_json(found: Sequence[Key]) -> str:
    """Return all keys as one JSON object."""
    return json.dumps({"items": [_facts(key) for key in found]}, ensure_ascii=False)


def listed_lines(found: Sequence[Key]) -> Iterator[str]:
    """Give a line on each key."""
    if not found:
        yield "There are no keys yet; `afterword keys create NAME` makes one."
    yield from map(key_line, found)


def key_line(key: Key) -> str:
    """Return what is known of a key in one line."""
    where = "all collections" if key.collections is None else ", ".join(sorted(key.collections))
    parts = [f"{key.key_id}  {key.name}: {key.scope}, {where}"]
    if key.rate is not None:
        parts.append(f"{key.rate} a minute" if key.rate else "no limit")
    parts.append(f"created {_day(key.created)}")
    if key.last_used is not None:
        parts.append(f"used {_day(key.last_used)}")
    if key.revoked is not None:
        parts.append(f"REVOKED {_day(key.revoked)}")
    elif key.expires is not None:
        word = "expires" if key.is_good(time.time()) else "EXPIRED"
        parts.append(f"{word} {_day(key.expires)}")
    return ", ".join(parts)


def _facts(key: Key) -> dict[str, object]:
    """Return what may be told of a key: its digest may not."""
    facts = asdict(key)
    del facts["digest"]
    facts["collections"] = None if key.collections is None else sorted(key.collections)
    facts |= {name: _iso(facts[name]) for name in _MOMENTS}
    return {**facts, "good": key.is_good(time.time())}


def _iso(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _day(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
