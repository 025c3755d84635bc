"""How late the event loop is: what holds it up holds up every request."""

import asyncio
from typing import Final

from prometheus_client import Histogram

_SECONDS: Final = 0.5


async def watch_loop(lag: Histogram) -> None:
    """Note until cancelled, twice a second, how much too late a wait is over."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _SECONDS
        await asyncio.sleep(_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
