"""Asynchronous work as a plain iterator: it goes on only while somebody waits for it."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from typing import Final, TypeVar

from service.language_model import Check

Item = TypeVar("Item")
# Who waits asks so often whether to go on.
ASK_SECONDS: Final = 0.1
# Work that was stopped may close its connections for so long.
_ENDING_SECONDS: Final = 2.0


def stepped(
    work: Callable[[Callable[[Item], None]], Coroutine[object, object, None]], check: Check
) -> Iterator[Item]:
    """Do asynchronous work in this thread, and yield what it hands over as it comes.

    `check` is asked every tenth of a second. What it raises, and a close of the iterator, cancels
    the work at once, whatever it waits for. Raises what the work raises.
    """
    loop = asyncio.new_event_loop()
    arrived: deque[Item] = deque()
    some = asyncio.Event()

    def put(item: Item) -> None:
        arrived.append(item)
        some.set()

    task = loop.create_task(work(put))
    try:
        while not task.done():
            check()
            loop.run_until_complete(_moment(task, some))
            some.clear()
            while arrived:
                yield arrived.popleft()
        task.result()
    finally:
        _end(loop, task)


async def _moment(task: "asyncio.Task[None]", some: asyncio.Event) -> None:
    """Wait until the work hands something over or is done, or a tenth of a second."""
    waiting = asyncio.ensure_future(some.wait())
    try:
        await asyncio.wait(
            {task, waiting}, timeout=ASK_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        waiting.cancel()


def _end(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> None:
    """Cancel what still runs; a look-up of a name in a thread of its own is not waited for."""
    if not task.done():
        task.cancel()
        loop.run_until_complete(asyncio.wait({task}, timeout=_ENDING_SECONDS))
    if task.done() and not task.cancelled():
        task.exception()  # an error that nobody takes would else be printed
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
