"""Rates: how often somebody may ask, counted in memory by buckets that fill again with time."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

_MINUTE: Final = 60.0
_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Taken:
    """What is left of a rate after a request; `wait` is in whole seconds, 0 where it may go on.

    `reset` is in how many seconds the bucket is full again.
    """

    limit: int
    left: int
    wait: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """What the client is told of it."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset),
        }


class Buckets:
    """A bucket for each who asks, of a minute's requests; a full one is forgotten.

    Of those that are remembered the one that asked longest ago goes first. `clock` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable, rate: int, cost: int = 1) -> Taken:
        """Take `cost` requests from a bucket of `rate` a minute; with cost 0 only look."""
        now = self._clock()
        level, at = self._levels.pop(who, (float(rate), now))
        level = min(float(rate), level + (now - at) * rate / _MINUTE)
        # A bucket that is as good as full must not be found empty for a rounding error.
        allowed = level + 1e-9 >= max(cost, 1)
        if allowed:
            level -= cost
        self._levels[who] = (level, now)
        while len(self._levels) > _REMEMBERED:
            self._levels.popitem(last=False)
        wait = 0 if allowed else max(1, math.ceil((1 - level) * _MINUTE / rate))
        reset = math.ceil((rate - level) * _MINUTE / rate)
        return Taken(rate, max(0, math.floor(level + 1e-9)), wait, reset)
