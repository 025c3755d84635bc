"""Work in a lane's thread for a client that waits for it: who leaves stops the work."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request

from service.gate import ClientLeft
from service.lanes import Lane
from service.language_model import Check

Result = TypeVar("Result")


async def wanted(lane: Lane, work: Callable[[Check], Result], request: Request) -> Result:
    """Do a piece of work, which asks `check` again and again, and return its result.

    Raises TooManyRequests, and ClientLeft where the client closes the connection meanwhile.
    """
    left = threading.Event()

    def check() -> None:
        if left.is_set():
            raise ClientLeft

    return await unless_left(lane.start(lambda: work(check)), left, request)


async def gone(request: Request) -> None:
    """Wait until the client closes the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def unless_left(
    doing: asyncio.Future[Result], left: threading.Event, request: Request
) -> Result:
    """Wait for work; where the client does not, cancel it and raise ClientLeft.

    `left` is set by then, and when the work is done: what goes on in a thread is to look at it.
    """

    async def stop_when_gone() -> None:
        await gone(request)
        left.set()
        doing.cancel()

    leaving = asyncio.create_task(stop_when_gone())
    try:
        return await doing
    except asyncio.CancelledError:
        if left.is_set():
            raise ClientLeft from None
        raise
    finally:
        left.set()
        leaving.cancel()
