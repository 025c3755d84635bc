"""A merge of the views beside the writer that made it due."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from indexes.views import NOT_MERGED


class BackgroundMerge:
    """Runs `merge` in a thread of its own, once at a time; leaving the block waits for its end.

    Belongs to the thread that made it.
    """

    def __init__(self, merge: Callable[[], object]) -> None:
        self._merge = merge
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="merge")
        self._last: Future[object] | None = None

    def __enter__(self) -> Self:
        """Begin nothing yet: the thread is started with the first merge."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for a merge that goes on; a later one will do what it could not."""
        self._executor.shutdown()
        if error is None:
            with suppress(*NOT_MERGED):
                self.wait()

    @property
    def goes_on(self) -> bool:
        """Tell whether a merge has not ended yet."""
        return self._last is not None and not self._last.done()

    def start(self) -> None:
        """Begin a merge; `wait` must have been called for the one before."""
        self._last = self._executor.submit(self._merge)

    def wait(self) -> None:
        """Wait for the end of the last merge. Raises NOT_MERGED, what it met, and once only."""
        last, self._last = self._last, None
        if last is not None:
            last.result()
