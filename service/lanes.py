"""Lanes for blocking work: a bounded number of pieces at a time, in threads, never on the loop."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from prometheus_client import Gauge

from service.problems import TooManyRequests

Result = TypeVar("Result")


class Places:
    """Up to `count` pieces of one kind of work at a time; more are refused, not queued."""

    def __init__(self, kind: str, count: int, in_flight: Gauge) -> None:
        self.kind = kind
        self.count = count
        self.taken = 0
        self._lock = threading.Lock()
        self._gauge = in_flight.labels(kind)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place. Raises TooManyRequests."""
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def take(self) -> None:
        """Take one place, to be given back by any thread. Raises TooManyRequests."""
        with self._lock:
            if self.taken >= self.count:
                raise TooManyRequests(
                    f"All {self.count} places for {self.kind} are taken. Try again in a moment, "
                    "or raise AFTERWORD_MAX_CONCURRENT."
                )
            self.taken += 1
            self._gauge.set(self.taken)

    def give_back(self) -> None:
        """Free a place that was taken."""
        with self._lock:
            self.taken -= 1
            self._gauge.set(self.taken)


class Lane(Places):
    """Places for work that runs, or waits, in `threads` threads.

    A place is taken until the work ends, even where nobody waits for it any more.
    """

    def __init__(self, kind: str, count: int, threads: int, in_flight: Gauge) -> None:
        super().__init__(kind, count, in_flight)
        self._executor = ThreadPoolExecutor(min(count, threads), thread_name_prefix=kind)

    def start(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Begin a piece of work and return its result to come. Raises TooManyRequests."""
        self.take()
        future: Future[Result] = self._executor.submit(copy_context().run, work)
        future.add_done_callback(lambda _: self.give_back())
        result = asyncio.wrap_future(future)
        # An error that nobody waits for any more would else be printed with all it quotes.
        result.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return result

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do a piece of work and return its result. Raises TooManyRequests."""
        return await self.start(work)

    def close(self) -> None:
        """Take no more work and drop what has not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)
